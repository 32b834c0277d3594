"""Compile a kernel when it is first called, and keep it on disk where that is possible."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from numba import njit
from numba.core import event

__all__ = ["kernel", "telling"]

logger = logging.getLogger(__name__)


def kernel(function: Callable[..., Any]) -> Any:
    """Make a numba kernel of a function; nothing is compiled before the first call.

    numba keeps the machine code beside the source, or in the user's cache folder when the
    installation is read-only; when neither can be written it is compiled anew in every process.
    A kernel releases the interpreter's lock, so that several images of a case can be counted at
    once.
    """
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba: no folder to keep the cache in
        return njit(nogil=True)(function)


class _Teller(event.Listener):
    """Says once that the user has to wait."""

    def __init__(self) -> None:
        self.said = False

    def on_start(self, event: event.Event) -> None:
        if not self.said:
            self.said = True
            logger.warning("compiling the kernels, once on this machine; some seconds")

    def on_end(self, event: event.Event) -> None:
        """Nothing to say."""


_teller = _Teller()


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """Log one line if a kernel is compiled within the block; loading a kept one is silent."""
    with event.install_listener("numba:compile", _teller):
        yield
