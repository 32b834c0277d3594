import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, TableError
from radtool.evaluation import (
    bootstrap_c_difference,
    censoring_survival,
    compare_c,
    harrell_c,
    pair_counts,
    uno_c,
)


def slow_c(y, risk, weight):
    """Pair by pair, as the definition says."""
    good = usable = 0.0
    e, t = y["event"].to_numpy(), y["duration"].to_numpy()
    for i in range(len(t)):
        for j in range(len(t)):
            if e[i] and (t[j] > t[i] or (t[j] == t[i] and not e[j])):
                usable += weight[i] * weight[j]
                good += weight[i] * weight[j] * ((risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j]))
    return good / usable


def test_harrell_equals_the_definition(small):
    y, risk = small
    assert harrell_c(y, risk).value == pytest.approx(slow_c(y, risk, np.ones(60)), abs=1e-14)


def test_standard_error_is_the_infinitesimal_jackknife(small):
    y, risk = small
    slopes = []
    for i in range(60):
        up, down = np.ones(60), np.ones(60)
        up[i], down[i] = 1 + 1e-5, 1 - 1e-5
        slopes.append((slow_c(y, risk, up) - slow_c(y, risk, down)) / 2e-5)
    assert harrell_c(y, risk).se == pytest.approx(np.sqrt(np.sum(np.square(slopes))), rel=1e-6)


def test_turning_the_risk_round_mirrors_c(small):
    y, risk = small
    assert harrell_c(y, -risk).value == pytest.approx(1 - harrell_c(y, risk).value, abs=1e-14)


def test_a_constant_risk_gives_one_half(small):
    y, _ = small
    found = harrell_c(y, np.full(60, 3.0))
    assert (found.value, found.se) == (0.5, 0.0)


def test_without_censoring_uno_is_harrell(small):
    y, risk = small
    y = y.assign(event=True)
    assert uno_c(y, risk).value == pytest.approx(harrell_c(y, risk).value, abs=1e-14)


def test_a_model_compared_with_itself(small):
    y, risk = small
    row = compare_c(y, risk, risk).iloc[0]
    assert (row["difference"], row["se"], row["p"]) == (0, 0, 1)


def test_comparison_is_the_difference_of_the_two(small):
    y, risk = small
    other = np.random.default_rng(3).normal(size=60)
    row = compare_c(y, risk, other).iloc[0]
    assert row["difference"] == pytest.approx(harrell_c(y, other).value - harrell_c(y, risk).value)
    assert row["lower"] < row["difference"] < row["upper"]


def test_no_comparable_pair_is_refused():
    y = pd.DataFrame({"event": [True, False], "duration": [5.0, 2.0]})
    with pytest.raises(InputError, match="no two cases can be compared"):
        harrell_c(y, np.array([1.0, 2.0]))


def test_bad_risks_are_refused(small):
    y, risk = small
    with pytest.raises(InputError, match="missing or infinite"):
        harrell_c(y, np.where(np.arange(60) == 4, np.nan, risk))
    with pytest.raises(InputError, match="same cases"):
        harrell_c(y, pd.Series(risk, index=y.index[::-1]))
    with pytest.raises(InputError, match="3 values of risk for 60"):
        harrell_c(y, risk[:3])


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_bad_times_are_refused(small, bad):
    y, risk = small
    y.loc[7, "duration"] = bad
    with pytest.raises(TableError, match="above 0"):
        harrell_c(y, risk)


def test_tau_beyond_follow_up_is_refused(small):
    y, risk = small
    with pytest.raises(InputError, match="beyond the last follow-up"):
        uno_c(y, risk, tau=1e9)


def test_events_come_before_censorings_at_the_same_time():
    y = pd.DataFrame({"event": [True, False, False], "duration": [1.0, 1.0, 2.0]})
    # At time 1 the event leaves first, so one of two is censored there.
    assert censoring_survival(y, np.array([0.5, 1.0, 1.5])).tolist() == [1.0, 0.5, 0.5]
    assert censoring_survival(y, np.array([1.0]), before=True).tolist() == [1.0]


@pytest.mark.parametrize(
    ("key", "column", "measure", "settings"),
    [
        ("concordance_age_rev", "age", harrell_c, {}),
        ("uno_age", "age", uno_c, {}),
        ("uno_ymax500", "age", uno_c, {"tau": 500}),
        ("concordance_ecog_rev", "ph.ecog", harrell_c, {}),
    ],
)
def test_lung_of_r(key, column, measure, settings, inputs, expected):
    frame = inputs("survival_lung").dropna(subset=[column])
    y = pd.DataFrame({"event": frame["status"] == 1, "duration": frame["time"].astype(float)})
    r = expected("survival_lung")[key]
    found = measure(y, frame[column].to_numpy(float), **settings)
    assert found.value == pytest.approx(r["C"], abs=1e-12)
    assert found.se == pytest.approx(r["se"], abs=1e-12)
    if measure is harrell_c:
        counts = pair_counts(y, frame[column].to_numpy(float))
        assert list(counts.values()) == list(r["count"].values())


def test_pbc_and_veteran_of_r(inputs, expected):
    pbc = inputs("survival_pbc").dropna(subset=["protime"])
    r = expected("survival_pbc")
    y = pd.DataFrame({"event": pbc["death"] == 1, "duration": pbc["time"].astype(float)})
    index = np.array(r["lp_mayo5"])
    assert harrell_c(y, index).value == pytest.approx(r["C_mayo"]["C"], abs=1e-12)
    assert uno_c(y, index).value == pytest.approx(r["C_uno_mayo"]["C"], abs=1e-12)
    assert uno_c(y, index).se == pytest.approx(r["C_uno_mayo"]["se"], abs=1e-12)
    veteran, v = inputs("survival_veteran"), expected("survival_veteran")["C_karno"]
    y = pd.DataFrame({"event": veteran["status"] == 1, "duration": veteran["time"].astype(float)})
    found = harrell_c(y, veteran["karno"].to_numpy(float))
    assert max(found.value, 1 - found.value) == pytest.approx(v["C"], abs=1e-12)
    assert found.se == pytest.approx(v["se"], abs=1e-12)


def test_the_bootstrap_of_a_difference_is_that_of_drawing_rows(small):
    y, risk = small
    other = risk + np.random.default_rng(3).normal(size=60) * 4
    patients = np.arange(60) // 2
    found = bootstrap_c_difference(y, risk, other, patients, n=200, seed=5)
    # The same draws, patient by patient, each sample scored as a cohort of its own.
    draws = np.random.default_rng(5).integers(0, 30, (400, 30))
    names = np.argsort(np.arange(30).astype(str))  # patients in the order of their names as text
    values = []
    for draw in draws[:200]:
        rows = np.concatenate([[2 * names[g], 2 * names[g] + 1] for g in draw])
        sample = y.iloc[rows].reset_index(drop=True)
        values.append(harrell_c(sample, other[rows]).value - harrell_c(sample, risk[rows]).value)
    assert [found.lower, found.upper] == pytest.approx(np.quantile(values, [0.025, 0.975]))
    assert found.se == pytest.approx(np.std(values, ddof=1))
    assert found.value == pytest.approx(compare_c(y, risk, other)["difference"][0], abs=1e-12)


def test_the_bootstrap_of_a_difference_agrees_with_the_jackknife():
    rng = np.random.default_rng(1)
    risk = rng.normal(size=400)
    y = pd.DataFrame(
        {"event": rng.random(400) < 0.7, "duration": rng.exponential(np.exp(-0.7 * risk))}
    )
    other = risk + rng.normal(size=400)
    found = bootstrap_c_difference(y, risk, other, n=1000)
    assert found.se == pytest.approx(compare_c(y, risk, other)["se"][0], rel=0.07)


def test_the_bootstrap_does_not_depend_on_the_order_of_cases(small):
    y, risk = small
    patients = pd.Series([f"p{i // 2}" for i in range(60)], index=y.index)
    rows = np.random.default_rng(0).permutation(60)
    first = bootstrap_c_difference(y, risk, -risk, patients, n=50)
    other = bootstrap_c_difference(y.iloc[rows], risk[rows], -risk[rows], patients.iloc[rows], n=50)
    assert [other.lower, other.upper] == pytest.approx([first.lower, first.upper])


def test_too_few_events_for_a_bootstrap(small):
    y, risk = small
    late = y.assign(event=y.index == y["duration"].idxmax())
    with pytest.raises(InputError, match="too few events|no two cases"):
        bootstrap_c_difference(late, risk, -risk, n=20)


def test_one_event_gives_no_interval():
    # Without the one event there is no pair: the jackknife is not defined.
    y = pd.DataFrame({"event": [False, True, False, False], "duration": [1.0, 2.0, 3.0, 4.0]})
    found = harrell_c(y, np.array([1.0, 2.0, 3.0, 0.0]))
    assert [found.value, found.lower, found.upper] == [0.5, None, None]
    row = compare_c(y, np.arange(4.0), np.arange(4.0)[::-1]).iloc[0]
    assert row["difference"] == 1
    assert row["lower"] is None
    assert np.isnan(row["p"])


def test_few_pairs_in_order_are_no_certainty():
    y = pd.DataFrame({"event": True, "duration": [1.0, 2.0, 3.0]})
    up, down = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])
    assert harrell_c(y, down).value == 1
    assert harrell_c(y, down).lower is None
    row = compare_c(y, up, down).iloc[0]
    assert row["difference"] == 1
    assert row["lower"] is None
    assert np.isnan(row["p"])
    assert compare_c(y, up, up)["p"][0] == 1


def test_every_case_twice_is_no_more_evidence(small):
    # Copies of a case are tied with it: C stays, and patient by patient so does the influence.
    y, risk = small
    twice = pd.concat([y, y], ignore_index=True)
    scores = np.tile(risk, 2), np.tile(risk[::-1], 2)
    patients = np.tile(np.arange(60), 2)
    once = compare_c(y, risk, risk[::-1]).iloc[0]
    found = compare_c(twice, *scores, patients).iloc[0]
    assert found["difference"] == pytest.approx(once["difference"], abs=1e-12)
    assert found["se"] == pytest.approx(once["se"], abs=1e-12)
    assert compare_c(twice, *scores).iloc[0]["se"] == pytest.approx(once["se"] / np.sqrt(2))
