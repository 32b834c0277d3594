from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from radtool.errors import MissingPartError
from radtool.study.extraction import extract_to
from radtool.study.workers import workers


def test_a_dask_cluster_gives_the_same_bytes(study_folder: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    params = str(study_folder / "params.yaml")
    manifest = study_folder / "manifest.csv"
    extract_to(manifest, params, study_folder / "here" / "f.parquet")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        extract_to(
            manifest,
            params,
            study_folder / "there" / "f.parquet",
            jobs=-1,
            scheduler=cluster.scheduler_address,
        )
    here, there = (study_folder / name / "f.parquet" for name in ("here", "there"))
    assert here.read_bytes() == there.read_bytes()


def test_a_scheduler_without_dask_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match=r"radtool\[dask\]"), workers(1, "tcp://x:1"):
        pass
