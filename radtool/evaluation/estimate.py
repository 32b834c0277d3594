"""A number with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError

__all__ = ["Estimate", "of_cases", "paired_difference"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, its confidence interval and how many cases it rests on.

    Parameters
    ----------
    value : float
        The number; NaN where it is not defined for the data.
    lower, upper : float or None
        Bounds of the 95 % interval; None where no interval is defined.
    n : int
        Cases behind it.
    se : float or None
        Standard error on the scale of `value`, when the interval comes from one.

    Examples
    --------
    >>> Estimate.normal(0.65, 0.02, 100).upper
    0.689199...
    """

    value: float
    lower: float | None = None
    upper: float | None = None
    n: int = 0
    se: float | None = None

    def __repr__(self) -> str:
        interval = ""
        if self.lower is not None and self.upper is not None:
            interval = f" ({self.lower:.3f} to {self.upper:.3f})"
        return f"{self.value:.3f}{interval}, n = {self.n}"

    @classmethod
    def normal(
        cls,
        value: float,
        se: float,
        n: int,
        bounds: tuple[float, float] = (-math.inf, math.inf),
    ) -> Estimate:
        """Give the normal 95 % interval, cut at the bounds that the number can have.

        None at a bound without any spread: that all of few pairs are in order makes no certainty.
        """
        if not math.isfinite(se) or (se == 0 and value in bounds):
            return cls(float(value), None, None, int(n), None)
        lower = max(bounds[0], value - 1.959963984540054 * se)
        upper = min(bounds[1], value + 1.959963984540054 * se)
        return cls(float(value), float(lower), float(upper), int(n), float(se))


def paired_difference(name: str, values: tuple[float, float], se: float, n: int) -> pd.DataFrame:
    """Table of a paired comparison: second value less the first, with interval and z test.

    Parameters
    ----------
    name : str
        Of the measure; columns ``<name>_a`` and ``<name>_b``.
    values : tuple of 2 float
        First and second value on the same cases.
    se : float
        Standard error of the difference.
    n : int
        Cases.

    Returns
    -------
    DataFrame
        One row: both values, then ``difference, lower, upper, se, z, p, n``; z and p are NaN where
        a difference has no standard error.
    """
    first, second = values
    gain = Estimate.normal(second - first, se, n)
    z = 0.0
    if se > 0:
        z = gain.value / se
    elif gain.value != 0:
        gain, z = Estimate(gain.value, n=n), float("nan")
    row = {
        f"{name}_a": first,
        f"{name}_b": second,
        "difference": gain.value,
        "lower": gain.lower,
        "upper": gain.upper,
        "se": se,
        "z": z,
        "p": 2.0 * stats.norm.sf(abs(z)),
        "n": n,
    }
    return pd.DataFrame({column: [value] for column, value in row.items()})


def of_cases(y: pd.DataFrame, values: pd.Series | np.ndarray, what: str = "risk") -> np.ndarray:
    """Return one float per case of `y`, shape (n,), or raise InputError.

    A Series must have the index of `y`: values of the same cases in another order would pass for a
    prediction.
    """
    if isinstance(values, pd.Series) and not values.index.equals(y.index):
        raise InputError(f"{what} and y are not of the same cases in the same order")
    numbers = np.asarray(values, dtype=float).ravel()
    if len(numbers) != len(y):
        raise InputError(f"{len(numbers)} values of {what} for {len(y)} cases")
    return numbers
