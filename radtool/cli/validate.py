"""radtool validate: a frozen signature on another hospital's patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import Columns, Missing, renamed, say, say_json
from radtool.errors import InputError

__all__ = ["validate"]


def validate(
    signature: Annotated[Path, typer.Argument(help="*.signature.json", show_default=False)],
    features: Annotated[Path, typer.Option("--features", help="Feature table of the cohort.")],
    outcomes: Annotated[Path, typer.Option("--outcomes", help="Its outcomes, one row a patient.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for report, numbers and the log.")],
    duration: Annotated[str | None, typer.Option(help="Column of the duration.")] = None,
    event: Annotated[
        str | None, typer.Option(help="Column of the event (0/1, yes/no, dead/alive).")
    ] = None,
    status: Annotated[
        str | None, typer.Option(help="With competing risks, instead of the event: 0, 1, 2, ….")
    ] = None,
    marker: Annotated[str | None, typer.Option(help="Column of a binary marker.")] = None,
    positive: Annotated[
        str | None, typer.Option(help="The marker's or event's value that counts.")
    ] = None,
    unit: Annotated[str, typer.Option(help="Unit of the duration.")] = "days",
    recalibration: Annotated[
        str | None,
        typer.Option(
            "--recalibrate", help="Also write a recalibrated signature: intercept, slope, baseline."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="Column of the date that time counts from; --duration is then a date."),
    ] = None,
    column: Columns = None,
    missing: Missing = None,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON instead.")] = False,
) -> None:
    """Validate externally: all measures, curves, a report, and a line in the log of every look."""
    from radtool.models import RECALIBRATIONS
    from radtool.study import validate_signature
    from radtool.table import Endpoint

    if marker is None and (duration is None or (event is None and status is None)):
        raise InputError("name the outcome: --duration and --event (or --status), or --marker")
    if recalibration not in (None, *RECALIBRATIONS):
        raise InputError(f"--recalibrate is one of {', '.join(RECALIBRATIONS)}")
    endpoint = Endpoint(
        name=signature.name.split(".")[0],
        duration=None if marker else duration,
        event=None if marker else event,
        status=None if marker else status,
        marker=marker,
        start=None if marker else start,
        positive=positive,
        unit=unit,
    )
    results = validate_signature(
        signature,
        features,
        outcomes,
        out,
        endpoint=endpoint,
        recalibration=recalibration,
        columns=renamed(column),
        missing=missing or (),
    )
    rows = results.endpoints[0].performance
    if json:
        say_json([row.to_dict() for row in rows])
        return
    for row in rows:
        limits = f" ({row.lower:.3f} to {row.upper:.3f})" if row.lower is not None else ""
        say(f"{row.measure:<20} {row.value:.4f}{limits}  n = {row.n}, events = {row.events}")
    say(str(out / "report.html"))
