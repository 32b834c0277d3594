"""Numbers that checks look at: of a series, of its intensities, of a mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from radtool.curation.checks import Value
from radtool.curation.grouping import Series
from radtool.image import Geometry, Image, Mask

__all__ = ["describe_image", "describe_mask", "describe_series"]

METAL_HU = 3000
"""From here on a CT voxel is metal: above dense bone and enamel."""
SMALL_ISLAND = 0.01
"""Islands below this share of the mask are drawing noise."""
LARGE_SAMPLE = 2_000_000


def describe_series(series: Series) -> dict[str, Value]:
    """Return the columns of series.csv that describe a series."""
    planes = series.stack.slices
    geometry = series.stack.geometry
    facts: dict[str, Value] = {"modality": series.modality, **series.first.attributes}
    thicknesses = {round(one.thickness, 3) for one in planes if one.thickness is not None}
    facts |= {
        "slices": len(planes) or len(series.records),
        "rows": planes[0].shape[0] if planes else None,
        "columns": planes[0].shape[1] if planes else None,
        "pixel_spacing_mm": float(planes[0].spacing[0]) if planes else None,
        "pixel_spacing_x_mm": float(planes[0].spacing[1]) if planes else None,
        "slice_spacing_mm": round(geometry.spacing[0], 4) if geometry else None,
        "slice_thickness_mm": min(thicknesses) if thicknesses else None,
        "thicknesses": len(thicknesses) or None,
        "plane": _plane(geometry) if geometry else None,
        "files": len(series.records),
    }
    return facts


def _plane(geometry: Geometry) -> str:
    normal = np.abs(geometry.direction_matrix[:, 2])
    if normal.max() < 0.9:
        return "oblique"
    return ("sagittal", "coronal", "axial")[int(np.argmax(normal))]


def describe_image(image: Image) -> dict[str, Value]:
    """Return the columns that describe intensities."""
    array = image.array
    step = max(1, round((array.size / LARGE_SAMPLE) ** (1 / 3)))
    sample = array[::step, ::step, ::step]
    low, high = np.percentile(sample, [1, 99])
    facts: dict[str, Value] = {
        "minimum": float(array.min()),
        "maximum": float(array.max()),
        "range": float(array.max()) - float(array.min()),
        "mean": float(array.mean(dtype=np.float64)),
        "percentile_01": float(low),
        "percentile_99": float(high),
    }
    if image.unit == "HU":
        facts["metal_ml"] = _ml(array >= METAL_HU, image.geometry)
    return facts


def _ml(inside: np.ndarray, geometry: Geometry) -> float:
    return int(np.count_nonzero(inside)) * geometry.voxel_volume / 1000


def describe_mask(
    mask: Mask, image: Image, *, inside_image: float, contour_ml: float | None
) -> dict[str, Value]:
    """Return the columns that describe a mask.

    Parameters
    ----------
    mask, image : Mask, Image
        On the same grid.
    inside_image : float
        Share of the contour points that lie in the image.
    contour_ml : float or None
        Volume that the contours enclose by themselves.
    """
    box = ndimage.find_objects(mask.array.astype(np.uint8))[0]
    inside = mask.array[box]
    values = image.array[box][inside]
    volume = mask.volume_ml
    facts: dict[str, Value] = {
        "present": "yes",
        "volume_ml": volume,
        "voxels": int(inside.sum()),
        "slices": int(inside.any(axis=(1, 2)).sum()),
        "components": _components(inside),
        "inside_image": inside_image,
        "touches_border": "yes" if _touches(box, mask.geometry.shape) else "no",
        "volume_error": abs(volume / contour_ml - 1) if contour_ml else None,
        "mean": float(values.mean(dtype=np.float64)),
    }
    if image.unit == "HU":
        facts["metal_ml"] = _ml(values >= METAL_HU, mask.geometry)
    return facts


def _components(inside: np.ndarray) -> int:
    labels, count = ndimage.label(inside, structure=np.ones((3, 3, 3)))
    if count <= 1:
        return count
    sizes = np.bincount(labels.ravel())[1:]
    return int((sizes >= SMALL_ISLAND * sizes.sum()).sum())


def _touches(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    pairs = zip(box[1:], shape[1:], strict=True)
    in_plane = any(part.start == 0 or part.stop == size for part, size in pairs)
    through = shape[0] > 1 and (box[0].start == 0 or box[0].stop == shape[0])
    return in_plane or through
