"""radtool review: correct and judge masks in a browser; radtool review-results: what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radtool.cli.console import finish, say, say_json
from radtool.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from radtool.curation import AcceptedReview, Review
    from radtool.image import Mask

__all__ = ["review", "review_results"]


def review(
    manifest: Annotated[Path, typer.Argument(help="Images and masks.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Page to write (HTML).")],
    against: Annotated[
        Path | None, typer.Option(help="Other masks of the same cases: a blinded comparison.")
    ] = None,
    sources: Annotated[
        str, typer.Option(help="What the two manifests are called in the key.")
    ] = "first,second",
    seed: Annotated[int, typer.Option(help="Order of the cases and side of each mask.")] = 0,
) -> None:
    """Make a page to correct, accept and grade masks, or to compare two sources blinded."""
    from radtool.curation import write_review

    names = [name.strip() for name in sources.split(",")]
    if len(names) != 2 or not all(names):
        raise InputError(f"--sources needs two names with a comma between them, got {sources!r}")
    made = write_review(
        manifest, out, against=against, sources=(names[0], names[1]), seed=seed, measure=_measure
    )
    say(f"{', '.join(map(str, made.pages))}: {made.cases} case(s)")
    if made.key is not None:
        say(f"{made.key}: which side is whose; keep it from the readers")
    finish(made.failures)


def _measure(mask: Mask) -> float | None:
    from radtool.errors import GeometryError
    from radtool.segmentation import recist

    try:
        return recist(mask).diameter
    except GeometryError:  # slices that are not axial have no RECIST diameter
        return None


def review_results(
    saved: Annotated[
        list[Path],
        typer.Argument(help="What readers saved (JSON of a review, CSV).", show_default=False),
    ],
    key: Annotated[Path | None, typer.Option(help="Key of a blinded comparison.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Manifest that was reviewed; gives --out its rows.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Manifest of the cases that nobody rejected (CSV). Corrected masks are written"
            " beside the originals, and listed in <name>.corrections.csv."
        ),
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="Use this reader's corrections, of several.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON instead.")] = False,
) -> None:
    """Tell which source readers prefer, how they grade, or which masks they accept and correct."""
    from radtool.curation import read_review

    found = read_review(saved)
    if key is not None:
        from radtool.table import read_table

        _tell_preference(found.choices, read_table(key), json=json)
        return
    if "decision" not in found.choices:
        raise InputError("these choices compare two sources: give the key with --key")
    counts = found.choices["decision"].fillna("not judged").value_counts().sort_index()
    told = {str(name): int(count) for name, count in counts.items()}
    if found.corrections:
        told["corrected"] = len(found.corrections)
    made = None if out is None else _accepted(found, manifest, out, reader)
    if json:
        ledger = [] if made is None else made.ledger.to_dict("records")
        say_json({**told, "corrections": ledger})
    else:
        for name, count in told.items():
            say(f"{name:<12} {count}")
        if made is not None:
            _tell_accepted(made, out)
    if made is not None:
        finish(made.failures)


def _tell_preference(table: pd.DataFrame, key: pd.DataFrame, *, json: bool) -> None:
    from radtool.evaluation import reading_grades, reading_preference, unblind

    readings = unblind(table, key)
    preference, grades = reading_preference(readings), reading_grades(readings)
    if json:
        say_json({"preference": preference.to_dict("records"), "grades": grades.to_dict("records")})
        return
    for row in preference.to_dict("records"):
        say(
            f"{row['reader']}: {row['source']} preferred in {row['preferred']} of"
            f" {row['preferred'] + row['against']} cases ({100 * row['share']:.0f} %, 95 % CI"
            f" {100 * row['lower']:.0f} to {100 * row['upper']:.0f}; p = {row['p']:.3g}),"
            f" no difference in {row['equal']}"
        )
    for row in grades.to_dict("records"):
        say(
            f"{row['reader']}: {row['source']} graded {row['graded']} times: excellent {row['4']},"
            f" good {row['3']}, acceptable {row['2']}, not acceptable {row['1']}"
        )


def _accepted(
    found: Review, manifest: Path | None, out: Path, reader: str | None
) -> AcceptedReview:
    from radtool.curation import accept_review

    if manifest is None:
        raise InputError("--out needs the manifest that was reviewed: --manifest")
    return accept_review(found, manifest, out, reader=reader)


def _tell_accepted(made: AcceptedReview, out: Path | None) -> None:
    used = int((made.ledger["outcome"] == "in the manifest").sum())
    say(f"{out}: {len(made.manifest)} case(s) accepted, {used} with a corrected mask")
    for row in made.ledger.to_dict("records"):
        say(
            f"{row['case_id']}, {row['reader']}: {row['voxels_added']} voxels added,"
            f" {row['voxels_removed']} removed, DSC {row['dsc']:.3f},"
            f" {row['volume_before_ml']:.2f} to {row['volume_after_ml']:.2f} mL; {row['outcome']}"
        )
