"""Batch effects before and after harmonization."""

from __future__ import annotations

from radtool.report.blocks import Block, Facts, Figure, Figures, Section, Sheet, Table, Text
from radtool.report.figures import draw_batches
from radtool.report.results import Harmonization, StudyResults
from radtool.report.wording import integer, number, percent

__all__ = ["harmonization_section"]


def harmonization_section(results: StudyResults) -> Section | None:
    """Return the evidence that batches differed, and how much is left."""
    found = results.harmonization
    if found is None:
        return None
    sizes = ", ".join(f"{batch} {integer(n)}" for batch, n in found.sizes.items())
    pairs = [("Batch column", found.batch), ("Method", found.method or "none")]
    if sizes:
        pairs.append(("Training cases", sizes))
    blocks: list[Block] = [Facts(pairs=tuple(pairs))]
    table = _evidence(found)
    if table.rows:
        blocks.append(table)
    if found.points:
        blocks.append(Figures(figures=(_view(found),)))
    blocks += [Text(text=note, style="warning") for note in found.notes]
    return Section(name="harmonization", title="Batch effects", blocks=tuple(blocks))


def _evidence(found: Harmonization) -> Table:
    share_before = percent(found.significant_before, found.tested)
    share_after = percent(found.significant_after, found.tested)
    lines = [
        (
            "Features that differ between batches",
            found.significant_before,
            found.significant_after,
            f"{integer(found.significant_before)} ({share_before})",
            f"{integer(found.significant_after)} ({share_after})",
        ),
        (
            "Variance explained by the batch (median)",
            found.variance_before,
            found.variance_after,
            number(found.variance_before),
            number(found.variance_after),
        ),
        (
            "Silhouette width of the batches (0 = mixed)",
            found.silhouette_before,
            found.silhouette_after,
            number(found.silhouette_before),
            number(found.silhouette_after),
        ),
    ]
    known = [line for line in lines if line[1] is not None]
    return Table(
        name="harmonization",
        caption="Batch effects before and after harmonization",
        columns=("Quantity", "Before", "After"),
        rows=tuple(
            (name, shown, shown_after if after is not None else "–")
            for name, _, after, shown, shown_after in known
        ),
        sheet=Sheet(("quantity", "before", "after"), tuple(line[:3] for line in known)),
        note=f"{integer(found.tested)} features tested, corrected for multiplicity."
        if found.tested
        else "",
    )


def _view(found: Harmonization) -> Figure:
    batches = ", ".join(dict.fromkeys(point.batch for point in found.points))
    alt = (
        f"Two scatter plots of the cases on the first two principal components, coloured by"
        f" {found.batch} ({batches}), before and after harmonization."
    )
    header = ("batch", "x_before", "y_before", "x_after", "y_after")
    rows = tuple((p.batch, *p.before, *(p.after or (None, None))) for p in found.points)
    return Figure(
        name="batches",
        svg=draw_batches(found.points, alt=alt),
        caption="Cases on the first two principal components of the scaled features.",
        sheet=Sheet(header, rows),
    )
