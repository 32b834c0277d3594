"""The phantom framework on a phantom with known truth, and on the public CCR1 phantom."""

import json

import numpy as np
import pandas as pd
import pytest

from radtool.files import decode, encode
from radtool.harmonization import ComBat
from radtool.pipelines.robust_radiomics import (
    PhantomDesign,
    RobustFeatures,
    draw_concordance,
    robust_radiomics,
)
from radtool.selection import ccc_many

DESIGN = PhantomDesign(batch="scanner", region="region", repeat="scan", reference="A")
SHIFTED = [f"original_stat_shifted{i:02d}" for i in range(40)]
SAME = [f"original_stat_same{i}" for i in range(10)]
NOISE = [f"original_stat_noise{i}" for i in range(10)]
NAMES = [*SHIFTED, *SAME, *NOISE]


@pytest.fixture(scope="module")
def world():
    """Scanners B and C change 40 of 60 features by a known shift and scale; 10 are noise."""
    rng = np.random.default_rng(7)
    shift = {"A": np.zeros(40), "B": rng.normal(0, 2, 40), "C": rng.normal(0, 2, 40)}
    scale = {"A": np.ones(40), "B": rng.uniform(1.3, 1.8, 40), "C": rng.uniform(0.5, 0.8, 40)}

    def seen(truth, scanner, error):
        values = truth + rng.normal(0, error, truth.shape)
        values[:, :40] = values[:, :40] * scale[scanner] + shift[scanner]
        values[:, 50:] = rng.normal(size=(len(truth), 10))
        return pd.DataFrame(values, columns=NAMES).assign(scanner=scanner)

    regions = rng.normal(size=(60, 60))
    scans = [
        seen(regions, scanner, 0.1).assign(region=range(60), scan=scan)
        for scanner in "ABC"
        for scan in (1, 2)
    ]
    patients = rng.normal(0.5, 1.3, size=(300, 60))
    scanner = rng.choice(list("ABC"), 300)
    parts = [seen(patients[scanner == s], s, 0.1).set_index(np.flatnonzero(scanner == s))
             for s in "ABC"]  # fmt: skip
    return pd.concat(scans, ignore_index=True), pd.concat(parts).sort_index(), patients


@pytest.fixture(scope="module")
def found(world):
    return robust_radiomics(world[0], DESIGN)


def test_sets_are_those_of_the_plan(found):
    assert set(found.harmonisable) == set(SHIFTED)
    assert found.reproducible == SAME
    assert set(found.table.index[found.table["set"] == "unstable"]) == set(NOISE)
    assert found.features == [*SHIFTED, *SAME]
    assert set(found.repeatable) == {*SHIFTED, *SAME}


def test_patients_are_moved_to_the_reference_scanner(found, world):
    _, patients, truth = world
    before = ccc_many(patients[SHIFTED].to_numpy(), truth[:, :40])["ccc"]
    moved = found.transform(patients)
    after = ccc_many(moved[SHIFTED].to_numpy(), truth[:, :40])["ccc"]
    assert (after > 0.9).all()
    assert (before > 0.9).mean() < 0.2
    pd.testing.assert_frame_equal(moved[SAME], patients[SAME])
    assert moved.index.equals(patients.index)


def test_patients_keep_their_own_mean_and_spread(found, world):
    _, patients, truth = world
    moved = found.transform(patients)[SHIFTED]
    np.testing.assert_allclose(moved.mean(), truth[:, :40].mean(axis=0), atol=0.15)
    np.testing.assert_allclose(moved.std(), truth[:, :40].std(axis=0), rtol=0.1)


def test_effect_on_an_outcome_survives_the_move(found, world):
    _, patients, truth = world
    outcome = truth[:, 0] + np.random.default_rng(1).normal(size=300)
    moved = found.transform(patients)[SHIFTED[0]]
    with_truth = np.corrcoef(truth[:, 0], outcome)[0, 1]
    assert np.corrcoef(moved, outcome)[0, 1] == pytest.approx(with_truth, rel=0.05)


def test_move_is_the_stated_line_in_feature_units(found, world):
    _, patients, _ = world
    affine = found.combat.affine().set_index(["batch", "feature"])
    line = affine.loc[("B", SHIFTED[3])]
    rows = patients["scanner"] == "B"
    expected = (patients.loc[rows, SHIFTED[3]] - line["shift"]) / line["scale"]
    np.testing.assert_allclose(found.transform(patients).loc[rows, SHIFTED[3]], expected)


def test_goes_through_json(found, world):
    _, patients, _ = world
    again = RobustFeatures.from_dict(decode(json.loads(json.dumps(encode(found.to_dict())))))
    pd.testing.assert_frame_equal(again.table, found.table)
    pd.testing.assert_frame_equal(again.transform(patients), found.transform(patients))


def test_new_scanner_of_a_patient_is_refused(found, world):
    patients = world[1].assign(scanner="D")
    with pytest.raises(ValueError, match="'D' was not there at fit"):
        found.transform(patients)
    with pytest.raises(ValueError, match="lack 1 robust feature"):
        found.transform(world[1].drop(columns=SAME[0]))
    with pytest.raises(ValueError, match="no batch column 'scanner'"):
        found.transform(world[1].drop(columns="scanner"))


def test_same_regions_flatter(world):
    held_out = robust_radiomics(world[0], DESIGN).table["ccc_after"]
    same = robust_radiomics(world[0], DESIGN, assess="same").table["ccc_after"]
    assert (same - held_out).median() > 0


def test_figure_shows_every_harmonized_feature(found):
    svg = draw_concordance(found)
    assert svg.startswith("<svg")
    assert "40 features before and after" in svg


@pytest.mark.parametrize(
    ("change", "design", "message"),
    [
        (lambda t: t.drop(columns="scan"), {}, "no column 'scan'"),
        (lambda t: t[t["scanner"] == "A"], {}, "one batch only"),
        (lambda t: t.drop(index=0), {}, "same number of repeats"),
        (lambda t: t[(t["region"] != 3) | (t["scanner"] != "B")], {}, "not in every batch"),
        (lambda t: pd.concat([t, t.iloc[:1]]), {}, "more than one row for scanner"),
        (lambda t: t.assign(**{SAME[0]: np.nan}), {}, "missing or infinite"),
        (lambda t: t, {"repeat": None}, "say what a repeat is"),
        (lambda t: t, {"reference": "Z"}, "is no batch of the phantom"),
    ],
)
def test_bad_phantoms_are_refused(world, change, design, message):
    settings = {"batch": "scanner", "region": "region", "repeat": "scan"} | design
    with pytest.raises(ValueError, match=message):
        robust_radiomics(change(world[0]), PhantomDesign(**settings))


def test_limits_out_of_range_are_refused(world):
    with pytest.raises(ValueError, match="ccc must be in"):
        robust_radiomics(world[0], DESIGN, ccc=1.2)
    with pytest.raises(ValueError, match="assess is held_out or same"):
        robust_radiomics(world[0], DESIGN, assess="both")


def test_ccr1_phantom(shared):
    table = pd.read_csv(shared / "data/phantom_ccr1/Pyradiomics_original_RFs_CCR1.csv")
    table["material"] = table["ROI"].str[:3]
    design = PhantomDesign(batch="Batch", region="ROI", unit="material")
    found = robust_radiomics(table, design)
    # 13 scanner settings, concordance 0.9 in all 78 pairs: intensity features agree as they are.
    assert "original_firstorder_Mean" in found.reproducible
    assert "original_firstorder_Energy" in found.harmonisable
    assert found.table["set"].value_counts().to_dict() == {
        "repeatable": 48, "unstable": 34, "reproducible": 8, "harmonisable": 1,
    }  # fmt: skip
    half = robust_radiomics(table, design, share=0.5)
    assert (len(half.reproducible), len(half.harmonisable)) == (19, 30)


def test_combat_across_two_extractions_equals_the_reference(shared):
    folder = shared / "oracles/lung1_two_extractions"
    first, second = (
        pd.read_csv(folder / f"extraction_{name}.csv", index_col="PatientID")
        for name in ("pmt", "ssm")
    )
    names = list(pd.read_csv(folder / "expected_agreement.csv")["feature"])
    expected = json.loads((folder / "expected.json").read_text())
    even = np.arange(len(first)) % 2 == 0
    both = [t[names].assign(batch=b) for t, b in ((first, "pmt"), (second, "ssm"))]
    combat = ComBat("batch").fit(pd.concat([t[even] for t in both]))
    before = ccc_many(*(t.loc[~even, names].to_numpy() for t in both))["ccc"]
    after = ccc_many(*(combat.transform(t[~even]).to_numpy() for t in both))["ccc"]
    assert (before >= 0.9).sum() == expected["heldout_before_ccc_ge_0_9"]
    assert (after >= 0.9).sum() == expected["heldout_after_combat_ccc_ge_0_9"]
    assert before.median() == pytest.approx(expected["heldout_before_median"], rel=1e-9)
    assert after.median() == pytest.approx(expected["heldout_after_median"], rel=1e-9)
