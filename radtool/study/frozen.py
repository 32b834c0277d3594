"""A frozen signature at another hospital: validated on a cohort, or run on new cases."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radtool.errors import InputError, RadtoolWarning, TableError
from radtool.features import (
    Parameters,
    combine_lesions,
    extract,
    extract_cohort,
    split_lesions,
)
from radtool.files import read_json, write_json
from radtool.io import read_image, read_mask
from radtool.models import (
    CoxSignature,
    Recalibration,
    Signature,
    check_extraction,
    load_signature,
    recalibrate,
    risk_spread,
)
from radtool.pipelines.external import validate_externally
from radtool.pipelines.question import cohort_record
from radtool.preprocessing import perturb, perturbations
from radtool.provenance import provenance, sidecar_path
from radtool.report.results import (
    EndpointResults,
    Headline,
    Question,
    ResultTable,
    StudyResults,
)
from radtool.study.extraction import parameters_from, single_case, split_and_combined
from radtool.study.run import write_report
from radtool.table import Endpoint, Failure, Study, check_features, join, read_table, write_table
from radtool.table.contracts import as_key

__all__ = ["predict_cases", "validate_signature"]

_OTHER_UNIT = 8.0


def validate_signature(  # noqa: PLR0913 - the front door: every choice by name
    signature: str | os.PathLike[str],
    features: str | os.PathLike[str],
    outcomes: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    endpoint: Endpoint,
    recalibration: Recalibration | None = None,
    columns: Mapping[str, str] | None = None,
    missing: Collection[str] = (),
) -> StudyResults:
    """Validate a signature file on another cohort: numbers, curves, report, evaluation log.

    Parameters
    ----------
    signature : path
        ``*.signature.json``.
    features, outcomes : path
        The cohort. If the feature table has a provenance sidecar, its extraction parameters must be
        the signature's.
    out : path
        Folder for ``report.html``, ``results.json`` and ``evaluation_log.jsonl``.
    endpoint : Endpoint
        The cohort's outcome columns.
    recalibration : {"intercept", "slope", "baseline"}, optional
        Also write a signature that is recalibrated to this cohort, ``<name>.<how>.signature.json``
        (see `radtool.models.recalibrate`). The validation is always of the frozen one: what was
        fitted to a cohort is not validated on it.
    columns : mapping of str to str, optional
        The cohort's own column name, in either table -> the name that the signature or `endpoint`
        uses.
    missing : collection of str
        What the outcome table writes for "not known" beside an empty cell.

    Raises
    ------
    RadtoolError
        The signature was changed, the features do not fit it, or training patients are among the
        cohort's.
    """
    frozen = load_signature(signature)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    check_same_parameters(frozen, features)
    table = check_features(read_table(features, rename=columns), str(features))
    people = read_table(outcomes, rename=columns, missing=missing)
    wanted = [column for column in frozen.inputs_ if column in people.columns]
    study = join(table, people, endpoint=endpoint, covariates=_absent(wanted, table))
    _same_unit(frozen, study)
    sites = sorted(set(study.X["site"].astype(str))) if "site" in study.X else []
    name = " + ".join(site for site in sites if site) or Path(features).stem
    tested = validate_externally(
        {"all": frozen}, study, name=name, log=folder / "evaluation_log.jsonl"
    )
    survival = isinstance(frozen, CoxSignature)
    tables: tuple[ResultTable, ...] = ()
    if recalibration is not None:
        tables = (_recalibrated(frozen, study, recalibration, folder, Path(signature).name),)
    results = StudyResults(
        title=f"External validation of {Path(signature).name} on {name}",
        endpoints=(
            EndpointResults(
                question=Question(
                    name=endpoint.name,
                    kind="survival" if survival else "marker",
                    unit=endpoint.unit if survival else "",
                    positive=endpoint.positive or ("event" if survival else "yes"),
                    competing=endpoint.has_competing,
                    cohorts=(cohort_record(study, name, "external"),),
                ),
                headline=Headline(sentences=(*tested.notes, *tested.remarks)),
                performance=tuple(tested.performance),
                kaplan_meier=tuple(tested.kaplan_meier),
                roc=tuple(tested.roc),
                calibration=tuple(tested.calibration),
                decision=tuple(tested.decision),
                tables=tables,
                looks=tuple(tested.looks),
            ),
        ),
        provenance=provenance({"endpoint": endpoint.name}, [signature, features, outcomes]),
    )
    write_json(folder / "results.json", results.to_dict())
    write_report(folder)
    return results


def _same_unit(frozen: Signature, study: Study) -> None:
    """Warn when durations look as if they were counted in another unit than in training."""
    baseline = getattr(frozen, "baseline_", None)
    if baseline is None or not study.endpoint.is_survival:
        return
    theirs, ours = float(study.y["duration"].max()), float(baseline["time"].max())
    if not 1 / _OTHER_UNIT < theirs / ours < _OTHER_UNIT:
        warnings.warn(
            f"the longest duration here is {theirs:.4g} {study.endpoint.unit}, and {ours:.4g} in"
            " the signature's training: are they in the same unit? Ranks (C) do not mind,"
            " everything about risks by a time does",
            RadtoolWarning,
            stacklevel=3,
        )


def _recalibrated(
    frozen: Signature, study: Study, how: Recalibration, folder: Path, name: str
) -> ResultTable:
    """Write the recalibrated signature; say what was changed, and that it is not validated."""
    new = recalibrate(frozen, study.X, study.y, how=how, patients=study.patients)
    target = folder / f"{name.split('.')[0]}.{how}.signature.json"
    new.save(target)
    done = dict(new.recalibration_ or {})
    said = {"how": "Recalibrated", "slope": "Slope", "n": "Cases", "events": "Events"}
    if not isinstance(frozen, CoxSignature):
        said["intercept"] = "Intercept of the log odds"
    rows = [
        (word, f"{done[key]:.3f}" if isinstance(done[key], float) else str(done[key]))
        for key, word in said.items()
    ]
    return ResultTable(
        name="recalibration",
        caption="Recalibration to this cohort",
        columns=("What", "Value"),
        rows=(*rows, ("File", target.name)),
        note="Every number above is of the signature as it came. The recalibrated one was fitted to"
        " these patients and needs others to be validated on; ranks and risk groups are the same.",
        text_columns=2,
    )


def predict_cases(  # noqa: PLR0913 - the front door: every choice by name
    signature: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    features: str | os.PathLike[str] | None = None,
    pair: tuple[Path, Path] | None = None,
    roi: str | None = None,
    clinical: str | os.PathLike[str] | None = None,
    perturbed: bool = False,
    columns: Mapping[str, str] | None = None,
    missing: Collection[str] = (),
) -> pd.DataFrame:
    """Score new cases with a signature file, straight from image and mask if wanted.

    Parameters
    ----------
    signature : path
        ``*.signature.json``.
    out : path
        Where the scores go: one row a case with score, risk group or call, and flags.
    features : path, optional
        Feature table extracted with the signature's parameters.
    pair : tuple of 2 Path, optional
        Image and mask; features are extracted with the signature's own parameters.
    roi : str, optional
        Which ROI of the mask.
    clinical : path, optional
        Table with patient_id and the clinical columns that the signature needs.
    perturbed : bool, default False
        Of an image and its mask: extract again under each of the stability disturbances (noise,
        shift, rotation, contour, volume) and add how far the scores lie apart.
    columns, missing
        As in `validate_signature`.

    Returns
    -------
    DataFrame
        As written.
    """
    frozen = load_signature(signature)
    if pair is not None:
        table = _extracted(frozen, pair, roi)
    else:
        assert features is not None
        check_same_parameters(frozen, features)
        table = check_features(read_table(features, rename=columns), str(features))
    people = None if clinical is None else read_table(clinical, rename=columns, missing=missing)
    X = _with_clinical(table, frozen, people).set_index("case_id")
    scored = _scores(frozen, X)
    if perturbed:
        if pair is None:
            raise InputError("disturbances need an image and its mask")
        spread = risk_spread(frozen, [X, *_perturbed(frozen, X, pair, roi)])
        scored = scored.join(spread.drop(columns=["risk"]).add_prefix("perturbed_"))
    scored["flags"] = _flags(frozen, X)
    result = scored.rename_axis("case_id").reset_index()
    settings = {"signature": frozen.content_sha256_}
    write_table(result, out, provenance(settings, [signature, *([features] if features else [])]))
    return result


def _scores(frozen: Signature, X: pd.DataFrame) -> pd.DataFrame:
    if isinstance(frozen, CoxSignature):
        return pd.DataFrame({"risk": frozen.predict_risk(X), "risk_group": frozen.risk_groups(X)})
    return pd.DataFrame(
        {"probability": frozen.predict_risk(X), "predicted": frozen.predict(X)}  # type: ignore[attr-defined]
    )


def _flags(frozen: Signature, X: pd.DataFrame) -> pd.Series:
    table = frozen.flags(X)
    words = table.assign(
        text=[
            f"{row.column} = {row.value:.4g} outside {row.lower:.4g} to {row.upper:.4g}"
            if pd.notna(row.lower)
            else f"{row.column} = {row.value} not seen in training"
            for row in table.itertuples()
        ]
    )
    by_case = words.groupby("case")["text"].agg("; ".join) if len(words) else pd.Series(dtype=str)
    return X.index.to_series().map(by_case).fillna("")


def check_same_parameters(frozen: Signature, features: str | os.PathLike[str]) -> None:
    """Refuse a feature table whose sidecar says that it was extracted with other parameters.

    Raises
    ------
    SignatureError
        The parameters differ; the first differing settings are named.
    """
    sidecar = sidecar_path(features)
    if not sidecar.is_file():
        return
    settings = read_json(sidecar)["settings"]
    used = settings.get("extraction")
    if used:
        own = used[""] if set(used) == {""} else used
        by_lesion = {"lesions": settings["lesions"]} if settings.get("lesions") else {}
        check_extraction(frozen, {**own, **by_lesion})


def _extracted(frozen: Signature, pair: tuple[Path, Path], roi: str | None) -> pd.DataFrame:
    stored: Any = getattr(frozen, "extraction_", None)
    if stored is None:
        raise InputError(
            "the signature does not hold its extraction parameters; extract features yourself and"
            " give --features"
        )
    cases = single_case(*pair, roi)
    labels, together = split_and_combined(stored)
    failures: list[Failure] = []
    if labels is not None:
        cases, failures = split_lesions(cases, labels)
    if not failures:
        result = extract_cohort(cases, parameters_from(stored))
        failures = result.failures
    if failures:
        raise InputError(f"{pair[0]}: {failures[0].case_id}: {failures[0].reason}")
    table = result.table if together is None else combine_lesions(result.table, together)
    return check_features(table)


def _absent(columns: list[str], table: pd.DataFrame) -> list[str]:
    return [column for column in columns if column not in table.columns]


def _perturbed(
    frozen: Signature, X: pd.DataFrame, pair: tuple[Path, Path], roi: str | None
) -> list[pd.DataFrame]:
    """Features of one case under every disturbance; what is no feature stays as it is."""
    stored = dict(frozen.extraction_ or {})
    if any(split_and_combined(stored)):
        raise InputError("disturbances are of one region; the signature puts lesions together")
    params = parameters_from(stored)
    if not isinstance(params, Parameters):
        raise InputError("disturbances need extraction parameters of the IBSI convention")
    image, mask = read_image(pair[0]), read_mask(pair[1], roi=roi)
    frames = []
    for number, settings in enumerate(perturbations()):
        row = extract(*perturb(image, mask, settings, np.random.default_rng([0, number])), params)
        frames.append(X.assign(**{str(name): float(value) for name, value in row.items()}))
    return frames


def _with_clinical(
    table: pd.DataFrame, frozen: Signature, people: pd.DataFrame | None
) -> pd.DataFrame:
    needed = _absent(frozen.inputs_, table)
    if not needed:
        return table
    if people is None:
        raise TableError(
            f"the signature needs the column(s) {needed}, which the features do not have; give the"
            " table that holds them"
        )
    lacking = [column for column in ("patient_id", *needed) if column not in people.columns]
    if lacking:
        raise TableError(
            f"the clinical table has no column(s) {lacking}; name its own with --column THEIRS=OURS"
        )
    people = people.dropna(subset="patient_id")
    people["patient_id"] = people["patient_id"].map(as_key)
    return table.merge(people[["patient_id", *needed]], on="patient_id", how="left", validate="m:1")
