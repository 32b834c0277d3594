"""Several volumes under one series UID, told apart by what DICOM says of them, or not at all."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from radtool.errors import InputError, did_you_mean
from radtool.io.stacking import (
    ROUNDING_MM,
    Finding,
    Slice,
    Stack,
    axes_of,
    directions_of,
    stack_slices,
)

__all__ = ["Volume", "chosen_volume", "split_slices"]

MIXED = ("duplicate_positions", "increment", "matrix", "orientation")
"""Errors that may come of several volumes in one series. A gap never does: parts would hide it."""
OVERLAP = 0.5
"""Interleaved stacks share at least this part of their extent; others leave a gap instead."""
AXES = ("sagittal", "coronal", "axial")

Fingerprint = Callable[[Slice], str]

# mark -> start of the part's name, whether its value follows (else its rank)
_NAMES: dict[str, tuple[str, bool]] = {
    "image_type": ("", True),
    "echo_time": ("te", True),
    "echo_number": ("echo", True),
    "inversion_time": ("ti", True),
    "flip_angle": ("flip", True),
    "b_value": ("b", True),
    "gradient": ("direction", False),
    "temporal_position": ("time", True),
    "trigger_time": ("trigger", True),
    "frame_time": ("frame", False),
    "kvp": ("kvp", True),
    "kernel": ("", True),
    "acquisition_number": ("acquisition", True),
    "acquisition_time": ("acquired", False),
}
CRITERIA = ("orientation", "matrix", *_NAMES)
"""What slices are told apart by, in this order."""


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume of a series.

    Parameters
    ----------
    part : str
        Its name among the volumes of the series ("te90", "b800-time2"); "" when it is the only
        one.
    stack : Stack
        Its slices.
    """

    part: str
    stack: Stack


def split_slices(
    slices: Sequence[Slice], *, fingerprint: Fingerprint | None = None
) -> tuple[Volume, ...]:
    """Tell the volumes of one series apart.

    Parameters
    ----------
    slices : sequence of Slice
        All planes of one series instance UID.
    fingerprint : callable, optional
        A text that is the same for planes with the same values, "" for one that cannot be read;
        asked only for planes at one place that nothing in their headers tells apart.

    Returns
    -------
    tuple of Volume
        One without a name when the slices are a volume, or when nothing tells them apart. Else one
        for each value of what does, in the order of `CRITERIA`: orientation, matrix, image type,
        echo time and number, inversion time, flip angle, b-value, gradient direction, temporal
        position, trigger time, frame reference time, kVp, kernel, acquisition number and time.
        Every volume says so in the finding "split"; each may still have errors of its own.

    Notes
    -----
    A series is split only where planes lie at the same place, are not parallel, have different
    sizes, or are interleaved; by an attribute only when that leaves fewer planes at the same
    place without cutting a volume into more parts than planes lie there. A missing slice is never
    explained away as the border of two acquisitions.
    """
    whole = stack_slices(slices)
    if not _is_mixed(whole):
        return (Volume("", whole),)
    groups: list[tuple[tuple[str, ...], list[Slice]]] = [((), list(whole.slices))]
    for criterion in CRITERIA:
        groups = [part for group in groups for part in _split(group, criterion)]
    stacks = [_without_identical(group, fingerprint) for _, group in groups]
    usable = any(stack.geometry is not None for stack in stacks)
    if len(groups) == 1 or not (usable or any(not _is_mixed(stack) for stack in stacks)):
        return (Volume("", _noting(stacks[0] if len(groups) == 1 else whole, whole, None)),)
    names = _unique(["-".join(names) for names, _ in groups])
    note = Finding(
        "split",
        "warning",
        f"{len(names)} volumes under one series UID, told apart by what their headers say:"
        f" {', '.join(names)}",
    )
    return tuple(
        Volume(name, _noting(stack, whole, note)) for name, stack in zip(names, stacks, strict=True)
    )


def chosen_volume(volumes: Sequence[Volume], part: str | None, name: str) -> Volume:
    """Return the volume of a name; the only one when none is given.

    Raises
    ------
    InputError
        Several usable volumes and no name, or no volume of that name.
    """
    names = [volume.part for volume in volumes]
    if part is None:
        usable = [volume for volume in volumes if volume.stack.geometry is not None] or volumes
        if len(volumes) == 1:
            return volumes[0]
        listed = ", ".join(repr(volume.part) for volume in usable)
        raise InputError(
            f"{name}: {len(volumes)} volumes under one series UID; name one with part=: {listed}"
        )
    if part not in names:
        raise InputError(f"{name}: no volume {part!r}{did_you_mean(part, names)}")
    return volumes[names.index(part)]


def _is_mixed(stack: Stack) -> bool:
    return any(error.check in MIXED for error in stack.errors)


def _noting(stack: Stack, whole: Stack, note: Finding | None) -> Stack:
    """Add what was found on the way: copies left out of the whole series, and the split."""
    before = [
        finding
        for finding in whole.findings
        if finding.check == "copies" and finding not in stack.findings
    ]
    added = (*before, *([note] if note else []))
    return dataclasses.replace(stack, findings=(*added, *stack.findings))


def _split(
    group: tuple[tuple[str, ...], list[Slice]], criterion: str
) -> list[tuple[tuple[str, ...], list[Slice]]]:
    """Split a group that is no volume by one attribute, if that helps."""
    names, slices = group
    stack = stack_slices(slices)
    errors = {error.check for error in stack.errors}
    if not errors & set(MIXED):
        return [group]
    if criterion in ("orientation", "matrix") and criterion not in errors:
        return [group]
    values = _values(slices, criterion)
    parts: dict[str, list[Slice]] = {}
    for one, value in zip(slices, values, strict=True):
        parts.setdefault(value, []).append(one)
    if len(parts) < 2 or not (criterion in errors or _helps(slices, list(parts.values()), errors)):
        return [group]
    ordered = sorted(parts, key=_rank)
    words = _words(ordered, criterion, parts)
    return [((*names, words[value]), parts[value]) for value in ordered]


def _values(slices: Sequence[Slice], criterion: str) -> list[str]:
    if criterion == "orientation":
        return [str(label) for label in directions_of(slices)]
    if criterion == "matrix":
        return [
            "x".join(map(str, one.shape)) + "".join(f" {value:.3f}" for value in one.spacing)
            for one in slices
        ]
    return [dict(one.marks).get(criterion, "") for one in slices]


def _helps(slices: Sequence[Slice], parts: list[list[Slice]], errors: set[str]) -> bool:
    """Whether parts are nearer to volumes than their whole."""
    if "duplicate_positions" in errors:
        before, most = _crowding(slices)
        return len(parts) <= most and sum(_crowding(part)[0] for part in parts) < before
    stacks = [stack_slices(part) for part in parts]
    return all(len(s.slices) > 1 and s.geometry is not None for s in stacks) and _interleaved(
        stacks
    )


def _crowding(slices: Sequence[Slice]) -> tuple[int, int]:
    """Count planes that lie where another one lies; how many lie at the fullest place."""
    places = _places(slices)
    sizes = Counter(places)
    return len(places) - len(sizes), max(sizes.values())


def _places(slices: Sequence[Slice]) -> list[int]:
    """Number the heights of slices along the first one's normal."""
    normal = np.cross(*axes_of(slices[0]))
    offsets = np.array([np.dot(one.position, normal) for one in slices])
    order = np.argsort(offsets, kind="stable")
    ranks = np.cumsum(np.diff(offsets[order], prepend=offsets[order[0]]) >= ROUNDING_MM)
    labels = np.empty(len(slices), dtype=int)
    labels[order] = ranks
    return labels.tolist()


def _interleaved(stacks: Sequence[Stack]) -> bool:
    """Whether stacks run through each other: not one after the other with a gap between."""
    normal = np.cross(*axes_of(stacks[0].slices[0]))
    spans = []
    for stack in stacks:
        heights = [float(np.dot(one.position, normal)) for one in stack.slices]
        spans.append((min(heights), max(heights)))
    low, high = max(a for a, _ in spans), min(b for _, b in spans)
    return high - low >= OVERLAP * max(b - a for a, b in spans)


def _rank(value: str) -> tuple[int, float, str]:
    """Sort numbers by size before texts."""
    try:
        return (0, float(value), value)
    except ValueError:
        return (1, 0.0, value)


def _words(values: Sequence[str], criterion: str, parts: dict[str, list[Slice]]) -> dict[str, str]:
    """Name the parts: letters, digits, dots and hyphens."""
    if criterion == "orientation":
        found = [_plane(parts[value][0]) for value in values]
    elif criterion == "matrix":
        found = [f"matrix{value.split(' ')[0]}" for value in values]
    elif criterion == "image_type":
        common = set.intersection(*(set(value.split("\\")) for value in values))
        own = [[w for w in value.split("\\") if w not in common] for value in values]
        found = ["-".join(words) or "plain" for words in own]
    else:
        start, with_value = _NAMES[criterion]
        found = [
            f"{start}{_short(value) if with_value else rank}"
            if value
            else f"no-{start or criterion}"
            for rank, value in enumerate(values, start=1)
        ]
    clean = [re.sub(r"[^a-z0-9.]+", "-", word.casefold()).strip("-.") or "part" for word in found]
    return dict(zip(values, _unique(clean), strict=True))


def _short(value: str) -> str:
    try:
        return f"{float(value):g}"
    except ValueError:
        return value


def _plane(one: Slice) -> str:
    normal = np.abs(np.cross(*axes_of(one)))
    return "oblique" if normal.max() < 0.9 else AXES[int(np.argmax(normal))]


def _unique(names: Sequence[str]) -> list[str]:
    """Number names that come more than once."""
    count, seen = Counter(names), Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if count[name] == 1 else f"{name}-{seen[name]}")
    return found


def _without_identical(slices: list[Slice], fingerprint: Fingerprint | None) -> Stack:
    """Stack slices; of planes at one place that hold the same values all but the first go."""
    stack = stack_slices(slices)
    if fingerprint is None or not any(e.check == "duplicate_positions" for e in stack.errors):
        return stack
    places = _places(stack.slices)
    full = Counter(places)
    kept, dropped, seen = [], [], set()
    for one, place in zip(stack.slices, places, strict=True):
        mark = fingerprint(one) if full[place] > 1 else ""
        beside = tuple(round(value / ROUNDING_MM) for value in one.position)
        if mark and (place, beside, mark) in seen:
            dropped.append(one.file)
        else:
            kept.append(one)
            seen.add((place, beside, mark))
    if not dropped:
        return stack
    again = stack_slices(kept)
    detail = f"{len(dropped)} slice(s) hold the same pixels as another at their place; left out"
    note = Finding("identical_slices", "warning", detail, tuple(dict.fromkeys(dropped)))
    return dataclasses.replace(again, findings=(note, *again.findings))
