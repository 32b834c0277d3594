"""Do independent pieces of one case at once, with the results in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from radtool.errors import ParameterError

__all__ = ["results_of"]

Result = TypeVar("Result")


def results_of(tasks: Iterable[Callable[[], Result]], threads: int) -> Iterator[Result]:
    """Yield the results of tasks in their order, with some threads at work.

    Parameters
    ----------
    tasks : iterable of callable
        Each without arguments; with one thread the next is asked for when the last is done.
    threads : int
        How many run at a time, 1 or more.

    Raises
    ------
    ParameterError
        `threads` is below 1.
    """
    if threads < 1:
        raise ParameterError(f"threads must be 1 or more, got {threads}")
    if threads == 1:
        yield from (task() for task in tasks)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(_called, tasks)


def _called(task: Callable[[], Result]) -> Result:
    return task()
