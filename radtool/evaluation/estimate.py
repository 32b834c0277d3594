"""A number with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Estimate"]


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

    @classmethod
    def normal(
        cls,
        value: float,
        se: float,
        n: int,
        bounds: tuple[float, float] = (-math.inf, math.inf),
    ) -> Estimate:
        """Give the normal 95 % interval, cut at the bounds that the number can have."""
        if not math.isfinite(se):
            return cls(float(value), None, None, int(n), None)
        lower = max(bounds[0], value - 1.959963984540054 * se)
        upper = min(bounds[1], value + 1.959963984540054 * se)
        return cls(float(value), float(lower), float(upper), int(n), float(se))
