"""radtool predict: scores of a frozen signature for new cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import Columns, Missing, renamed, say
from radtool.errors import InputError

__all__ = ["predict"]


def predict(
    signature: Annotated[Path, typer.Argument(help="*.signature.json", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Scores: .csv or .parquet.")],
    features: Annotated[Path | None, typer.Option(help="Feature table.")] = None,
    outcomes: Annotated[
        Path | None, typer.Option(help="Table with the clinical columns that the signature needs.")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="One image instead; needs --mask.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Its mask.")] = None,
    roi: Annotated[str | None, typer.Option(help="Which ROI of a mask with several.")] = None,
    perturb: Annotated[
        bool, typer.Option("--perturb", help="Disturb image and mask; add the spread of the score.")
    ] = False,
    column: Columns = None,
    missing: Missing = None,
) -> None:
    """Score new cases; those outside the training range are flagged, for research only."""
    from radtool.study import predict_cases

    if (features is None) == (image is None):
        raise InputError("give either --features or --image with --mask")
    if image is not None and mask is None:
        raise InputError("--image needs --mask")
    pair = (image, mask) if image is not None and mask is not None else None
    table = predict_cases(
        signature,
        out,
        features=features,
        pair=pair,
        roi=roi,
        clinical=outcomes,
        perturbed=perturb,
        columns=renamed(column),
        missing=missing or (),
    )
    flagged = int((table["flags"] != "").sum())
    say(f"{out}: {len(table)} case(s), {flagged} outside the training range")
