"""Real-world value maps: what a file itself says that its stored values mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radtool.io.headers import Elements, items, number, text

__all__ = ["RealWorld", "frame_groups", "real_world"]

NO_UNIT = ("", "1", "no units", "{no units}", "ratio", "us")
"""Codes that say nothing of what is measured."""


@dataclass(frozen=True, slots=True)
class RealWorld:
    """A linear map from stored values to a quantity.

    Parameters
    ----------
    slope, intercept : float
        ``value = stored * slope + intercept``.
    unit : str
        UCUM code: "Bq/ml", "{SUVbw}g/ml", "mm2/s".
    """

    slope: float
    intercept: float
    unit: str


def frame_groups(dataset: Elements, frame: int) -> list[Elements]:
    """Return where attributes of a frame stand: its functional groups, or the header itself."""
    per_frame = items(dataset, "PerFrameFunctionalGroupsSequence")
    if frame >= len(per_frame):
        return [dataset]
    return [per_frame[frame], *items(dataset, "SharedFunctionalGroupsSequence")]


def real_world(groups: Sequence[Elements], wanted: Sequence[str] | None = None) -> RealWorld | None:
    """Return the linear real-world value map of a frame.

    Parameters
    ----------
    groups : sequence of Dataset
        From `frame_groups`.
    wanted : sequence of str, optional
        Units that will do, the best first; by default any that names a quantity.

    Returns
    -------
    RealWorld or None
        None when there is none, or a table instead of a slope, or the unit says nothing.

    References
    ----------
    DICOM PS3.3, C.7.6.16.2.11 (Real World Value Mapping Macro).
    """
    found: dict[str, RealWorld] = {}
    for group in groups:
        for item in items(group, "RealWorldValueMappingSequence"):
            slope, intercept = number(item, "RealWorldValueSlope"), None
            if slope is not None:
                intercept = number(item, "RealWorldValueIntercept")
            codes = items(item, "MeasurementUnitsCodeSequence")
            unit = text(codes[0], "CodeValue") if codes else ""
            if slope is None or intercept is None or slope == 0 or unit.casefold() in NO_UNIT:
                continue
            found.setdefault(unit, RealWorld(slope, intercept, unit))
        if found:
            break
    if wanted is None:
        return next(iter(found.values()), None)
    return next((found[unit] for unit in wanted if unit in found), None)
