"""Image -> Mask: segmenters, what trains them, and how good a mask is."""

from radtool.segmentation.confidence import apply_temperature, fit_temperature, voxel_brier
from radtool.segmentation.dataset import TrainingCase, assign_splits, load_cases
from radtool.segmentation.detection import LesionDetection, detect_lesions, lung_scores
from radtool.segmentation.explain import grad_cam, integrated_gradients, overlay
from radtool.segmentation.export import export_onnx
from radtool.segmentation.lungs import LungRegion, isolate_lungs
from radtool.segmentation.measure import Recist, recist
from radtool.segmentation.metrics import MaskComparison, added_path_length, compare_masks
from radtool.segmentation.nnunet_files import adopt_nnunet, export_nnunet
from radtool.segmentation.observers import (
    majority_vote,
    observer_agreement,
    observer_tolerance,
    staple,
)
from radtool.segmentation.predict import FLAGS, Segmentation, segment
from radtool.segmentation.runtime import BUNDLED, Network, load_network, pick_device
from radtool.segmentation.segmenters import (
    Segmenter,
    apply_segmenter,
    monai_bundle,
    network_segmenter,
    nnunet,
    pet_threshold,
    program,
    totalsegmentator,
)
from radtool.segmentation.surface import SurfaceDistances, surface_distances
from radtool.segmentation.training import TrainSettings, train

__all__ = [
    "BUNDLED",
    "FLAGS",
    "LesionDetection",
    "LungRegion",
    "MaskComparison",
    "Network",
    "Recist",
    "Segmentation",
    "Segmenter",
    "SurfaceDistances",
    "TrainSettings",
    "TrainingCase",
    "added_path_length",
    "adopt_nnunet",
    "apply_segmenter",
    "apply_temperature",
    "assign_splits",
    "compare_masks",
    "detect_lesions",
    "export_nnunet",
    "export_onnx",
    "fit_temperature",
    "grad_cam",
    "integrated_gradients",
    "isolate_lungs",
    "load_cases",
    "load_network",
    "lung_scores",
    "majority_vote",
    "monai_bundle",
    "network_segmenter",
    "nnunet",
    "observer_agreement",
    "observer_tolerance",
    "overlay",
    "pet_threshold",
    "pick_device",
    "program",
    "recist",
    "segment",
    "staple",
    "surface_distances",
    "totalsegmentator",
    "train",
    "voxel_brier",
]
