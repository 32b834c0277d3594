import pytest

from radtool.errors import InputError
from radtool.evaluation import events_per_variable, sample_size_marker, sample_size_survival


def check(found, rows):
    # pmsampsize prints shrinkage and R² with three decimals, events per parameter with two.
    assert found["n"].tolist() == [row["Samp_size"] for row in rows]
    assert found["shrinkage"].round(3).tolist() == pytest.approx([r["Shrinkage"] for r in rows])
    assert found["max_r2"].round(3).tolist() == [row["Max_Rsq"] for row in rows]
    assert found["events_per_parameter"].tolist() == pytest.approx(
        [row["EPP"] for row in rows], abs=0.0051
    )


def test_marker_of_pmsampsize(expected):
    found = sample_size_marker(r2=0.288, parameters=24, prevalence=0.174)
    check(found, expected("pmsampsize")["binary"]["table"])


@pytest.mark.parametrize("key", ["survival", "lung1_like"])
def test_survival_of_pmsampsize(key, expected):
    r = expected("pmsampsize")[key]
    a = r["args"]
    found = sample_size_survival(
        r2=a["csrsquared"],
        parameters=a["parameters"],
        rate=a["rate"],
        time=a["timepoint"],
        mean_follow_up=a["meanfup"],
    )
    check(found, r["table"])


def test_the_bmj_example_without_reference_files():
    # Riley 2020, box: 24 parameters, R² 0.288, prevalence 0.174 need 662 participants.
    found = sample_size_marker(r2=0.288, parameters=24, prevalence=0.174)
    assert found.set_index("criterion")["n"].to_dict() == {
        "shrinkage": 623, "optimism": 662, "risk": 221, "needed": 662
    }  # fmt: skip


def test_impossible_requests_are_refused():
    with pytest.raises(InputError, match="largest possible"):
        sample_size_marker(r2=0.8, parameters=3, prevalence=0.1)
    with pytest.raises(InputError, match="prevalence"):
        sample_size_marker(r2=0.1, parameters=3, prevalence=1.0)
    with pytest.raises(InputError, match="at least one"):
        events_per_variable(100, 0)
