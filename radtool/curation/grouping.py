"""Files to series, and structure sets and segmentations to the series that they were drawn on."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from radtool.image import Geometry
from radtool.io import Finding, Repair, Stack, repair_stack, split_slices
from radtool.io.records import Record, RoiRecord
from radtool.io.series import fingerprint

__all__ = ["Match", "Series", "find_series", "match_masks"]

COINCIDENT = 0.1
"""Contour planes this near to slices, in slices, were drawn on them."""
MOSTLY_INSIDE = 0.9
BY_POSITION = "referenced series, by the contours' positions"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Image planes of one DICOM series.

    Parameters
    ----------
    uid : str
        Series instance UID.
    records : tuple of Record
        Its files, in the order of their names.
    stack : Stack
        Order, grid and findings of its planes.
    part : str, default ""
        Its name among the volumes of the series, "" when it is the only one.
    """

    uid: str
    records: tuple[Record, ...]
    stack: Stack
    part: str = ""

    @property
    def first(self) -> Record:
        """The record that speaks for the series."""
        return self.records[0]

    @property
    def patient(self) -> str:
        """Patient id; a stand-in made of the study when the header has none."""
        return self.first.patient_id or f"unknown-{self.first.study_uid[-12:]}"

    @property
    def modality(self) -> str:
        """CT, MR, PT or what else the files say."""
        return self.first.kind

    @property
    def study_date(self) -> str:
        """YYYYMMDD, "" when the header has none."""
        return str(self.first.attributes.get("study_date", ""))


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Where a structure set or SEG belongs.

    Parameters
    ----------
    mask : Record
        The structure set or SEG.
    series : Series or None
        The series it was drawn on, None when it is not there.
    how : str
        "referenced series" (of several volumes "…, by the contours' positions"), "referenced
        images", "frame of reference", "geometry", or why not.
    """

    mask: Record
    series: Series | None
    how: str


def find_series(
    records: Iterable[Record], *, repair: Callable[[str], Repair] | None = None
) -> list[Series]:
    """Group image files by series, in the order of patients and of their first files.

    Files of one series instance UID in several places are one series; planes that come twice
    are dropped, and a series that holds several volumes becomes one `Series` a volume: see
    `split_slices`, which says so.

    Parameters
    ----------
    records : iterable of Record
        Files.
    repair : callable, optional
        Modality -> what may be done to slices that are not a volume.
    """
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        if not record.is_mask and (record.is_image or record.slices or _counts(record)):
            groups[(record.patient_id, record.series_uid, record.kind)].append(record)
    found = []
    for (_, uid, kind), group in sorted(groups.items(), key=lambda item: item[0]):
        settings = Repair() if repair is None else repair(kind)
        found += _volumes(uid, group, settings)
    return found


def _volumes(uid: str, group: Sequence[Record], repair: Repair) -> list[Series]:
    broken = [record for record in group if record.problem]
    slices = [one for record in group for one in record.slices]
    volumes = split_slices(slices, fingerprint=fingerprint)
    if broken and len(volumes) == 1:
        stack = _shown(volumes[0].stack, group)
        findings = (_damaged(broken), *(stack.findings if slices else ()))
        return [Series(uid, tuple(group), Stack(stack.slices, None, findings))]
    found = []
    for volume in volumes:
        files = {one.file for one in volume.stack.slices}
        whole = len(volumes) == 1
        own = tuple(record for record in group if whole or record.path in files)
        stack = _shown(repair_stack(volume.stack, repair), group)
        found.append(Series(uid, own, stack, volume.part))
    if broken:
        lost = Stack((), None, (_damaged(broken),))
        found.append(Series(uid, tuple(broken), lost, "damaged"))
    return found


def _shown(stack: Stack, group: Sequence[Record]) -> Stack:
    """Call files in findings as the crawl shows them."""
    shown = {record.path: record.shown for record in group}
    findings = tuple(
        dataclasses.replace(finding, files=tuple(shown[file] for file in finding.files))
        for finding in stack.findings
    )
    return dataclasses.replace(stack, findings=findings)


def _damaged(broken: Sequence[Record]) -> Finding:
    return Finding(
        "damaged",
        "error",
        f"{len(broken)} file(s) cannot be used: {broken[0].problem}",
        tuple(record.shown for record in broken),
    )


def _counts(record: Record) -> bool:
    """Whether a file that is not an image plane is still reported as a series of its own."""
    return record.kind not in ("", "PR", "KO", "SR", "REG", "RTPLAN", "RTDOSE", "RTRECORD")


def match_masks(masks: Iterable[Record], series: Sequence[Series]) -> list[Match]:
    """Find the series that each structure set or SEG was drawn on.

    Parameters
    ----------
    masks : iterable of Record
        Structure sets and segmentations.
    series : sequence of Series
        All image series.

    Returns
    -------
    list of Match
        One a mask file. UIDs decide first: the referenced series, then referenced images. When
        they lead nowhere (de-identified copies, exports of a planning system), the series of the
        same patient in the same frame of reference, then any series of the patient, is taken if
        the contours lie inside it and on its slices, and no other fits as well. Of a series with
        several volumes it is the one that alone holds the contours, and has all of them on its
        slices; where each ROI lies on one volume of its own, there is a Match for each volume, with
        its ROIs.
    """
    by_uid: dict[str, list[Series]] = defaultdict(list)
    by_image: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        by_uid[one.uid].append(one)
        for record in one.records:
            by_image[record.instance_uid].append(one)
    return [match for mask in masks for match in _match(mask, series, by_uid, by_image)]


def _match(
    mask: Record,
    series: Sequence[Series],
    by_uid: dict[str, list[Series]],
    by_image: dict[str, list[Series]],
) -> list[Match]:
    named = [one for uid in mask.series_uids for one in by_uid.get(uid, []) if one.first.is_image]
    if len(named) == 1:
        return [Match(mask, named[0], "referenced series")]
    pictured = {id(one): one for uid in mask.image_uids for one in by_image.get(uid, [])}
    if len(pictured) == 1:
        return [Match(mask, next(iter(pictured.values())), "referenced images")]
    if found := _on_parts(mask, named):
        return found
    own = [one for one in series if one.first.patient_id == mask.patient_id and one.first.is_image]
    best = _fitting(mask, [] if named else _same_frame(mask, own), on_slices=False)
    if len(best) == 1:
        return [Match(mask, best[0], "frame of reference")]
    best = _fitting(mask, own, on_slices=True)
    if len(best) == 1:
        return [Match(mask, best[0], "geometry")]
    if len(best) > 1:
        return [Match(mask, None, _ambiguous(best))]
    if len(named) > 1:
        return [Match(mask, None, _on_none(mask, named))]
    missing = "; the patient has no image series" if not own else ""
    return [Match(mask, None, f"refers to a series that is not there{missing}")]


def _on_parts(mask: Record, named: Sequence[Series]) -> list[Match]:
    """Of the volumes of the referenced series, those that the ROIs lie on; none when in doubt."""
    candidates = _same_frame(mask, named) or list(named)
    best = _fitting(mask, candidates, on_slices=False)
    if len(best) == 1:
        return [Match(mask, best[0], BY_POSITION)]
    rois: dict[int, list[RoiRecord]] = defaultdict(list)
    for roi in [roi for roi in mask.rois if roi.points]:
        best = _fitting(dataclasses.replace(mask, rois=(roi,)), candidates, on_slices=False)
        if len(best) != 1:
            return []
        rois[id(best[0])].append(roi)
    parts = [one for one in candidates if id(one) in rois]
    for one in parts[:1]:  # an ROI without contours lies nowhere, and is told of once
        rois[id(one)] += [roi for roi in mask.rois if not roi.points]
    return [
        Match(dataclasses.replace(mask, rois=tuple(rois[id(one)])), one, BY_POSITION)
        for one in parts
    ]


def _same_frame(mask: Record, candidates: Iterable[Series]) -> list[Series]:
    frame = mask.frame_of_reference
    return [one for one in candidates if frame and one.first.frame_of_reference == frame]


def _ambiguous(best: Sequence[Series]) -> str:
    if len({one.uid for one in best}) > 1:
        return f"fits {len(best)} series of the patient equally well"
    parts = ", ".join(one.part for one in best)
    return f"names no image of one volume of its series, and fits {len(best)} of them: {parts}"


def _on_none(mask: Record, named: Sequence[Series]) -> str:
    points = _points(mask)
    shares = []
    for one in named:
        geometry = one.stack.geometry
        share = "cannot be used" if geometry is None else f"{_fit(points, geometry).inside:.0%}"
        shares.append(f"{one.part} ({share})")
    return (
        "names no image of one volume of its series, and no volume holds its contours: share of"
        f" their points in {', '.join(shares)}"
    )


def _points(mask: Record) -> np.ndarray:
    return np.array([point for roi in mask.rois for point in roi.points]).reshape(-1, 3)


def _fitting(mask: Record, candidates: Sequence[Series], *, on_slices: bool) -> list[Series]:
    """Return the series that hold the points; of several, those whose slices they lie on."""
    points = _points(mask)
    if not len(points):
        return list(candidates) if not on_slices else []
    fits = [
        (one, _fit(points, one.stack.geometry))
        for one in candidates
        if one.stack.geometry is not None
    ]
    inside = [(one, fit) for one, fit in fits if fit.inside >= MOSTLY_INSIDE]
    exact = [(one, fit) for one, fit in inside if fit.median <= COINCIDENT]
    if not on_slices and not (exact and len(inside) > 1):
        return [one for one, _ in inside]
    whole = [one for one, fit in exact if fit.largest <= COINCIDENT and fit.inside == 1]
    return whole if len(whole) == 1 else [one for one, _ in exact]


class _Fit(NamedTuple):
    """Share of points inside a grid; their median and largest distance from a slice, in slices."""

    inside: float
    median: float
    largest: float


def _fit(points: np.ndarray, geometry: Geometry) -> _Fit:
    if not len(points):
        return _Fit(0.0, 1.0, 1.0)
    index = geometry.to_index(points)
    inside = ((index >= -1) & (index <= np.array(geometry.shape))).all(axis=1)
    if not inside.any():
        return _Fit(0.0, 1.0, 1.0)
    away = np.abs(index[inside, 0] - np.rint(index[inside, 0]))
    return _Fit(float(inside.mean()), float(np.median(away)), float(away.max()))
