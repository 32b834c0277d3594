"""Compile a kernel when it is first called, and keep it on disk where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["kernel"]


def kernel(function: Callable[..., Any]) -> Any:
    """Make a numba kernel of a function; nothing is compiled before the first call.

    numba keeps the machine code beside the source, or in the user's cache folder when the
    installation is read-only; when neither can be written it is compiled anew in every process.
    """
    try:
        return njit(cache=True)(function)
    except RuntimeError:  # numba: no folder to keep the cache in
        return njit(function)
