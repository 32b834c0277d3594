"""How often a shifted contour is among the strangest tenth of a real cohort.

Give a manifest of one ROI and one modality::

    python benchmarks/contour_anomaly.py manifest.csv
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from radtool.curation.contours import contour_anomaly, contour_traits
from radtool.image import Image, Mask
from radtool.io import read_image, read_mask
from radtool.table import read_manifest

TRIED = 60
SHIFTS_MM = (5.0, 10.0, 15.0, 20.0)


def main(manifest: str) -> None:
    rng = np.random.default_rng(0)
    cases = read_manifest(manifest)
    tried = set(rng.choice(len(cases), TRIED, replace=False).tolist())
    rows, moved = [], {shift: {} for shift in SHIFTS_MM}
    for place, case in enumerate(cases.to_dict("records")):
        image = read_image(case["image"])
        mask = read_mask(case["mask"], like=image.geometry)
        image = Image(image.array, image.geometry, "HU")
        rows.append(contour_traits(image, mask))
        if place in tried:
            for shift in SHIFTS_MM:
                moved[shift][place] = contour_traits(image, shifted(mask, shift, rng))
    usual = pd.DataFrame(rows)
    for shift, found in moved.items():
        ranks = []
        for place, traits in found.items():
            table = usual.copy()
            table.loc[place] = traits
            ranks.append(contour_anomaly(table).rank(ascending=False)[place] / len(table))
        print(f"{shift:4.0f} mm: {np.mean(np.array(ranks) <= 0.1):.0%} in the strangest tenth")


def shifted(mask: Mask, shift: float, rng: np.random.Generator) -> Mask:
    """Move a mask in plane in a random direction; what leaves the image is cut off."""
    angle = rng.uniform(0, 2 * np.pi)
    dy, dx = (
        round(shift * part / step)
        for part, step in zip(
            (np.sin(angle), np.cos(angle)), mask.geometry.spacing[1:], strict=True
        )
    )
    array = np.roll(mask.array, (dy, dx), (1, 2))
    for axis, step in ((1, dy), (2, dx)):
        gone = [slice(None)] * 3
        gone[axis] = slice(0, step) if step > 0 else slice(mask.array.shape[axis] + step, None)
        array[tuple(gone)] = False
    return Mask(array, mask.geometry, mask.roi)


if __name__ == "__main__":
    main(sys.argv[1])
