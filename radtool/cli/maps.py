"""radtool maps: features of every voxel's neighbourhood, as images."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import progress_bar, say

__all__ = ["maps"]


def maps(
    image: Annotated[Path, typer.Option("--image", help="The image.")],
    mask: Annotated[Path, typer.Option("--mask", help="Its mask.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for one NIfTI file a feature.")],
    params: Annotated[
        str | None, typer.Option(help="Parameter file, or the name of a shipped one.")
    ] = None,
    feature: Annotated[
        list[str] | None, typer.Option(help="Feature column; repeat for several.")
    ] = None,
    signature: Annotated[
        Path | None, typer.Option(help="A *.signature.json instead: its parameters and features.")
    ] = None,
    roi: Annotated[str | None, typer.Option(help="Which ROI of a mask with several.")] = None,
    radius: Annotated[int, typer.Option(help="Neighbourhoods are cubes of 2 radius + 1.")] = 1,
    surroundings: Annotated[
        bool, typer.Option("--surroundings", help="Voxels outside the region count too.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Processes at a time; -1: all cores.")] = -1,
) -> None:
    """Map features over a region; says how long it takes, and Ctrl-C leaves nothing behind."""
    import joblib

    from radtool.study.mapping import map_request, write_maps

    request = map_request(
        image, mask, params=params, columns=tuple(feature or ()), signature=signature
    )
    request = dataclasses.replace(request, roi=roi, radius=radius, masked=not surroundings)
    plan = request.plan()
    processes = joblib.effective_n_jobs(jobs)
    typer.echo(
        f"{plan.voxels} neighbourhoods, {len(plan.columns)} feature(s), {processes} process(es):"
        f" about {max(plan.seconds() / processes, 1):.0f} s",
        err=True,
    )
    with progress_bar() as progress:
        written = write_maps(request, plan, out, jobs=processes, progress=progress)
    for path in written:
        say(str(path))
