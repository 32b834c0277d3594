"""radtool explore: a feature table at a glance, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import say
from radtool.errors import InputError

__all__ = ["explore"]


def explore(
    features: Annotated[Path, typer.Argument(help="Feature table.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="HTML page.")],
    outcomes: Annotated[Path | None, typer.Option(help="One row a patient.")] = None,
    duration: Annotated[str | None, typer.Option(help="Column of the duration.")] = None,
    event: Annotated[str | None, typer.Option(help="Column of the event (0/1).")] = None,
    marker: Annotated[
        str | None, typer.Option(help="Column of a label with two or more classes.")
    ] = None,
    volume: Annotated[
        str | None, typer.Option(help="Feature that is the volume; default original_morph_volume.")
    ] = None,
) -> None:
    """Show distributions, correlations, corrected tests, exact AUC or C, missing values.

    For looking, not for selecting: what is seen here was seen on all cases.
    """
    from radtool.study.exploring import explore_table

    survival = duration is not None and event is not None
    if (outcomes is not None) != (survival or marker is not None):
        raise InputError("--outcomes goes with --duration and --event, or with --marker")
    target = (duration, event) if duration is not None and event is not None else marker
    n = explore_table(features, out, outcomes=outcomes, target=target, volume=volume)
    say(f"{out}: {n} features")
