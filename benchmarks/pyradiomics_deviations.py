"""What each choice of pyradiomics that differs from IBSI costs, in features that move.

    python benchmarks/pyradiomics_deviations.py IMAGE MASK [--reference ibsi1_reference.csv]

Part 1 puts one choice of pyradiomics at a time into the conformant engine (IBSI configuration C:
2 mm, -1000 to 400 HU, bins of 25 HU) and counts the features that move by more than 1 %. With the
table of IBSI 1 references and the IBSI CT phantom as IMAGE and MASK it also counts the references
of configuration C that no longer match. Part 2 stays in the pyradiomics convention and changes
what should not matter: the patient's position, and how much of the image the filters see.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd

from radtool.features import extract, load_params
from radtool.features.catalogue import FAMILY_FEATURES
from radtool.features.region import prepare
from radtool.image import Geometry, Image, Mask
from radtool.io import read_image, read_mask
from radtool.preprocessing.resample import resample_image, resample_mask

BASE = load_params("ibsi_c")
WIDTH = 25.0
FAMILY = {
    "morphology": "morph",
    "local_intensity": "loc",
    "statistics": "stat",
    "intensity_histogram": "ih",
    "intensity_volume_histogram": "ivh",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("image")
    parser.add_argument("mask")
    parser.add_argument("--reference", help="IBSI 1 references as CSV; for the IBSI CT phantom")
    given = parser.parse_args()
    image = read_image(given.image)
    mask = read_mask(given.mask, like=image.geometry)
    image = image.with_array(np.rint(image.array))
    base = extract(image, mask, BASE)
    rows = references(given.reference) if given.reference else {}
    print(f"{len(base)} features; references matched: {held(base, rows)} of {len(rows)}")
    for what, change in CHOICES.items():
        found = change(image, mask)
        lost = f"; references lost {held(base, rows) - held(found, rows)}" if rows else ""
        print(f"  {what:52s} {moved(base, found)}{lost}")
    print("pyradiomics convention, 1 mm")
    for what, (first, second) in conditions(image, mask).items():
        print(f"  {what:52s} {moved(first, second)}")


def moved(first: pd.Series, second: pd.Series) -> str:
    """Count features that differ by more than 1 %, and name the farthest."""
    away = (second[first.index] - first).abs() / first.abs().clip(lower=1e-12)
    return (
        f"moved > 1 %: {int((away > 0.01).sum()):3d} of {len(first)}, > 10 %:"
        f" {int((away > 0.1).sum()):3d}; median {away.median():.2%}"
    )


def nearest_mask(image: Image, mask: Mask) -> pd.Series:
    nearest = dataclasses.replace(BASE.resample, mask_interpolation="nearest")
    return extract(image, mask, dataclasses.replace(BASE, resample=nearest))


def not_rounded(image: Image, mask: Mask) -> pd.Series:
    exact = dataclasses.replace(BASE.resample, round_intensities=False)
    return extract(image, mask, dataclasses.replace(BASE, resample=exact))


def bins_at_multiples(image: Image, mask: Mask) -> pd.Series:
    region = prepare(image, mask, BASE)
    lowest = float(region.image.array[region.inside.array].min())
    lower = np.floor(lowest / WIDTH) * WIDTH
    bins = (dataclasses.replace(BASE.discretise[0], lower=float(lower)),)
    return extract(image, mask, dataclasses.replace(BASE, discretise=bins))


def by_corner(image: Image, mask: Mask) -> pd.Series:
    """Align the corners of the grids, as ITK does, instead of their centres."""
    old, new = np.array(image.geometry.spacing), np.array(BASE.resample.spacing_mm)
    shape = np.ceil(np.array(image.array.shape) * old / new).astype(int)
    origin = image.geometry.to_patient(0.5 * (new - old) / old)
    grid = Geometry(
        tuple(shape.tolist()), tuple(new.tolist()), tuple(origin.tolist()), image.geometry.direction
    )
    return on_grid(image, mask, grid, np.rint)


def fractions_cut(image: Image, mask: Mask) -> pd.Series:
    region = prepare(image, mask, BASE)
    return on_grid(image, mask, region.image.geometry, np.trunc)


def on_grid(
    image: Image, mask: Mask, grid: Geometry, whole: Callable[[np.ndarray], np.ndarray]
) -> pd.Series:
    """Resample as configuration C does, but onto this grid and to whole numbers in this way."""
    settings = BASE.resample
    there = resample_image(image, grid, interpolation=settings.image_interpolation)
    inside = resample_mask(
        mask, grid, interpolation=settings.mask_interpolation, threshold=settings.mask_threshold
    )
    plain = dataclasses.replace(settings, spacing_mm=None, round_intensities=False)
    params = dataclasses.replace(BASE, resample=plain)
    return extract(there.with_array(whole(there.array)), inside, params)


CHOICES = {
    "mask by nearest neighbour": nearest_mask,
    "grid aligned by the corner": by_corner,
    "bins are multiples of their width": bins_at_multiples,
    "intensities not rounded": not_rounded,
    "fractions of intensities cut off": fractions_cut,
}


def conditions(image: Image, mask: Mask) -> dict[str, tuple[pd.Series, pd.Series]]:
    """Rows that should be the same, and are not in pyradiomics."""
    still = Image(image.array.astype(np.float32), image.geometry)
    spacing = image.geometry.spacing
    moved = dataclasses.replace(image.geometry, origin=(-120.3, 33.7, 900.1))

    def row(where: Geometry, *, margin: int = 5, sigma: float = 0.0, step: float = 1.0):
        images = {"LoG": {"sigma": [sigma]}} if sigma else {"Original": {}}
        setting = {"binWidth": 25, "resampledPixelSpacing": [step] * 3, "padDistance": margin}
        params = load_params({"setting": setting, "imageType": images})
        return extract(Image(still.array, where), Mask(mask.array, where, mask.roi), params)

    here = image.geometry
    ties = 0.8 * min(spacing)
    return {
        "patient moved": (row(here), row(moved)),
        f"the same, new voxels of {ties:.3g} mm": (row(here, step=ties), row(moved, step=ties)),
        **{
            f"LoG {sigma:g} mm, padDistance 5 instead of 60": (
                row(here, sigma=sigma, margin=60),
                row(here, sigma=sigma),
            )
            for sigma in (1.0, 3.0, 5.0)
        },
    }


def references(path: str) -> dict[str, tuple[float, float, int]]:
    """Value, tolerance and digits of the references of configuration C by column."""
    found = {}
    with open(path, newline="") as file:  # noqa: PTH123 - a path from the command line
        for row in csv.DictReader(file):
            is_reference = row["status"] in ("reference", "provisional")
            if not is_reference or row["phantom_or_config"] != "C" or row["family"] == "diagnostic":
                continue
            family = FAMILY.get(row["family"], row["family"])
            names = {one.code: one.name for one in FAMILY_FEATURES[family]}
            parts = ["original", family, names[row["ibsi_code"]]]
            if row["aggregation"] == "3D, averaged":
                parts.append("3d_avg")
            digits = row["value"].strip("-").removesuffix(".0").replace(".", "").strip("0")
            value, tolerance = float(row["value"]), float(row["tolerance"] or 0)
            found["_".join(parts)] = (value, tolerance, max(3, len(digits)))
    return found


def held(row: pd.Series, known: dict[str, tuple[float, float, int]]) -> int:
    """How many references a row matches."""
    tokens = (BASE.discretise[0].token, BASE.volume_histogram.token)
    plain = {str(name): value for name, value in row.items()}
    for token in filter(None, tokens):
        plain = {name.removesuffix(f"_{token}"): value for name, value in plain.items()}
    count = 0
    for name, (value, tolerance, digits) in known.items():
        rounded = float(f"{plain[name]:.{digits - 1}e}")
        count += abs(rounded - value) <= tolerance + 1e-9 * max(1.0, abs(value))
    return count


if __name__ == "__main__":
    main()
