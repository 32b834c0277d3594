"""Whether radiomics beats nothing: what may be said of a study's negative controls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from radtool.report.results import Control, ControlRow, EndpointResults, PerformanceRow
from radtool.report.wording import integer, interval, measure_of, number, signed

__all__ = [
    "RADIOMICS",
    "control_label",
    "control_rows",
    "control_sentences",
    "doubt",
    "how_made",
    "is_from_elsewhere",
]

RADIOMICS = "radiomics"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """How a control is spoken of.

    Parameters
    ----------
    features : str
        What the model learned from.
    lost : str
        What the images lost; what a difference in favour of the real ones shows the use of.
    made : str
        For the methods paragraph.
    """

    features: str
    lost: str
    made: str


WORDS = {
    "shuffled_voxels": _Words(
        features="features from shuffled voxels",
        lost="the texture of the region",
        made="the intensities of the region were dealt to its voxels at random",
    ),
    "randomised_voxels": _Words(
        features="features from random voxel values",
        lost="the intensities in the region, beyond its shape",
        made="the intensities of the region were replaced by uniform ones within its range",
    ),
    "shuffled_surroundings": _Words(
        features="features with shuffled surroundings",
        lost="what lies around the region",
        made="the intensities outside the region were dealt to the voxels there at random",
    ),
    "moved_region": _Words(
        features="features of the region moved elsewhere",
        lost="what lies in the region, beyond its shape",
        made="the region was moved to a random place that it does not touch",
    ),
}


def control_label(name: str) -> str:
    """Return a control's name for people: "shuffled_voxels" -> "shuffled voxels"."""
    return name.replace("_", " ")


def how_made(controls: Iterable[Control]) -> list[str]:
    """Return for the methods paragraph what was done to the images of each control."""
    return [_words(control).made for control in controls]


def control_rows(endpoint: EndpointResults) -> list[PerformanceRow]:
    """Return the radiomics model of each control as rows beside the models of whole cohorts.

    A control that some cases lack is left out: its cases are others than those of the models.
    """
    return [
        PerformanceRow(
            model=f"{RADIOMICS}, {control_label(control.name)}",
            cohort=row.cohort,
            design=row.design,
            measure=row.measure,
            value=row.value,
            lower=row.lower,
            upper=row.upper,
            n=row.n,
            events=row.events,
        )
        for control in endpoint.controls
        for row in control.rows
        if row.model == RADIOMICS and row.is_whole
    ]


def control_sentences(endpoint: EndpointResults) -> list[str]:
    """Say of each control whether the model with real features could be told from it."""
    said = []
    for control in endpoint.controls:
        row = _chosen(control, RADIOMICS)
        if row is not None:
            said.append(_sentence(control, row))
        elif control.note:
            said.append(f"The control {control_label(control.name)} {control.note}.")
    return said


def doubt(endpoint: EndpointResults) -> str:
    """Say what a gain over clinical + volume cannot be ascribed to; empty: there is no doubt.

    A control casts doubt when the same model with its features could not be told from the real
    one, on the cohort and design of the headline and all of its cases.
    """
    comparison = endpoint.headline.comparison if endpoint.headline else None
    if comparison is None or comparison.lower is None or comparison.lower <= 0:
        return ""
    parts = []
    for control in _doubtful(endpoint):
        row = _at_headline(control, endpoint)
        assert row is not None
        parts.append(f"{_words(control).features} ({_difference(row)})")
    if not parts:
        return ""
    lost = [_words(control).lost for control in _doubtful(endpoint)]
    return (
        f"But the same model on {' or '.join(parts)} was not shown to do worse: the gain is not"
        f" shown to come from {' or '.join(lost)}."
    )


def is_from_elsewhere(endpoint: EndpointResults) -> bool:
    """Whether a region moved elsewhere gains as much, so that the gain is not the tumour's."""
    return bool(doubt(endpoint)) and any(
        control.name == "moved_region" for control in _doubtful(endpoint)
    )


def _doubtful(endpoint: EndpointResults) -> list[Control]:
    found = []
    for control in endpoint.controls:
        row = _at_headline(control, endpoint)
        # Surroundings are no part of the region: to need none of them is no fault.
        if control.name != "shuffled_surroundings" and row is not None and not _is_better(row):
            found.append(control)
    return found


def _at_headline(control: Control, endpoint: EndpointResults) -> ControlRow | None:
    comparison = endpoint.headline.comparison if endpoint.headline else None
    if comparison is None:
        return None
    place = (comparison.model_a, comparison.cohort, comparison.design, comparison.measure)
    return next(
        (
            row
            for row in control.rows
            if (row.model, row.cohort, row.design, row.measure) == place and row.is_whole
        ),
        None,
    )


def _words(control: Control) -> _Words:
    label = control_label(control.name)
    fallback = _Words(features=f"features of {label}", lost="what they lost", made=label)
    return WORDS.get(control.name, fallback)


def _chosen(control: Control, model: str) -> ControlRow | None:
    """Return a model's external row; without one, the first."""
    rows = [row for row in control.rows if row.model == model]
    return next((row for row in rows if row.design == "external"), next(iter(rows), None))


def _is_better(row: ControlRow) -> bool:
    return row.difference_lower is not None and row.difference_lower > 0


def _difference(row: ControlRow) -> str:
    info = measure_of(row.measure)
    limits = interval(row.difference_lower, row.difference_upper, info.digits)
    return f"Δ{info.symbol}\u00a0{signed(row.difference, info.digits)}, {limits}"


def _sentence(control: Control, row: ControlRow) -> str:
    info, words = measure_of(row.measure), _words(control)
    where = (
        f"{info.symbol}\u00a0{number(row.real, info.digits)} as scanned,"
        f" {number(row.value, info.digits)} under the control; {_difference(row)};"
        f" {row.cohort}, {row.design}"
    )
    if not row.is_whole:
        where += f", both refitted without the cases that have no control ({integer(row.n)} left)"
    if row.difference_lower is None or row.difference_upper is None:
        return f"Radiomics against {words.features}: {where}; without an interval, no conclusion."
    if row.difference_lower > 0:
        return f"Radiomics uses {words.lost}: {where}."
    if row.difference_upper < 0:
        return f"Radiomics did worse than the same recipe on {words.features}: {where}."
    if not _beats_chance(row.real_lower, row) and not _beats_chance(row.lower, row):
        return (
            f"Neither radiomics nor the same recipe on {words.features} was shown to beat chance:"
            f" {where}."
        )
    return (
        f"The same recipe on {words.features} was not shown to do worse, so nothing shows that"
        f" radiomics uses {words.lost}: {where}."
    )


def _beats_chance(lower: float | None, row: ControlRow) -> bool:
    chance = measure_of(row.measure).chance
    return lower is not None and chance is not None and lower > chance
