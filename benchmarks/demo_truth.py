"""Is the signal of the embedded cohort really in its DICOM files? Read back without radtool.io.

Reads the series with SimpleITK and the contours with pydicom (even-odd rule), takes volume and
log standard deviation inside the tumour, and fits Cox models on the development sites.

    python benchmarks/demo_truth.py FOLDER [SEED]
"""

import json
import sys
import time
from pathlib import Path

import lifelines
import numpy as np
import pandas as pd
import pydicom
import SimpleITK as sitk
from skimage.draw import polygon2mask

from radtool.demo import write_cohort


def measure(folder: Path) -> dict[str, float] | None:
    places, plan = {}, None
    for path in (path for path in folder.rglob("*") if path.is_file()):
        header = pydicom.dcmread(path)
        if header.Modality == "RTSTRUCT":
            plan = header
        else:
            places[str(path)] = float(header.ImagePositionPatient[2])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sorted(places, key=places.__getitem__))
    image = reader.Execute()
    array = sitk.GetArrayFromImage(image)
    mask = np.zeros(array.shape, dtype=bool)
    origin, spacing = np.array(image.GetOrigin()), np.array(image.GetSpacing())
    for contour in plan.ROIContourSequence[0].get("ContourSequence", []):
        index = (np.array(contour.ContourData, float).reshape(-1, 3) - origin) / spacing
        mask[round(index[0, 2])] ^= polygon2mask(mask.shape[1:], index[:, 1::-1])
    inside = array[mask & (array > -200)]
    return {
        "volume": mask.sum() * np.prod(spacing) / 1000,
        "log_volume": np.log(mask.sum() * np.prod(spacing) / 1000),
        "mean": inside.mean(),
        "log_sd": np.log(inside.std()),
    }


def external(table: pd.DataFrame, names: list[str]) -> tuple[float, float]:
    """C-index on site C, and how far the predicted mean risk is from the true one there."""
    columns = ["os_duration", "os_event", *names]
    develop, other = table[table["site"] != "C"], table[table["site"] == "C"]
    fit = lifelines.CoxPHFitter().fit(develop[columns], "os_duration", "os_event")
    score = table[names] @ fit.params_[names]
    moved = (score - table["linear_predictor"]).groupby(table["site"] == "C").mean()
    c = lifelines.utils.concordance_index(
        other["os_duration"], -score[other.index], other["os_event"]
    )
    return c, moved[True] - moved[False]


def main(out: Path, seed: int) -> None:
    start = time.perf_counter()
    cohort = write_cohort(out, seed=seed)
    print(f"written in {time.perf_counter() - start:.1f} s")
    truth = json.loads(cohort.truth.read_text())
    print(json.dumps(truth["concordance"], indent=1))
    people = pd.read_csv(cohort.outcomes)
    people = people[~people["patient_id"].isin(cohort.faulty)].reset_index(drop=True)
    people = people.drop(columns="site").merge(pd.DataFrame(truth["tumours"]), on="patient_id")
    seen = [measure(cohort.dicom / row.site / row.patient_id) for row in people.itertuples()]
    table = people.join(pd.DataFrame(seen))
    error = table["volume"] / table["volume_ml"] - 1
    print(f"volume error: mean {error.mean():+.2%}, largest {error.abs().max():.2%}")
    table["log_truth"] = np.log(table["heterogeneity_hu"])
    print(table.groupby("site")[["log_truth", "log_sd", "mean", "attenuation_hu"]].mean().round(2))
    for site, group in table.groupby("site"):
        print(
            site,
            "Spearman of log SD with the truth",
            round(group["log_sd"].corr(group["log_truth"], method="spearman"), 3),
        )
    within = table.groupby("site")["log_sd"]
    table["log_sd_by_site"] = (table["log_sd"] - within.transform("mean")) / within.transform("std")
    for names in (
        ["log_volume"],
        ["age", "t_stage", "n_stage"],
        ["age", "n_stage", "log_volume"],
        ["age", "n_stage", "log_volume", "log_sd"],
        ["age", "n_stage", "log_volume", "log_sd_by_site"],
        ["age", "n_stage", "log_volume", "log_truth"],
    ):
        c, shift = external(table, names)
        print(f"external C of {' + '.join(names)}: {c:.3f}; log risk off by {shift:+.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
