"""radtool extract: features of a cohort, or of one image and mask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from radtool.cli.console import finish, progress_bar, say
from radtool.errors import InputError

__all__ = ["extract"]


def extract(
    params: Annotated[
        str,
        typer.Option(
            "--params", help="Parameter file, name of a shipped one, or a *.signature.json."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Feature table: .parquet or .csv.")],
    manifest: Annotated[
        Path | None, typer.Option(help="Table of images and masks (case_id, patient_id, image, …).")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="One image instead of a manifest.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Its mask.")] = None,
    roi: Annotated[str | None, typer.Option(help="Which ROI of a mask with several.")] = None,
    label: Annotated[int | None, typer.Option(help="Which value of a mask with several.")] = None,
    labels: Annotated[
        Literal["all", "union", "components"] | None,
        typer.Option(help="A row a lesion: every label, all labels as one, connected parts."),
    ] = None,
    lesions: Annotated[
        Literal["largest", "volume_weighted_mean", "sum", "max"] | None,
        typer.Option(help="One row a patient again: what becomes of the lesions' features."),
    ] = None,
    engine: Annotated[
        Literal["radtool", "pyradiomics"],
        typer.Option(help="Who computes; pyradiomics itself needs one of its parameter files."),
    ] = "radtool",
    preflight: Annotated[
        bool,
        typer.Option("--preflight", help="Only say what bins and memory the cases would take."),
    ] = False,
    jobs: Annotated[int, typer.Option(help="Cases at a time; -1: all cores.")] = -1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, tcp://host:port.")
    ] = None,
) -> None:
    """Extract features: one row or one named failure a case."""
    from radtool.study.extraction import extract_to, single_case

    if manifest is not None and image is None:
        source: Any = manifest
    elif manifest is None and image is not None and mask is not None:
        source = single_case(image, mask, roi, label)
    else:
        raise InputError("give either --manifest, or --image and --mask")
    if preflight:
        _look(source, params, jobs)
        return
    with progress_bar() as progress:
        result = extract_to(
            source,
            params,
            out,
            labels=labels,
            lesions=lesions,
            engine=engine,
            jobs=jobs,
            scheduler=scheduler,
            progress=progress,
        )
    say(f"{out}: {len(result.table)} row(s), {len(result.failures)} failure(s)")
    finish(result.failures)


def _look(source: Any, params: str, jobs: int) -> None:
    """Print what an extraction would meet."""
    from radtool.features import load_params, preflight
    from radtool.table import read_manifest

    manifest = read_manifest(source) if isinstance(source, Path) else source
    table, failures = preflight(manifest, load_params(params), jobs=jobs)
    if len(table):
        say(table.round(2).to_string(index=False))
        odd = int((table["warning"] != "").sum())
        say(f"{len(table)} case(s), {odd} with a warning, {len(failures)} unreadable")
    finish(failures)
