"""Pairs of masks that the published surface-distance package and radtool both measure."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SPACINGS = {"isotropic": (1.0, 1.0, 1.0), "thick": (3.0, 1.0, 1.0), "uneven": (2.0, 1.5, 0.7)}


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray, tuple[float, float, float]]]:
    """Name -> reference, other (z, y, x), spacing (z, y, x)."""
    rng = np.random.default_rng(0)
    made = {}
    for name, spacing in SPACINGS.items():
        noise = ndimage.gaussian_filter(rng.standard_normal((2, 14, 22, 20)), (0, 1.2, 2, 2))
        shared = ndimage.gaussian_filter(rng.standard_normal((14, 22, 20)), 2)
        a, b = shared + 0.4 * noise[0], shared + 0.4 * noise[1]
        made[f"blobs_{name}"] = (a > 0.03, b > 0.02, spacing)
        salt = rng.random((2, 6, 7, 8))
        made[f"salt_{name}"] = (salt[0] > 0.6, salt[1] > 0.7, spacing)
    return made
