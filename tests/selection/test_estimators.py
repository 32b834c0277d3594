"""Every step keeps scikit-learn's contract, and ours."""

from sklearn.utils.estimator_checks import parametrize_with_checks

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
