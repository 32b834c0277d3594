"""The seven-model pipeline on a real table: Lung1, beside single-step baselines of the same folds.

Run: python benchmarks/gbm_prognosis_lung1.py LUNG1_PMTOOL --out OUT [--repeats 10] [--jobs 1]

LUNG1_PMTOOL holds the public pyradiomics table of 145 Lung1 patients and their clinical table.
There are no readings: histology and overall stage stand in for the semantic block. First all
patients, cross-validated; then the first two thirds by patient number against the last third, with
the report in OUT.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from signatures import VOLUME, lung1

from radtool.models import compare_risks
from radtool.pipelines import GbmCohort, GbmSettings, gbm_prognosis
from radtool.pipelines.gbm_models import LABELS, cross_validate_models, planned_blocks
from radtool.pipelines.gbm_tables import BLOCKS, assemble


def cohort(table: pd.DataFrame, y: pd.DataFrame, features: list[str], name: str) -> GbmCohort:
    ids = pd.Series(table.index, name="patient_id")

    def part(columns: dict[str, str]) -> pd.DataFrame:
        chosen = table[list(columns)].rename(columns=columns).reset_index(drop=True)
        return pd.concat([ids, chosen], axis=1)

    clinical = part({"age": "age", "sex": "sex", "t_stage": "t_stage", "n_stage": "n_stage"})
    clinical["event"] = y.loc[table.index, "event"].astype(int).to_numpy()
    clinical["days"] = y.loc[table.index, "duration"].to_numpy()
    return GbmCohort(
        name=name,
        clinical=clinical,
        semantic=part({"Histology": "histology", "Overall.Stage": "overall_stage"}),
        radiomics=part({feature: feature for feature in features}),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    table, y, features = lung1(arguments.folder)
    settings = GbmSettings(
        duration="days",
        event="event",
        unit="days",
        only={},
        clinical=("age", "sex", "t_stage", "n_stage"),
        age=None,
        volume=VOLUME,
        repeats=arguments.repeats,
        jobs=arguments.jobs,
        horizon=730.0,
    )
    everyone = assemble(cohort(table, y, features, "Lung1"), settings)
    study = everyone.part(BLOCKS)
    print(f"{len(study.X)} patients, {int(study.y['event'].sum())} events")
    folds = cross_validate_models(planned_blocks(everyone, settings), study, settings)
    for name, one in folds.items():
        numbers = one.summary().set_index("measure")["value"]
        print(
            f"  {LABELS[name]:34s} mean of folds {numbers['mean_of_folds']:.3f}  pooled"
            f" {numbers['pooled']:.3f}  SD of folds {numbers['sd_of_folds']:.3f}"
        )
    risks = pd.DataFrame({name: one.risk for name, one in folds.items()})
    compared = compare_risks(study.y, risks.dropna(), baseline="clinical_volume")
    print(compared.round(3).to_string(index=False))

    number = table.index.str.removeprefix("LUNG1-").astype(int)
    early = number <= sorted(number)[2 * len(number) // 3 - 1]
    found = gbm_prognosis(
        cohort(table[early], y, features, "Lung1, first two thirds"),
        cohort(table[~early], y, features, "Lung1, last third"),
        settings,
        title="Seven prognostic models in Lung1",
        out=arguments.out,
    )
    print(found.tables["validation"].drop(columns="note").round(3).T.to_string(header=False))


if __name__ == "__main__":
    main()
