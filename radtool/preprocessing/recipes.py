"""Named chains of intensity steps."""

from __future__ import annotations

from radtool.errors import ParameterError, did_you_mean
from radtool.preprocessing.bias_field import N4
from radtool.preprocessing.contrast import Clahe
from radtool.preprocessing.intensity_step import IntensityStep
from radtool.preprocessing.scaling import ZScore
from radtool.preprocessing.white_stripe import WhiteStripe

__all__ = ["RECIPES", "recipe"]

RECIPES: dict[str, tuple[IntensityStep, ...]] = {
    "minimalist": (ZScore(),),
    "standardization": (N4(), WhiteStripe()),
    "harmonization": (N4(), WhiteStripe(), Clahe()),
}


def recipe(name: str) -> list[IntensityStep]:
    """Return the steps of a named recipe, in the order in which they are applied.

    Parameters
    ----------
    name : {"minimalist", "standardization", "harmonization"}
        The three image branches compared for adverse radiation effects after radiotherapy of
        brain metastases: z-score only; N4 and WhiteStripe; the same and CLAHE. Resampling to
        1 mm and discretisation to 64 bins belong to the extraction parameters.

    Raises
    ------
    ParameterError
        No such recipe.

    Examples
    --------
    >>> [type(step).__name__ for step in recipe("standardization")]
    ['N4', 'WhiteStripe']
    """
    if name not in RECIPES:
        raise ParameterError(f"no recipe {name!r}{did_you_mean(name, RECIPES)}")
    return list(RECIPES[name])
