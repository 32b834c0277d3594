"""Every step keeps scikit-learn's contract."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from radtool.selection import (
    BackwardElimination,
    ClusterFilter,
    CorrelationFilter,
    ElasticNetFilter,
    ForestImportanceFilter,
    ForestImputer,
    MedianImputer,
    MRMRFilter,
    MutualInformationFilter,
    RecursiveElimination,
    StabilityFilter,
    Standardize,
    UnivariateCoxFilter,
    UnivariateMarkerFilter,
    VarianceFilter,
    VolumeFilter,
    VolumeResiduals,
    Winsorize,
    YeoJohnson,
)

STEPS = [
    BackwardElimination(),
    ClusterFilter(),
    CorrelationFilter(),
    CorrelationFilter(keep="univariate"),
    ElasticNetFilter(folds=3, steps=10),
    ForestImportanceFilter(top=2, forests=2, trees=(3, 5)),
    ForestImputer(rounds=1, trees=3),
    MRMRFilter(top=2),
    MedianImputer(),
    MutualInformationFilter(top=2),
    RecursiveElimination(1),
    StabilityFilter(),
    Standardize(),
    UnivariateCoxFilter(),
    UnivariateMarkerFilter(),
    VarianceFilter(),
    VolumeFilter(),
    VolumeResiduals(scale="linear"),
    Winsorize(),
    YeoJohnson(),
]


# scikit-learn's toy classes lie far apart.
@pytest.mark.filterwarnings("ignore:.*separate the outcome:radtool.errors.RadtoolWarning")
@pytest.mark.filterwarnings("ignore:.*for the volume; name the:radtool.errors.RadtoolWarning")
@parametrize_with_checks(STEPS)
def test_scikit_learn_contract(estimator, check):
    check(estimator)
