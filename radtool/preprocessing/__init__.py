"""Image, Mask to Image, Mask: grids, intensities, grey levels, regions, perturbations."""

from radtool.preprocessing.bias_field import N4
from radtool.preprocessing.contrast import Clahe, HistogramEqualisation
from radtool.preprocessing.controls import (
    CONTROLS,
    NegativeControl,
    body_mask,
    move_region,
    randomise_voxels,
    shuffle_surroundings,
    shuffle_voxels,
    tissue_mask,
)
from radtool.preprocessing.discretise import Discretise, discretise, discretise_values
from radtool.preprocessing.fusion import fuse
from radtool.preprocessing.fusion_settings import Fusion, FusionImage
from radtool.preprocessing.intensity_step import (
    IntensityStep,
    apply_steps,
    fit_steps,
    intensity_step_from_dict,
)
from radtool.preprocessing.landmarks import HistogramMatching, Nyul
from radtool.preprocessing.perturb import Perturbation, noise_level, perturb, perturbations
from radtool.preprocessing.recipes import RECIPES, recipe
from radtool.preprocessing.regions import (
    habitats,
    label_masks,
    peritumoural_ring,
    solid_and_ground_glass,
    union,
)
from radtool.preprocessing.resample import (
    Resample,
    resample_image,
    resample_mask,
    resampled_geometry,
)
from radtool.preprocessing.resegment import Resegment, resegment, resegmentation_limits
from radtool.preprocessing.scaling import Rescale, ZScore, ZScoreByTraining
from radtool.preprocessing.smoothing import GaussianSmoothing, MedianDenoising
from radtool.preprocessing.white_stripe import WhiteStripe

__all__ = [
    "CONTROLS",
    "N4",
    "RECIPES",
    "Clahe",
    "Discretise",
    "Fusion",
    "FusionImage",
    "GaussianSmoothing",
    "HistogramEqualisation",
    "HistogramMatching",
    "IntensityStep",
    "MedianDenoising",
    "NegativeControl",
    "Nyul",
    "Perturbation",
    "Resample",
    "Rescale",
    "Resegment",
    "WhiteStripe",
    "ZScore",
    "ZScoreByTraining",
    "apply_steps",
    "body_mask",
    "discretise",
    "discretise_values",
    "fit_steps",
    "fuse",
    "habitats",
    "intensity_step_from_dict",
    "label_masks",
    "move_region",
    "noise_level",
    "peritumoural_ring",
    "perturb",
    "perturbations",
    "randomise_voxels",
    "recipe",
    "resample_image",
    "resample_mask",
    "resampled_geometry",
    "resegment",
    "resegmentation_limits",
    "shuffle_surroundings",
    "shuffle_voxels",
    "solid_and_ground_glass",
    "tissue_mask",
    "union",
]
