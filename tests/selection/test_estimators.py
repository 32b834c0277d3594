"""Every step keeps scikit-learn's contract, and ours."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from radtool.errors import TableError
from radtool.files import canonical_json
from radtool.selection import (
    CorrelationFilter,
    MedianImputer,
    StabilityFilter,
    Standardize,
    UnivariateCoxFilter,
    UnivariateMarkerFilter,
    VarianceFilter,
    VolumeFilter,
)
from radtool.table import step_from_dict

STEPS = [
    CorrelationFilter(),
    CorrelationFilter(keep="univariate"),
    MedianImputer(),
    StabilityFilter(),
    Standardize(),
    UnivariateCoxFilter(),
    UnivariateMarkerFilter(),
    VarianceFilter(),
    VolumeFilter(),
]


@parametrize_with_checks(STEPS)
def test_scikit_learn_contract(estimator, check):
    check(estimator)
