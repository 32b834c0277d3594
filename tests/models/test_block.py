import pandas as pd
import pytest

from radtool.errors import InputError, TableError
from radtool.harmonization import ComBat
from radtool.models import Block
from radtool.models.block import FittedBlock
from radtool.selection import CorrelationFilter, MedianImputer, Standardize


def test_patterns_match_in_table_order(cohort):
    X, y = cohort
    block, design = FittedBlock.fit(Block(["original_stat_f0?", "age"]), X, y, "b")
    assert block.inputs[0] == "original_stat_f00"
    assert design.columns[-1] == "age"
    assert len(block.inputs) == 11


def test_a_pattern_that_matches_nothing_is_named_with_the_nearest(cohort):
    with pytest.raises(InputError, match=r"no column matches 'histolgy'; did you mean 'histology'"):
        FittedBlock.fit(Block(["histolgy"]), *cohort, "clinical")


def test_the_batch_column_travels_but_is_no_predictor(cohort):
    X, y = cohort
    steps = [ComBat(batch="site"), Standardize(), CorrelationFilter(0.9)]
    block, design = FittedBlock.fit(Block(["original_stat*"], steps), X, y, "radiomics")
    assert block.carried == ["site"]
    assert "site" not in design
    pd.testing.assert_frame_equal(block.transform(X), design)


def test_every_drop_has_a_reason(cohort):
    steps = [CorrelationFilter(0.9)]
    block, _ = FittedBlock.fit(Block(["original_stat*"], steps), *cohort, "radiomics")
    last = block.path[-1]
    assert (last["step"], last["n_in"] - last["n_out"]) == ("CorrelationFilter", 1)
    assert last["dropped"][0]["reason"].startswith("redundant with original_stat_f")


def test_an_imputer_of_the_user_replaces_ours(cohort):
    block, _ = FittedBlock.fit(Block(["age"], [MedianImputer()]), *cohort, "clinical")
    assert [type(step).__name__ for step in block.steps] == ["PrepareColumns", "MedianImputer"]
    assert not block.steps[0].impute


def test_new_tables_need_the_same_columns(cohort):
    X, y = cohort
    block, _ = FittedBlock.fit(Block(["age", "histology"]), X, y, "clinical")
    with pytest.raises(TableError, match=r"lacks 1 column.*'age'"):
        block.transform(X.drop(columns="age"))


def test_only_steps_that_go_to_json_are_taken():
    from sklearn.preprocessing import StandardScaler

    with pytest.raises(InputError, match="FeatureSteps"):
        Block(["a"], [StandardScaler()])
    with pytest.raises(InputError, match="list of names"):
        Block("age")
