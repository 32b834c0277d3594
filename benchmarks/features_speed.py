"""Where the time of an IBSI extraction goes, and how long MIRP takes for the same.

    python benchmarks/features_speed.py IMAGE MASK [PARAMETERS]
    python benchmarks/features_speed.py --mirp IMAGE MASK      in an environment with mirp 2.7

Set C: all IBSI 1 families at 1 mm, volume, merged directions, one thread. Processor seconds, best
of three after a first call; the whole from memory, then single stages.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

RUNS = 3


def best(call: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(image_path: str, mask_path: str, parameters: str = "ct_ibsi") -> None:
    import numpy as np

    from radtool.features import load_params, measure
    from radtool.features._kernels import count_neighbours, count_pairs, count_runs, find_zones
    from radtool.features.autocorrelation import moran_geary
    from radtool.features.levels import Levels, half_neighbourhood, neighbourhood
    from radtool.features.morphology import morphology_features
    from radtool.features.peaks import peak_features
    from radtool.features.region import cropped, prepare
    from radtool.features.statistics import statistics
    from radtool.io import read_image, read_mask
    from radtool.preprocessing import discretise_values

    image = read_image(image_path)
    mask = read_mask(mask_path, like=image.geometry)
    params = load_params(parameters)
    start = time.process_time()
    found = measure(image, mask, params)
    print(f"first call {time.process_time() - start:.2f} s (loads or compiles the kernels)")
    print(
        f"{len(found.features)} features of {found.diagnostics['voxels']:.0f} voxels:"
        f" {best(lambda: measure(image, mask, params)):.3f} s, peak {peak_mib():.0f} MiB"
    )
    region = prepare(image, mask, params)
    part_image, part = cropped(region, region.image)
    inside, values = part.inside.array, part_image.array[part.inside.array]
    spacing, lower = part_image.geometry.spacing, params.resegment.lower
    numbers = discretise_values(values, params.discretise[0], lower=lower)
    array = np.zeros(inside.shape, dtype=np.int32)
    array[inside] = numbers
    levels = Levels(array)
    half, full = levels.steps(half_neighbourhood(3)), levels.steps(neighbourhood(3))
    layout = (levels.flat, levels.voxels)
    far = np.ones(levels.flat.shape, dtype=np.int32)
    n, longest, grid = levels.n_levels, levels.longest, (part.mask.array, part_image.array, inside)
    without = ["volume", "surface_area", "maximum_3d_diameter", "flatness"]
    stages: dict[str, Callable[[], object]] = {
        "crop, resample, re-segment": lambda: prepare(image, mask, params),
        "discretise": lambda: discretise_values(values, params.discretise[0], lower=lower),
        "GLCM counts": lambda: count_pairs(*layout, half, n),
        "GLRLM counts": lambda: count_runs(*layout, half, n, longest),
        "GLSZM and GLDZM zones": lambda: find_zones(*layout, half, far),
        "NGTDM and NGLDM counts": lambda: count_neighbours(*layout, full, n, 0),
        "statistics": lambda: statistics(values),
        "mesh, hull, axes": lambda: morphology_features(*grid, spacing, without),
        "Moran and Geary": lambda: moran_geary(part_image.array, inside, spacing),
        "intensity peaks": lambda: peak_features(region.image.array, region.inside.array, spacing),
    }
    for name, call in stages.items():
        print(f"  {name:28s} {best(call) * 1000:8.1f} ms")


def mirp(image_path: str, mask_path: str) -> None:
    from mirp import extract_features

    def call() -> object:
        return extract_features(
            image=image_path,
            mask=mask_path,
            new_spacing=1.0,
            spline_order=3,
            image_modality="ct",
            resegmentation_intensity_range=[-1000.0, 400.0],
            base_discretisation_method="fixed_bin_size",
            base_discretisation_bin_width=25.0,
            ivh_discretisation_method="fixed_bin_size",
            ivh_discretisation_bin_width=2.5,
        )

    start = time.process_time()
    row = call()
    seconds = time.process_time() - start
    print(f"mirp: {row[0].shape[1]} columns in {seconds:.1f} s, peak {peak_mib():.0f} MiB")


if __name__ == "__main__":
    if sys.argv[1] == "--mirp":
        mirp(*sys.argv[2:])
    else:
        ours(*sys.argv[1:])
