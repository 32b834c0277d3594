"""radtool stability: which features survive a second scan, another reader, or a disturbance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import finish, progress_bar, say
from radtool.errors import InputError

__all__ = ["stability"]


def stability(
    out: Annotated[Path, typer.Option("--out", help="One row a feature: .csv or .parquet.")],
    tables: Annotated[
        list[Path] | None, typer.Argument(help="Feature tables of the same cases, two or more.")
    ] = None,
    perturb: Annotated[
        Path | None, typer.Option(help="Manifest whose images and masks are disturbed instead.")
    ] = None,
    params: Annotated[str, typer.Option(help="Parameter file for --perturb.")] = "ct_ibsi",
    form: Annotated[
        str | None, typer.Option(help="ICC1, ICC2 or ICC3; default ICC2, ICC1 for --perturb.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the disturbances.")] = 0,
    jobs: Annotated[int, typer.Option(help="Cases at a time; -1: all cores.")] = -1,
) -> None:
    """Give ICC and concordance of every feature, with intervals."""
    from radtool.study.stability import stability_of_perturbations, stability_of_tables
    from radtool.table import Failure

    if (perturb is None) == (not tables):
        raise InputError("give two or more feature tables, or --perturb MANIFEST")
    failures: list[Failure] = []
    if perturb is None:
        table = stability_of_tables(tables or [], out, form=form or "ICC2")
    else:
        with progress_bar() as progress:
            table, failures = stability_of_perturbations(
                perturb, out, params=params, form=form or "ICC1", seed=seed, jobs=jobs,
                progress=progress,
            )  # fmt: skip
    stable = int((table["icc"] >= 0.75).sum())
    say(f"{out}: {len(table)} features, {stable} with an ICC of at least 0.75")
    finish(failures)
