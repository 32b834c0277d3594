"""The only reader and writer of pixel files: DICOM, RTSTRUCT, SEG, NIfTI, NRRD, MetaImage."""

from radtool.io.companions import files_of
from radtool.io.export import mask_contours, write_rtstruct, write_seg
from radtool.io.lesions import read_masks
from radtool.io.masks import place_mask, read_mask, write_mask
from radtool.io.rasterise import contour_volume_ml, fraction_inside, rasterise
from radtool.io.repair import Repair, repair_stack
from radtool.io.rtstruct import Contours, RtStruct, read_rtstruct
from radtool.io.seg import read_seg
from radtool.io.series import read_series
from radtool.io.splitting import Volume, split_slices
from radtool.io.stacking import Finding, Slice, Stack, stack_slices
from radtool.io.suv import SuvScale, suv_scale
from radtool.io.volumes import read_image, write_image

__all__ = [
    "Contours",
    "Finding",
    "Repair",
    "RtStruct",
    "Slice",
    "Stack",
    "SuvScale",
    "Volume",
    "contour_volume_ml",
    "files_of",
    "fraction_inside",
    "mask_contours",
    "place_mask",
    "rasterise",
    "read_image",
    "read_mask",
    "read_masks",
    "read_rtstruct",
    "read_seg",
    "read_series",
    "repair_stack",
    "split_slices",
    "stack_slices",
    "suv_scale",
    "write_image",
    "write_mask",
    "write_rtstruct",
    "write_seg",
]
