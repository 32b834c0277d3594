import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.models import Log, PrepareColumns
from radtool.table import step_from_dict

TRAIN = pd.DataFrame(
    {
        "age": [50.0, np.nan, 70.0, 61.0],
        "sex": ["m", "f", "m", None],
        "empty": [np.nan] * 4,
        "flag": [True, False, True, True],
    }
)


def test_text_becomes_columns_and_gaps_are_filled_from_training():
    out = PrepareColumns().fit(TRAIN).transform(TRAIN)
    assert out.columns.tolist() == ["age", "sex_f", "flag"]
    assert out["age"].tolist() == [50, 61, 70, 61]
    assert out["sex_f"].tolist() == [0, 1, 0, 0]


def test_new_cases_change_nothing_that_was_learned():
    step = PrepareColumns().fit(TRAIN)
    new = pd.DataFrame({"age": [np.nan], "sex": ["x"], "empty": [5.0], "flag": [False]}, index=[9])
    assert step.transform(new).to_dict("list") == {"age": [61.0], "sex_f": [0.0], "flag": [0.0]}
    assert step.unseen(new).values.tolist() == [[9, "sex", "x"]]


def test_an_empty_column_is_dropped_with_its_reason():
    step = PrepareColumns().fit(TRAIN)
    assert ["empty", "no finite value in training", None] in step.decisions_


def test_infinite_values_are_filled():
    out = PrepareColumns().fit(TRAIN).transform(TRAIN.assign(age=np.inf))
    assert out["age"].tolist() == [61.0] * 4


def test_text_where_numbers_were_is_refused():
    with pytest.raises(InputError, match=r"'age' was a number in training"):
        PrepareColumns().fit(TRAIN).transform(TRAIN.assign(age="old"))


def test_it_survives_json():
    step = PrepareColumns(keep=["sex"]).fit(TRAIN)
    again = step_from_dict(step.to_dict())
    pd.testing.assert_frame_equal(again.transform(TRAIN), step.transform(TRAIN))


def test_logarithm_of_a_volume():
    frame = pd.DataFrame({"v": [1.0, np.e]}, index=["a", "b"])
    assert Log().fit(frame).transform(frame)["v"].tolist() == pytest.approx([0, 1])
    with pytest.raises(InputError, match=r"'v' has no logarithm for \['b'\]"):
        Log().fit(frame).transform(frame.assign(v=[1.0, 0.0]))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1, 2.5, None, 4], dtype=object), [1, 2.5, 2.5, 4]),
        (pd.Series([1, None, 3, 4], dtype="Int64"), [1, 3, 3, 4]),
        (pd.Series([True, None, False, True], dtype="boolean"), [1, 1, 0, 1]),
        (pd.Series([True, None, False, True], dtype=object), [1, 1, 0, 1]),
    ],
)
def test_numbers_with_gaps_are_numbers_in_any_column_type(values, expected):
    frame = pd.DataFrame({"x": values})
    assert PrepareColumns().fit(frame).transform(frame)["x"].tolist() == expected


@pytest.mark.parametrize("kind", ["string", "category"])
def test_every_kind_of_text_is_encoded(kind):
    frame = pd.DataFrame({"x": pd.Series(["a", "b", None, "a"]).astype(kind)})
    assert PrepareColumns().fit(frame).transform(frame)["x_b"].tolist() == [0, 1, 0, 0]


def test_an_identifier_among_the_predictors_is_refused():
    frame = pd.DataFrame({"name": [f"patient {i}" for i in range(30)]})
    with pytest.raises(InputError, match=r"'name' has 30 different texts.*identifier"):
        PrepareColumns().fit(frame)
