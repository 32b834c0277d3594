"""Time and memory of a fusion: a CT of 512 × 512 × 134 with a PET, all of it or around the region.

python benchmarks/fusion.py
"""

from __future__ import annotations

import time
import tracemalloc

import numpy as np

from radtool.image import Geometry, Image, Mask
from radtool.preprocessing import Fusion, FusionImage, fuse

CT = Geometry((134, 512, 512), (3.0, 0.977, 0.977))
PET = Geometry((134, 128, 128), (3.0, 4.0, 4.0), (-5.0, -5.0, 0.0))
PARTS = (
    FusionImage(modality="CT", window=(-160, 240)),
    FusionImage(modality="PET", window=(0, 8)),
)
RUNS = {
    "weighted": Fusion(images=PARTS),
    "wavelet": Fusion(images=PARTS, method="wavelet", details="largest"),
    "wavelet, 20 mm around the region": Fusion(
        images=PARTS, method="wavelet", details="largest", margin_mm=20
    ),
}


def main() -> None:
    rng = np.random.default_rng(0)
    images = {
        "CT": Image(rng.integers(-1000, 500, CT.shape, dtype=np.int16), CT, "HU"),
        "PET": Image(8 * rng.random(PET.shape, dtype=np.float32), PET, "SUVbw"),
    }
    inside = np.zeros(CT.shape, dtype=bool)
    inside[50:70, 200:260, 200:270] = True
    region = Mask(inside, CT, "GTV")
    for name, settings in RUNS.items():
        start = time.process_time()
        fuse(images, settings, region)
        seconds = time.process_time() - start
        tracemalloc.start()
        fuse(images, settings, region)
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(f"{name}: {seconds:.2f} s, {peak:.0f} MB beside the images")


if __name__ == "__main__":
    main()
