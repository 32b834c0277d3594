"""radtool plan: what a study can hope to show, before anyone models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import say, say_json

__all__ = ["plan"]


def plan(
    study: Annotated[Path, typer.Argument(help="The study file (YAML).", show_default=False)],
    r2: Annotated[
        float, typer.Option(help="What models explain, as a share of the largest possible R².")
    ] = 0.15,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON instead.")] = False,
) -> None:
    """Count events and candidates, and say what they can carry; nothing is modelled."""
    from radtool.study import plan_study

    found = plan_study(study, r2=r2)
    if json:
        say_json(found.to_dict())
        return
    for sentence in found.sentences:
        say(sentence)
    say("")
    say(found.cohorts.to_string(index=False))
    say("")
    say(found.models.round(3).to_string(index=False))
