"""Where parallel work runs: this machine's cores, or a Dask cluster; the code is the same."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator

import joblib

from radtool.errors import MissingPartError

__all__ = ["workers"]


@contextlib.contextmanager
def workers(jobs: int, scheduler: str | None = None) -> Iterator[None]:
    """Run the joblib calls of the block on `jobs` local processes or on a Dask cluster.

    Parameters
    ----------
    jobs : int
        Processes at a time; -1: all cores (of the cluster, with a scheduler).
    scheduler : str, optional
        Address of a Dask scheduler, ``tcp://host:port``; every worker needs radtool and sees the
        same files.

    Raises
    ------
    MissingPartError
        A scheduler is given and Dask is not installed.
    """
    if scheduler is None:
        with joblib.parallel_config(backend="loky", n_jobs=jobs):
            yield
        return
    if importlib.util.find_spec("distributed") is None:
        raise MissingPartError("a --scheduler needs Dask: pip install 'radtool[dask]'")
    from distributed import Client

    with Client(scheduler), joblib.parallel_config(backend="dask", n_jobs=jobs):
        yield
