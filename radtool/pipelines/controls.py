"""The models with radiomics once more, on features of images that lost something."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from radtool.errors import RadtoolError, RadtoolWarning
from radtool.models import Signature, compare_risks
from radtool.pipelines.endpoint import FULL, Plan, Trained, count_events, cross_validated
from radtool.report.results import Control, ControlRow
from radtool.report.results.record import or_none
from radtool.table import Study

__all__ = ["Side", "compare_controls"]

MODELS = ("radiomics", FULL)


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A cohort and what rows call it."""

    study: Study
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """The same cases twice: as scanned, and with the features of a control."""

    real: Study
    control: Study
    name: str
    is_whole: bool


def compare_controls(
    tables: Mapping[str, pd.DataFrame],
    trained: Trained,
    plan: Plan,
    development: Side,
    external: Side | None = None,
) -> tuple[Control, ...]:
    """Refit the models with radiomics on the features of every control, and compare.

    Recipe, folds and seeds are those of the real models; volume, clinical and batch columns are the
    real ones. A case without a control is left out on both sides, and the real models are then
    refitted without it too.

    Parameters
    ----------
    tables : mapping
        Control -> feature table.
    trained : Trained
        The real models.
    plan : Plan
        How they were made.
    development, external : Side
        Who teaches and who tests.

    Returns
    -------
    tuple of Control
        Out-of-fold and external discrimination beside that of the real features on the same cases.
        A control that cannot be fitted says why and has no rows.
    """
    found = []
    for name, table in tables.items():
        own = table.set_index("case_id")
        inside = _paired(development, own, plan)
        outside = None
        if external is not None:
            outside = _paired(external, own, plan, is_whole=inside.is_whole)
        try:
            rows = [row for key in MODELS for row in _compared(key, trained, plan, inside, outside)]
            found.append(Control(name=name, rows=tuple(rows)))
        except RadtoolError as error:
            found.append(Control(name=name, note=f"could not be compared: {error}"))
    return tuple(found)


def _paired(side: Side, table: pd.DataFrame, plan: Plan, *, is_whole: bool = True) -> _Pair:
    """Take the cases of a side that have both; whole when nobody is left out, here or before."""
    known = side.study.X.index.isin(table.index)
    real = side.study.take(known)
    names = [name for name in real.features if name != plan.volume]
    measured = table.reindex(columns=names).loc[real.X.index]
    X = pd.concat([real.X.drop(columns=names), measured], axis=1)[list(real.X.columns)]
    control = dataclasses.replace(real, X=X)
    return _Pair(real, control, side.name, is_whole and bool(known.all()))


def _compared(
    key: str, trained: Trained, plan: Plan, inside: _Pair, outside: _Pair | None
) -> list[ControlRow]:
    signature = trained.signatures[key]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RadtoolWarning)
        real = trained.out_of_fold[key]
        if not inside.is_whole:
            real = cross_validated(signature, inside.real, plan).risk
        control = cross_validated(signature, inside.control, plan).risk
        rows = [_row(inside, (key, "nested CV"), real, control)]
        if outside is not None:
            fitted = signature if inside.is_whole else _fitted(signature, inside.real)
            other = _fitted(signature, inside.control)
            scores = fitted.predict_risk(outside.real.X), other.predict_risk(outside.control.X)
            rows.append(_row(outside, (key, "external"), *scores))
    return rows


def _fitted(signature: Signature, study: Study) -> Signature:
    return signature.unfitted().fit(study.X, study.y, study.patients)


def _row(pair: _Pair, names: tuple[str, str], real: pd.Series, control: pd.Series) -> ControlRow:
    """Both scores of the cases that have both, and their paired difference."""
    scores = pd.DataFrame({"control": control, "real": real}).dropna()
    y = pair.real.y.loc[scores.index]
    survival = pair.real.endpoint.is_survival
    table = compare_risks(y, scores, baseline="control").set_index("model")
    own, gain = table.loc["control"], table.loc["real"]
    return ControlRow(
        model=names[0],
        cohort=pair.name,
        design=names[1],
        measure="harrell_c" if survival else "auc",
        value=or_none(own["value"]),
        lower=or_none(own["lower"]),
        upper=or_none(own["upper"]),
        real=or_none(gain["value"]),
        real_lower=or_none(gain["lower"]),
        real_upper=or_none(gain["upper"]),
        difference=or_none(gain["difference"]),
        difference_lower=or_none(gain["difference_lower"]),
        difference_upper=or_none(gain["difference_upper"]),
        p=or_none(gain["p"]),
        n=len(y),
        events=count_events(y),
        is_whole=pair.is_whole,
        test="infinitesimal jackknife" if survival else "DeLong",
    )
