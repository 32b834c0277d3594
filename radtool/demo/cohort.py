"""Write the embedded cohort: DICOM as hospitals send it, outcomes, and the truth."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from radtool.demo.dicom import Patient, Slice, image_series, structure_set, uid
from radtool.demo.lesion import HETEROGENEITY_SCALE_MM, RIM_MM, Lesion, contours, draw_lesion
from radtool.demo.population import (
    SURVIVAL_COEFFICIENTS,
    covariates,
    describe,
    draw_population,
)
from radtool.demo.sites import SITES, Site
from radtool.demo.thorax import make_image
from radtool.errors import InputError
from radtool.evaluation import harrell_c
from radtool.files import hash_of, write_bytes, write_json, write_text

__all__ = ["FAULTS", "DemoCohort", "faulty_patients", "write_cohort"]

FAULTS = {
    "missing_slice": "one slice in the middle of the tumour was never sent",
    "wrong_modality": "the series that was contoured is an MR, not a CT",
    "empty_mask": "the tumour's ROI has a name but no contour",
    "duplicated_slice": "one slice of another reconstruction lies where another slice lies",
    "mask_outside": "the contours lie 300 mm beside the patient",
}
"""What can be wrong with a patient, in words."""

_CAVITY_NUMBER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCohort:
    """Where the embedded cohort was written.

    Parameters
    ----------
    root : pathlib.Path
        The folder that holds everything.
    dicom : pathlib.Path
        One folder a site, one below it a patient; names and nesting differ by site.
    outcomes, truth : pathlib.Path
        ``outcomes.csv`` and ``truth.json``.
    patients : int
        How many patients were written.
    faulty : dict from patient_id to fault
        Patients with something wrong; the keys of `FAULTS`.
    """

    root: Path
    dicom: Path
    outcomes: Path
    truth: Path
    patients: int
    faulty: dict[str, str]

    def __repr__(self) -> str:
        return (
            f"Synthetic cohort in {self.root}: {self.patients} patients, {len(self.faulty)} faulty"
        )


def write_cohort(
    out: str | os.PathLike[str],
    *,
    patients: int = 120,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> DemoCohort:
    """Write the embedded synthetic cohort with known truth.

    Parameters
    ----------
    out : path-like
        Folder to write to; an earlier cohort of the same patients there is replaced.
    patients : int, default 120
        At least 15; 40 % at site A, 30 % at B (development) and 30 % at C (external).
    seed : int, default 0
        Equal seeds give equal bytes, with any number of jobs.
    jobs : int, default 1
        Processes; -1 is all cores.
    progress : callable, optional
        Called with (patients written, patients) after each.

    Returns
    -------
    DemoCohort
        Where everything lies.

    Raises
    ------
    ParameterError
        Fewer than 15 patients.
    InputError
        `out` holds another cohort, whose leftover patients would mix with this one.
    """
    root = Path(out)
    people = draw_population(patients, seed)
    faulty = faulty_patients(people)
    _refuse_leftovers(root / "dicom", people)
    tasks = (
        joblib.delayed(_write_patient)(root / "dicom", row, seed, faulty.get(row["patient_id"]))
        for row in people.to_dict("records")
    )
    written = []
    for done in joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks):
        written.append(done)
        if progress is not None:
            progress(len(written), patients)
    columns = [
        "patient_id", "site", "os_duration", "os_event", "egfr", "age", "sex", "t_stage", "n_stage",
    ]  # fmt: skip
    truth = _truth(people, written, faulty, seed)
    outcomes = people[columns].replace({"site": {site.name: site.institution for site in SITES}})
    write_text(root / "outcomes.csv", outcomes.to_csv(index=False, lineterminator="\n"))
    write_json(root / "truth.json", truth)
    return DemoCohort(
        root=root,
        dicom=root / "dicom",
        outcomes=root / "outcomes.csv",
        truth=root / "truth.json",
        patients=patients,
        faulty=faulty,
    )


def faulty_patients(people: pd.DataFrame) -> dict[str, str]:
    """Return which patients have which fault: five of them, three in cohorts below 40."""
    by_site = {site: group["patient_id"].tolist() for site, group in people.groupby("site")}
    chosen = {
        by_site["A"][len(by_site["A"]) // 3]: "missing_slice",
        by_site["B"][len(by_site["B"]) // 3]: "wrong_modality",
        by_site["C"][len(by_site["C"]) // 2]: "empty_mask",
    }
    if len(people) >= 40:
        chosen[by_site["A"][2 * len(by_site["A"]) // 3]] = "duplicated_slice"
        chosen[by_site["B"][2 * len(by_site["B"]) // 3]] = "mask_outside"
    return dict(sorted(chosen.items()))


def _refuse_leftovers(dicom: Path, people: pd.DataFrame) -> None:
    known = set(people["patient_id"])
    found = {folder.name for folder in dicom.glob("*/*")} if dicom.is_dir() else set()
    if found - known:
        raise InputError(
            f"{dicom} already holds other patients (for example {min(found - known)});"
            " choose an empty folder, or delete it"
        )


def _write_patient(
    dicom: Path, person: dict[str, Any], seed: int, fault: str | None
) -> dict[str, Any]:
    """Write one patient; chance depends on the seed and the patient only."""
    site = next(site for site in SITES if site.name == person["site"])
    number = int(person["patient_id"].rsplit("-", 1)[1])
    rng = np.random.default_rng([seed, 2, ord(site.name), number])
    lesion = draw_lesion(
        person["volume_ml"],
        person["heterogeneity_hu"],
        person["attenuation_hu"],
        has_cavity=number == _CAVITY_NUMBER,
        rng=rng,
    )
    patient = Patient(
        patient_id=person["patient_id"],
        sex=person["sex"],
        age=person["age"],
        site=site,
        study_date=f"{2015 + number % 5}{1 + number % 12:02d}{1 + number % 28:02d}",
        seed=seed,
    )
    image = make_image(lesion, site, rng)
    positions = image.geometry.origin[2] + site.slice_spacing * np.arange(site.slices)
    middle = int(np.argmin(np.abs(positions - lesion.centre[2])))
    slices = image_series(
        image,
        patient,
        modality="MR" if fault == "wrong_modality" else "CT",
        repeated=middle if fault == "duplicated_slice" else None,
    )
    rois = {site.roi_name: _tumour(lesion, positions, fault), "SpinalCord": _cord(positions)}
    plan = structure_set(rois, patient, slices[: site.slices])
    if fault == "missing_slice":
        del slices[middle]
    folder = dicom / site.name / patient.patient_id
    files = {
        _image_name(site, place, place_no): place.data for place_no, place in enumerate(slices)
    }
    files[_plan_name(site, patient)] = plan
    for name, data in files.items():
        write_bytes(folder / name, data)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    return {
        "extent_mm": lesion.extent,
        "has_cavity": lesion.cavity_radius > 0,
    }


def _tumour(lesion: Lesion, positions: np.ndarray, fault: str | None) -> list[list[np.ndarray]]:
    planes = contours(lesion, positions)
    if fault == "empty_mask":
        return [[] for _ in planes]
    if fault == "mask_outside":
        moved = np.array([300.0, 0.0, 0.0])
        return [[polygon + moved for polygon in polygons] for polygons in planes]
    return planes


def _cord(positions: np.ndarray) -> list[list[np.ndarray]]:
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.column_stack([6 * np.cos(angle), 84 + 6 * np.sin(angle)])
    return [[np.column_stack([ring, np.full(16, position)])] for position in positions]


def _image_name(site: Site, place: Slice, number: int) -> str:
    """Return a file name as an archive export makes it: numbered, by UID, or in no order."""
    if site.name == "A":
        return f"ST000001/SE000002/IM{number + 1:06d}"
    if site.name == "B":
        return f"{place.instance_uid}.dcm"
    return f"images/{hash_of(place.instance_uid)[:8]}.IMA"


def _plan_name(site: Site, patient: Patient) -> str:
    names = {"A": "ST000001/SE000009/IM000001", "B": f"{uid(patient, 'structures')}.dcm"}
    return names.get(site.name, "rt/export.dcm")


def _truth(
    people: pd.DataFrame, written: list[dict[str, Any]], faulty: dict[str, str], seed: int
) -> dict[str, Any]:
    design = covariates(people)
    details = people[
        ["patient_id", "site", "volume_ml", "heterogeneity_hu", "attenuation_hu",
         "linear_predictor"]
    ]  # fmt: skip
    return {
        "seed": seed,
        "patients": len(people),
        "model": describe(),
        "texture": {
            "correlation_sd_mm": HETEROGENEITY_SCALE_MM,
            "rim_mm": RIM_MM,
            "meaning": "Gaussian field inside the tumour, correlated by a Gaussian of that SD",
        },
        "sites": [asdict(site) for site in SITES],
        "faults": {
            patient: {"fault": fault, "meaning": FAULTS[fault]} for patient, fault in faulty.items()
        },
        "concordance": {
            role: _oracle(people[chosen], design[chosen])
            for role, chosen in _roles(people, faulty).items()
        },
        "tumours": [
            person | detail
            for person, detail in zip(details.to_dict("records"), written, strict=True)
        ],
    }


def _roles(people: pd.DataFrame, faulty: dict[str, str]) -> dict[str, pd.Series]:
    usable = ~people["patient_id"].isin(faulty)
    return {
        role: usable & people["site"].isin([site.name for site in SITES if site.role == role])
        for role in ("development", "external")
    }


def _oracle(people: pd.DataFrame, design: pd.DataFrame) -> dict[str, Any]:
    """Harrell's C of true scores on the usable patients of a role."""
    weights = pd.Series(SURVIVAL_COEFFICIENTS)
    clinical = ["age_decades", "n_stage"]
    known = ["log_volume_z", *clinical]
    scores = {
        "linear_predictor": people["linear_predictor"],
        "volume": design["log_volume_z"],
        "heterogeneity": design["log_heterogeneity_z"],
        "clinical": design[clinical] @ weights[clinical],
        "clinical_and_volume": design[known] @ weights[known],
    }
    y = pd.DataFrame({"event": people["os_event"] == 1, "duration": people["os_duration"]})
    estimates = {name: asdict(harrell_c(y, score)) for name, score in scores.items()}
    return {"patients": len(y), "events": int(y["event"].sum()), **estimates}
