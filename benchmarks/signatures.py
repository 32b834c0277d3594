"""Honest baselines on real tables: nested cross-validation on Lung1, external test on two centres.

Run: python benchmarks/signatures.py SHARED_DATA [--volumes volumes.csv] [--repeats 10] [--jobs 1]

SHARED_DATA holds ``tables/lung1_pmtool`` and ``nsclc_two_centre``; the volumes (columns patient_id,
volume in voxels) are read from the masks when not given.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from radtool.evaluation import compare_c, harrell_c
from radtool.models import Block, CoxSignature, Log, compare_risks, cross_validate
from radtool.selection import CorrelationFilter, Standardize, UnivariateCoxFilter, VarianceFilter

VOLUME = "original_shape_VoxelVolume"


def lung1(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Features and outcomes of 145 patients, one row each (duplicated scans dropped)."""
    table = pd.read_excel(folder / "extracted_features_full.xlsx")
    clinical = pd.read_csv(folder / "NSCLC Radiomics Lung1.clinical-version3-Oct 2019.csv")
    key = next(c for c in table.columns if table[c].astype(str).str.contains("LUNG1-").all())
    table["PatientID"] = table[key].astype(str).str.extract(r"(LUNG1-\d+)", expand=False)
    table = table.drop_duplicates("PatientID")
    features = [
        c
        for c in table.columns
        if c.startswith(("original", "log", "wavelet")) and table[c].dtype.kind in "fi"
    ]
    both = table.merge(clinical, on="PatientID", validate="1:1").set_index("PatientID")
    y = pd.DataFrame(
        {"event": both["deadstatus.event"] == 1, "duration": both["Survival.time"].astype(float)}
    )
    names = {"clinical.T.Stage": "t_stage", "Clinical.N.Stage": "n_stage", "gender": "sex"}
    return both.rename(columns=names), y, features


def lung1_models(features: list[str]) -> dict[str, CoxSignature]:
    clinical = Block(["age", "sex", "t_stage", "n_stage"])
    volume = Block([VOLUME], [Log()])
    top = [VarianceFilter(), Standardize(), CorrelationFilter(0.85)]
    five = Block(features, [*top, UnivariateCoxFilter(alpha=1.0, top=5)])
    return {
        "clinical": CoxSignature({"clinical": clinical}),
        "volume": CoxSignature({"volume": volume}),
        "clinical_volume": CoxSignature({"clinical": clinical, "volume": volume}),
        "top 5": CoxSignature({"radiomics": five}),
        "top 5 + clinical": CoxSignature({"radiomics": five, "clinical": clinical}),
        "elastic net": CoxSignature({"radiomics": Block(features, top)}, model="elastic_net"),
        "XGBoost": CoxSignature({"radiomics": Block(features, top)}, model="xgboost"),
    }


def report_lung1(folder: Path, repeats: int, jobs: int) -> None:
    X, y, features = lung1(folder)
    print(f"Lung1: {len(X)} patients, {int(y['event'].sum())} events, {len(features)} features")
    risks = {}
    for name, signature in lung1_models(features).items():
        start = time.perf_counter()
        result = cross_validate(signature, X, y, folds=5, repeats=repeats, jobs=jobs)
        table = result.summary().set_index("measure")["value"]
        risks[name] = result.risk
        print(
            f"  {name:18s} mean of folds {table['mean_of_folds']:.3f}"
            f"  pooled {table['pooled']:.3f}  SD of folds {table['sd_of_folds']:.3f}"
            f"  {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    table = compare_risks(y, pd.DataFrame(risks))
    print(table.round(3).to_string(index=False))
    row = compare_c(y, risks["volume"], risks["top 5"]).iloc[0]
    print(
        f"  top 5 less volume {row['difference']:+.3f} ({row['lower']:+.3f}, {row['upper']:+.3f})"
    )


def report_two_centres(folder: Path, volumes: Path | None) -> None:
    outcomes = pd.read_csv(folder / "outcomes.csv").set_index("patient_id")
    if volumes is None:
        import nibabel

        counts = {
            name: int(
                (np.asarray(nibabel.load(folder / "masks" / f"{name}.nii.gz").dataobj) > 0).sum()
            )
            for name in outcomes.index
        }
        size = pd.Series(counts)
    else:
        size = pd.read_csv(volumes, index_col=0).iloc[:, 0]
    X = outcomes[["age", "t_stage", "n_stage"]].assign(volume=size)
    y = pd.DataFrame({"event": outcomes["event"] == 1, "duration": outcomes["duration_days"]})
    train, test = outcomes["site"] == "maastricht", outcomes["site"] == "stanford"
    clinical, volume = Block(["age", "t_stage", "n_stage"]), Block(["volume"], [Log()])
    for name, blocks in {
        "log volume": {"volume": volume},
        "age + T + N": {"clinical": clinical},
        "both": {"clinical": clinical, "volume": volume},
    }.items():
        for rule, kept in (("imputed", train), ("complete", train & X["age"].notna())):
            signature = CoxSignature(blocks).fit(X[kept], y[kept])
            c = harrell_c(y[test], signature.predict_risk(X[test]))
            print(f"  {name:12s} {rule:9s} C {c.value:.4f} ({c.lower:.3f}, {c.upper:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--volumes", type=Path)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    print("Two centres, trained on Maastricht, tested on Stanford:")
    report_two_centres(arguments.data / "nsclc_two_centre", arguments.volumes)
    report_lung1(arguments.data / "tables" / "lung1_pmtool", arguments.repeats, arguments.jobs)


if __name__ == "__main__":
    main()
