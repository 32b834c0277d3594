from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radtool.errors import InputError, ParameterError, TableError
from radtool.image import Geometry, Mask
from radtool.pipelines import (
    ContourSettings,
    SegmentationPrognosis,
    measure_masks,
    segmentation_prognosis,
)
from radtool.pipelines.segmentation_tables import agreement, stars, subgroup_tests
from radtool.pipelines.synthetic import SyntheticContours, delineated_tumours

SETTINGS = ContourSettings(by=("thickness",), bootstraps=100)


@pytest.fixture(scope="module")
def drawn() -> SyntheticContours:
    return delineated_tumours(100, seed=1)


@pytest.fixture(scope="module")
def measured(drawn: SyntheticContours) -> pd.DataFrame:
    return measure_masks(drawn.manual, drawn.automatic).table


@pytest.fixture(scope="module")
def found(drawn: SyntheticContours, measured: pd.DataFrame) -> SegmentationPrognosis:
    return segmentation_prognosis(
        measured, drawn.outcomes, SETTINGS, lungs=drawn.lungs, synthetic=True
    )


def cube(start: int, stop: int) -> Mask:
    voxels = np.zeros((10, 20, 20), dtype=bool)
    voxels[2:8, 5:15, start:stop] = True
    return Mask(voxels, Geometry(voxels.shape, (2.0, 1.0, 1.0)), "GTV")


def test_measures_of_two_shifted_blocks_by_hand() -> None:
    # Blocks of 6 x 10 x 10 voxels of 2 mm3 that overlap in half of their columns; 1.2 mL each.
    # The farthest edge midpoints of a slice of 10 x 10 pixels are 10 and 9 mm apart. Of its 36
    # contour pixels the other contour shares 2 * 5 of the long sides: 26 are added, in 6 slices.
    row = measure_masks({"a": cube(0, 10)}, {"a": cube(5, 15)}).table.iloc[0]
    assert row["dsc"] == 0.5
    assert row["jaccard"] == pytest.approx(1 / 3)
    assert row["volume_ml_manual"] == row["volume_ml_automatic"] == pytest.approx(1.2)
    assert row["recist_mm_automatic"] == pytest.approx(np.sqrt(181))
    assert row["added_path_length_cm"] == pytest.approx(6 * 26 / 10)


def test_who_cannot_be_measured_is_named() -> None:
    other = Mask(np.ones((3, 3, 3), dtype=bool), Geometry((3, 3, 3)), "GTV")
    made = measure_masks(
        {"a": cube(0, 10), "b": cube(0, 10), "c": cube(0, 10)},
        {"a": cube(0, 10), "c": other, "d": other},
    )
    assert made.table["patient_id"].tolist() == ["a"]
    assert {f.case_id: f.reason.split(":")[0] for f in made.failures} == {
        "b": "no automatic mask",
        "c": "masks 'GTV' and 'GTV' are not on one grid",
        "d": "no manual mask",
    }
    with pytest.raises(InputError, match="no patient could be measured"):
        measure_masks({"b": cube(0, 10)}, {})


def test_a_missed_tumour_counts_as_the_worst_case(measured: pd.DataFrame) -> None:
    missed = measured[measured["volume_ml_automatic"] == 0]
    assert len(missed) == 2
    assert (missed["dsc"] == 0).all()
    assert np.isinf(missed["hd95_mm"]).all()
    row = agreement(measured).set_index("metric").loc["hd95_mm"]
    assert row["n"] == 100
    assert np.isfinite(row["q3"])


def test_quartiles_equal_numpy(measured: pd.DataFrame) -> None:
    row = agreement(measured).set_index("metric").loc["dsc"]
    np.testing.assert_allclose(
        row[["q1", "median", "q3"]].astype(float),
        np.percentile(measured["dsc"], [25, 50, 75]),
    )


def test_subgroups_are_tested_two_sided_and_corrected(found: SegmentationPrognosis) -> None:
    tests = found.tables["tests"]
    row = tests[(tests["variable"] == "thickness") & (tests["metric"] == "dsc")].iloc[0]
    joined = found.tables["subgroups"]
    assert (
        joined[joined["variable"] == "thickness"]["n"].groupby(joined["metric"]).sum().eq(100).all()
    )
    assert row["p_bonferroni"] == pytest.approx(min(row["p"] * len(tests), 1))
    # Thick slices were made rougher.
    assert row["p_bonferroni"] < 0.01
    assert row["stars"] == stars(row["p_bonferroni"])


def test_mann_whitney_equals_scipy() -> None:
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"g": ["x"] * 12 + ["y"] * 9, "dsc": rng.random(21)})
    row = subgroup_tests(table, ["g"], ["dsc"]).iloc[0]
    expected = stats.mannwhitneyu(table["dsc"][:12], table["dsc"][12:], alternative="two-sided")
    assert (row["u"], row["p"]) == (expected.statistic, expected.pvalue)


def test_log_rank_and_cox_equal_lifelines(
    found: SegmentationPrognosis, drawn: SyntheticContours, measured: pd.DataFrame
) -> None:
    lifelines = pytest.importorskip("lifelines")
    from lifelines.statistics import logrank_test

    table = measured.merge(drawn.outcomes, on="patient_id")
    high = table["volume_ml_automatic"] > table["volume_ml_automatic"].median()
    row = found.tables["prognosis"].set_index(["size", "source"]).loc[("volume_ml", "automatic")]
    expected = logrank_test(
        table["duration_days"][high], table["duration_days"][~high],
        table["event"][high], table["event"][~high],
    )  # fmt: skip
    assert row["logrank_chisq"] == pytest.approx(expected.test_statistic, rel=1e-8)
    values = table["volume_ml_automatic"]
    frame = table[["duration_days", "event"]].assign(size=values / values.std())
    fit = lifelines.CoxPHFitter().fit(frame, "duration_days", "event")
    assert row["hr_per_sd"] == pytest.approx(fit.hazard_ratios_["size"], rel=1e-4)
    assert row["cox_p"] == pytest.approx(fit.summary.loc["size", "p"], rel=1e-3)
    assert row["cut"] == values.median()


def test_larger_tumours_die_sooner_by_either_contour(found: SegmentationPrognosis) -> None:
    rows = found.tables["prognosis"]
    assert (rows["hr_per_sd"] > 1).all()
    assert (rows["logrank_p"] < 0.05).all()
    # Both contours measure the same tumour: neither is much better, and two were missed.
    gain = found.tables["differences"]
    assert gain["difference"].between(-0.05, 0.0).all()
    c = rows.set_index(["size", "source"])["c"]
    assert gain["difference"].iloc[1] == pytest.approx(
        c["volume_ml", "automatic"] - c["volume_ml", "manual"]
    )


def test_the_difference_is_zero_between_equal_contours(drawn: SyntheticContours) -> None:
    same = measure_masks(drawn.manual, drawn.manual).table
    gain = segmentation_prognosis(same, drawn.outcomes, SETTINGS).tables["differences"]
    assert (gain[["difference", "lower", "upper"]] == 0).all(axis=None)


def test_the_training_median_cuts_all_cohorts(
    drawn: SyntheticContours, measured: pd.DataFrame
) -> None:
    settings = dataclasses.replace(SETTINGS, cohort="site", cut="train", train="A")
    rows = segmentation_prognosis(measured, drawn.outcomes, settings).tables["prognosis"]
    own = segmentation_prognosis(
        measured, drawn.outcomes, dataclasses.replace(SETTINGS, cohort="site")
    ).tables["prognosis"]
    a = drawn.outcomes.loc[drawn.outcomes["site"] == "A", "patient_id"]
    median = measured.set_index("patient_id").loc[a, "recist_mm_manual"].median()
    assert (rows[rows["size"] == "recist_mm"].iloc[[0, 2]]["cut"] == median).all()
    assert not own["cut"].equals(rows["cut"])
    pd.testing.assert_series_equal(rows["c"], own["c"])


def test_detection_by_lung(found: SegmentationPrognosis, drawn: SyntheticContours) -> None:
    row = found.tables["detection"].iloc[0]
    truth, score = drawn.lungs["has_tumour"], drawn.lungs["score"]
    u = stats.mannwhitneyu(score[truth], score[~truth]).statistic
    assert row["auc"] == pytest.approx(u / (truth.sum() * (~truth).sum()))
    assert row["bootstrap_lower"] < row["auc"] <= row["bootstrap_upper"]
    assert row["sensitivity"] == (score[truth] >= 0.5).mean()
    assert row["specificity"] == (score[~truth] < 0.5).mean()


def test_the_report_is_whole_and_repeats(
    found: SegmentationPrognosis, drawn: SyntheticContours, measured: pd.DataFrame
) -> None:
    html = found.to_html()
    for words in ("Detection by lung", "Bonferroni over all", "automatic RECIST diameter"):
        assert words in html
    again = segmentation_prognosis(
        measured, drawn.outcomes, SETTINGS, lungs=drawn.lungs, synthetic=True
    )
    assert again.to_html() == html


def test_patients_without_outcome_are_named(
    drawn: SyntheticContours, measured: pd.DataFrame, tmp_path: object
) -> None:
    short = segmentation_prognosis(measured[1:], drawn.outcomes[:-1], SETTINGS)
    assert {f.case_id: f.reason for f in short.failures} == {
        "tumour-0000": "not measured",
        "tumour-0099": "no outcome",
    }
    short.save(f"{tmp_path}/out")
    stored = pd.read_csv(f"{tmp_path}/out/prognosis.csv")
    assert stored["n"].tolist() == [98] * 4


def test_bad_input_is_named(drawn: SyntheticContours, measured: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="no key 'bootstrap'"):
        segmentation_prognosis(measured, drawn.outcomes, {"bootstrap": 10})
    with pytest.raises(ParameterError, match="needs cohort="):
        ContourSettings(cut="train")
    with pytest.raises(TableError, match="more than one row for patient"):
        segmentation_prognosis(pd.concat([measured, measured[:1]]), drawn.outcomes, SETTINGS)
    with pytest.raises(TableError, match="no column 'thicknes'"):
        segmentation_prognosis(
            measured, drawn.outcomes, dataclasses.replace(SETTINGS, by=("thicknes",))
        )
    with pytest.raises(InputError, match="are equal"):
        segmentation_prognosis(measured.assign(volume_ml_manual=3.0), drawn.outcomes, SETTINGS)


def test_readers_of_one_tumour_as_two_sources(shared: object) -> None:
    # Five readers drew the same tumour by hand and with a semi-automatic tool.
    folder = f"{shared}/data/multi_observer"
    readers = ("AB", "DR", "JB", "LB", "RW")
    made = measure_masks(
        {r: f"{folder}/interobs06_GTV_1vis_{r}.nii.gz" for r in readers},
        {r: f"{folder}/interobs06_GTV_1auto_{r}.nii.gz" for r in readers},
    )
    assert not made.failures
    assert made.table["dsc"].between(0.6, 0.99).all()
    assert (made.table["hd95_mm"] < 20).all()
