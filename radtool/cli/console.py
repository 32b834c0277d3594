"""What every command prints with: results on stdout, progress and trouble on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radtool.errors import InputError

if TYPE_CHECKING:
    from radtool.table import Failure

__all__ = [
    "Columns",
    "Missing",
    "Progress",
    "finish",
    "progress_bar",
    "renamed",
    "say",
    "say_json",
]

Columns = Annotated[
    list[str] | None,
    typer.Option(help="THEIRS=OURS, repeatable: a table's own column and the name used here."),
]
Missing = Annotated[
    list[str] | None,
    typer.Option(help="What the outcome table writes for not known, repeatable: unknown."),
]
Progress = Callable[[int, int, str], None]

EXIT_SOME_FAILED = 1
EXIT_WRONG_USE = 2


def renamed(pairs: Sequence[str] | None) -> dict[str, str]:
    """Split THEIRS=OURS options.

    Raises
    ------
    InputError
        One of them has no name on one side.
    """
    split = {pair: pair.rpartition("=") for pair in pairs or ()}
    wrong = [pair for pair, (theirs, _, ours) in split.items() if not theirs or not ours]
    if wrong:
        raise InputError(f"--column {wrong[0]!r}: write THEIRS=OURS")
    return {theirs.strip(): ours.strip() for theirs, _, ours in split.values()}


def say(text: str) -> None:
    """Print a line for the user on stdout."""
    typer.echo(text)


def say_json(value: Any) -> None:
    """Print a value for a machine on stdout, one line of JSON."""
    from radtool.files import canonical_json

    typer.echo(canonical_json(value))


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """Give a callable(done, total, label) that draws a bar on stderr.

    Each change of `total` or of the label's first word starts a new bar, so that the stages of a
    run follow each other. Without a terminal nothing is drawn, only one line a stage.
    """
    if not sys.stderr.isatty():
        yield _plain_lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def update(done: int, total: int, label: str) -> None:
            stage = label.split(":", maxsplit=1)[0]
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield update


def _plain_lines() -> Progress:
    finished: set[str] = set()

    def update(done: int, total: int, label: str) -> None:
        stage = label.split(":", maxsplit=1)[0]
        if done >= total and stage not in finished:
            finished.add(stage)
            typer.echo(f"{stage}: {total} done", err=True)

    return update


def finish(failures: Sequence[Failure]) -> None:
    """Name the failed cases on stderr and leave with exit code 1 when there are any."""
    if not failures:
        return
    for failure in failures:
        where = f" ({failure.path})" if failure.path else ""
        typer.echo(
            f"failed  {failure.case_id}  [{failure.stage}] {failure.reason}{where}", err=True
        )
    typer.echo(f"{len(failures)} case(s) failed and are named above; all others are done", err=True)
    raise typer.Exit(EXIT_SOME_FAILED)
