"""Cases to outcomes on local processes or a Dask cluster; a worker that dies costs its own case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from typing import Any

import joblib
from joblib.externals.loky import ProcessPoolExecutor

from radtool.table import Failure

__all__ = ["Case", "Outcome", "outcomes_of"]

Case = Mapping[str, Any]
Outcome = dict[str, Any] | Failure


def outcomes_of(
    cases: Sequence[Case], jobs: int | None, run: Callable[[Case], Outcome]
) -> Iterator[tuple[Case, Outcome]]:
    """Yield the outcome of every case, in order.

    Parameters
    ----------
    cases : sequence of mapping
        Rows of a manifest.
    jobs : int, optional
        Local processes at a time, -1 for all cores; None: joblib's own setting. Inside
        ``joblib.parallel_config(backend="dask")`` the cluster's workers are used instead.
    run : callable
        Case -> row or `Failure`; can be pickled. What it raises ends the run.

    Yields
    ------
    case : mapping
        The case.
    outcome : dict or Failure
        What `run` returned, or the failure that says that the worker died.
    """
    client = getattr(joblib.parallel.get_active_backend()[0], "client", None)
    return _on_processes(cases, jobs, run) if client is None else _on_cluster(cases, client, run)


def _on_processes(
    cases: Sequence[Case], jobs: int | None, run: Callable[[Case], Outcome]
) -> Iterator[tuple[Case, Outcome]]:
    at_once = 2 * joblib.effective_n_jobs(jobs)
    left = list(cases)
    while left:
        done = 0
        try:
            tasks = (joblib.delayed(run)(case) for case in left)
            for outcome in joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks):
                yield left[done], outcome
                done += 1
            return
        except BrokenExecutor:
            left = left[done:]
            suspects, left = left[:at_once], left[at_once:]
        for case in suspects:
            yield case, _alone(case, run)


def _alone(case: Case, run: Callable[[Case], Outcome]) -> Outcome:
    """Outcome of a case in a process of its own."""
    with ProcessPoolExecutor(max_workers=1) as executor:
        try:
            return executor.submit(run, case).result()
        except BrokenExecutor:
            return _died(case)


def _on_cluster(
    cases: Sequence[Case], client: Any, run: Callable[[Case], Outcome]
) -> Iterator[tuple[Case, Outcome]]:
    """Outcomes from a Dask cluster; joblib's own Dask backend waits forever for a dead worker.

    A worker takes cases with it that only waited on it, so a suspect is tried again alone.
    """
    from distributed import wait
    from distributed.scheduler import KilledWorker

    futures = [client.submit(run, case, pure=False) for case in cases]
    try:
        for place, case in enumerate(cases):
            if isinstance(futures[place].exception(), KilledWorker):
                wait(futures[place:])
                futures[place] = client.submit(run, case, pure=False)
            if isinstance(futures[place].exception(), KilledWorker):
                yield case, _died(case)
            else:
                yield case, futures[place].result()
            futures[place].release()
    finally:
        client.cancel([future for future in futures if not future.done()])


def _died(case: Case) -> Failure:
    reason = "the process that extracted it died, most likely for lack of memory"
    return Failure(str(case["case_id"]), "extraction", reason, str(case["image"]))
