"""One series with its masks: checked, converted, shown. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from radtool.curation.checks import Checks, Rule, Value
from radtool.curation.contours import contour_traits
from radtool.curation.measures import describe_image, describe_mask
from radtool.curation.naming import safe_name
from radtool.curation.previews import contact_sheet
from radtool.errors import GeometryError, RadtoolError
from radtool.files import hash_of, read_json, sha256, write_json
from radtool.image import Image, Mask
from radtool.io import (
    Contours,
    Finding,
    contour_volume_ml,
    fraction_inside,
    place_mask,
    rasterise,
    read_rtstruct,
    write_image,
    write_mask,
)
from radtool.io.seg import read_segments
from radtool.io.series import read_planes
from radtool.processes import follow_parent

__all__ = ["CaseResult", "MaskTask", "SeriesTask", "remembered", "run_series"]

RESULT_VERSION = "4"


@dataclass(frozen=True, slots=True)
class MaskTask:
    """One ROI to be made into a mask.

    Parameters
    ----------
    roi : str
        Name in the manifest.
    original : str
        Name in the file.
    path : str
        RTSTRUCT or SEG.
    kind : str
        "RTSTRUCT" or "SEG".
    number : int
        ROI or segment number.
    findings : tuple of Finding
        What matching and naming noticed.
    """

    roi: str
    original: str
    path: str
    kind: str
    number: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class SeriesTask:
    """A series to be converted, with everything that a worker needs.

    Parameters
    ----------
    stem : str
        Start of all file names and case ids of the series.
    planes : tuple of (str, int)
        Files and frames of its planes, copies left out.
    masks : tuple of MaskTask
        ROIs drawn on it.
    checks : Checks
        Rules of its modality; the header has been checked already.
    row : mapping
        Columns that every manifest row of the series carries.
    stamp : str
        Changes when any input file does.
    """

    stem: str
    planes: tuple[tuple[str, int], ...]
    masks: tuple[MaskTask, ...]
    checks: Checks
    row: Mapping[str, Value]
    stamp: str

    @property
    def files(self) -> tuple[str, ...]:
        """Files of its planes."""
        return tuple(dict.fromkeys(path for path, _ in self.planes))

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on."""
        return hash_of(
            {
                "version": RESULT_VERSION,
                "stem": self.stem,
                "frames": [frame for _, frame in self.planes],
                "masks": [asdict(mask) for mask in self.masks],
                "checks": self.checks.to_dict(),
                "row": dict(self.row),
                "stamp": self.stamp,
            }
        )


@dataclass(slots=True)
class CaseResult:
    """What came of a series; plain values, kept as JSON for the next run.

    Parameters
    ----------
    rows : list of dict
        Manifest rows.
    findings : list of dict
        ``case_id``, ``roi`` and the fields of a Finding.
    failures : list of dict
        ``case_id``, ``reason``, ``path``.
    status : str
        "used", "excluded" or "no mask".
    reused : bool
        Whether it was taken from an earlier run.
    traits : dict
        Case id -> `contour_traits`, for the comparison with the other contours of the cohort.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    status: str = "excluded"
    reused: bool = False
    traits: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def outputs(self) -> set[str]:
        """Files that were written, relative to the output folder."""
        names = ("image", "mask", "preview")
        return {row[name] for row in self.rows for name in names if row[name]}

    def note(self, finding: Finding, case_id: str, roi: str = "") -> None:
        """Keep a finding."""
        self.findings.append({"case_id": case_id, "roi": roi, **asdict(finding)})

    def fail(self, case_id: str, reason: str, path: str = "") -> None:
        """Keep a failure."""
        self.failures.append({"case_id": case_id, "reason": reason, "path": path})


def run_series(task: SeriesTask, out: Path, work: Path) -> CaseResult:
    """Convert one series and its masks, or take the result of an earlier run.

    Parameters
    ----------
    task : SeriesTask
        What to do.
    out : path
        Folder with ``images``, ``masks`` and ``previews``.
    work : path
        Folder where results are remembered.

    Returns
    -------
    CaseResult
        Refused cases are failures in it, never exceptions.
    """
    follow_parent()
    memory = work / "cases" / f"{task.stem}.json"
    earlier, key = remembered(memory)
    if key == task.key and all((out / name).is_file() for name in earlier.outputs):
        return earlier
    result = CaseResult()
    try:
        ready = _prepare(task, result)
    except RadtoolError as error:
        ready = None
        result.note(Finding("unreadable", "error", str(error)), task.stem)
        result.fail(task.stem, str(error))
    for name in earlier.outputs:
        (out / name).unlink(missing_ok=True)
    try:
        if ready is not None:
            _save(task, ready, out, result)
        write_json(memory, {"key": task.key, **asdict(result)})
    except (RadtoolError, OSError) as error:
        # Not remembered: the next run, with room on the disk, tries again.
        memory.unlink(missing_ok=True)
        _undo(out, result)
        reason = str(error) if isinstance(error, RadtoolError) else f"cannot be written ({error})"
        result.note(Finding("not_written", "error", reason), task.stem)
        result.fail(task.stem, reason)
    return result


def _undo(out: Path, result: CaseResult) -> None:
    """Take back what was written of a series that could not be written whole."""
    for name in result.outputs:
        (out / name).unlink(missing_ok=True)
    result.rows, result.status = [], "excluded"


def remembered(memory: Path) -> tuple[CaseResult, str]:
    """Return the result of an earlier run and its key; an empty result when there is none."""
    if not memory.is_file():
        return CaseResult(), ""
    values = read_json(memory)
    key = values.pop("key", "")
    return CaseResult(**values | {"reused": True}), key


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """An image and its masks (case id, mask, columns of the manifest), checked."""

    image: Image
    masks: list[tuple[str, Mask, dict[str, Value]]]


def _prepare(task: SeriesTask, result: CaseResult) -> _Ready | None:
    """Read, rasterise and check; None when nothing of the series may be used."""
    image = read_planes(task.planes, repair=task.checks.volume)
    facts = describe_image(image)
    broken = _apply(task.checks.image, facts, result, task.stem)
    if broken:
        result.fail(task.stem, broken)
        return None
    made = [_mask_of(mask, task, image, result) for mask in task.masks]
    usable = [one for one in made if one is not None]
    if not usable and not _may_lack_mask(task, result):
        return None
    return _Ready(image, usable)


def _save(task: SeriesTask, ready: _Ready, out: Path, result: CaseResult) -> None:
    """Write image, masks and previews; a row is there before its files are, so that all go."""
    result.status = "used"
    image_path = f"images/{task.stem}.nii.gz"
    common = {**task.row, "image": image_path, "unit": ready.image.unit, "image_sha256": ""}
    for case_id, mask, columns in ready.masks:
        name = safe_name(case_id)
        result.rows.append(
            {
                **common,
                **columns,
                "case_id": case_id,
                "roi": mask.roi,
                "mask": f"masks/{name}.nii.gz",
                "mask_sha256": "",
                "preview": f"previews/{name}.png",
            }
        )
    if not ready.masks:
        preview = f"previews/{task.stem}.png"
        result.rows.append(
            {**common, "case_id": task.stem, "roi": "", "mask": "", "preview": preview}
        )
        contact_sheet(ready.image).save(out / preview)
    write_image(ready.image, out / image_path)
    for row in result.rows:
        row["image_sha256"] = sha256(out / image_path)
    for row, (_, mask, _) in zip(result.rows, ready.masks, strict=False):
        write_mask(mask, out / row["mask"])
        row["mask_sha256"] = sha256(out / row["mask"])
        contact_sheet(ready.image, mask).save(out / row["preview"])


def _apply(
    rules: Iterable[Rule], facts: Mapping[str, Value], result: CaseResult, case: str, roi: str = ""
) -> str:
    """Note what every rule finds; return why the case is left out, "" when it stays."""
    broken = []
    for rule in rules:
        finding = rule.check(facts.get(rule.column))
        result.note(finding, case, roi)
        if finding.severity == "error":
            broken.append(f"{finding.check}: {finding.detail}")
    return "; ".join(broken)


def _may_lack_mask(task: SeriesTask, result: CaseResult) -> bool:
    if result.failures:
        return False
    rules = [rule for rule in task.checks.mask if rule.column == "present"]
    broken = _apply(rules, {"present": "no"}, result, task.stem)
    if broken:
        result.status = "no mask"
    return not broken


def _mask_of(
    wanted: MaskTask, task: SeriesTask, image: Image, result: CaseResult
) -> tuple[str, Mask, dict[str, Value]] | None:
    """Make, check and describe one mask; None when it is refused."""
    case = f"{task.stem}-{wanted.roi}"
    for finding in wanted.findings:
        result.note(finding, case, wanted.roi)
    drawn = _drawn(wanted, task.stamp, image)
    if isinstance(drawn, Finding):
        result.note(drawn, case, wanted.roi)
        result.fail(case, f"{drawn.check}: {drawn.detail}", wanted.path)
        return None
    mask, inside_image, contour_ml = drawn
    facts = describe_mask(mask, image, inside_image=inside_image, contour_ml=contour_ml)
    broken = _apply(task.checks.mask, facts, result, case, wanted.roi)
    if broken:
        result.fail(case, broken, wanted.path)
        return None
    result.traits[case] = contour_traits(image, mask)
    columns: dict[str, Value] = {
        "roi_original": wanted.original,
        "mask_origin": wanted.kind,
        "volume_ml": round(mask.volume_ml, 4),
    }
    return case, mask, columns


def _drawn(
    wanted: MaskTask, stamp: str, image: Image
) -> tuple[Mask, float, float | None] | Finding:
    """Return mask, share of its points in the image, volume of the contours; or what is wrong."""
    try:
        if wanted.kind == "SEG":
            segment = _segments(wanted.path, stamp).get(wanted.number)
            if segment is None or segment.is_empty:
                return _empty(wanted)
            return place_mask(replace(segment, roi=wanted.roi), image.geometry), 1.0, None
        polygons = _contours(wanted.path, stamp)[wanted.number].polygons
        if not polygons:
            return _empty(wanted)
        inside = fraction_inside(polygons, image.geometry)
        mask = rasterise(polygons, image.geometry, wanted.roi)
    except GeometryError as error:
        return Finding("mask_geometry", "error", str(error))
    except RadtoolError as error:
        return Finding("mask_unreadable", "error", str(error).removeprefix(f"{wanted.path}: "))
    if mask.is_empty:
        detail = f"ROI {wanted.original!r} holds no voxel centre of this image"
        return Finding("roi_empty", "error", detail)
    step = None if contour_volume_ml(polygons) else image.geometry.spacing[0]
    return mask, inside, contour_volume_ml(polygons, step=step)


def _empty(wanted: MaskTask) -> Finding:
    what = "contour" if wanted.kind == "RTSTRUCT" else "voxel"
    return Finding("roi_empty", "error", f"ROI {wanted.original!r} has no {what}")


@lru_cache(maxsize=2)
def _contours(path: str, _stamp: str) -> dict[int, Contours]:
    return {one.number: one for one in read_rtstruct(path).rois}


@lru_cache(maxsize=1)
def _segments(path: str, _stamp: str) -> dict[int, Mask]:
    return read_segments(path)
