"""radtool train: develop signatures and validate them inside the development cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import finish, progress_bar, say

__all__ = ["train"]


def train(
    study: Annotated[Path, typer.Argument(help="The study file (YAML).", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything the run makes.")],
    jobs: Annotated[int, typer.Option(help="Cases at a time; -1: all cores.")] = -1,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Go on where a run stopped, or start over.")
    ] = True,
) -> None:
    """Do what `run` does without ever looking at the external cohort."""
    from radtool.study import run_study

    with progress_bar() as progress:
        done = run_study(study, out, jobs=jobs, resume=resume, external=False, progress=progress)
    for line in done.lines():
        say(line)
    finish(done.failures)
