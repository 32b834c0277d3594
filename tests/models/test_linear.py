import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, RadtoolWarning
from radtool.evaluation import fit_cox
from radtool.models import Cox, Logistic


def test_cox_is_the_newton_fit_centred_on_training(cohort):
    X, y = cohort
    design = X[["original_stat_f00", "original_stat_f01"]]
    model, fit = Cox().fit(design, y), fit_cox(design, y)
    np.testing.assert_allclose(model.coef_, fit.coefficients)
    assert model.predict(design).mean() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(model.contributions(design).sum(axis=1), model.predict(design))


def test_constant_and_dependent_columns_get_nothing(cohort):
    X, y = cohort
    design = X[["original_stat_f00"]].assign(same=1.0, double=2 * X["original_stat_f00"])
    model = Cox().fit(design, y)
    assert model.coef_[1:].tolist() == [0, 0]
    assert model.coefficients()["feature"].tolist() == ["original_stat_f00"]


def test_separation_is_penalised_with_a_warning():
    X = pd.DataFrame({"x": [1.0, 1, 1, 0, 0, 0]})
    y = pd.DataFrame({"event": [1, 1, 1, 0, 0, 0], "duration": [1.0, 2, 3, 4, 5, 6]})
    with pytest.warns(RadtoolWarning, match=r"'x' runs to infinity.*refitted with ridge 1"):
        model = Cox().fit(X, y)
    assert 0 < model.coef_[0] < 10


def test_raw_radiomic_scales_do_not_overflow(cohort):
    X, y = cohort
    design = X[["original_stat_f00", "original_stat_f01"]]
    huge = Cox().fit(design * [1e9, 1e-9] + [1e12, 0], y)
    again = Cox().fit(design, y)
    np.testing.assert_allclose(
        huge.predict(design * [1e9, 1e-9] + [1e12, 0]), again.predict(design), rtol=1e-4
    )


def test_logistic_equals_statsmodels(cohort, marker):
    import statsmodels.api as sm

    X, _ = cohort
    design = X[["original_stat_f00", "original_stat_f03"]]
    model = Logistic().fit(design, marker)
    reference = sm.Logit(marker.astype(float), sm.add_constant(design)).fit(disp=0)
    np.testing.assert_allclose(model.coef_, reference.params[1:], atol=1e-7)
    np.testing.assert_allclose(model.coefficients()["se"], reference.bse[1:], atol=1e-7)
    assert model.predict(design).mean() == pytest.approx(marker.mean(), abs=1e-9)


def test_balanced_classes_keep_the_ranks(cohort, marker):
    X, _ = cohort
    y = marker & (X["original_stat_f03"] > 0.3)
    plain = Logistic().fit(X[["original_stat_f00"]], y).predict(X)
    balanced = Logistic(balanced=True).fit(X[["original_stat_f00"]], y).predict(X)
    assert balanced.mean() > plain.mean()
    np.testing.assert_array_equal(np.argsort(plain), np.argsort(balanced))


def test_more_predictors_than_cases_are_refused(marker):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(len(marker), 70)), index=marker.index)
    with pytest.raises(InputError, match="70 predictors for 60"):
        Logistic().fit(X.set_axis(map(str, X.columns), axis=1), marker)


def test_separated_classes_are_penalised_with_a_warning(marker):
    X = pd.DataFrame({"x": marker.astype(float)})
    with pytest.warns(RadtoolWarning, match="perfectly separated"):
        model = Logistic().fit(X, marker)
    assert 0 < model.coef_[0] < 50


def test_several_lesions_of_a_patient_give_robust_errors(cohort):
    X, y = cohort
    twice = np.repeat(np.arange(len(X)), 2)
    design, outcome = (f.iloc[twice].reset_index(drop=True) for f in (X[["original_stat_f00"]], y))
    naive = Cox().fit(design, outcome).coefficients()["se"][0]
    robust = Cox().fit(design, outcome, twice).coefficients()["se"][0]
    single = Cox().fit(X[["original_stat_f00"]], y).coefficients()["se"][0]
    # Copying every case halves the naive variance; the robust error is that of the patients.
    assert naive == pytest.approx(single / np.sqrt(2), rel=0.02)
    assert robust == pytest.approx(single, rel=0.2)
