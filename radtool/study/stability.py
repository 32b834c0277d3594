"""Stability of features: from repeated tables, or by disturbing images and masks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from radtool.errors import RadtoolError, TableError
from radtool.features import Parameters, extract, load_params
from radtool.io import read_image, read_mask
from radtool.preprocessing import perturb, perturbations
from radtool.provenance import provenance
from radtool.selection import stability_table
from radtool.table import (
    Failure,
    check_features,
    feature_columns,
    read_manifest,
    read_table,
    write_table,
)

__all__ = ["stability_of_perturbations", "stability_of_tables"]

Progress = Callable[[int, int, str], None]


def stability_of_tables(
    tables: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str], *, form: str = "ICC2"
) -> pd.DataFrame:
    """Compare feature tables of the same cases (test-retest, readers) and write the result.

    Returns
    -------
    DataFrame
        One row a feature (see `radtool.selection.stability_table`), ``feature`` first.
    """
    frames = {}
    for path in tables:
        table = check_features(read_table(path), str(path)).set_index("case_id")
        frames[str(path)] = table[feature_columns(table)]
    found = stability_table(frames, form=form).reset_index()
    write_table(found, out, provenance({"form": form}, tables))
    return found


def stability_of_perturbations(  # noqa: PLR0913 - the front door: every choice by name
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    params: str = "ct_ibsi",
    form: str = "ICC1",
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, list[Failure]]:
    """Extract every case under every disturbance; one ICC a feature without a second scan.

    Parameters
    ----------
    manifest : path
        At least three cases.
    out : path
        Where the table goes.
    params : str
        Parameter file or shipped name.
    form : str
        Intraclass correlation; ICC1, since disturbances have no order.
    seed : int
        Seed; each case and disturbance has a stream of its own.
    jobs : int
        Processes; the result does not depend on it.
    progress : callable, optional
        Called with (done, total, label).

    Returns
    -------
    table : DataFrame
        One row a feature.
    failures : list of Failure
        Cases that could not be extracted under every disturbance.
    """
    table, settings = read_manifest(manifest), load_params(params)
    if not isinstance(settings, Parameters):
        raise TableError("stability by perturbation needs parameters of the IBSI convention")
    cases = table.to_dict("records")
    seeds = np.random.SeedSequence(seed).spawn(len(cases))
    tasks = (
        joblib.delayed(_disturbed)(case, settings, own)
        for case, own in zip(cases, seeds, strict=True)
    )
    rows: dict[str, list[pd.Series]] = {}
    failures = []
    results = joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks)
    for done, (case, found) in enumerate(zip(cases, results, strict=True), start=1):
        if isinstance(found, Failure):
            failures.append(found)
        else:
            rows[str(case["case_id"])] = found
        if progress is not None:
            progress(done, len(cases), f"disturb: {case['case_id']}")
    if len(rows) < 3:
        reasons = "; ".join(sorted({failure.reason for failure in failures})[:3])
        raise TableError(f"stability needs at least 3 cases, got {len(rows)} ({reasons})")
    repeats = [
        pd.DataFrame({name: series[k] for name, series in rows.items()}).T
        for k in range(len(perturbations()))
    ]
    found = stability_table(repeats, form=form).reset_index()
    write_table(found, Path(out), provenance({"form": form, "seed": seed}, [manifest]))
    return found, failures


def _disturbed(
    case: Mapping[str, Any], params: Parameters, seed: np.random.SeedSequence
) -> list[pd.Series] | Failure:
    try:
        image, mask = read_image(case["image"]), read_mask(case["mask"])
        return [
            extract(*perturb(image, mask, settings, np.random.default_rng(own)), params)
            for settings, own in zip(perturbations(), seed.spawn(len(perturbations())), strict=True)
        ]
    except RadtoolError as error:
        return Failure.of(str(case["case_id"]), "stability", error, str(case["image"]))
