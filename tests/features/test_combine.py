"""Several images in one row, and changes between time points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.errors import TableError
from radtool.features.combine import combine_images, delta_features
from radtool.table import check_features, feature_columns

MEAN = "original_stat_mean"


def table(patients, values, **columns):
    rows = {"case_id": [f"{p}-{i}" for i, p in enumerate(patients)], "patient_id": patients}
    return pd.DataFrame({**rows, **columns, MEAN: values})


def test_images_meet_by_patient_roi_and_timepoint():
    ct = table(["a", "a", "b"], [1.0, 2.0, 3.0], roi=["gtv", "node", "gtv"], site="x")
    pet = table(["b", "a"], [30.0, 10.0], roi=["gtv", "gtv"], site="x")
    both = combine_images({"ct": ct, "pet": pet})
    assert both["patient_id"].tolist() == ["a", "b"]
    assert both[f"ct_{MEAN}"].tolist() == [1.0, 3.0]
    assert both[f"pet_{MEAN}"].tolist() == [10.0, 30.0]
    assert both["site"].tolist() == ["x", "x"]
    assert feature_columns(check_features(both)) == [f"ct_{MEAN}", f"pet_{MEAN}"]


def test_outer_keeps_cases_that_one_image_lacks():
    both = combine_images(
        {"ct": table(["a"], [1.0]), "pet": table(["a", "b"], [5.0, 6.0])}, how="outer"
    )
    assert both["patient_id"].tolist() == ["a", "b"]
    assert np.isnan(both[f"ct_{MEAN}"][1])
    assert both["case_id"].tolist() == ["a-0", "b-1"]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"ct": table(["a"], [1.0])}, "at least two"),
        ({"ct": table(["a"], [1.0]), "p-t": table(["a"], [1.0])}, "prefix 'p-t'"),
        ({"ct": table(["a"], [1.0]), "pet": table(["b"], [1.0])}, "no case is in all tables"),
        (
            {"ct": table(["a"], [1.0], site="x"), "pet": table(["a"], [1.0], site="y")},
            r"disagree about the site of \['a'\]",
        ),
        (
            {
                "ct": table(["a"], [1.0]),
                "pet": table(["a", "a"], [1.0, 2.0], roi=["gtv", "node"]),
            },
            "table 'pet' has several rows for the same patient_id",
        ),
    ],
)
def test_tables_that_do_not_fit_are_refused(tables, words):
    with pytest.raises(TableError, match=words):
        combine_images(tables)


def course():
    return pd.DataFrame(
        {
            "case_id": ["a0", "a1", "b0", "c1", "d0", "d1"],
            "patient_id": ["a", "a", "b", "c", "d", "d"],
            "timepoint": ["pre", "post", "pre", "post", "pre", "post"],
            MEAN: [2.0, 5.0, 1.0, 7.0, 0.0, 3.0],
        }
    )


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("absolute", f"delta_{MEAN}", [3.0, 3.0]),
        ("relative", f"delta_relative_{MEAN}", [1.5, np.nan]),
        ("ratio", f"delta_ratio_{MEAN}", [2.5, np.nan]),
        ("rate", f"delta_rate_{MEAN}", [0.3, 0.1]),
    ],
)
def test_changes_by_hand(kind, name, expected):
    days = pd.Series({"a": 10, "d": 30, "c": 5})
    rows = delta_features(course(), before="pre", after="post", kind=kind, days=days)
    rows = rows.set_index("patient_id")
    np.testing.assert_allclose(rows.loc[["a", "d"], name], expected)
    assert feature_columns(check_features(rows.reset_index())) == [name]


def test_missing_time_point_stays_missing():
    rows = delta_features(course(), before="pre", after="post").set_index("patient_id")
    assert sorted(rows.index) == ["a", "b", "c", "d"]
    assert rows.loc[["b", "c"], f"delta_{MEAN}"].isna().all()
    assert rows.loc["b", "case_id"] == "b0"
    assert rows.loc["a", "case_id"] == "a1"
    assert set(rows["timepoint"]) == {"post-pre"}


def test_order_of_rows_does_not_matter():
    rows = delta_features(course(), before="pre", after="post").set_index("patient_id")
    shuffled = course().sample(frac=1, random_state=0)
    again = delta_features(shuffled, before="pre", after="post").set_index("patient_id")
    pd.testing.assert_frame_equal(rows.sort_index(), again.sort_index())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"before": "start"}, r"no timepoint 'start'; the table has \['post', 'pre'\]"),
        ({"before": "post"}, "are both 'post'"),
        ({"kind": "rate"}, "needs days"),
        ({"kind": "rate", "days": pd.Series({"a": 0})}, r"above 0; they are not for \['a'\]"),
    ],
)
def test_wrong_use_is_refused(change, words):
    with pytest.raises(TableError, match=words):
        delta_features(course(), **{"before": "pre", "after": "post", **change})
