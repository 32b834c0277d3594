import numpy as np
import pytest

from radtool.errors import ParameterError
from radtool.image import Geometry, Image
from radtool.preprocessing.intensity_step import apply_steps
from radtool.preprocessing.recipes import RECIPES, recipe


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_undoes_the_gain_of_a_scanner(name):
    rng = np.random.default_rng(5)
    array = np.where(rng.random((8, 16, 16)) < 0.4, 300.0, 700.0) + rng.normal(0, 25, (8, 16, 16))
    image = Image(array, Geometry(array.shape, (3.0, 2.0, 2.0)))
    plain = apply_steps(recipe(name), image).array
    amplified = apply_steps(recipe(name), image.with_array(image.array * 4.0)).array
    np.testing.assert_allclose(amplified, plain, atol=0.02 * plain.std())


def test_changing_a_returned_recipe_changes_no_other():
    recipe("minimalist").clear()
    assert len(recipe("minimalist")) == 1


def test_an_unknown_recipe_names_the_near_one():
    with pytest.raises(ParameterError, match="did you mean 'minimalist'"):
        recipe("minimal")
