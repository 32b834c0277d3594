from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import fit_cox
from radtool.models import Block, CoxSignature, combine_indices, load_signature


@pytest.fixture
def cohort() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.normal(size=(120, 4)), columns=["a", "b", "c", "d"])
    X.index = [f"p{k}" for k in range(120)]
    time = rng.exponential(np.exp(-(0.8 * X["a"] + 0.6 * X["c"])))
    y = pd.DataFrame({"event": rng.random(120) < 0.8, "duration": time}, index=X.index)
    return X, y


def parts(X: pd.DataFrame, y: pd.DataFrame) -> list[CoxSignature]:
    # The first kind of predictor is known of everyone, the second of 80 patients.
    return [
        CoxSignature({"one": Block(["a", "b"])}).fit(X, y),
        CoxSignature({"two": Block(["c", "d"])}).fit(X[:80], y[:80]),
    ]


def test_the_indices_stay_and_get_the_weights_of_a_cox_model(cohort: tuple) -> None:
    X, y = cohort
    one, two = parts(X, y)
    joined = combine_indices([one, two], X[:80], y[:80])
    indices = pd.DataFrame({"one": one.predict_risk(X[:80]), "two": two.predict_risk(X[:80])})
    weights = fit_cox(indices, y[:80]).coefficients
    centred = indices - indices.mean()
    np.testing.assert_allclose(joined.predict_risk(X[:80]), centred @ weights, atol=1e-9)
    assert joined.trained_on_["n"] == 80


def test_everyone_whom_a_part_was_fitted_on_counts_as_training(cohort: tuple) -> None:
    X, y = cohort
    joined = combine_indices(parts(X, y), X[:80], y[:80])
    assert joined.overlap(pd.Series(["p119", "stranger"])) == ["p119"]


def test_a_saved_combination_predicts_to_the_last_digit(cohort: tuple, tmp_path: object) -> None:
    X, y = cohort
    joined = combine_indices(parts(X, y), X[:80], y[:80])
    joined.save(f"{tmp_path}/m.signature.json")
    again = load_signature(f"{tmp_path}/m.signature.json")
    pd.testing.assert_series_equal(again.predict_risk(X), joined.predict_risk(X), check_exact=True)
    assert again.cutoffs_ == joined.cutoffs_


def test_parts_of_one_block_are_not_combined(cohort: tuple) -> None:
    X, y = cohort
    one, two = parts(X, y)
    with pytest.raises(InputError, match="two or more different blocks"):
        combine_indices([one, one], X, y)
    both = CoxSignature({"p": Block(["a"]), "q": Block(["b"])}).fit(X, y)
    with pytest.raises(InputError, match="one block and no shared steps"):
        combine_indices([both, two], X, y)
