import numpy as np
import pandas as pd
import pytest

from radtool.errors import RadtoolWarning, TableError
from radtool.harmonization import ComBat


def test_a_feature_that_is_flat_in_an_unseen_batch_is_left_there_and_named():
    rng = np.random.default_rng(5)
    names = [f"original_stat_{letter}" for letter in "abcde"]
    X = pd.DataFrame(rng.normal(size=(90, 5)), columns=names)
    X["site"] = ["A"] * 30 + ["B"] * 30 + ["C"] * 30
    X.loc[X["site"] == "C", names] += 4
    X.loc[X["site"] == "C", names[2]] = 1.0
    combat = ComBat(unseen="estimate").fit(X[X["site"] != "C"])
    with pytest.warns(RadtoolWarning) as told:
        moved = combat.transform(X[X["site"] == "C"])
    assert any(f"too few different values in '{names[2]}'" in str(one.message) for one in told)
    assert (moved[names[2]] == 1.0).all()
    others = [name for name in names if name != names[2]]
    alone = ComBat(unseen="estimate").fit(X.loc[X["site"] != "C", [*others, "site"]])
    with pytest.warns(RadtoolWarning):
        expected = alone.transform(X.loc[X["site"] == "C", [*others, "site"]])
    np.testing.assert_allclose(moved[others], expected[others], rtol=1e-12)


def test_an_unseen_batch_of_flat_features_only_is_refused():
    rng = np.random.default_rng(5)
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["original_stat_a", "original_stat_b"])
    X["site"] = ["A"] * 20 + ["B"] * 20 + ["C"] * 20
    X.loc[X["site"] == "C", ["original_stat_a", "original_stat_b"]] = 2.0
    combat = ComBat(unseen="estimate").fit(X[X["site"] != "C"])
    with (
        pytest.raises(TableError, match="'C'.*too few different values"),
        pytest.warns(RadtoolWarning),
    ):
        combat.transform(X[X["site"] == "C"])
