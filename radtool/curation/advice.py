"""What a finding is called for people, and what they can do about it."""

from __future__ import annotations

__all__ = ["advice", "label"]

_HEADER = "Ask where the series was exported: the header is incomplete."
_LOOK_MASK = "Look at the outline; correct the contour where it was drawn, and run again."
_RESEND = "Have the series sent again from the archive, and run again."
_PROTOCOL = "Keep it if the study allows such scans; else make the rule exclude it."

_FILL = f"{_RESEND} The checks may also allow to fill gaps (volume: missing_slices)."
_RESAMPLE = f"{_RESEND} The checks may also allow to resample (volume: spacing)."

_TOLD = {
    # check: (what it is called, what to do)
    "modality": ("other modality", "Leave it, or move it out of the folder."),
    "odd_modality": (
        "unlike the others' modality",
        "Contours on another modality than the rest: was the wrong series contoured?",
    ),
    "image_type": ("not original slices", "Use the original axial series instead."),
    "not_a_volume": ("not a volume", "Leave it; use a series with several slices."),
    "slices": ("too few slices", "One or two slices are no volume: use the full series."),
    "missing_slices": ("missing slices", _FILL),
    "increment": ("uneven slice distances", _RESAMPLE),
    "duplicate_positions": (
        "several slices at one place",
        "Echoes, phases or reconstructions under one series: export one of them.",
    ),
    "identical_slices": ("the same picture twice", _RESEND),
    "torn_series": (
        "one volume under two series",
        "Give both parts one series UID, or have them sent again; alone, neither is the whole.",
    ),
    "split": ("several volumes in a series", "Each is an image of its own: choose which you need."),
    "copies": ("files sent twice", "Nothing: each slice is used once."),
    "orientation": ("slices not parallel", "Export the planes as series of their own."),
    "matrix": ("slices of different size", "Export the parts as series of their own."),
    "gantry_tilt": ("gantry tilt", "Leave it out, or let the checks straighten it (volume: tilt)."),
    "in_plane_shift": ("slices shifted sideways", _RESEND),
    "damaged": ("damaged files", _RESEND),
    "unreadable": ("cannot be read", _RESEND),
    "unreadable_file": ("file that cannot be read", "Have it sent again if the patient needs it."),
    "not_written": ("could not be written", "Make room on the disk, and run again."),
    "slice_spacing_mm": ("slice spacing", _PROTOCOL),
    "slice_thickness_mm": ("slice thickness", _PROTOCOL),
    "thicknesses": ("several slice thicknesses", _PROTOCOL),
    "overlap_mm": ("overlapping slices", _PROTOCOL),
    "gap_mm": ("gaps between slices", "What lies in the gaps was not imaged; judge whether it can"
               " be used for texture."),
    "plane": ("not axial", "A reformatted series? Use the axial original if there is one."),
    "oblique_deg": ("oblique slices", "Nothing, if the scan was meant so."),
    "pixel_spacing_mm": ("pixel size", _PROTOCOL),
    "rows": ("few rows", "A cropped image or a thumbnail? Use the full series."),
    "columns": ("few columns", "A cropped image or a thumbnail? Use the full series."),
    "kernel": ("convolution kernel", "Texture depends on the kernel: find out which it was."),
    "kvp": ("tube voltage", _PROTOCOL),
    "tr_ms": ("repetition time", _HEADER),
    "te_ms": ("echo time", _HEADER),
    "field_strength_t": ("field strength", _HEADER),
    "units": ("PET units", _HEADER),
    "dose_mbq": ("injected dose", _HEADER),
    "weight_kg": ("patient weight", _HEADER),
    "rescale_slope": ("no rescale to HU", _RESEND),
    "lossy": ("lossy compression", "Get the uncompressed original; textures are not those of the"
              " scan."),
    "burned_in": ("text may be burned in", "Look at the pixels before giving the images away."),
    "text_in_pixels": (
        "letters in the picture",
        "Look there before giving the images away: it may be a name.",
    ),
    "not_hu": ("values are not HU", "Find out how the series was exported; do not mix it with HU."),
    "percentile_01": ("low intensities", "Look whether the values are what they should be."),
    "percentile_99": ("high intensities", "Look whether the values are what they should be."),
    "range": ("constant image", _RESEND),
    "minimum": ("lowest value", "Look whether the values are what they should be."),
    "maximum": ("highest value", "Are dose, weight and times right? SUV depends on them."),
    "metal_ml": ("metal", "Streaks change texture: look whether they reach the mask."),
    "metal_near_percent": (
        "metal near the mask",
        "Streaks may run through the mask: leave the case out of texture analysis if they do.",
    ),
    "couch_ml": ("couch", "Nothing."),
    "objects_ml": ("arms or objects beside the body", "Look whether they cause streaks."),
    "present": ("no mask", "Draw it, widen --roi, or segment automatically."),
    "roi_empty": ("empty region", "Draw the contour, or export it again."),
    "mask_geometry": ("mask not on the image", "Was it drawn on another series? Export that one."),
    "mask_unreadable": ("mask cannot be read", _RESEND),
    "mask_without_series": ("mask without its images", "Add the series that it was drawn on."),
    "roi_not_a_region": ("point or line", "Nothing."),
    "matched_by": ("how the mask was matched", "Nothing."),
    "several_rois": ("several regions fit", "Choose a narrower --roi, or keep all as lesions."),
    "several_structure_sets": ("several structure sets", "The newest is used; is it right?"),
    "uid_mismatch": ("mask matched by place", "Look at the outline: the UIDs lead to no series."),
    "volume_ml": ("small volume", "Tiny regions give unstable texture; leave it out of texture."),
    "voxels": ("few voxels", "Tiny regions give unstable texture; leave it out of texture."),
    "slice_gaps": ("empty slices inside the mask", _LOOK_MASK),
    "slice_share": ("mask on nearly all slices", _LOOK_MASK),
    "components": ("mask in several pieces", _LOOK_MASK),
    "inside_image": ("contour leaves the image", _LOOK_MASK),
    "touches_border": ("mask at the border", "The region may go on outside the image."),
    "volume_error": ("mask and contours differ", "The contour is small for these voxels."),
    "air_percent": ("mask in air", _LOOK_MASK),
    "mean": ("mean intensity", _LOOK_MASK),
    "anomaly": ("unusual contour", "Look at this outline first; it may be right and just rare."),
}  # fmt: skip


_REPAIRED = ("gantry_tilt", "missing_slices", "increment", "in_plane_shift")
"""Stacks that are a warning instead of an error when the checks allow their repair."""


def label(check: str) -> str:
    """Return what a check is called in sentences."""
    return _TOLD[check][0] if check in _TOLD else check.replace("_", " ").replace("roi", "ROI")


def advice(check: str, severity: str = "") -> str:
    """Return what can be done about a finding; "" when nothing is known."""
    if check in _REPAIRED and severity == "warning":
        return "Nothing if the detail names a repair that you asked for; else have it sent again."
    return _TOLD[check][1] if check in _TOLD else ""
