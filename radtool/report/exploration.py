"""Exploration of a feature table -> one self-contained HTML document."""

from __future__ import annotations

import math

import numpy as np

from radtool.report.blocks import (
    Block,
    Facts,
    Figure,
    Figures,
    Section,
    Sheet,
    Table,
    Text,
    sheet_of,
)
from radtool.report.figures.raster import draw_matrix
from radtool.report.figures.spread import draw_bars, draw_cloud
from radtool.report.render import page
from radtool.report.results import Exploration, FeatureSummary
from radtool.report.sections.closing import provenance_blocks
from radtool.report.sections.supplement import distribution_figures
from radtool.report.wording import (
    estimate,
    integer,
    measure_of,
    number,
    p_value,
    percent,
    significant,
)

__all__ = ["render_exploration"]

SHOWN = 40
VOLUME = 0.75
SMALLEST_P = 1e-16


def render_exploration(found: Exploration) -> str:
    """Write the exploration of a feature table as one self-contained HTML document.

    Parameters
    ----------
    found : Exploration
        Numbers; parts that are missing are left out.

    Returns
    -------
    str
        HTML5; equal input gives equal text.
    """
    whole = Exploration.from_dict(found.to_dict(), where="exploration")
    parts = (
        _overview(whole),
        _target(whole),
        _distributions(whole),
        _correlation(whole),
        _volume(whole),
        _missing(whole),
        _provenance(whole),
    )
    sections = [section for section in parts if section is not None]
    return page(whole.title, sections, subtitle="Feature exploration", generated=whole.generated)


def _overview(found: Exploration) -> Section:
    tested = [f for f in found.features if f.p_normal is not None]
    skewed = sum(f.p_normal is not None and f.p_normal < 0.05 for f in tested)
    gaps = sum(f.missing > 0 for f in found.features)
    pairs = [("Cases", integer(found.n_cases)), ("Features", integer(found.n_features))]
    if found.target:
        classes = ", ".join(f"{group.label} {integer(group.n)}" for group in found.classes)
        pairs.append(("Outcome", f"{found.target}: {classes}" if classes else found.target))
    pairs.append(("Features with missing values", integer(gaps)))
    if tested:
        share = percent(skewed, len(tested))
        pairs.append(("Not normal (Shapiro–Wilk p < 0.05)", f"{integer(skewed)} ({share})"))
    blocks: list[Block] = [Facts(pairs=tuple(pairs))]
    blocks += [Text(text=note, style="warning") for note in found.notes]
    if found.target:
        text = (
            "Whatever is chosen after looking at this page was chosen with the outcome in sight:"
            " select features inside the training folds of a study, not here."
        )
        blocks.append(Text(text=text, style="note"))
    return Section(name="overview", title="Overview", blocks=tuple(blocks))


def _target(found: Exploration) -> Section | None:
    rows = [f for f in found.features if f.p is not None]
    if not rows:
        return None
    passing = sum(f.p_fdr is not None and f.p_fdr < 0.05 for f in rows)
    strict = sum(f.p_bonferroni is not None and f.p_bonferroni < 0.05 for f in rows)
    measure = measure_of(found.measure)
    text = (
        f"{integer(len(rows))} features tested{f' ({found.test})' if found.test else ''}:"
        f" {integer(passing)} with FDR-adjusted p < 0.05, {integer(strict)} with"
        " Bonferroni-adjusted p < 0.05."
    )
    blocks: list[Block] = [Text(text=text)]
    cloud = [
        (f.strength, -math.log10(max(f.p, SMALLEST_P)), f.p_fdr is not None and f.p_fdr < 0.05)
        for f in rows
        if f.strength is not None and f.p is not None
    ]
    if cloud:
        drawn = draw_cloud(
            cloud,
            x_label=f"Univariate {measure.label}",
            y_label="−log₁₀ p",
            alt=f"{measure.label} against p of {len(cloud)} features; {text}",
            reference=measure.chance,
        )
        caption = "Each dot is a feature; vermillion: FDR-adjusted p < 0.05."
        blocks.append(Figures(figures=(Figure(name="cloud", svg=drawn, caption=caption),)))
    blocks.append(_strongest(found, rows))
    return Section(name="outcome", title=f"Features and {found.target}", blocks=tuple(blocks))


def _strongest(found: Exploration, rows: list[FeatureSummary]) -> Table:
    measure = measure_of(found.measure)
    ordered = sorted(rows, key=lambda f: (f.p if f.p is not None else 2.0, f.feature))
    fields = ("feature", "n", "missing", "mean", "sd", "median", "lower_quartile",
              "upper_quartile", "minimum", "maximum", "p_normal", "p", "p_fdr", "p_bonferroni",
              "strength", "lower", "upper", "rho_volume")  # fmt: skip
    return Table(
        name="features",
        caption=f"The {min(SHOWN, len(rows))} features with the smallest p",
        columns=(
            "Feature",
            "Median (IQR)",
            f"{measure.symbol} (95 % CI)",
            "p",
            "FDR",
            "Bonferroni",
            "ρ with volume",
        ),
        rows=tuple(
            (
                f.feature,
                _spread(f),
                estimate(f.strength, f.lower, f.upper, 2),
                p_value(f.p),
                p_value(f.p_fdr),
                p_value(f.p_bonferroni),
                number(f.rho_volume, 2),
            )
            for f in ordered[:SHOWN]
        ),
        sheet=sheet_of(found.features, fields),
        note=f"The download holds all {integer(len(found.features))} features.",
    )


def _spread(f: FeatureSummary) -> str:
    middle = significant(f.median)
    quartiles = f"{significant(f.lower_quartile)}\u00a0to\u00a0{significant(f.upper_quartile)}"
    return f"{middle} ({quartiles})"


def _distributions(found: Exploration) -> Section | None:
    if not found.distributions:
        return None
    figures = distribution_figures(found.distributions)
    return Section(
        name="distributions",
        title="Distributions by class",
        blocks=(Figures(figures=figures),),
    )


def _correlation(found: Exploration) -> Section | None:
    if not found.correlation:
        return None
    size = len(found.correlation)
    matrix = np.array(found.correlation)
    above = np.abs(matrix[np.tril_indices(size, -1)])
    pairs, strong = int(np.isfinite(above).sum()), int((above > 0.85).sum())
    text = (
        f"{integer(strong)} of {integer(pairs)} pairs ({percent(strong, pairs)}) have |ρ| > 0.85."
    )
    drawn = draw_matrix(
        found.correlation, alt=f"Clustered Spearman matrix of {size} features. {text}"
    )
    figure = Figure(
        name="correlation",
        svg=drawn,
        caption=f"Spearman correlation of {size} features, clustered.",
        sheet=Sheet(
            ("feature", *found.order),
            tuple(
                (name, *(round(value, 4) for value in row))
                for name, row in zip(found.order, found.correlation, strict=True)
            ),
        )
        if size <= 300
        else None,
    )
    return Section(
        name="correlation",
        title="Correlation between features",
        blocks=(Text(text=text), Figures(figures=(figure,))),
    )


def _volume(found: Exploration) -> Section | None:
    values = [abs(f.rho_volume) for f in found.features if f.rho_volume is not None]
    if not values:
        return None
    edges = [k / 20 for k in range(21)]
    counts = [0] * 20
    for value in values:
        counts[min(19, int(value * 20 + 1e-9))] += 1
    high = sum(value >= VOLUME for value in values)
    text = (
        f"{integer(high)} of {integer(len(values))} features ({percent(high, len(values))}) follow"
        f" volume with |ρ| ≥ {VOLUME}: they may say little more than the size of the region."
    )
    drawn = draw_bars(
        counts, edges, label="|Spearman ρ| with volume", mark=VOLUME, alt=f"Histogram. {text}"
    )
    figure = Figure(
        name="volume",
        svg=drawn,
        caption="Features by their correlation with volume.",
        sheet=Sheet(
            ("from", "to", "features"), tuple(zip(edges[:-1], edges[1:], counts, strict=True))
        ),
    )
    return Section(
        name="volume", title="Volume", blocks=(Text(text=text), Figures(figures=(figure,)))
    )


def _missing(found: Exploration) -> Section | None:
    rows = sorted((f for f in found.features if f.missing), key=lambda f: (-f.missing, f.feature))
    if not rows:
        return None
    table = Table(
        name="missing",
        caption="Features with missing values",
        columns=("Feature", "Missing", "Share"),
        rows=tuple(
            (f.feature, integer(f.missing), percent(f.missing, f.n + f.missing, 1))
            for f in rows[:SHOWN]
        ),
        sheet=sheet_of(rows, ("feature", "n", "missing")),
        note=f"{integer(len(rows))} features; the download holds all of them.",
    )
    return Section(name="missing", title="Missing values", blocks=(table,))


def _provenance(found: Exploration) -> Section | None:
    blocks = provenance_blocks(found.provenance, found.generated)
    if not blocks:
        return None
    return Section(name="provenance", title="Provenance", blocks=tuple(blocks))
