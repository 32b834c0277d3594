from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radtool.errors import ParameterError, SignatureError
from radtool.table import FeatureStep, make_step, step_from_dict


class Centre(FeatureStep):
    state = ("mean_", "names_")

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def fit(self, X: pd.DataFrame, y: Any = None) -> Centre:
        self.mean_ = X.mean().to_numpy()
        self.names_ = list(X.columns)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        return (X[self.names_] - self.mean_) / self.scale


def test_a_fitted_step_survives_json_bit_for_bit() -> None:
    X = pd.DataFrame({"a": [0.1, 0.2, 0.4], "b": [1e-300, 2.0, 1 / 3]})
    step = Centre(scale=3.0).fit(X)
    back = step_from_dict(json.loads(json.dumps(step.to_dict())))
    np.testing.assert_array_equal(back.transform(X), step.transform(X))


def test_steps_are_made_from_settings() -> None:
    assert make_step({"step": "Centre", "scale": 2.0}, "study.yaml").scale == 2.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step": "Center"}, "unknown step 'Center'; did you mean 'Centre'"),
        ({"step": "Centre", "scales": 2}, "no setting 'scales'; did you mean 'scale'"),
        ({}, "unknown step 'None'"),
    ],
)
def test_unknown_steps_and_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make_step(settings, "study.yaml [steps]")


def test_a_signature_cannot_bring_its_own_code() -> None:
    with pytest.raises(SignatureError, match="unknown step 'os.system'"):
        step_from_dict({"step": "os.system", "settings": {}, "state": {}})
