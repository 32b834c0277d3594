"""radtool run: a whole study from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import finish, progress_bar, say, say_json

__all__ = ["run"]


def run(
    study: Annotated[Path, typer.Argument(help="The study file (YAML).", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything the run makes.")],
    jobs: Annotated[int, typer.Option(help="Cases at a time; -1: all cores.")] = -1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, tcp://host:port.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Go on where a run stopped, or start over.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON at the end.")] = False,
) -> None:
    """Run a study: images to features to signatures to one validated report."""
    from radtool.study import run_study

    with progress_bar() as progress:
        done = run_study(
            study, out, jobs=jobs, scheduler=scheduler, resume=resume, progress=progress
        )
    if json:
        say_json(done.summary())
    else:
        for line in done.lines():
            say(line)
    finish(done.failures)
