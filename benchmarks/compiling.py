"""Seconds of the first extraction on a machine, and in later processes.

    python benchmarks/compiling.py [PARAMETERS …]

With an empty cache the first extraction compiles every kernel that it needs; the next process loads
them. Each parameter file (ct_ibsi and set B by default) starts with an empty cache of its own in a
temporary folder. Goals: at most 20 s, then under 1 s; on a busy machine read processor seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time

SET_B = {
    "setting": {"binWidth": 25, "resampledPixelSpacing": [1, 1, 1]},
    "imageType": {"Original": {}, "Wavelet": {}, "LoG": {"sigma": [1.0, 2.0]}},
}


def main(chosen: list[str]) -> None:
    for params in chosen or ["ct_ibsi", json.dumps(SET_B)]:
        print(params if len(params) < 40 else "set B")
        with tempfile.TemporaryDirectory() as cache:
            for process in ("first process", "second process"):
                command = [sys.executable, "-W", "ignore", __file__, "--worker", params]
                environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
                done = subprocess.run(
                    command, env=environment, check=True, stdout=subprocess.PIPE, text=True
                )
                print(f"  {process:15s} {done.stdout.strip()}", flush=True)


def worker(params: str) -> None:
    start = time.perf_counter()
    import numpy as np

    from radtool.features import extract, load_params
    from radtool.image import Geometry, Image, Mask

    imported = time.perf_counter() - start
    settings = load_params(json.loads(params) if params.startswith("{") else params)
    grid = Geometry((24, 24, 24), (1.1, 0.9, 0.9))
    noise = np.random.default_rng(0).integers(0, 100, grid.shape).astype(np.int16)
    inside = np.zeros(grid.shape, dtype=bool)
    inside[6:18, 6:18, 6:18] = True
    times, busy = [], []
    for _ in range(2):
        start, start_busy = time.perf_counter(), time.process_time()
        extract(Image(noise, grid), Mask(inside, grid), settings)
        times.append(time.perf_counter() - start)
        busy.append(time.process_time() - start_busy)
    print(
        f"import {imported:.2f} s, first extraction {times[0]:.2f} s (processor {busy[0]:.2f} s),"
        f" second {times[1]:.3f} s"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2])
    else:
        main(sys.argv[1:])
