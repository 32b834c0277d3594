"""Slices of one series put in order, and everything that keeps them from being a volume."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from radtool.errors import DicomError
from radtool.image import Geometry

__all__ = ["Finding", "Slice", "Stack", "stack_slices"]

ORIENTATION_TOLERANCE = 1e-3
"""Largest difference of a direction cosine between slices of one volume."""
INCREMENT_TOLERANCE = 0.02
"""Largest deviation of a slice increment from the median, as a fraction of it."""
ROUNDING_MM = 0.01
"""Positions nearer than this are the same: DICOM writes them with few digits."""
DRIFT_PIXELS = 0.5
"""Largest in-plane drift from the first slice to the last, in pixels."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One named observation about a series, a mask or a file.

    Parameters
    ----------
    check : str
        Name of the check: "gantry_tilt", "missing_slices", ….
    severity : {"info", "warning", "error"}
        "error" means that no volume or mask can be made.
    detail : str
        What was found, with numbers.
    files : tuple of str, default ()
        Names of the files concerned.
    """

    check: str
    severity: Literal["info", "warning", "error"]
    detail: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """Where one image plane lies; a frame of a multi-frame file counts as a plane.

    Parameters
    ----------
    file : str
        Path of the file.
    frame : int
        Frame index in the file, 0 for a single-frame file.
    uid : str
        SOP instance UID.
    shape : tuple of 2 int
        Rows, columns.
    spacing : tuple of 2 float
        Distance in mm between rows (y), between columns (x), as in PixelSpacing.
    position : tuple of 3 float
        Centre of the first pixel, patient coordinates (x, y, z), LPS, mm.
    orientation : tuple of 6 float
        Direction of a row (along x), then of a column (along y), as in ImageOrientationPatient.
    thickness : float or None
        Nominal slice thickness in mm.
    marks : tuple of (name, value)
        What may tell volumes of one series apart: echo time, b-value, …; see `marks_of`.
    """

    file: str
    frame: int
    uid: str
    shape: tuple[int, int]
    spacing: tuple[float, float]
    position: tuple[float, float, float]
    orientation: tuple[float, ...]
    thickness: float | None = None
    marks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stack:
    """Slices in order along their normal, their grid, and what was found.

    Parameters
    ----------
    slices : tuple of Slice
        From the lowest position along the normal to the highest; copies dropped.
    geometry : Geometry or None
        The grid, None when a finding is an error.
    findings : tuple of Finding
        Everything that was noticed.
    repairs : tuple of str
        What must be done to the planes so that they fill the grid; see `repair_stack`.
    """

    slices: tuple[Slice, ...]
    geometry: Geometry | None
    findings: tuple[Finding, ...]
    repairs: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that keep the slices from being a volume."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def checked_geometry(self, name: str) -> Geometry:
        """Return the grid, or raise with every error found.

        Raises
        ------
        DicomError
            The slices are not a volume; the message starts with `name`.
        """
        if self.geometry is None:
            words = "; ".join(
                f"{error.check}: {error.detail}{_files(error)}" for error in self.errors
            )
            raise DicomError(f"{name}: {words}")
        return self.geometry


def _files(finding: Finding) -> str:
    if not finding.files:
        return ""
    names = [file.rsplit("/", 1)[-1] for file in finding.files]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f" ({shown})"


def stack_slices(slices: Sequence[Slice]) -> Stack:
    """Order slices by their position along the normal and check that they are a volume.

    Parameters
    ----------
    slices : sequence of Slice
        Planes of one series, in any order.

    Returns
    -------
    Stack
        Errors are "orientation" (slices not parallel), "matrix" (sizes or pixel spacings differ),
        "not_a_volume" (all at one place), "duplicate_positions", "missing_slices", "increment"
        (uneven spacing), "gantry_tilt" and "in_plane_shift"; the one warning is "copies" (the
        same instance more than once, dropped).

    Notes
    -----
    The grid is that of ITK's series reader: origin at the first slice, slice spacing the distance
    from first to last over n - 1. A single slice has its thickness as spacing.

    References
    ----------
    DICOM PS3.3, C.7.6.2 (Image Plane Module).
    """
    if not slices:
        return Stack((), None, (Finding("not_a_volume", "error", "no slice with a position"),))
    slices, findings = _without_copies(sorted(slices, key=lambda s: (s.file, s.frame)))
    alike = _check_alike(slices)
    if alike:
        return Stack(tuple(slices), None, (*findings, *alike))
    row, column = axes_of(slices[0])
    normal = np.cross(row, column)
    offsets = np.array([np.dot(s.position, normal) for s in slices])
    order = np.argsort(offsets, kind="stable")
    slices, offsets = [slices[i] for i in order], offsets[order]
    findings += _check_increments(slices, offsets)
    findings += _check_drift(slices, offsets, np.stack([row, column]))
    findings += _check_thickness(slices)
    if any(finding.severity == "error" for finding in findings):
        return Stack(tuple(slices), None, tuple(findings))
    depth = (offsets[-1] - offsets[0]) / (len(slices) - 1) if len(slices) > 1 else None
    geometry = Geometry(
        (len(slices), *slices[0].shape),
        (float(depth if depth is not None else slices[0].thickness or 0), *slices[0].spacing),
        slices[0].position,
        tuple(np.stack([row, column, normal], axis=1).ravel().tolist()),
    )
    return Stack(tuple(slices), geometry, tuple(findings))


def axes_of(one: Slice) -> tuple[np.ndarray, np.ndarray]:
    """Return unit row and column directions; rounding in the file is taken out."""
    row = np.array(one.orientation[:3])
    row = row / np.linalg.norm(row)
    column = np.array(one.orientation[3:])
    column = column - np.dot(column, row) * row
    return row, column / np.linalg.norm(column)


def _without_copies(slices: list[Slice]) -> tuple[list[Slice], list[Finding]]:
    kept: dict[tuple[str, int], Slice] = {}
    copies = []
    for one in slices:
        key = (one.uid or one.file, one.frame)
        if key in kept and kept[key].position == one.position:
            copies.append(one.file)
        else:
            kept[key if key not in kept else (one.file, one.frame)] = one
    if not copies:
        return list(kept.values()), []
    detail = f"{len(copies)} file(s) repeat an instance that is already there; left out"
    return list(kept.values()), [Finding("copies", "warning", detail, tuple(copies))]


def _check_alike(slices: list[Slice]) -> list[Finding]:
    findings = []
    first = slices[0]
    row = np.array([s.orientation for s in slices])
    lengths = np.linalg.norm(row.reshape(-1, 2, 3), axis=2)
    skew = np.abs(np.sum(row[:, :3] * row[:, 3:], axis=1))
    wrong = (np.abs(lengths - 1).max(axis=1) > 0.01) | (skew > 0.01)
    if wrong.any():
        where = int(np.argmax(wrong))
        detail = f"ImageOrientationPatient is not two unit vectors at right angles: {row[where]}"
        return [Finding("orientation", "error", detail, (slices[where].file,))]
    turned = np.abs(row - row[0]).max(axis=1) > ORIENTATION_TOLERANCE
    if turned.any():
        kinds = directions_of(slices)
        detail = f"slices are not parallel: {len(set(kinds))} orientations in one series"
        findings.append(Finding("orientation", "error", detail, _rarer(slices, kinds)))
    sizes = {s.shape for s in slices}
    spacings = {tuple(round(v, 4) for v in s.spacing) for s in slices}
    if len(sizes) > 1 or len(spacings) > 1:
        detail = f"matrix sizes {sorted(sizes)} (rows, columns), pixel spacings {sorted(spacings)}"
        files = _rarer(slices, [(s.shape, tuple(round(v, 4) for v in s.spacing)) for s in slices])
        findings.append(Finding("matrix", "error", detail, files))
    if min(first.spacing) <= 0:
        detail = f"pixel spacing {first.spacing} is not above 0 mm"
        findings.append(Finding("matrix", "error", detail, (first.file,)))
    return findings


def directions_of(slices: Sequence[Slice]) -> list[int]:
    """Number the orientations of slices; equal numbers are parallel within the tolerance."""
    known: list[np.ndarray] = []
    labels = []
    for one in slices:
        cosines = np.array(one.orientation)
        near = (np.abs(cosines - other).max() <= ORIENTATION_TOLERANCE for other in known)
        label = next((k for k, yes in enumerate(near) if yes), len(known))
        if label == len(known):
            known.append(cosines)
        labels.append(label)
    return labels


def _rarer(slices: Sequence[Slice], kinds: Sequence[object]) -> tuple[str, ...]:
    """Files of the slices that are not like most others, or of all but the first kind."""
    usual = Counter(kinds).most_common(1)[0][0]
    return _files_of(s for s, kind in zip(slices, kinds, strict=True) if kind != usual)


def _files_of(slices: Iterable[Slice]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.file for one in slices))


def _check_increments(slices: list[Slice], offsets: np.ndarray) -> list[Finding]:
    if len(slices) < 2:
        return []
    steps = np.diff(offsets)
    same = steps < ROUNDING_MM
    if same.all():
        detail = f"all {len(slices)} slices lie at the same position"
        return [Finding("not_a_volume", "error", detail, (slices[0].file, slices[1].file))]
    if same.any():
        detail = (
            f"{int(same.sum())} slice(s) lie where another one lies; several echoes, phases or"
            " reconstructions in one series, or a slice exported twice"
        )
        return [Finding("duplicate_positions", "error", detail, _beside(slices, same))]
    step = float(np.median(steps))
    multiples = np.maximum(np.rint(steps / step), 1)
    tolerance = max(INCREMENT_TOLERANCE * step, ROUNDING_MM)
    uneven = np.abs(steps - multiples * step) > tolerance * multiples
    if uneven.any():
        detail = (
            f"slice increments run from {steps.min():.4g} to {steps.max():.4g} mm, median"
            f" {step:.4g} mm"
        )
        return [Finding("increment", "error", detail, _beside(slices, uneven))]
    if (multiples > 1).any():
        missing = int((multiples - 1).sum())
        detail = (
            f"{missing} slice(s) missing: gap of {steps.max():.4g} mm where slices are"
            f" {step:.4g} mm apart"
        )
        return [Finding("missing_slices", "error", detail, _beside(slices, multiples > 1))]
    return []


def _beside(slices: Sequence[Slice], steps: np.ndarray) -> tuple[str, ...]:
    """Files on both sides of the marked steps."""
    where = np.flatnonzero(steps)
    return _files_of(slices[i] for i in sorted({*where, *(where + 1)}))


def _check_drift(slices: list[Slice], offsets: np.ndarray, plane: np.ndarray) -> list[Finding]:
    """Look for slices that do not lie straight above each other."""
    if len(slices) < 2:
        return []
    inside = np.array([s.position for s in slices]) @ plane.T
    moved = inside - inside[0]
    pixel = np.array([slices[0].spacing[1], slices[0].spacing[0]])
    if (np.abs(moved) / pixel).max() <= DRIFT_PIXELS:
        return []
    height = offsets - offsets[0]
    if height[-1] <= 0:
        return []
    slope = (height @ moved) / (height @ height)
    rest = np.abs(moved - height[:, None] * slope)
    angle = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    if (rest / pixel).max() <= DRIFT_PIXELS:
        detail = (
            f"slices are sheared by {angle:.1f}° (gantry tilt): they drift"
            f" {np.linalg.norm(moved[-1]):.1f} mm in plane; resample to an upright grid first"
        )
        return [Finding("gantry_tilt", "error", detail, (slices[0].file, slices[-1].file))]
    where = int(np.argmax(np.linalg.norm(rest, axis=1)))
    detail = f"a slice lies {np.linalg.norm(moved[where]):.1f} mm beside the first one"
    return [Finding("in_plane_shift", "error", detail, (slices[0].file, slices[where].file))]


def _check_thickness(slices: list[Slice]) -> list[Finding]:
    if len(slices) == 1 and not (slices[0].thickness or 0) > 0:
        detail = "a single slice without SliceThickness has no volume"
        return [Finding("not_a_volume", "error", detail, (slices[0].file,))]
    return []
