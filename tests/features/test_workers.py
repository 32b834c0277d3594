"""A process that dies, for lack of memory or otherwise, costs one case and names it."""

from __future__ import annotations

import os
import signal
from typing import Any

import joblib
import pytest

from radtool.features.workers import outcomes_of

CASES = [{"case_id": f"case{k}", "image": f"{k}.nii"} for k in range(3)]


def may_die(case: dict[str, Any]) -> dict[str, Any]:
    if case["case_id"] == "case1":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"name": case["case_id"]}


def may_have_a_bug(case: dict[str, Any]) -> dict[str, Any]:
    return {"name": case["name"]}


def check(outcomes: list[tuple[Any, Any]]) -> None:
    assert [case["case_id"] for case, _ in outcomes] == [case["case_id"] for case in CASES]
    killed = outcomes[1][1]
    assert (killed.case_id, killed.stage, killed.path) == ("case1", "extraction", "1.nii")
    assert "died, most likely for lack of memory" in killed.reason
    rest = [outcome["name"] for _, outcome in outcomes if isinstance(outcome, dict)]
    assert rest == ["case0", "case2"]


def test_a_killed_process_is_a_named_failure() -> None:
    check(list(outcomes_of(CASES, 2, may_die)))


def test_a_killed_worker_of_a_cluster_is_a_named_failure() -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL"
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask", n_jobs=-1),
    ):
        check(list(outcomes_of(CASES, None, may_die)))
        with pytest.raises(KeyError, match="name"):
            list(outcomes_of(CASES, None, may_have_a_bug))
