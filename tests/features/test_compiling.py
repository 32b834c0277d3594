from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from radtool import compiling

PROGRAM = """
import logging, time
logging.basicConfig(format="%(message)s")
import numpy as np
from radtool.features import extract, load_params
from radtool.image import Geometry, Image, Mask
grid = Geometry((6, 7, 8))
image = Image(np.arange(336.0).reshape(grid.shape) % 17, grid)
params = load_params({"discretise": [{"method": "fixed_bin_number", "bin_number": 4}]})
start = time.perf_counter()
extract(image, Mask(image.array > 4, grid), params)
print(time.perf_counter() - start)
"""


def test_one_line_is_logged_when_something_is_compiled(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "_teller", compiling._Teller())
    caplog.set_level(logging.WARNING)
    with compiling.telling():
        for function in (lambda x: x + 1, lambda x: x + 2):
            njit(function)(1)
    assert [record.message[:9] for record in caplog.records] == ["compiling"]


def test_a_kernel_works_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, cache: bool = False, **__: object):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*_, **__)

    monkeypatch.setattr(compiling, "njit", refuse)
    double = compiling.kernel(lambda x: 2 * x)
    assert double(np.float64(2.5)) == 5.0


def test_the_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        said.append((float(done.stdout), done.stderr))
    assert "compiling the kernels, once on this machine" in said[0][1]
    assert "compiling" not in said[1][1]
    assert said[1][0] < said[0][0]
