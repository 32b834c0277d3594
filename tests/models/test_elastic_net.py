import json

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.models import ElasticNetCox, ElasticNetLogistic, elastic_net_path


def pbc(shared):
    folder = shared / "oracles" / "coxnet_pbc"
    r = json.loads((folder / "expected.json").read_text())
    frame = pd.read_csv(folder / "inputs.csv")
    time = frame["time"].astype(float)
    # Of three censorings tied with an event, glmnet's sorting puts the one at day 2224 before the
    # event; with that tie resolved as glmnet does, everything else must agree.
    time[(time == 2224) & (frame["status"] != 2)] -= 0.5
    y = pd.DataFrame({"event": frame["status"] == 2, "duration": time})
    return frame[r["cols"]].astype(float), y, r["fits"]


@pytest.mark.parametrize(("key", "mixing"), [("alpha1", 1.0), ("alpha0.5", 0.5), ("alpha0.1", 0.1)])
def test_path_of_glmnet(key, mixing, shared):
    X, y, fits = pbc(shared)
    r = fits[key]
    found, _ = elastic_net_path(X, y, mixing=mixing, penalties=np.array(r["lambda"]))
    # glmnet stops at a relative change of 1e-7 in deviance.
    np.testing.assert_allclose(found.T, r["coef"], atol=1e-5)
    np.testing.assert_array_equal(found.T == 0, np.array(r["coef"]) == 0)
    above, below = r["lambda_max"] * (1 + 1e-9), r["lambda_max"] * (1 - 1e-9)
    edge, _ = elastic_net_path(X, y, mixing=mixing, penalties=np.array([above, below]))
    assert (edge[0] == 0).all()
    assert (edge[1] != 0).sum() == 1


def test_the_optimum_satisfies_its_conditions(cohort):
    from radtool.evaluation import martingale_residuals

    X, y = cohort
    design = X.filter(like="original_stat")
    z = (design - design.mean()) / design.std(ddof=0)
    beta, _ = elastic_net_path(z, y, mixing=1.0, penalties=np.array([0.05]))
    residuals = martingale_residuals(z.to_numpy() @ beta[0], y, ties="breslow")
    gradient = z.to_numpy().T @ residuals / len(z)
    assert np.abs(gradient).max() <= 0.05 + 1e-7
    np.testing.assert_allclose(
        gradient[beta[0] != 0], 0.05 * np.sign(beta[0][beta[0] != 0]), atol=1e-7
    )


def test_logistic_equals_scikit_learn(cohort, marker):
    from sklearn.linear_model import LogisticRegression

    X, _ = cohort
    design = X.filter(like="original_stat")
    z = (design - design.mean()) / design.std(ddof=0)
    beta, intercept = elastic_net_path(z, marker, mixing=1.0, penalties=np.array([0.05]))
    reference = LogisticRegression(
        l1_ratio=1.0, solver="saga", C=1 / (0.05 * len(z)), max_iter=50_000, tol=1e-10
    ).fit(z, marker)
    np.testing.assert_allclose(beta[0], reference.coef_[0], atol=1e-5)
    assert intercept[0] == pytest.approx(reference.intercept_[0], abs=1e-5)


def test_the_largest_penalty_empties_the_model(cohort):
    X, y = cohort
    design = X.filter(like="original_stat")
    emptied = ElasticNetCox(mixing=0.5, penalty=10.0).fit(design, y)
    assert emptied.coefficients().empty
    assert len(ElasticNetCox(mixing=0.5, penalty=0.01).fit(design, y).coefficients()) > 5


def test_the_penalty_is_chosen_inside_and_the_signal_is_found(cohort, marker):
    X, y = cohort
    design = X.filter(like="original_stat")
    model = ElasticNetCox().fit(design, y, X.index.to_numpy())
    assert {"original_stat_f00", "original_stat_f01"} <= set(model.coefficients()["feature"])
    assert model.predict(design).mean() == pytest.approx(0, abs=1e-9)
    odds = ElasticNetLogistic().fit(design, marker)
    assert odds.predict(design).mean() == pytest.approx(marker.mean(), abs=1e-6)


def test_more_features_than_cases_are_fine():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 200))).add_prefix("f")
    y = pd.DataFrame({"event": True, "duration": rng.exponential(np.exp(-2 * X["f0"]))})
    model = ElasticNetCox(mixing=1.0).fit(X, y)
    assert model.coefficients()["feature"].iloc[0] == "f0"


def test_bad_settings_are_refused(cohort):
    X, y = cohort
    with pytest.raises(InputError, match="mixing"):
        ElasticNetCox(mixing=0.0).fit(X[["original_stat_f00"]], y)
    with pytest.raises(InputError, match="missing or infinite"):
        ElasticNetCox().fit(X[["age"]], y)
