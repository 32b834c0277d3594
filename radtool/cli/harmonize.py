"""radtool harmonize: ComBat estimates fitted on one table, applied to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from radtool.cli.console import say

__all__ = ["harmonize"]

harmonize = typer.Typer(
    help="ComBat outside a study: fit on training cases, apply to new ones.",
    no_args_is_help=True,
    add_completion=False,
)


@harmonize.command()
def fit(
    features: Annotated[Path, typer.Argument(help="Feature table of training cases.")],
    out: Annotated[Path, typer.Option("--out", help="Estimates (JSON).")],
    batch: Annotated[str, typer.Option(help="Column of the batch.")] = "site",
    covariate: Annotated[
        list[str] | None, typer.Option(help="Column whose effect is kept; repeatable.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Batch that stays as it is.")] = None,
    pooling: Annotated[
        Literal["parametric", "nonparametric", "none"], typer.Option(help="Empirical Bayes.")
    ] = "parametric",
    mean_only: Annotated[bool, typer.Option("--mean-only", help="Location only.")] = False,
) -> None:
    """Estimate location and scale of every batch."""
    from radtool.harmonization import ComBat
    from radtool.study.harmonizing import fit_combat

    step = ComBat(
        batch=batch,
        covariates=tuple(covariate or ()),
        reference=reference,
        empirical_bayes=pooling,
        mean_only=mean_only,
    )
    fitted = fit_combat(features, step, out)
    say(f"{out}: {len(fitted.features_)} features")


@harmonize.command()
def apply(
    estimates: Annotated[Path, typer.Argument(help="Estimates made by fit.")],
    features: Annotated[Path, typer.Argument(help="Feature table to harmonize.")],
    out: Annotated[Path, typer.Option("--out", help="Harmonized table.")],
) -> None:
    """Harmonize a table with frozen estimates; nothing is learned from it."""
    from radtool.study.harmonizing import apply_combat

    table = apply_combat(estimates, features, out)
    say(f"{out}: {len(table)} case(s)")
