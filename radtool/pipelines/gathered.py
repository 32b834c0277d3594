"""Lists of report records that are gathered over models and cohorts."""

from __future__ import annotations

from typing import Self

__all__ = ["Gathered"]


class Gathered:
    """Base of a dataclass of lists."""

    __slots__ = ()

    def extend(self, other: Self) -> None:
        """Add everything that another one holds."""
        for name in self.__dataclass_fields__:  # type: ignore[attr-defined]
            getattr(self, name).extend(getattr(other, name))
