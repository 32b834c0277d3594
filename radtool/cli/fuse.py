"""radtool fuse: one image of several, for every patient of a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import finish, progress_bar, say

__all__ = ["fuse"]


def fuse(
    manifest: Annotated[
        Path,
        typer.Option(help="Table with a row for each image of a patient."),
    ],
    settings: Annotated[
        Path, typer.Option("--settings", help="YAML file: which images, in which order, and how.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for images, masks and manifest.csv.")],
    originals: Annotated[
        bool, typer.Option("--originals", help="Keep the rows of the manifest too.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Cases at a time; -1: all cores.")] = -1,
) -> None:
    """Fuse registered images of a patient into one that radtool extract takes."""
    from radtool.study.fusing import fuse_cohort, read_fusion

    chosen = read_fusion(settings)
    with progress_bar() as progress:
        made = fuse_cohort(manifest, chosen, out, originals=originals, jobs=jobs, progress=progress)
    fused = int((made.manifest["modality"] == chosen.modality).sum())
    say(f"{out / 'manifest.csv'}: {fused} fused image(s), {len(made.failures)} failure(s)")
    finish(made.failures)
