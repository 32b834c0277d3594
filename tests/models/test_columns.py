import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, RadtoolWarning
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


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["<50", ">50", "50"], ["g_50", "g_50_2"]),  # signs are no part of an identifier
        (["男", "女", "他"], ["g_", "g__2"]),
    ],
)
def test_categories_that_look_alike_as_names_stay_apart(values, names):
    frame = pd.DataFrame({"g": [values[0], *values, values[0]]})
    step = PrepareColumns().fit(frame)
    out = step.transform(frame)
    assert out.columns.tolist() == names
    assert out.sum(axis=1).tolist() == [0, 0, 1, 1, 0]  # the most frequent one is the reference
    assert [step.source(name) for name in names] == ["g", "g"]


def test_a_category_does_not_take_the_name_of_another_column():
    frame = pd.DataFrame({"g": ["a", "b", "a"], "g_b": [1.0, 2.0, 3.0]})
    out = PrepareColumns().fit(frame).transform(frame)
    assert out.to_dict("list") == {"g_b_2": [0.0, 1.0, 0.0], "g_b": [1.0, 2.0, 3.0]}


def test_a_category_written_as_a_float_is_the_same():
    # A gap makes floats of a spreadsheet's whole numbers.
    step = PrepareColumns().fit(pd.DataFrame({"t": pd.Categorical([1, 2, 2, 3])}))
    new = pd.DataFrame({"t": [1.0, np.nan, 3.0]})
    assert step.transform(new).to_dict("list") == {"t_1": [1.0, 0.0, 0.0], "t_3": [0.0, 0.0, 1.0]}
    assert step.unseen(new).empty


def test_another_coding_is_refused():
    step = PrepareColumns().fit(pd.DataFrame({"smoker": ["yes", "no", "no"]}))
    with pytest.raises(InputError, match=r"coded otherwise.*'0', '1', known are 'no', 'yes'"):
        step.transform(pd.DataFrame({"smoker": [1, 0, 1]}))


def test_infinite_values_in_training_are_named():
    with pytest.warns(RadtoolWarning, match=r"infinite values in column\(s\) age count as missing"):
        step = PrepareColumns().fit(TRAIN.assign(age=[50.0, np.inf, 70.0, 61.0]))
    assert step.fill_["age"] == 61.0
