"""From a folder of DICOM files to a checked, documented manifest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from radtool.curation.cases import SeriesTask, remembered, run_series
from radtool.curation.checks import checks_by_modality, load_checks
from radtool.curation.contours import note_unusual
from radtool.curation.crawl import Crawl, crawl
from radtool.curation.document import write_document
from radtool.curation.grouping import Match, find_series, match_masks
from radtool.curation.identity import Identities, Pseudonyms
from radtool.curation.naming import RoiNames
from radtool.curation.planning import Planned, plan_series
from radtool.curation.result import CurationResult, FlowStep
from radtool.curation.torn import note_torn
from radtool.errors import InputError
from radtool.files import sweep, write_text
from radtool.io import Finding
from radtool.provenance import provenance
from radtool.table import Failure, write_table
from radtool.table.contracts import MANIFEST_COLUMNS

__all__ = ["curate"]

Progress = Callable[[int, int, str], None]
QUALITY_COLUMNS = (
    "case_id", "patient_id", "series_uid", "roi", "check", "severity", "detail", "files",
)  # fmt: skip
OUTPUTS = ("images", "masks", "previews")
SERIES_COLUMNS = ("patient_id", "modality", "timepoint", "status", "reason")


def curate(  # noqa: PLR0913 - one call does the whole job; everything but the folders is optional
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    checks: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    roi_names: Mapping[str, str | Iterable[str]] | None = None,
    pseudonyms: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> CurationResult:
    """Turn a DICOM dump into images, masks, a manifest and a document to look at.

    Parameters
    ----------
    folder : path-like
        DICOM files under any names and nesting; zip and tar files are opened; or one such file.
    out : path-like
        Gets ``manifest.csv``, ``series.csv``, ``quality.csv``, ``curation.html``, ``images``,
        ``masks`` and ``previews``. A second run does only what has changed since.
    checks : mapping or path-like, optional
        Quality rules for all series (see ``params/checks_ct.yaml``); by default CT, MR and PET
        each get the file that comes with radtool.
    roi_names : mapping, optional
        Name -> pattern or patterns of ROI names: ``{"GTV": "GTV-1|GTV*"}``. Without it every
        ROI is kept under its own name.
    pseudonyms : bool, default False
        Replace patient ids and UIDs, shift dates and leave out free text. The key, the header
        cache and unpacked archives lie in ``<out>.private``, readable by the owner only.
    jobs : int, default 1
        Processes; -1 is all cores. The result does not depend on it.
    progress : callable, optional
        Called with (done, total, what is being done).

    Returns
    -------
    CurationResult
        Every patient with images is in its manifest or in its failures.

    Raises
    ------
    InputError
        `folder` does not exist, or `out` cannot be written.
    ParameterError
        The checks or ROI patterns are wrong.
    """
    target = Path(out)
    names = RoiNames.of(roi_names)
    rules = None if checks is None else load_checks(checks)
    private = target.with_name(f"{target.name}.private")
    work = private if pseudonyms else target / ".curation"
    _prepare(target, work, private=pseudonyms)
    identities = Pseudonyms.at(private / "key.csv") if pseudonyms else Identities()
    found = crawl(folder, work, skip=(target, private), jobs=jobs, progress=progress)
    masks = [record for record in found.records if record.is_mask]
    checks_of = checks_by_modality(rules)
    series = find_series(found.records, repair=lambda modality: checks_of(modality).volume)
    matches = match_masks([mask for mask in masks if not mask.problem], series)
    planned = plan_series(series, matches, names, checks_of, identities)
    note_torn(planned)
    if isinstance(identities, Pseudonyms):  # before anything carries a pseudonym: a kill loses none
        identities.save(private / "key.csv")
    _run(planned, target, work, jobs, progress)
    note_unusual((plan.result, plan.task.checks) for plan in planned if plan.task is not None)
    unmatched = [
        *(match for match in matches if match.series is None),
        *(Match(mask, None, mask.problem) for mask in masks if mask.problem),
    ]
    result = _collect(target, planned, unmatched, found, identities)
    if isinstance(identities, Pseudonyms):
        identities.save(private / "key.csv")
    settings = {
        "checks": "by modality" if rules is None else rules.to_dict(),
        "roi_names": dict(names.patterns),
        "pseudonyms": pseudonyms,
    }
    _write(result, provenance(settings))
    return result


def _write(result: CurationResult, made: Mapping[str, Any]) -> None:
    try:
        write_table(result.manifest, result.out / "manifest.csv", made)
        write_table(result.series, result.out / "series.csv")
        write_table(result.quality, result.out / "quality.csv")
        write_document(result, made, result.out / "curation.html")
    except OSError as error:
        raise InputError(f"{result.out}: cannot be written ({error.strerror or error})") from error


def _prepare(target: Path, work: Path, *, private: bool) -> None:
    try:
        for folder in (target, work, *(target / name for name in OUTPUTS)):
            folder.mkdir(parents=True, exist_ok=True)
        if private:
            work.chmod(0o700)
        for folder in (target, work, work / "cases", *(target / name for name in OUTPUTS)):
            sweep(folder)
        write_text(work / "README.txt", _WORK_NOTE)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror or error})") from error


_WORK_NOTE = """Header cache, unpacked archives and results of radtool curate.
May be deleted when no run is under way; the next run then starts afresh.
A file key.csv here is the only way from pseudonyms back to patients: keep it safe and apart.
"""


def _run(
    planned: list[Planned], out: Path, work: Path, jobs: int, progress: Progress | None
) -> None:
    """Convert all series that may be, and forget what is no longer there."""
    todo = [plan for plan in planned if plan.task is not None]
    current = {plan.stem for plan in todo}
    for memory in sorted((work / "cases").glob("*.json")):
        if memory.stem not in current:
            for name in remembered(memory)[0].outputs:
                (out / name).unlink(missing_ok=True)
            memory.unlink()
    tasks = (joblib.delayed(run_series)(plan.task, out, work) for plan in todo)
    results = joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks)
    for done, (plan, result) in enumerate(zip(todo, results, strict=True), start=1):
        result.findings = [*plan.result.findings, *result.findings]
        result.failures = [*plan.result.failures, *result.failures]
        plan.result = result
        if progress is not None:
            progress(done, len(todo), "images and masks")


def _collect(
    out: Path,
    planned: list[Planned],
    unmatched: list[Match],
    found: Crawl,
    identities: Identities,
) -> CurationResult:
    findings: list[dict[str, Any]] = []
    failures: list[Failure] = []
    rows: list[dict[str, Any]] = []
    series: list[dict[str, Any]] = []
    for plan in planned:
        if identities.is_pseudonymous:
            _hide(plan, identities)
        for finding in plan.result.findings:
            findings.append(
                finding
                | {
                    "case_id": finding["case_id"] or plan.stem,
                    "patient_id": plan.patient,
                    "series_uid": plan.facts["series_uid"],
                    "files": "; ".join(finding["files"]),
                }
            )
        for failed in plan.result.failures:
            failures.append(
                Failure(failed["case_id"], "curation", failed["reason"], failed["path"])
            )
        rows += plan.result.rows
        series.append({**plan.facts, **_status(plan)})
    for match in unmatched:
        lost, failure = _lost_mask(match, identities)
        findings.append(lost)
        failures.append(failure)
    findings += [_unreadable(name, reason, identities) for name, reason in found.unreadable]
    manifest = pd.DataFrame(rows, columns=_columns(rows, MANIFEST_COLUMNS))
    manifest = manifest.sort_values("case_id", kind="stable", ignore_index=True)
    table = pd.DataFrame(series, columns=_columns(series, SERIES_COLUMNS))
    failures += _patients_without_a_case(planned, manifest, failures)
    return CurationResult(
        out,
        manifest,
        table,
        pd.DataFrame(findings, columns=list(QUALITY_COLUMNS)),
        failures,
        _flow(planned, found, len(manifest), manifest["patient_id"].nunique(), unmatched),
        sum(plan.result.reused for plan in planned),
    )


def _columns(rows: list[dict[str, Any]], first: tuple[str, ...]) -> list[str]:
    """Return the columns in a fixed order: the named ones, then as rows bring them."""
    return list(dict.fromkeys([*first, *(column for row in rows for column in row)]))


def _status(plan: Planned) -> dict[str, str]:
    errors = [one for one in plan.result.findings if one["severity"] == "error"]
    reasons = dict.fromkeys(f"{one['check']}: {one['detail']}" for one in errors)
    status = "excluded" if plan.task is None else plan.result.status
    return {"status": status, "reason": "" if status == "used" else "; ".join(reasons)}


def _paths(task: SeriesTask | None, first: str) -> list[str]:
    files = [first, *(task.files if task else ()), *(m.path for m in (task.masks if task else ()))]
    parents = {str(Path(file).parent) for file in files}
    return sorted({*files, *parents}, key=len, reverse=True)


def _hide(plan: Planned, identities: Identities) -> None:
    """Take paths, UIDs and the patient's id out of all messages of a series."""
    paths = _paths(plan.task, plan.series.first.path)

    def hidden(words: str) -> str:
        for path in paths:
            words = words.replace(path, "…")
        words = words.replace(plan.series.uid, identities.uid(plan.series.uid))
        return identities.words(words, plan.series.first.patient_id)

    for finding in plan.result.findings:
        finding["detail"] = hidden(finding["detail"])
    for failure in plan.result.failures:
        failure["reason"], failure["path"] = hidden(failure["reason"]), ""


def _lost_mask(match: Match, identities: Identities) -> tuple[dict[str, Any], Failure]:
    mask = match.mask
    patient = identities.patient(mask.patient_id or "unknown")
    case = f"{patient}-{mask.kind}"
    check = "mask_unreadable" if mask.problem else "mask_without_series"
    detail = f"{mask.kind} {match.how}"
    finding = Finding(check, "error", identities.words(detail, mask.patient_id))
    row = {
        "case_id": case,
        "patient_id": patient,
        "series_uid": identities.uid(mask.series_uid),
        "roi": "",
        "check": finding.check,
        "severity": finding.severity,
        "detail": finding.detail,
        "files": "; ".join(identities.files((mask.shown,))),
    }
    path = "" if identities.is_pseudonymous else mask.path
    return row, Failure(case, "curation", finding.detail, path)


def _unreadable(name: str, reason: str, identities: Identities) -> dict[str, Any]:
    row = dict.fromkeys(QUALITY_COLUMNS, "")
    hidden = identities.is_pseudonymous
    return row | {
        "check": "unreadable_file",
        "severity": "warning",
        "detail": "a file cannot be read" if hidden else reason,
        "files": "; ".join(identities.files((name,))),
    }


def _patients_without_a_case(
    planned: list[Planned], manifest: pd.DataFrame, failures: list[Failure]
) -> list[Failure]:
    """Name every patient with images who is in neither list yet."""
    present = set(manifest["patient_id"])
    stems: dict[str, list[Planned]] = {}
    for plan in planned:
        stems.setdefault(plan.patient, []).append(plan)
    named = [failure.case_id for failure in failures]
    lost = []
    for patient, plans in stems.items():
        starts = tuple(plan.stem for plan in plans)
        if patient in present or any(case.startswith(starts) for case in named):
            continue
        reasons = dict.fromkeys(
            _status(plan)["reason"] or "no mask of a wanted ROI was drawn on it" for plan in plans
        )
        lost.append(Failure(patient, "curation", "; ".join(reasons)))
    return lost


def _flow(
    planned: list[Planned], found: Crawl, cases: int, patients: int, unmatched: list[Match]
) -> tuple[FlowStep, ...]:
    images = sum(len(plan.series.records) for plan in planned)
    masks = sum(record.is_mask for record in found.records)
    rest = len(found.records) - images - masks
    refused = [plan for plan in planned if plan.task is None]
    tried = [plan for plan in planned if plan.task is not None]
    reasons = Counter(_first_error(plan) for plan in refused)
    unused = Counter(
        "no mask of a wanted ROI" if plan.result.status == "no mask" else _first_error(plan)
        for plan in tried
        if plan.result.status != "used"
    )
    used = len(tried) - unused.total()
    lost = Counter(
        finding["check"]
        for plan in tried
        if plan.result.status == "used"
        for finding in _failing(plan)
    )
    files = {"not DICOM": found.other, "unreadable": len(found.unreadable)}
    kinds = {
        "structure sets and segmentations": masks,
        "other DICOM (reports, plans, doses)": rest,
    }
    steps = (
        FlowStep("files", len(found.records) + found.other + len(found.unreadable), _sorted(files)),
        FlowStep("DICOM files", len(found.records), _sorted(kinds)),
        FlowStep("image series", len(planned), _sorted(reasons)),
        FlowStep("series that are a volume and pass the checks", len(tried), _sorted(unused)),
        FlowStep("series with a mask", used, _sorted(lost)),
        FlowStep("cases in the manifest", cases),
        FlowStep("patients in the manifest", patients),
    )
    if not unmatched:
        return steps
    apart = Counter("mask file unreadable" if m.mask.problem else m.how for m in unmatched)
    return (*steps, FlowStep("mask files without a series", len(unmatched), _sorted(apart)))


def _failing(plan: Planned) -> list[dict[str, Any]]:
    """Return one error of each case that failed in a series that is used otherwise."""
    first: dict[str, dict[str, Any]] = {}
    for finding in plan.result.findings:
        if finding["severity"] == "error":
            first.setdefault(finding["case_id"], finding)
    return list(first.values())


def _first_error(plan: Planned) -> str:
    errors = (one["check"] for one in plan.result.findings if one["severity"] == "error")
    return next(errors, "no usable mask")


def _sorted(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(((k, n) for k, n in counts.items() if n), key=lambda i: (-i[1], i[0])))
