"""Volumes whose slices were sent under several series UIDs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from radtool.curation.planning import Planned
from radtool.io import Finding, Slice

__all__ = ["note_torn"]

SAME_MM = 0.1
REGULAR = 0.02
"""Steps between slices that differ by less than this share are equal."""


def note_torn(planned: Sequence[Planned]) -> None:
    """Warn of pairs of series that only together are a regular volume.

    Their slices lie in one study and frame of reference, with one matrix, pixel spacing and
    orientation, straight above each other, never at one place, and evenly spaced: interleaved,
    one after the other, or one filling a gap of the other.
    """
    groups: dict[tuple[str, ...], list[Planned]] = defaultdict(list)
    for plan in planned:
        first = plan.series.first
        if first.is_image and first.frame_of_reference and plan.series.stack.slices:
            key = (plan.patient, first.study_uid, first.frame_of_reference, first.kind)
            groups[key].append(plan)
    for members in groups.values():
        for one, other in combinations(members, 2):
            both = (*one.series.stack.slices, *other.series.stack.slices)
            if one.series.uid == other.series.uid or not _is_volume(both):
                continue
            for plan, partner in ((one, other), (other, one)):
                detail = (
                    f"its {len(plan.series.stack.slices)} slices and the"
                    f" {len(partner.series.stack.slices)} of another series of this study together"
                    " are one regular volume: was one series sent under two UIDs?"
                )
                plan.result.note(Finding("torn_series", "warning", detail), "")


def _is_volume(slices: Sequence[Slice]) -> bool:
    first = slices[0]
    if len(slices) < 3 or any(
        one.shape != first.shape
        or not np.allclose(one.spacing, first.spacing, atol=1e-3)
        or not np.allclose(one.orientation, first.orientation, atol=1e-3)
        for one in slices
    ):
        return False
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    away = np.array([one.position for one in slices]) - np.array(first.position)
    heights = away @ normal
    sideways = away - heights[:, None] * normal
    if np.abs(sideways).max() > SAME_MM:
        return False
    steps = np.diff(np.sort(heights))
    usual = float(np.median(steps))
    return usual > SAME_MM and bool((np.abs(steps - usual) <= REGULAR * usual).all())
