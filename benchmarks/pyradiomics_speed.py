"""Seconds, memory and values of radtool's pyradiomics convention against pyradiomics itself.

Needs pyradiomics 3.0.1 beside radtool in one Python 3.11 environment:

    pip install numpy setuptools wheel
    pip install --no-build-isolation pyradiomics==3.0.1
    python benchmarks/pyradiomics_speed.py --set B --case IMAGE MASK [--case IMAGE MASK …]

Image and mask are in memory before the clock starts, unless `--files` is given: then reading them
counts too. `--threads 2` gives radtool two threads for the images of a case; else every library
gets one thread. The kernels are compiled and cached before the first case. Processor seconds are
shown beside wall seconds because they stay comparable on a busy machine. Each engine runs in a
process of its own, so that peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

SETS = {
    "A": {"setting": {"binWidth": 25}, "imageType": {"Original": {}}},
    "B": {
        "setting": {"binWidth": 25, "resampledPixelSpacing": [1, 1, 1]},
        "imageType": {
            "Original": {},
            "Wavelet": {"wavelet": "coif1"},
            "LoG": {"sigma": [1.0, 2.0, 3.0, 4.0, 5.0]},
        },
    },
}
ENGINES = {
    "radtool": {},
    "pyradiomics": {},
    "pyradiomics, additionalInfo false": {"additionalInfo": False},
}
ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--set", choices=sorted(SETS), default="B", dest="name")
    parser.add_argument("--case", nargs=2, action="append", required=True)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--files", action="store_true", help="reading the files counts too")
    parser.add_argument("--threads", type=int, default=1, help="threads of radtool")
    parser.add_argument("--worker", choices=sorted(ENGINES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(run(arguments.worker, arguments)))
        return
    for image, mask in arguments.case:
        found = {engine: ask(engine, image, mask, arguments) for engine in ENGINES}
        report(os.path.basename(image), found)  # noqa: PTH119 - a name for the table


def ask(engine: str, image: str, mask: str, arguments: argparse.Namespace) -> dict:
    command = [
        *(sys.executable, "-W", "ignore", __file__, "--set", arguments.name),
        *("--worker", engine, "--case", image, mask, "--repeats", str(arguments.repeats)),
        *("--threads", str(arguments.threads), *(["--files"] if arguments.files else [])),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **ONE_THREAD}
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def run(engine: str, arguments: argparse.Namespace) -> dict:
    """Time one engine on one case."""
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    parameters = json.loads(json.dumps(SETS[arguments.name]))
    parameters["setting"].update(ENGINES[engine])
    extract = (ours if engine == "radtool" else theirs)(arguments, parameters)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, busy = [], []
    for _ in range(arguments.repeats):
        start, start_busy = time.perf_counter(), time.process_time()
        row = extract()
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - start_busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": min(seconds),
        "busy": min(busy),
        "peak_mb": peak / 1024,
        "loaded_mb": before / 1024,
        "row": row,
    }


def ours(arguments, parameters):
    from radtool.features.pyradiomics import extract_pyradiomics, parse_pyradiomics
    from radtool.image import Geometry, Image, Mask
    from radtool.io import read_image, read_mask

    def read():
        image, mask = arguments.case[0]
        return read_image(image), read_mask(mask, label=1)

    whole, region = read()
    params = parse_pyradiomics(parameters)
    tiny = np.zeros((8, 8, 8), dtype=bool)
    tiny[2:6, 2:6, 2:6] = True
    grid = Geometry(tiny.shape, (1.1, 0.9, 0.9))  # so that resampling is compiled, too
    rng = np.random.default_rng(0)
    for kind in {whole.array.dtype, np.dtype(np.float32), np.dtype(np.float64)}:
        noise = rng.integers(0, 100, tiny.shape).astype(kind)
        extract_pyradiomics(Image(noise, grid), Mask(tiny, grid), params)

    def extract():
        case = read() if arguments.files else (whole, region)
        return extract_pyradiomics(*case, params, threads=arguments.threads).to_dict()

    return extract


def theirs(arguments, parameters):
    import radiomics
    import SimpleITK as sitk
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    from radtool.features.pyradiomics import column_name

    radiomics.setVerbosity(50)
    files = arguments.case[0]
    case = files if arguments.files else [sitk.ReadImage(file) for file in files]
    extractor = RadiomicsFeatureExtractor(parameters)

    def extract():
        found = extractor.execute(*case, label=1)
        return {
            column_name(name): float(value)
            for name, value in found.items()
            if not name.startswith("diagnostics")
        }

    return extract


def report(name: str, found: dict[str, dict]) -> None:
    mine = found["radtool"]
    print(f"\n{name}")
    for engine, result in found.items():
        print(
            f"  {engine:36s} {result['seconds']:7.2f} s x{result['seconds'] / mine['seconds']:5.1f}"
            f"  processor {result['busy']:6.2f} s x{result['busy'] / mine['busy']:5.1f}"
            f"  peak {result['peak_mb']:6.0f} MB (loaded {result['loaded_mb']:.0f})"
            f"  {len(result['row'])} features"
        )
    worst, feature = 0.0, "-"
    for key, value in found["pyradiomics"]["row"].items():
        here = mine["row"].get(key, float("nan"))
        if here == value or (np.isnan(here) and np.isnan(value)):
            continue
        difference = abs(here - value) / max(abs(value), 1e-12)
        if not difference <= worst:
            worst, feature = difference, key
    same = list(mine["row"]) == list(found["pyradiomics"]["row"])
    print(f"  names and order equal: {same}; largest relative difference {worst:.1e} ({feature})")


if __name__ == "__main__":
    main()
