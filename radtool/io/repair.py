"""Stacks that are nearly a volume, brought onto a regular grid when that is asked for.

How this works. The planes of a tilted, gapped or unevenly spaced stack are parallel, and each
knows its place. A target grid is laid through them: its slices parallel to the planes, regular
along their normal, upright in plane, and wide enough to hold every plane. A target slice takes
the plane at its height, or the two on both sides in proportion; a plane that lies beside the
grid's pixels is moved onto them in proportion. All interpolation is linear.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from radtool.errors import ParameterError, did_you_mean
from radtool.image import Geometry
from radtool.io.stacking import INCREMENT_TOLERANCE, Finding, Stack, axes_of

__all__ = ["Repair", "regular", "repair_stack"]

LARGEST_UNEVEN_STEP = 1.5
"""A step of more than this many usual ones is a missing slice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What may be done to slices that are not a volume; by default nothing.

    Parameters
    ----------
    tilt : {"refuse", "correct"}, default "refuse"
        Shear the planes of a tilted gantry onto an upright grid.
    missing_slices : int, default 0
        How many missing slices of a series may be interpolated from their neighbours.
    spacing : {"refuse", "resample"}, default "refuse"
        Interpolate unevenly spaced slices at their median increment.
    """

    tilt: Literal["refuse", "correct"] = "refuse"
    missing_slices: int = 0
    spacing: Literal["refuse", "resample"] = "refuse"

    @classmethod
    def of(cls, settings: Mapping[str, Any], where: str) -> Repair:
        """Read settings as they stand in a YAML file.

        Raises
        ------
        ParameterError
            An unknown key or value.
        """
        kinds = {"tilt": _WORDS["tilt"], "spacing": _WORDS["spacing"]}
        for key, value in settings.items():
            if key not in cls.__dataclass_fields__:
                raise ParameterError(
                    f"{where} has no key {key!r}{did_you_mean(str(key), cls.__dataclass_fields__)}"
                )
            if key in kinds and value not in kinds[key]:
                raise ParameterError(f"{where}: {key} is {' or '.join(kinds[key])}, got {value!r}")
            if key == "missing_slices" and (type(value) is not int or value < 0):
                raise ParameterError(f"{where}: {key} is a whole number from 0 on, got {value!r}")
        return cls(**settings)


_WORDS = {
    "tilt": get_args(Literal["refuse", "correct"]),
    "spacing": get_args(Literal["refuse", "resample"]),
}


def repair_stack(stack: Stack, repair: Repair) -> Stack:
    """Return a stack with a grid to resample to, if every error may be repaired.

    Parameters
    ----------
    stack : Stack
        As `stack_slices` or `split_slices` gives it.
    repair : Repair
        What is allowed.

    Returns
    -------
    Stack
        The same stack when it is a volume or stays refused; else one with a grid, its errors
        become warnings that say what was done, and `repairs` not empty.
    """
    if not stack.errors or not all(_may(error, stack, repair) for error in stack.errors):
        return stack
    grid = _grid(stack)
    if grid is None:
        return stack
    done = {
        "gantry_tilt": f"sheared onto an upright grid of {grid.shape[1]} x {grid.shape[2]} pixels",
        "missing_slices": "interpolated from their neighbours",
        "increment": f"resampled to {grid.shape[0]} slices {grid.spacing[0]:.4g} mm apart",
    }
    findings = tuple(
        dataclasses.replace(
            one, severity="warning", detail=f"{one.detail.split(';')[0]}; {done[one.check]}"
        )
        if one.severity == "error"
        else one
        for one in stack.findings
    )
    words = tuple(f"{one.check}: {done[one.check]}" for one in stack.errors)
    return dataclasses.replace(stack, geometry=grid, findings=findings, repairs=words)


def _may(error: Finding, stack: Stack, repair: Repair) -> bool:
    if error.check == "gantry_tilt":
        return repair.tilt == "correct"
    if error.check == "missing_slices":
        return _missing(_heights(stack)) <= repair.missing_slices
    if error.check == "increment":
        few = _missing(_heights(stack)) <= repair.missing_slices
        return repair.spacing == "resample" and few
    return False


def _heights(stack: Stack) -> np.ndarray:
    normal = np.cross(*axes_of(stack.slices[0]))
    heights = np.array([np.dot(one.position, normal) for one in stack.slices])
    return heights - heights[0]


def _missing(heights: np.ndarray) -> int:
    steps = np.diff(heights)
    usual = float(np.median(steps))
    gaps = steps[steps > LARGEST_UNEVEN_STEP * usual]
    return int((np.ceil(gaps / usual - INCREMENT_TOLERANCE) - 1).sum())


def _grid(stack: Stack) -> Geometry | None:
    """Return the regular upright grid that holds all planes."""
    heights = _heights(stack)
    step = float(np.median(np.diff(heights)))
    count = heights[-1] / step
    checks = {error.check for error in stack.errors}
    if "increment" in checks:
        slices = int(np.floor(count + INCREMENT_TOLERANCE)) + 1
    else:
        slices = round(count) + 1
        step = float(heights[-1] / (slices - 1))
    first = stack.slices[0]
    row, column = axes_of(first)
    low, high = np.zeros(2, dtype=int), np.zeros(2, dtype=int)
    if "gantry_tilt" in checks:
        moved = _moved(stack)
        low, high = np.floor(moved.min(axis=0)), np.ceil(moved.max(axis=0))
    spacing = np.array(first.spacing)
    corner = np.array(first.position) + low[0] * spacing[0] * column + low[1] * spacing[1] * row
    shape = np.array(first.shape) + (high - low).astype(int)
    if shape.max() > 2 * max(first.shape):
        return None
    return Geometry(
        (slices, int(shape[0]), int(shape[1])),
        (step, float(spacing[0]), float(spacing[1])),
        tuple(corner.tolist()),
        tuple(np.stack([row, column, np.cross(row, column)], axis=1).ravel().tolist()),
    )


def _moved(stack: Stack) -> np.ndarray:
    """How far each plane lies beside the first one: pixels along (rows, columns), exact to 1e-6."""
    first = stack.slices[0]
    row, column = axes_of(first)
    away = np.array([one.position for one in stack.slices]) - np.array(first.position)
    moved = np.stack([away @ column, away @ row], axis=1) / np.array(first.spacing)
    return np.round(moved, 6)


def regular(planes: np.ndarray, stack: Stack) -> np.ndarray:
    """Bring the planes of a repaired stack onto its grid.

    Parameters
    ----------
    planes : ndarray of shape (n_slices, rows, columns)
        In the order of ``stack.slices``.
    stack : Stack
        With its grid, from `repair_stack`.

    Returns
    -------
    ndarray
        On ``stack.geometry``, of the same type; whole numbers are rounded. Beside the planes it is
        filled with the lowest value of all planes.
    """
    grid = stack.geometry
    assert grid is not None
    heights = _heights(stack)
    tilted = any(word.startswith("gantry_tilt") for word in stack.repairs)
    moved = _moved(stack) if tilted else np.zeros((len(planes), 2))
    moved -= np.floor(moved.min(axis=0))
    fill = planes.min()
    result = np.empty(grid.shape, dtype=planes.dtype)
    for k in range(grid.shape[0]):
        near = _neighbours(heights, k * grid.spacing[0])
        if len(near) == 1 and not tilted:
            result[k] = planes[near[0][0]]
            continue
        target = np.zeros(grid.shape[1:])
        for i, weight in near:
            target += weight * _placed(planes[i], moved[i], grid.shape[1:], float(fill))
        result[k] = np.rint(target) if result.dtype.kind in "iu" else target
    return result


def _neighbours(heights: np.ndarray, height: float) -> Sequence[tuple[int, float]]:
    """Planes that a height lies between, with their weights; one when it lies on it."""
    above = int(np.clip(np.searchsorted(heights, height), 1, len(heights) - 1))
    step = heights[above] - heights[above - 1]
    part = float(np.clip((height - heights[above - 1]) / step, 0, 1))
    near = INCREMENT_TOLERANCE
    if part <= near:
        return [(above - 1, 1.0)]
    return [(above, 1.0)] if part >= 1 - near else [(above - 1, 1 - part), (above, part)]


def _placed(
    plane: np.ndarray, moved: np.ndarray, shape: tuple[int, ...], fill: float
) -> np.ndarray:
    """Put a plane on a larger one, moved by (rows, columns) that need not be whole."""
    found = np.zeros(shape)
    whole = np.floor(moved).astype(int)
    part = moved - whole
    rows, columns = plane.shape
    above = plane.astype(float) - fill
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (part[0] if y else 1 - part[0]) * (part[1] if x else 1 - part[1])
        if weight > 0:
            top, left = whole[0] + y, whole[1] + x
            found[top : top + rows, left : left + columns] += weight * above
    return found + fill
