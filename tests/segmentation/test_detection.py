"""Detection by lesion and by lung."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.segmentation.detection import LesionDetection, detect_lesions, lung_scores
from radtool.segmentation.lungs import isolate_lungs


def mask(*boxes) -> Mask:
    array = np.zeros((10, 20, 30), dtype=bool)
    for (z, y, x), size in boxes:
        array[z : z + size, y : y + size, x : x + size] = True
    return Mask(array, Geometry(array.shape))


def test_hits_misses_and_false_lesions_are_counted():
    truth = mask(((1, 1, 1), 4), ((1, 10, 10), 3), ((5, 1, 20), 2))
    found = mask(((2, 2, 2), 4), ((6, 14, 24), 2), ((0, 15, 0), 1))
    assert detect_lesions(truth, found) == LesionDetection(hits=1, missed=2, false=2)


def test_too_small_an_overlap_is_a_miss_but_not_a_false_lesion():
    truth, found = mask(((1, 1, 1), 4)), mask(((4, 4, 4), 4))
    assert detect_lesions(truth, found) == LesionDetection(0, 1, 0)  # 1 voxel of 64
    assert detect_lesions(truth, found, overlap=1 / 64) == LesionDetection(1, 0, 0)


def test_diagonal_voxels_are_one_lesion():
    assert detect_lesions(mask(((1, 1, 1), 1), ((2, 2, 2), 1)), mask()) == LesionDetection(0, 1, 0)


def test_empty_against_empty_counts_nothing():
    assert detect_lesions(mask(), mask()) == LesionDetection(0, 0, 0)


@pytest.mark.parametrize("overlap", [0, 1.5])
def test_overlap_out_of_range_is_refused(overlap):
    with pytest.raises(ParameterError, match="overlap"):
        detect_lesions(mask(), mask(), overlap=overlap)


def test_lungs_are_scored_on_the_patients_sides(thorax):
    # The lesion of the phantom lies at small x: the patient's right in LPS.
    scan = thorax()
    probability = Image(np.where(scan.lesion, 0.9, 0.2), scan.image.geometry)
    truth = Mask(scan.lesion, scan.image.geometry)
    table = lung_scores(probability, isolate_lungs(scan.image), truth).set_index("lung")
    assert table["has_tumour"].to_dict() == {"right": True, "left": False}
    assert table["score"].to_dict() == {"right": 0.9, "left": 0.2}
