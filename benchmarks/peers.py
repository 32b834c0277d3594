"""radtool, MIRP and Nyxus on the same grey levels: seconds, memory, and where values differ.

    python benchmarks/peers.py IMAGE MASK --mirp PYTHON --nyxus PYTHON

PYTHON is the interpreter of an environment with that package (`pip install mirp`, `pip install
nyxus`); either may be left out. The image is resampled to 1 mm, cut to the region and 15 mm, and
turned into 64 grey levels once, so that every program counts the same voxels: shape, intensity
statistics and the six texture families, volume, from two NIfTI files, one thread, each program in
a process of its own. Nyxus has no Moran's I and Geary's C; MIRP samples pairs for them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LEVELS = 64
REPEATS = {"radtool": 3, "mirp": 1, "nyxus": 3}
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")
} | {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}  # fmt: skip
MIRP_FAMILIES = {
    "stat": "stat_", "glcm": "cm_", "glrlm": "rlm_", "glszm": "szm_", "gldzm": "dzm_",
    "ngtdm": "ngt_", "ngldm": "ngl_",
}  # fmt: skip
MIRP_SHAPE = {
    "volume": "volume", "vol_approx": "volume_voxel_counting", "area_mesh": "surface_area",
    "sphericity": "sphericity", "com": "centre_of_mass_shift", "diam": "maximum_3d_diameter",
    "pca_maj_axis": "major_axis_length", "vol_dens_conv_hull": "volume_density_convex_hull",
    "moran_i": "moran_i", "geary_c": "geary_c",
}  # fmt: skip
NYXUS = {
    "morph": {"MESH_VOLUME": "volume", "AREA": "surface_area", "SPHERICITY": "sphericity",
              "MAJOR_AXIS_LEN": "major_axis_length"},
    "stat": {"MEAN": "mean", "VARIANCE_BIASED": "variance", "SKEWNESS": "skewness",
             "EXCESS_KURTOSIS": "kurtosis", "P10": "p10", "P90": "p90", "ENERGY": "energy",
             "ROBUST_MEAN_ABSOLUTE_DEVIATION": "robust_mean_absolute_deviation"},
    "glcm": {"ASM": "angular_second_moment", "ACOR": "autocorrelation", "CONTRAST": "contrast",
             "CLUPROM": "cluster_prominence", "CORRELATION": "correlation",
             "DIFVAR": "difference_variance", "IDM": "inverse_difference_moment",
             "IDN": "normalised_inverse_difference", "IV": "inverse_variance",
             "JE": "joint_entropy", "JMAX": "joint_maximum", "SUMENTROPY": "sum_entropy",
             "INFOMEAS1": "information_correlation_1", "INFOMEAS2": "information_correlation_2"},
    "glrlm": {"SRE": "short_runs_emphasis", "LRE": "long_runs_emphasis",
              "GLN": "grey_level_non_uniformity", "RP": "run_percentage", "RE": "run_entropy",
              "RV": "run_length_variance", "LRHGLE": "long_run_high_grey_level_emphasis"},
    "glszm": {"SAE": "small_zone_emphasis", "LAE": "large_zone_emphasis",
              "ZP": "zone_percentage", "ZE": "zone_size_entropy"},
    "gldzm": {"SDE": "small_distance_emphasis", "LDE": "large_distance_emphasis",
              "ZP": "zone_percentage", "ZDE": "zone_distance_entropy"},
    "ngtdm": {"COARSENESS": "coarseness", "CONTRAST": "contrast", "BUSYNESS": "busyness"},
    "ngldm": {"LDE": "low_dependence_emphasis", "HDE": "high_dependence_emphasis",
              "DCENT": "dependence_count_entropy"},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("image")
    parser.add_argument("mask")
    parser.add_argument("--mirp", help="Python with MIRP")
    parser.add_argument("--nyxus", help="Python with Nyxus")
    parser.add_argument("--worker", choices=sorted(REPEATS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(run(arguments.worker, arguments.image, arguments.mask)))
        return
    pythons = {"radtool": sys.executable, "mirp": arguments.mirp, "nyxus": arguments.nyxus}
    with tempfile.TemporaryDirectory() as folder:
        files = prepare(arguments.image, arguments.mask, Path(folder))
        found = {name: ask(name, python, files) for name, python in pythons.items() if python}
    report(found)


def prepare(image_path: str, mask_path: str, folder: Path) -> list[str]:
    """Write grey levels and mask at 1 mm."""
    import numpy as np

    from radtool.features.levels import bounding_box
    from radtool.io import read_image, read_mask, write_image, write_mask
    from radtool.preprocessing import resample_image, resample_mask, resampled_geometry

    image = read_image(image_path)
    mask = read_mask(mask_path, like=image.geometry)
    whole = resampled_geometry(image.geometry, (1.0, 1.0, 1.0))
    box = bounding_box(mask.array)
    ends = [[part.start for part in box], [part.stop for part in box]]
    low, high = whole.to_index(image.geometry.to_patient(np.array(ends, dtype=float)))
    low = np.maximum(low.astype(int) - 15, 0)
    size = np.minimum(high.astype(int) + 15, whole.shape) - low
    grid = whole.crop(tuple(low.tolist()), tuple(size.tolist()))
    moved = resample_image(image, grid, interpolation="cubic").array
    region = resample_mask(mask, grid)
    low, high = moved[region.array].min(), moved[region.array].max()
    levels = np.clip(np.floor(LEVELS * (moved - low) / (high - low)) + 1, 1, LEVELS)
    files = [str(folder / "levels.nii.gz"), str(folder / "mask.nii.gz")]
    write_image(image.__class__(levels.astype(np.int16), grid), files[0])
    write_mask(region, files[1])
    print(f"{int(region.array.sum())} voxels of 1 mm, {LEVELS} grey levels")
    return files


def ask(name: str, python: str, files: list[str]) -> dict:
    command = [python, "-W", "ignore", __file__, *files, "--worker", name]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **ONE_THREAD}
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run(name: str, image: str, mask: str) -> dict:
    """Time one program; the first call of radtool and Nyxus warms up."""
    extract = {"radtool": radtool, "mirp": mirp, "nyxus": nyxus}[name](image, mask)
    wall, busy = math.inf, math.inf
    for _ in range(REPEATS[name]):
        start, start_busy = time.perf_counter(), time.process_time()
        row = extract()
        wall = min(wall, time.perf_counter() - start)
        busy = min(busy, time.process_time() - start_busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall": wall, "busy": busy, "peak": peak, "row": row}


def radtool(image_path: str, mask_path: str) -> Callable[[], dict]:
    from radtool.features import extract, load_params
    from radtool.io import read_image, read_mask

    params = load_params(
        {
            "discretise": [{"method": "none"}],
            "aggregation": {"pairs": ["3d_avg", "3d_merge"], "zones": ["3d"]},
            "families": ["morph", *MIRP_FAMILIES],
        }
    )

    def call() -> dict:
        image = read_image(image_path)
        return extract(image, read_mask(mask_path, like=image.geometry), params).to_dict()

    return call


def mirp(image_path: str, mask_path: str) -> Callable[[], dict]:
    from mirp import extract_features

    def call() -> dict:
        (table,) = extract_features(
            image=image_path,
            mask=mask_path,
            image_modality="ct",
            base_discretisation_method="none",
            base_feature_families=["morphological", "statistics", *list(MIRP_FAMILIES)[1:]],
        )
        prefixes = ("morph_", *MIRP_FAMILIES.values())
        row = table.iloc[0].to_dict()
        return {name: float(row[name]) for name in row if str(name).startswith(prefixes)}

    return call


def nyxus(image_path: str, mask_path: str) -> Callable[[], dict]:
    from nyxus import Nyxus3D

    engine = Nyxus3D(["*3D_ALL*"], n_feature_calc_threads=1, ibsi=True, coarse_gray_depth=LEVELS)

    def call() -> dict:
        table = engine.featurize_files([image_path], [mask_path], True)  # noqa: FBT003
        row = table.iloc[0].to_dict()
        return {name: float(row[name]) for name in row if str(name).startswith("3")}

    return call


def report(found: dict[str, dict]) -> None:
    ours = found["radtool"]
    for name, result in found.items():
        print(
            f"{name:8s} {result['wall']:7.2f} s  processor {result['busy']:6.2f} s"
            f" x{result['busy'] / ours['busy']:6.1f}  peak {result['peak']:5.0f} MB"
            f"  {len(result['row'])} values"
        )
    for name, pairs in (("mirp", mirp_pairs), ("nyxus", nyxus_pairs)):
        if name in found:
            compare(name, ours["row"], found[name]["row"], pairs)


def compare(name: str, ours: dict, theirs: dict, pairs: Callable[[dict], dict]) -> None:
    differences = {}
    for mine, other in pairs(theirs).items():
        a, b = ours[mine], theirs[other]
        differences[mine] = abs(a - b) / max(abs(a), 1e-12)
    near = [key for key, value in differences.items() if value <= 1e-5]
    print(f"{name}: {len(near)} of {len(differences)} corresponding values agree to 1e-5")
    far = sorted((key for key in differences if key not in near), key=differences.__getitem__)
    for key in far[::-1][:12]:
        other = pairs(theirs)[key]
        print(f"  {key:48s} {ours[key]:12.6g}  {name} {theirs[other]:12.6g}  ({other})")


def mirp_pairs(theirs: dict) -> dict[str, str]:
    """Ours -> theirs; both give a family in IBSI's order."""
    from radtool.features import catalogue

    table = catalogue()
    table = table[table["convention"] == "ibsi"]
    found = {f"original_morph_{ours}": f"morph_{name}" for name, ours in MIRP_SHAPE.items()}
    for family, prefix in MIRP_FAMILIES.items():
        names = table[table["family"] == family]["name"].drop_duplicates()
        columns = [name for name in theirs if name.startswith(prefix)]
        found |= {
            f"original_{family}_{name}": column for name, column in zip(names, columns, strict=True)
        }
    return found


def nyxus_pairs(theirs: dict) -> dict[str, str]:
    """Ours -> theirs; their averages over directions where there are such."""
    found = {}
    for family, names in NYXUS.items():
        head = "" if family in ("morph", "stat") else f"{family.upper()}_"
        tail = "_AVE" if family in ("glcm", "glrlm") else ""
        ours = "_3d_avg" if tail else ""
        for name, feature in names.items():
            found[f"original_{family}_{feature}{ours}"] = f"3{head}{name}{tail}"
    return found


if __name__ == "__main__":
    main()
