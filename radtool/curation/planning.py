"""From series and structure sets to tasks: names, time points, who is left out before reading."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from radtool.curation.cases import CaseResult, MaskTask, SeriesTask
from radtool.curation.checks import Checks, Value
from radtool.curation.grouping import Match, Series
from radtool.curation.identity import Identities
from radtool.curation.measures import describe_series
from radtool.curation.naming import Chosen, RoiNames, safe_name
from radtool.io import Finding

__all__ = ["Planned", "plan_series"]

ACQUISITION = (
    "manufacturer", "model", "institution", "kernel", "slice_thickness_mm", "slice_spacing_mm",
    "pixel_spacing_mm", "kvp", "exposure_mas", "tr_ms", "te_ms", "field_strength_t", "contrast",
    "tracer", "dose_mbq", "study_date",
)  # fmt: skip
"""Columns of series.csv that every manifest row carries."""
FEW_PATIENTS = 5
USUAL_SHARE = 0.8
"""From this share of at least so many patients on, another modality is worth a look."""


@dataclass(slots=True)
class Planned:
    """A series, what it is called, and what shall be done with it.

    Parameters
    ----------
    series : Series
        The series.
    patient : str
        Patient id of all outputs.
    stem : str
        Start of its file names and case ids.
    facts : dict
        Its row of series.csv.
    task : SeriesTask or None
        What to convert; None when the series is left out.
    result : CaseResult
        Findings so far; of a series that is left out, all of them.
    """

    series: Series
    patient: str
    stem: str
    facts: dict[str, Value]
    task: SeriesTask | None = None
    result: CaseResult = field(default_factory=CaseResult)


def plan_series(
    series: Sequence[Series],
    matches: Sequence[Match],
    names: RoiNames,
    checks: Callable[[str], Checks],
    identities: Identities,
) -> list[Planned]:
    """Name every series, check its header, and say what to convert.

    Parameters
    ----------
    series, matches : sequence
        What was found.
    names : RoiNames
        Which ROIs are wanted.
    checks : callable
        Modality -> rules; see `checks_by_modality`.
    identities : Identities
        Names of patients in the outputs.
    """
    drawn: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        if match.series is not None:
            drawn[id(match.series)].append(match)
    timepoints = _timepoints(series)
    stems = _stems(series, timepoints, identities)
    planned = []
    for one, timepoint, stem in zip(series, timepoints, stems, strict=True):
        own = one.first.patient_id
        plan = Planned(one, identities.patient(one.patient), stem, {})
        facts = describe_series(one)
        rules = checks(one.modality)
        usable = _check_header(one, facts, rules, plan.result, identities)
        plan.facts = {
            "patient_id": plan.patient,
            "timepoint": timepoint,
            "series_uid": identities.uid(one.uid),
            "study_uid": identities.uid(one.first.study_uid),
            **_made_of(one),
            **identities.columns(dict(facts), own),  # type: ignore[dict-item]
        }
        if usable:
            plan.task = _task(plan, drawn[id(one)], names, rules, identities)
        elif drawn[id(one)]:
            errors = [f for f in plan.result.findings if f["severity"] == "error"]
            reason = "; ".join(f"{f['check']}: {f['detail']}" for f in errors)
            plan.result.fail(stem, reason, str(Path(one.first.path).parent))
        planned.append(plan)
    _note_odd_modality(planned)
    return planned


def _note_odd_modality(planned: Sequence[Planned]) -> None:
    """Warn of patients who have another modality than nearly everybody else."""
    drawn = [plan for plan in planned if plan.task is not None and plan.task.masks]
    patients = {plan.patient for plan in drawn}
    having = Counter(modality for _, modality in {(p.patient, p.series.modality) for p in drawn})
    usual, count = max(having.items(), key=lambda item: item[1], default=("", 0))
    if len(patients) < FEW_PATIENTS or count < USUAL_SHARE * len(patients):
        return
    usually = {plan.patient for plan in drawn if plan.series.modality == usual}
    for plan in drawn:
        if plan.patient not in usually:
            detail = (
                f"{plan.series.modality}, where {count} of {len(patients)} patients have {usual};"
                " exclude it with a rule on modality if it does not belong to the study"
            )
            plan.result.note(Finding("odd_modality", "warning", detail), "")


def _timepoints(series: Sequence[Series]) -> list[str]:
    """Number the study dates of each patient and modality: baseline, followup-1, …."""
    dates: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in series:
        dates[(one.patient, one.modality)].add(one.study_date)
    found = []
    for one in series:
        place = sorted(dates[(one.patient, one.modality)]).index(one.study_date)
        found.append(f"followup-{place}" if place else "baseline")
    return found


def _stems(
    series: Sequence[Series], timepoints: Sequence[str], identities: Identities
) -> list[str]:
    plain = []
    for one, timepoint in zip(series, timepoints, strict=True):
        later = "" if timepoint == "baseline" else f"-{timepoint}"
        kind = safe_name(one.modality.split(" ")[0] or "unknown")
        part = f"-{one.part}" if one.part else ""
        plain.append(f"{safe_name(identities.patient(one.patient))}-{kind}{later}{part}")
    count = Counter(plain)
    marks = [hashlib.sha256(identities.uid(one.uid).encode()).hexdigest()[:6] for one in series]
    return [
        stem if count[stem] == 1 else f"{stem}-{mark}"
        for stem, mark in zip(plain, marks, strict=True)
    ]


def _check_header(
    one: Series,
    facts: Mapping[str, Value],
    rules: Checks,
    result: CaseResult,
    identities: Identities,
) -> bool:
    """Note what header and geometry say; return whether the series may be converted."""
    stem = ""
    if not one.first.is_image:
        detail = f"{one.modality} is not a CT, MR or PET image"
        result.note(Finding("modality", "error", detail, _few(one, identities)), stem)
        return False
    for finding in one.stack.findings:
        files = identities.files(finding.files)
        result.note(Finding(finding.check, finding.severity, finding.detail, files), stem)
    for rule in rules.series:
        result.note(rule.check(facts.get(rule.column)), stem)
    return not any(finding["severity"] == "error" for finding in result.findings)


def _few(one: Series, identities: Identities) -> tuple[str, ...]:
    return identities.files(tuple(record.shown for record in one.records[:3]))


def _task(
    plan: Planned,
    matches: Iterable[Match],
    names: RoiNames,
    rules: Checks,
    identities: Identities,
) -> SeriesTask:
    one = plan.series
    row: dict[str, Value] = {
        "patient_id": plan.patient,
        "site": plan.facts.get("institution", ""),
        "modality": one.modality,
        "timepoint": plan.facts["timepoint"],
        **{column: plan.facts.get(column) for column in ACQUISITION},
        "series_uid": plan.facts["series_uid"],
        **_made_of(one),
    }
    matches = list(matches)
    return SeriesTask(
        plan.stem,
        tuple((plane.file, plane.frame) for plane in one.stack.slices),
        tuple(_masks(matches, names, plan, rules, identities)),
        rules,
        row,
        _stamp([*one.records, *(match.mask for match in matches)]),
    )


def _made_of(one: Series) -> dict[str, Value]:
    """Columns of a volume that is not simply the whole series as it is."""
    columns: dict[str, Value] = {"part": one.part, "repairs": "; ".join(one.stack.repairs)}
    return {name: value for name, value in columns.items() if value}


def _stamp(records: Iterable) -> str:
    digest = hashlib.sha256()
    for record in records:
        state = Path(record.path).stat()
        digest.update(f"{record.instance_uid}|{state.st_size}|{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _masks(
    matches: Sequence[Match],
    names: RoiNames,
    plan: Planned,
    rules: Checks,
    identities: Identities,
) -> list[MaskTask]:
    """Return the wanted ROIs of all structure sets of a series, one of each name."""
    offers: dict[str, list[tuple[Match, Chosen]]] = defaultdict(list)
    for match in sorted(matches, key=lambda m: (m.mask.date, m.mask.shown), reverse=True):
        if match.mask.problem:
            continue
        for chosen in names.choose(match.mask.rois):
            if chosen.roi.skipped and not chosen.roi.contours and not names.patterns:
                detail = f"{chosen.roi.name!r} is a point or line, not a region"
                plan.result.note(Finding("roi_not_a_region", "info", detail), "", chosen.roi.name)
                continue
            offers[chosen.name].append((match, chosen))
    tasks = []
    for name, offered in offers.items():
        used = next((o for o in offered if o[1].roi.contours), offered[0])
        several = _several(used[0], [match for match, _ in offered], rules, identities)
        if several is not None and several.severity == "error":
            case = f"{plan.stem}-{name}"
            plan.result.note(several, case, name)
            plan.result.fail(case, f"{several.check}: {several.detail}", used[0].mask.path)
            continue
        tasks.append(_mask_task(name, *used, several))
    return tasks


def _several(
    used: Match, offered: Sequence[Match], rules: Checks, identities: Identities
) -> Finding | None:
    """Say which of several files with one ROI is used, and by which policy."""
    if len(offered) < 2:
        return None
    files = [used.mask.shown, *(m.mask.shown for m in offered if m is not used)]
    shown = identities.files(tuple(files))
    if rules.several == "refuse":
        detail = f"{len(offered)} files hold this ROI and the policy is 'refuse': choose one"
        return Finding("several_structure_sets", "error", detail, shown)
    date = identities.date(used.mask.patient_id, used.mask.date.split(" ")[0])
    detail = f"{len(offered)} files hold this ROI; the policy is 'newest': {shown[0]} of {date}"
    return Finding("several_structure_sets", "warning", detail, shown)


def _mask_task(name: str, match: Match, chosen: Chosen, several: Finding | None) -> MaskTask:
    findings = [Finding("matched_by", "info", match.how), *([several] if several else [])]
    if chosen.rivals:
        detail = f"the pattern also fits {', '.join(map(repr, chosen.rivals))}; all are kept"
        findings.append(Finding("several_rois", "warning", detail))
    if match.how in ("frame of reference", "geometry"):
        detail = f"matched by {match.how}: the UIDs of the file lead to no series here"
        findings.append(Finding("uid_mismatch", "warning", detail))
    mask = match.mask
    return MaskTask(name, chosen.roi.name, mask.path, mask.kind, chosen.roi.number, tuple(findings))
