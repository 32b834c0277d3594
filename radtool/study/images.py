"""From the study file to a manifest: curate DICOM, or read the table; name everyone left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from radtool.errors import TableError
from radtool.report.results import Finding
from radtool.study.config import StudySettings
from radtool.study.outcomes import outcome_table
from radtool.study.segmenting import fill_masks
from radtool.table import Failure, read_manifest

__all__ = ["Cases", "find_cases"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """Images with masks, and those that are not.

    Parameters
    ----------
    manifest : DataFrame
        One row an image with a mask; paths absolute.
    failures : list of Failure
        Cases without a usable image or mask.
    findings : list of Finding
        What curation noticed.
    """

    manifest: pd.DataFrame
    failures: list[Failure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def found(self) -> int:
        """How many cases there were before anyone left."""
        return len(self.manifest) + len(self.failures)


def find_cases(
    settings: StudySettings, out: Path, *, jobs: int = 1, progress: Progress | None = None
) -> Cases:
    """Curate DICOM or read the manifest, fill in the site, and set apart cases without a mask.

    Raises
    ------
    RadtoolError
        The manifest or the outcome table cannot be read, or nothing usable is left.
    """
    cases = (
        _curated(settings, out, jobs, progress)
        if settings.data.dicom is not None
        else Cases(read_manifest(settings.data.manifest or ""))
    )
    manifest = _with_site(cases.manifest, settings)
    wanted = settings.data.modalities
    odd = ~manifest["modality"].isin(wanted) if wanted else manifest["modality"].isna()
    failures = [
        *cases.failures,
        *(
            Failure(case, "curation", f"modality {kind}; the study is about {', '.join(wanted)}")
            for case, kind in manifest.loc[odd, ["case_id", "modality"]].itertuples(index=False)
        ),
    ]
    manifest = manifest[~odd]
    if settings.segmentation is not None:
        filled = fill_masks(manifest, out / "automatic", settings.segmentation, progress=progress)
        manifest, failures = filled.manifest, [*failures, *filled.failures]
    unmasked = manifest["mask"] == ""
    failures = [
        *failures,
        *(
            Failure(case, "curation", "no mask: draw one, or add [segmentation] to the study")
            for case in manifest.loc[unmasked, "case_id"]
        ),
    ]
    if unmasked.all():
        reasons = "; ".join(sorted({failure.reason for failure in failures})[:3])
        raise TableError(f"no case with an image and a mask is left ({reasons or 'none found'})")
    return Cases(manifest[~unmasked].reset_index(drop=True), failures, cases.findings)


def _curated(settings: StudySettings, out: Path, jobs: int, progress: Progress | None) -> Cases:
    from radtool.curation import curate

    assert settings.data.dicom is not None
    result = curate(
        settings.data.dicom,
        out,
        checks=settings.data.checks,
        roi_names=settings.data.rois or None,
        jobs=jobs,
        progress=progress,
    )
    manifest = result.manifest.copy()
    for column in ("image", "mask"):
        manifest[column] = [str(out / value) if value else "" for value in manifest[column]]
    findings = [
        Finding(
            case=str(row.case_id) or str(row.patient_id),
            check=str(row.check),
            text=str(row.detail),
            severity=str(row.severity),  # type: ignore[arg-type]
        )
        for row in result.findings.itertuples()
    ]
    return Cases(manifest, list(result.failures), findings)


def _with_site(manifest: pd.DataFrame, settings: StudySettings) -> pd.DataFrame:
    """Take the site from the outcome table where the images do not say it."""
    unknown = manifest["site"] == ""
    if not unknown.any() or settings.data.outcomes is None:
        return manifest
    people = outcome_table(settings)
    if not {"patient_id", "site"} <= set(people.columns):
        return manifest
    sites = people.drop_duplicates("patient_id").set_index("patient_id")["site"].fillna("")
    manifest = manifest.copy()
    manifest.loc[unknown, "site"] = manifest.loc[unknown, "patient_id"].map(sites).fillna("")
    return manifest
