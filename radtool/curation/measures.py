"""Numbers that checks look at: of a series, of its intensities, of a mask."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from radtool.curation.checks import Value
from radtool.curation.grouping import Series
from radtool.curation.lettering import burned_in_text
from radtool.curation.pixels import not_hounsfield, surroundings
from radtool.image import Geometry, Image, Mask

__all__ = ["describe_image", "describe_mask", "describe_series"]

METAL_HU = 3000
"""From here on a CT voxel is metal: above dense bone and enamel."""
SMALL_ISLAND = 0.01
"""Islands below this share of the mask are drawing noise."""
LARGE_SAMPLE = 2_000_000
NEAR_MM = 20.0
"""Metal this near to a mask in plane is likely to streak through it."""
AIR_HU = -950.0
"""Below this a voxel is air outside the body or in the airways, not lung."""
SCREENS = ("SC", "OT", "US", "XC", "ES", "DOC")
"""Modalities whose pictures usually carry a line with the patient's name."""


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
        "oblique_deg": _oblique(geometry) if geometry else None,
        "files": len(series.records),
    }
    facts |= _coverage(facts)
    facts["burned_in"] = _burned_in(facts)
    return facts


def _coverage(facts: dict[str, Value]) -> dict[str, Value]:
    """How far neighbouring slices overlap, or leave tissue out between them, mm."""
    every, thick = facts["slice_spacing_mm"], facts["slice_thickness_mm"]
    if not isinstance(every, float) or not isinstance(thick, float):
        return {"overlap_mm": None, "gap_mm": None}
    return {
        "overlap_mm": round(max(0.0, thick - every), 4),
        "gap_mm": round(max(0.0, every - thick), 4),
    }


def _burned_in(facts: dict[str, Value]) -> str:
    """Say what the header tells of text in the pixels: "no", or "yes" with the reason."""
    said = str(facts.get("burned_in", "")).upper()
    kinds = str(facts.get("image_type", "")).upper().split("\\")
    words = str(facts.get("description", "")).casefold()
    if said == "YES":
        return "yes: the header says that annotations are burned in"
    if facts["modality"] in SCREENS:
        return f"yes: {facts['modality']} pictures usually show the patient's name"
    if "SECONDARY" in kinds and "DERIVED" in kinds and not facts.get("units"):
        return "yes: derived and secondary, may be a screenshot"
    if "screen" in words and ("shot" in words or "save" in words):
        return "yes: called a screenshot"
    return "no"


def _plane(geometry: Geometry) -> str:
    normal = np.abs(geometry.direction_matrix[:, 2])
    if normal.max() < 0.9:
        return "oblique"
    return ("sagittal", "coronal", "axial")[int(np.argmax(normal))]


def _oblique(geometry: Geometry) -> float:
    """Angle in degrees between the slices' normal and the nearest axis of the patient."""
    cosine = float(np.abs(geometry.direction_matrix[:, 2]).max())
    return round(float(np.degrees(np.arccos(min(1.0, cosine)))), 2)


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
        "text_in_pixels": burned_in_text(image.array),
    }
    if image.unit == "HU":
        facts["not_hu"] = not_hounsfield(image)
        facts["metal_ml"] = _ml(array >= METAL_HU, image.geometry)
        if _plane(image.geometry) == "axial" and (beside := surroundings(image)):
            facts["couch_ml"] = round(beside.couch_ml)
            facts["objects_ml"] = round(beside.objects_ml)
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
    slices = int(inside.any(axis=(1, 2)).sum())
    facts: dict[str, Value] = {
        "present": "yes",
        "volume_ml": volume,
        "voxels": int(inside.sum()),
        "slices": slices,
        "slice_gaps": inside.shape[0] - slices,
        "slice_share": slices / mask.geometry.shape[0],
        "components": _components(inside),
        "inside_image": inside_image,
        "touches_border": "yes" if _touches(box, mask.geometry.shape) else "no",
        "volume_error": abs(volume / contour_ml - 1) if contour_ml else None,
        "mean": float(values.mean(dtype=np.float64)),
    }
    if image.unit == "HU":
        facts["metal_ml"] = _ml(values >= METAL_HU, mask.geometry)
        facts["metal_near_percent"] = 100 * float(np.mean(_near(image, box) >= METAL_HU))
        facts["air_percent"] = 100 * float(np.mean(values < AIR_HU))
    return facts


def _near(image: Image, box: tuple[slice, ...]) -> np.ndarray:
    """Intensities of the mask's slices, from 20 mm before to 20 mm behind its box in plane."""
    grown = [box[0]]
    for part, spacing in zip(box[1:], image.geometry.spacing[1:], strict=True):
        margin = round(NEAR_MM / spacing)
        grown.append(slice(max(0, part.start - margin), part.stop + margin))
    return image.array[tuple(grown)]


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
