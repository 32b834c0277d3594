"""radtool review: judge masks in the browser; radtool review-results: what the readers found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radtool.cli.console import finish, say, say_json
from radtool.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

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
    """Make a page to accept and grade masks, or to compare two sources blinded."""
    from radtool.curation import write_review

    names = [name.strip() for name in sources.split(",")]
    if len(names) != 2 or not all(names):
        raise InputError(f"--sources needs two names with a comma between them, got {sources!r}")
    made = write_review(
        manifest, out, against=against, sources=(names[0], names[1]), seed=seed, measure=_measure
    )
    say(f"{made.page}: {made.cases} case(s)")
    if made.key is not None:
        say(f"{made.key}: which side is whose; keep it from the readers")
    finish(made.failures)


def _measure(mask: Mask) -> Mapping[str, str]:
    from radtool.errors import GeometryError
    from radtool.segmentation import recist

    try:
        return {"RECIST": f"{recist(mask).diameter:.1f} mm"}
    except GeometryError:  # slices that are not axial have no RECIST diameter
        return {}


def review_results(
    choices: Annotated[
        list[Path], typer.Argument(help="Choices that readers saved (CSV).", show_default=False)
    ],
    key: Annotated[Path | None, typer.Option(help="Key of a blinded comparison.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Manifest that was reviewed; gives --out its rows.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Manifest of the cases that nobody rejected (CSV).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON instead.")] = False,
) -> None:
    """Tell which source readers prefer, how they grade, or which masks they accept."""
    import pandas as pd

    from radtool.table import read_table

    table = pd.concat([read_table(path) for path in choices], ignore_index=True)
    if key is not None:
        _tell_preference(table, read_table(key), json=json)
        return
    if "decision" not in table:
        raise InputError("these choices compare two sources: give the key with --key")
    counts = table["decision"].fillna("not judged").value_counts().sort_index()
    if json:
        say_json({str(name): int(count) for name, count in counts.items()})
    else:
        for name, count in counts.items():
            say(f"{name:<12} {count}")
    if out is not None:
        _write_accepted(table, manifest, out)


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


def _write_accepted(table: pd.DataFrame, manifest: Path | None, out: Path) -> None:
    from radtool.table import read_manifest, write_table

    if manifest is None:
        raise InputError("--out needs the manifest that was reviewed: --manifest")
    rejected = set(table.loc[table["decision"] == "reject", "case_id"])
    accepted = set(table.loc[table["decision"] == "accept", "case_id"]) - rejected
    cases = read_manifest(manifest)
    kept = cases[cases["case_id"].isin(accepted)]
    write_table(kept, out)
    say(f"{out}: {len(kept)} of {len(cases)} case(s) accepted")
