"""radtool report: the HTML again, from the numbers of an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import say

__all__ = ["report"]


def report(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a run, holding results.json.", show_default=False)
    ],
) -> None:
    """Rebuild the HTML report from stored numbers; nothing is computed again."""
    from radtool.study import write_report

    say(str(write_report(folder)))
