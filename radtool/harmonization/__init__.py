"""Batch effects: seen, tested, removed with estimates that are frozen on training cases."""

from radtool.harmonization.anova import one_way
from radtool.harmonization.combat import ComBat

__all__ = ["ComBat", "one_way"]
