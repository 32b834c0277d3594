"""Peak memory of one extraction in a fresh process, ours and pyradiomics', stage by stage.

    python benchmarks/memory.py IMAGE MASK [--params ct_ibsi]

Without ``--params`` set B: original, eight coif1 wavelets and five LoG images at 1 mm isotropic.
Files are read and features extracted as a user would; the peak is the largest resident set that
the system saw (Linux). pyradiomics takes part where it is installed beside radtool.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

SET_B = {
    "setting": {"binWidth": 25, "resampledPixelSpacing": [1, 1, 1]},
    "imageType": {
        "Original": {},
        "Wavelet": {"wavelet": "coif1"},
        "LoG": {"sigma": [1.0, 2.0, 3.0, 4.0, 5.0]},
    },
}
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")
} | {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("image")
    parser.add_argument("mask")
    parser.add_argument("--params", help="an ibsi parameter file or a shipped name; ours only")
    parser.add_argument("--worker", choices=["radtool", "pyradiomics"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker == "radtool":
        radtool(given.image, given.mask, given.params)
        return
    if given.worker == "pyradiomics":
        pyradiomics(given.image, given.mask)
        return
    engines = ["radtool"]
    if given.params is None and importlib.util.find_spec("radiomics"):
        engines.append("pyradiomics")
    for engine in engines:
        command = [sys.executable, "-W", "ignore", __file__, *sys.argv[1:], "--worker", engine]
        done = subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD}, stdout=-1)
        print(f"{engine}:")
        for stage in map(json.loads, done.stdout.splitlines()):
            print(
                f"  {stage['stage']:34s} {stage['seconds']:6.2f} s"
                f"  holds {stage['now']:4.0f} MB  peak so far {stage['peak']:4.0f} MB"
            )


def tell(stage: str, start: float) -> None:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    now, peak = (int(status[key].split()[0]) * 1024 / 1e6 for key in ("VmRSS", "VmHWM"))
    seconds = time.perf_counter() - start
    print(json.dumps({"stage": stage, "seconds": seconds, "now": now, "peak": peak}))


def radtool(image_path: str, mask_path: str, name: str | None) -> None:
    start = time.perf_counter()
    from radtool.features import extract, load_params
    from radtool.io import read_image, read_mask

    params = load_params(name or SET_B)
    tell("imports", start)
    start = time.perf_counter()
    image = read_image(image_path)
    tell(f"image, {image.array.dtype} {image.geometry.shape}", start)
    start = time.perf_counter()
    mask = read_mask(mask_path, like=image.geometry)
    tell("mask", start)
    start = time.perf_counter()
    tell(f"{len(extract(image, mask, params))} features", start)


def pyradiomics(image_path: str, mask_path: str) -> None:
    start = time.perf_counter()
    import radiomics
    import SimpleITK as sitk
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    radiomics.setVerbosity(50)
    tell("imports", start)
    start = time.perf_counter()
    image, mask = sitk.ReadImage(image_path), sitk.ReadImage(mask_path)
    tell(f"image and mask, {image.GetPixelIDTypeAsString()}", start)
    start = time.perf_counter()
    found = RadiomicsFeatureExtractor(SET_B).execute(image, mask, label=1)
    features = [key for key in found if not key.startswith("diagnostics")]
    tell(f"{len(features)} features", start)


if __name__ == "__main__":
    main()
