"""Contour quality assurance: which masks of a cohort look unlike the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.measure import marching_cubes, mesh_surface_area

from radtool.errors import InputError
from radtool.image import Image, Mask, check_same_grid

if TYPE_CHECKING:
    from radtool.curation.cases import CaseResult
    from radtool.curation.checks import Checks

__all__ = ["contour_anomaly", "contour_traits", "note_unusual"]

CORNERS = np.ones((3, 3, 3), dtype=bool)
SHELL_MM = 6.0
REACH_MM = 20.0
"""How far in plane a better place for a contour is looked for."""
SMOOTH_MM = 1.5
FIT_WEIGHT = 2.0
"""The fit counts twice: it alone compares a contour with its own image, not with the cohort."""
LARGE_BOX = 3_000_000
"""Voxels of the box around a mask from which on every second row and column is enough."""
FEWEST = 5
WORST_SHARE = 0.1
"""At most this share of the contours of one ROI is called unusual."""
REASONS = {
    "log_volume": "volume",
    "components": "number of pieces",
    "roughness": "smoothness",
    "slice_gaps": "gaps between slices",
    "mean": "mean intensity",
    "spread": "spread of intensities",
    "contrast": "contrast with its surroundings",
    "fit": "fit to the edges of the image (a better place is near)",
}
"""What a trait is called in a finding."""


def contour_traits(image: Image, mask: Mask) -> dict[str, float]:
    """Measure what a wrong contour changes.

    Parameters
    ----------
    image : Image
    mask : Mask
        On the grid of the image, not empty.

    Returns
    -------
    dict of str to float
        ``log_volume`` (mL), ``components`` (26-connected), ``roughness`` (surface over that of a
        sphere of the same volume, at least about 1), ``slice_gaps`` (empty slices between the first
        and the last), ``mean`` and ``spread`` of intensity inside, ``contrast``: mean inside minus
        mean of the 6 mm around, and ``fit``: strength of the image's edges along the contour, over
        that at the best place within 20 mm in plane; 1 where no place is better.

    Raises
    ------
    GeometryError
        The mask is not on the image grid.
    InputError
        The mask is empty.
    """
    check_same_grid(image, mask)
    if mask.is_empty:
        raise InputError(f"mask {mask.roi!r} is empty: nothing to judge")
    volume = mask.volume_ml * 1000
    inside, values, spacing = _around(image, mask)
    used = np.flatnonzero(mask.array.any(axis=(1, 2)))
    within = values[inside].astype(float)
    shell = (ndimage.distance_transform_edt(~inside, sampling=spacing) <= SHELL_MM) & ~inside
    around = float(values[shell].mean()) if shell.any() else float(within.mean())
    sphere = np.pi ** (1 / 3) * (6 * volume) ** (2 / 3)
    return {
        "log_volume": float(np.log(volume / 1000)),
        "components": float(ndimage.label(inside, CORNERS)[1]),
        "roughness": _surface(inside, spacing) / sphere,
        "slice_gaps": float(used[-1] - used[0] + 1 - used.size),
        "mean": float(within.mean()),
        "spread": float(within.std()),
        "contrast": float(within.mean()) - around,
        "fit": _fit(inside, values, spacing),
    }


def _fit(inside: np.ndarray, values: np.ndarray, spacing: tuple[float, ...]) -> float:
    """Edges along the border, over those along the border moved to its best place in plane."""
    sigma = [SMOOTH_MM / step for step in spacing]
    edges = ndimage.gaussian_gradient_magnitude(values.astype(np.float32), sigma)
    # A few very strong edges (bone, metal) must not decide where a soft lesion belongs.
    edges = np.minimum(edges, np.percentile(edges, 90))
    cross = ndimage.generate_binary_structure(2, 1)[None]
    border = ndimage.binary_dilation(inside, cross) & ~ndimage.binary_erosion(inside, cross)
    sizes = inside.shape[1:]
    reach = [min(int(REACH_MM / step), n) for step, n in zip(spacing[1:], sizes, strict=True)]
    padding = [(0, 0), *((far, far) for far in reach)]
    spectrum = np.fft.rfft2(np.pad(edges, padding, mode="edge"))
    pattern = np.fft.rfft2(np.pad(border, padding).astype(np.float32))
    shape = (sizes[0] + 2 * reach[0], sizes[1] + 2 * reach[1])
    strength = np.fft.irfft2((spectrum * pattern.conj()).sum(axis=0), shape)
    rows, columns = (np.arange(-far, far + 1) for far in reach)
    near = np.hypot(rows[:, None] * spacing[1], columns * spacing[2]) <= REACH_MM
    best = float(strength[np.ix_(rows, columns)][near].max())
    return float(np.clip(strength[0, 0] / best, 0, 1)) if best > 0 else 1.0


def _around(image: Image, mask: Mask) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Mask and image cut to the mask and what is near, thinned out in plane where that is much."""
    spacing = mask.geometry.spacing
    box = []
    for axis, step in enumerate(spacing):
        places = np.flatnonzero(mask.array.any(axis=tuple({0, 1, 2} - {axis})))
        margin = int(np.ceil((REACH_MM if axis else SHELL_MM) / step)) + 2
        box.append(slice(max(int(places[0]) - margin, 0), int(places[-1]) + margin + 1))
    inside, values = mask.array[tuple(box)], image.array[tuple(box)]
    thin = inside[:, ::2, ::2]
    if inside.size > LARGE_BOX and thin.any():
        return thin, values[:, ::2, ::2], (spacing[0], 2 * spacing[1], 2 * spacing[2])
    return inside, values, spacing


def _surface(inside: np.ndarray, spacing: tuple[float, ...]) -> float:
    """Area of the marching-cubes mesh at half height, mm²."""
    padded = np.pad(inside, 1).astype(np.float32)
    vertices, faces, _, _ = marching_cubes(padded, 0.5, spacing=spacing)
    return float(mesh_surface_area(vertices, faces))


def contour_anomaly(traits: pd.DataFrame) -> pd.Series:
    """One score per contour: how far its traits lie from those of the cohort.

    Each trait is turned into robust deviations (distance from the median over 1.4826 times the
    median absolute deviation; a trait that most contours share exactly is scaled by its mean
    absolute deviation). The score is their root mean square, each capped at 10, the fit to the
    image counted twice.

    Parameters
    ----------
    traits : DataFrame
        One row a contour, columns of `contour_traits`; at least five rows.

    Returns
    -------
    Series of float
        Same index; higher is stranger. Look at the highest tenth first.

    Raises
    ------
    InputError
        Fewer than five contours, or a trait that is not finite.
    """
    deviations = _deviations(traits)
    weights = np.where(deviations.columns == "fit", FIT_WEIGHT, 1.0)
    score = np.sqrt((deviations**2 * weights).sum(axis=1) / weights.sum())
    return score.rename("anomaly")


def _deviations(traits: pd.DataFrame) -> pd.DataFrame:
    """Robust deviation of each trait of each contour, from 0 to 10."""
    if len(traits) < FEWEST:
        raise InputError(
            f"needs at least {FEWEST} contours to know what is usual, got {len(traits)}"
        )
    values = traits.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise InputError("traits hold NaN or infinite values")
    apart = np.abs(values - np.median(values, axis=0))
    scale = 1.4826 * np.median(apart, axis=0)
    scale = np.where(scale > 0, scale, apart.mean(axis=0))
    found = np.divide(apart, scale, out=np.zeros_like(apart), where=scale > 0)
    return pd.DataFrame(np.minimum(found, 10), traits.index, traits.columns)


def note_unusual(results: Iterable[tuple[CaseResult, Checks]]) -> None:
    """Give every manifest row its anomaly score, and note the contours to look at first.

    Contours of one ROI name on one modality are compared, where there are at least five. Noted
    are those in the highest tenth (at least one) whose score breaks the rule ``anomaly``.
    """
    groups: dict[tuple[str, str], list[tuple[dict, CaseResult, Checks]]] = defaultdict(list)
    for result, checks in results:
        for row in result.rows:
            row["anomaly"] = None
            if row["case_id"] in result.traits:
                groups[(row["modality"], row["roi"])].append((row, result, checks))
    for members in groups.values():
        if len(members) < FEWEST:
            continue
        traits = pd.DataFrame([result.traits[row["case_id"]] for row, result, _ in members])
        deviations = _deviations(traits)
        score = contour_anomaly(traits)
        strangest = score.rank(ascending=False, method="first") <= np.ceil(WORST_SHARE * len(score))
        for place, (row, result, checks) in enumerate(members):
            row["anomaly"] = round(float(score[place]), 2)
            rule = next((one for one in checks.cohort if one.column == "anomaly"), None)
            if rule is None or not strangest[place]:
                continue
            finding = rule.check(row["anomaly"])
            if finding.severity != "info":
                detail = (
                    f"unlike the other {len(members) - 1} contours of this ROI in"
                    f" {_why(deviations.loc[place])}; score {row['anomaly']:.1f}"
                )
                result.note(replace(finding, detail=detail), row["case_id"], row["roi"])


def _why(deviations: pd.Series) -> str:
    """Name the traits that are far off, the farthest first."""
    far = deviations.sort_values(ascending=False, kind="stable")
    named = [REASONS[str(trait)] for trait, value in far.items() if value > 3][:3]
    return ", ".join(named or [REASONS[str(far.index[0])]])
