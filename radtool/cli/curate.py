"""radtool curate: DICOM folders to checked images and masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import finish, progress_bar, say

__all__ = ["curate"]


def curate(
    folder: Annotated[
        Path, typer.Argument(help="Folder, zip or tar with DICOM files.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for manifest, images and masks.")],
    checks: Annotated[
        Path | None, typer.Option(help="Quality checks (YAML); the modality's own by default.")
    ] = None,
    roi: Annotated[
        list[str] | None,
        typer.Option(help="NAME=PATTERN[|PATTERN…], repeatable: which contours to keep."),
    ] = None,
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Replace identities; the key is written apart.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Files at a time; -1: all cores.")] = -1,
) -> None:
    """Turn a DICOM dump into a manifest, a series table, quality findings and previews."""
    from radtool.curation import curate as curate_folder

    rois = dict(_roi_pattern(text) for text in roi or [])
    with progress_bar() as progress:
        result = curate_folder(
            folder,
            out,
            checks=checks,
            roi_names=rois or None,
            pseudonyms=pseudonyms,
            jobs=jobs,
            progress=progress,
        )
    say(f"{out / 'manifest.csv'}: {len(result.manifest)} case(s)")
    say(f"{out / 'curation.html'}: every case, its findings and its contour")
    finish(result.failures)


def _roi_pattern(text: str) -> tuple[str, tuple[str, ...]]:
    name, _, patterns = text.partition("=")
    if not name or not patterns:
        raise typer.BadParameter(f"--roi needs NAME=PATTERN, got {text!r}")
    return name, tuple(patterns.split("|"))
