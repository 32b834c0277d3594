"""Lung cancer in Maastricht and Stanford: baselines that anybody can recompute."""

import numpy as np
import pandas as pd
import pytest

from radtool.evaluation import harrell_c
from radtool.models import Block, CoxSignature, Log


@pytest.fixture(scope="module")
def two_centres(shared):
    folder = shared / "data" / "nsclc_two_centre"
    X = pd.read_csv(folder / "outcomes.csv").set_index("patient_id")
    return X, pd.DataFrame({"event": X["event"] == 1, "duration": X["duration_days"]}), folder


def test_age_t_and_n(two_centres):
    X, y, _ = two_centres
    train, test = (X["site"] == "maastricht") & X["age"].notna(), X["site"] == "stanford"
    signature = CoxSignature({"clinical": Block(["age", "t_stage", "n_stage"])})
    risk = signature.fit(X[train], y[train]).predict_risk(X[test])
    assert harrell_c(y[test], risk).value == pytest.approx(0.638, abs=5e-4)
    # lifelines on the same patients, as a witness of the whole path.
    from lifelines import CoxPHFitter

    columns = ["age", "t_stage", "n_stage", "duration_days", "event"]
    reference = CoxPHFitter().fit(X.loc[train, columns], "duration_days", "event")
    np.testing.assert_allclose(signature.coefficients_["coefficient"], reference.params_, atol=1e-5)


def test_volume_alone(two_centres):
    import nibabel

    X, y, folder = two_centres
    test = X["site"] == "stanford"
    volume = [
        np.count_nonzero(np.asarray(nibabel.load(folder / "masks" / f"{name}.nii.gz").dataobj))
        for name in X.index[test]
    ]
    # One predictor: its C does not depend on the training cohort, only on the sign.
    risk = pd.Series(volume, index=X.index[test], dtype=float)
    assert harrell_c(y[test], risk).value == pytest.approx(0.620, abs=1e-3)
    frame = pd.DataFrame({"volume": risk})
    signature = CoxSignature({"volume": Block(["volume"], [Log()])}).fit(frame, y[test])
    assert signature.coefficients_["hazard_ratio"][0] > 1
