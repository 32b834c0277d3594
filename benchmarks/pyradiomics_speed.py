"""Seconds, memory and values of radtool's pyradiomics convention against pyradiomics itself.

Needs pyradiomics 3.0.1 beside radtool in one Python 3.11 environment:

    pip install numpy setuptools wheel
    pip install --no-build-isolation pyradiomics==3.0.1
    python benchmarks/pyradiomics_speed.py --set B --case IMAGE MASK [ROI] [--case …]
    python benchmarks/pyradiomics_speed.py --set A --manifest MANIFEST.csv --cases 10

IMAGE is a NIfTI, NRRD or MHA file or the folder of a DICOM series, MASK a label image (ROI: which
label), an RTSTRUCT or a DICOM SEG (ROI: which name). Each case is written as two gzip NIfTI files
into a temporary folder first, so that every engine gets the same files whatever was named.

Image and mask are in memory before the clock starts, unless `--files` is given: then reading those
files counts too. `--threads 2` gives radtool two threads for the images of a case; else every
library gets one thread. The kernels are compiled and cached before the first case. Processor
seconds are shown beside wall seconds because they stay comparable on a busy machine. Each engine
runs in a process of its own, so that peak memory is its own. Set A is the original image, all
classes, no resampling; set B adds 1 mm, eight coif1 wavelets and LoG of 1 to 5 mm; bins of 25.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
MESH = 1e-3  # what mesh-based features may differ by
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
    parser.add_argument("--case", nargs="+", action="append", default=[], metavar="PATH")
    parser.add_argument("--manifest", help="table with columns image and mask")
    parser.add_argument("--cases", type=int, default=10, help="evenly spread rows of the manifest")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--files", action="store_true", help="reading the files counts too")
    parser.add_argument("--threads", type=int, default=1, help="threads of radtool")
    parser.add_argument("--worker", choices=sorted(ENGINES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(run(arguments.worker, arguments)))
        return
    cases = [*arguments.case, *(listed(arguments) if arguments.manifest else [])]
    if not cases or not all(2 <= len(case) <= 3 for case in cases):
        parser.error("--case wants IMAGE MASK [ROI]; or give --manifest")
    totals = []
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            image, mask, what = as_nifti(Path(folder), *case)
            found = {engine: ask(engine, image, mask, arguments) for engine in ENGINES}
            totals.append({engine: result["seconds"] for engine, result in found.items()})
        report(f"{Path(case[0]).name}: {what}", found)
    if len(cases) > 1:
        print(f"\nall {len(cases)} cases")
        for engine in ENGINES:
            seconds = [case[engine] for case in totals]
            ratios = [case[engine] / case["radtool"] for case in totals]
            print(
                f"  {engine:36s} {sum(seconds):7.2f} s x{sum(seconds) / sum_of(totals):5.1f}"
                f"  (cases x{min(ratios):.1f} to x{max(ratios):.1f})"
            )


def sum_of(totals: list[dict]) -> float:
    return sum(case["radtool"] for case in totals)


def listed(arguments: argparse.Namespace) -> list[list[str]]:
    """Evenly spread rows of a manifest."""
    from radtool.table import read_manifest

    table = read_manifest(arguments.manifest)
    rows = np.unique(np.linspace(0, len(table) - 1, arguments.cases).round().astype(int))
    return table.iloc[rows][["image", "mask"]].to_numpy().tolist()


def as_nifti(folder: Path, image: str, mask: str, roi: str | None = None) -> tuple[str, str, str]:
    """Write a case as the gzip NIfTI files that every engine reads, and say what it is."""
    from radtool.io import read_image, read_mask, write_image, write_mask

    whole = read_image(image)
    label = {"label": int(roi)} if roi is not None and roi.isdigit() else {"roi": roi}
    region = read_mask(mask, like=whole.geometry, **label)
    paths = folder / "image.nii.gz", folder / "mask.nii.gz"
    write_image(whole, paths[0])
    write_mask(region, paths[1])
    size = " x ".join(map(str, reversed(whole.array.shape)))
    what = f"{size} {whole.array.dtype}, {int(region.array.sum())} voxels of the region"
    return str(paths[0]), str(paths[1]), what


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
        whole = read_image(image)
        return whole, read_mask(mask, label=1, like=whole.geometry)

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
    theirs = found["pyradiomics"]["row"]
    same = list(mine["row"]) == list(theirs)
    limits = {"mesh": MESH, "others": 1e-6}
    print(f"  names and order equal: {same}; largest relative difference", end="")
    for kind, limit in limits.items():
        names = [name for name in theirs if ("_shape_" in name) == (kind == "mesh")]
        worst, feature = max((away(mine["row"], theirs, name), name) for name in names)
        held = "within" if worst <= limit else "BEYOND"
        print(f"; {kind} {worst:.1e} ({feature}), {held} {limit:.0e}", end="")
    print(flush=True)


def away(mine: dict, theirs: dict, name: str) -> float:
    """Relative difference; infinite where one of the two has no value."""
    here, there = mine.get(name, float("nan")), theirs[name]
    if here == there or (np.isnan(here) and np.isnan(there)):
        return 0.0
    difference = abs(here - there) / max(abs(there), 1e-12)
    return float("inf") if np.isnan(difference) else difference


if __name__ == "__main__":
    main()
