"""ComBat equals R's sva and neuroCombat: every option, every published result, frozen estimates."""

import json

import numpy as np
import pandas as pd
import pytest

from radtool.harmonization import ComBat

few_cases = pytest.mark.filterwarnings("ignore:ComBat. fewer than 20:radtool.errors.RadtoolWarning")

VARIANTS = [
    (pooling, adjusted, mean_only, reference)
    for pooling in ("parametric", "nonparametric", "none")
    for adjusted in (True, False)
    for mean_only in (True, False)
    for reference in (True, False)
]


def oracle_table(shared, *, adjusted):
    """10 cases, 200 features; sites 1 and 2, covariate 1, 2, 1, 2, …"""
    path = shared / "oracles/combat_neurocombat/testdata.csv"
    values = np.loadtxt(path, delimiter=",", skiprows=1).T
    table = pd.DataFrame(values, columns=[f"f{i}" for i in range(values.shape[1])])
    table["site"] = ["1"] * 5 + ["2"] * 5
    if adjusted:
        table["group"] = [1, 2] * 5
    return table


@few_cases
@pytest.mark.parametrize(("pooling", "adjusted", "mean_only", "reference"), VARIANTS)
def test_equals_r_in_every_option(shared, pooling, adjusted, mean_only, reference):
    table = oracle_table(shared, adjusted=adjusted)
    combat = ComBat(
        "site",
        covariates=["group"] if adjusted else [],
        empirical_bayes=pooling,
        mean_only=mean_only,
        reference="1" if reference else None,
    )
    name = "neurocombatR_noeb" if pooling == "none" else f"sva_{pooling}"
    name += "_adjusted" if adjusted else "_unadjusted"
    name += "_meanonly" * mean_only + "_batchref" * reference
    path = shared / f"oracles/combat_neurocombat/{name}.csv"
    expected = np.loadtxt(path, delimiter=",", skiprows=1).T
    np.testing.assert_allclose(combat.fit_transform(table), expected, rtol=0, atol=1e-10)


@few_cases
def test_equals_every_published_result_of_r(shared):
    files = sorted((shared / "oracles/combat_neurocombat/published_r").glob("testdata_*.csv"))
    assert len(files) == 33
    for path in files:
        name = path.stem
        pooling = name.split("_")[2] if "noeb" not in name else "none"
        adjusted = "_adjusted" in name
        combat = ComBat(
            "site",
            covariates=["group"] if adjusted else [],
            empirical_bayes=pooling,
            mean_only="meanon" in name,
            reference="1" if "batchref" in name else None,
        )
        expected = np.loadtxt(path, delimiter=",", skiprows=1).T
        ours = combat.fit_transform(oracle_table(shared, adjusted=adjusted))
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10, err_msg=name)


@few_cases
def test_estimates_equal_r(shared):
    combat = ComBat("site", covariates=["group"]).fit(oracle_table(shared, adjusted=True))
    path = shared / "oracles/combat_neurocombat/estimates_parametric_adjusted.json"
    estimates = combat.estimates_[0]
    expected = json.loads(path.read_text())
    # R's neuroCombat counts the mean covariate effect into its intercept only when reporting it.
    expected.pop("grand_mean")
    for name, value in expected.items():
        np.testing.assert_allclose(estimates[name], value, rtol=1e-10, atol=1e-12, err_msg=name)


@few_cases
def test_frozen_estimates_on_new_cases_equal_r(shared):
    # neuroCombatFromTraining does not read the new cases' covariates: it takes the training mean.
    table = oracle_table(shared, adjusted=True)
    combat = ComBat("site", covariates=["group"], unknown_covariates="mean").fit(table)
    new = table.iloc[[0, 1, 5, 6]].assign(group=np.nan)
    path = shared / "oracles/combat_neurocombat/neurocombatR_fromtraining_scenario2.csv"
    expected = np.loadtxt(path, delimiter=",", skiprows=1).T
    np.testing.assert_allclose(combat.transform(new), expected, rtol=0, atol=1e-10)
