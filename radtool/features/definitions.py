"""What a feature is called, its IBSI code and its unit."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Definition"]


@dataclass(frozen=True, slots=True)
class Definition:
    """One feature of a family.

    Parameters
    ----------
    name : str
        Identifier within its family: "joint_entropy".
    code : str
        IBSI code; two with a slash for a feature with a parameter; "" without one.
    unit : str, default "1"
        "mm", "mm2", "mm3", "intensity" (the image's unit), "level" (grey levels), their powers and
        products, or "1".
    standardised : bool, default True
        Whether IBSI gives reference values for it.
    """

    name: str
    code: str
    unit: str = "1"
    standardised: bool = True
