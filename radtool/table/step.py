"""What every fold-safe step of a signature is: a transformer that goes to and from JSON."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from radtool.errors import ParameterError, SignatureError, did_you_mean
from radtool.files import decode, encode

__all__ = ["FeatureStep", "make_step", "step_from_dict"]

_KNOWN: dict[str, type[FeatureStep]] = {}


class FeatureStep(TransformerMixin, BaseEstimator):
    """A scikit-learn transformer whose learned state is plain JSON.

    A subclass takes and returns a DataFrame (index kept), learns in `fit` only, and lists in
    `state` the learned attributes that `transform` needs. `to_dict` and `from_dict` then work.

    Notes
    -----
    Selectors additionally inherit `sklearn.feature_selection.SelectorMixin` (first), supply
    `_get_support_mask`, and set ``set_output(transform="pandas")`` semantics by returning frames.
    """

    state: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__name__.startswith("_"):
            _KNOWN[cls.__name__] = cls

    @property
    def report_(self) -> pd.DataFrame:
        """What the step decided: ``feature``, ``reason`` and ``value``, one row a decision.

        A step that drops or leaves alone a feature lists it in ``decisions_`` (and names that in
        `state`, so that the report survives the JSON file).
        """
        rows = getattr(self, "decisions_", [])
        return pd.DataFrame(rows, columns=["feature", "reason", "value"])

    def to_dict(self) -> dict[str, Any]:
        """Settings and learned state as JSON values."""
        learned = {name: getattr(self, name) for name in self.state if hasattr(self, name)}
        return {
            "step": type(self).__name__,
            "settings": encode(self.get_params(deep=False)),
            "state": encode(learned),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild a fitted step from `to_dict`."""
        step = cls(**decode(document["settings"]))
        for name, value in decode(document["state"]).items():
            setattr(step, name, value)
        return step


def step_from_dict(document: Mapping[str, Any]) -> FeatureStep:
    """Rebuild a fitted step of any registered class.

    Raises
    ------
    SignatureError
        The step is not one of radtool's (its module must have been imported).
    """
    name = str(document.get("step"))
    if name not in _KNOWN:
        raise SignatureError(f"unknown step {name!r}{did_you_mean(name, _KNOWN)}")
    return _KNOWN[name].from_dict(document)


def make_step(settings: Mapping[str, Any], where: str) -> FeatureStep:
    """Make an unfitted step from a settings file: ``{step: ComBat, batch: site}``.

    Raises
    ------
    ParameterError
        The step or one of its settings is unknown; the near name is suggested.
    """
    name = str(settings.get("step"))
    if name not in _KNOWN:
        raise ParameterError(f"{where}: unknown step {name!r}{did_you_mean(name, _KNOWN)}")
    given = {key: value for key, value in settings.items() if key != "step"}
    allowed = inspect.signature(_KNOWN[name]).parameters
    for key in given:
        if key not in allowed:
            near = did_you_mean(key, allowed)
            raise ParameterError(f"{where}: {name} has no setting {key!r}{near}")
    return _KNOWN[name](**given)
