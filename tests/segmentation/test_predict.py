"""From image to mask, with a stand-in for the network."""

from __future__ import annotations

import dataclasses
import socket

import numpy as np
import pytest
from scipy import ndimage

from radtool.errors import InputError, ParameterError
from radtool.image import Geometry, Image
from radtool.segmentation import apply_temperature, compare_masks, predict
from radtool.segmentation.predict import FLAGS, _choose, segment


def test_lesion_is_found_on_the_input_grid(thorax, segmented):
    scan, found = thorax(), segmented
    truth = found.mask.with_array(scan.lesion)
    assert found.mask.geometry == scan.image.geometry
    assert compare_masks(truth, found.mask).dsc > 0.85
    assert found.mask.roi == "tumour"
    assert found.mask.origin == "stand-in 000000000000"
    assert found.candidates == 1
    assert 0.5 < found.confidence <= 1
    assert found.probability.array[scan.lesion].mean() > 0.5
    assert found.flags == ()


def test_same_patient_stored_otherwise_gives_the_same_place(thorax, segmented, soft_tissue_network):
    scan = thorax()
    geometry = scan.image.geometry
    corner = geometry.to_patient(np.array([0, geometry.shape[1] - 1, geometry.shape[2] - 1]))
    prone = Geometry(
        geometry.shape, geometry.spacing, tuple(corner.tolist()), (-1, 0, 0, 0, -1, 0, 0, 0, 1)
    )
    turned = segment(Image(scan.image.array[:, ::-1, ::-1], prone, "HU"))
    back = segmented.mask.with_array(np.ascontiguousarray(turned.mask.array[:, ::-1, ::-1]))
    assert compare_masks(segmented.mask, back).dsc > 0.95


def test_no_lesion_gives_an_empty_mask_and_a_flag(thorax, soft_tissue_network):
    found = segment(thorax(None).image)
    assert found.mask.is_empty
    assert found.flags == ("no_tumour",)
    assert found.candidates == 0


def test_the_larger_of_two_lesions_is_kept_and_the_other_is_flagged(thorax, soft_tissue_network):
    one, two = thorax(((30.0, 0.0, 0.0), 14.0)), thorax(((-40.0, 0.0, 0.0), 12.0))
    image = one.image.with_array(np.where(two.lesion, 40, one.image.array))
    found = segment(image)
    assert (found.mask.array & two.lesion).sum() == 0
    assert (found.mask.array & one.lesion).sum() > 0.8 * one.lesion.sum()
    assert "several_candidates" in found.flags
    assert found.candidates == 2


def test_a_small_sure_place_beats_a_large_vague_one():
    mean = np.zeros((40, 40, 40))
    mean[2:6, 2:6, 2:6] = 0.95  # 64 voxels: 4 * 0.95**4 = 3.26
    mean[20:30, 20:30, 20:30] = 0.6  # 1000 voxels, somewhere 0.85: 10 * 0.6**4 = 1.30
    mean[25, 25, 25] = 0.85
    mean[34:39, 2:39, 2:39] = 0.75  # larger still, but never sure
    kept, scores = _choose(mean, np.ones(mean.shape, dtype=bool), 0.5)
    np.testing.assert_array_equal(kept, mean == 0.95)
    np.testing.assert_allclose(scores, [4 * 0.95**4, 10 * 0.60025**4], rtol=1e-9)


def test_a_speck_or_a_vague_place_is_no_candidate_unless_asked_for():
    mean = np.zeros((30, 30, 30))
    mean[5:8, 5:8, 5:8] = 0.72  # 27 voxels: 3 * 0.72**4 = 0.81, below 1
    mean[6, 6, 6] = 0.9
    inside = np.ones(mean.shape, dtype=bool)
    assert _choose(mean, inside, 0.5)[1] == []
    kept, scores = _choose(mean, inside, 0.5, sure=False)
    np.testing.assert_array_equal(kept, mean > 0)
    np.testing.assert_allclose(scores, [3 * ((26 * 0.72 + 0.9) / 27) ** 4])


def test_a_place_that_lies_mostly_outside_the_search_is_no_candidate():
    mean = np.full((8, 8, 8), 0.9)
    inside = np.zeros(mean.shape, dtype=bool)
    inside[:3] = True
    assert _choose(mean, inside, 0.5)[1] == []
    inside[:4] = True
    np.testing.assert_array_equal(_choose(mean, inside, 0.5)[0], inside)


def test_the_search_stays_in_the_lungs(thorax, healthy_lungs, soft_tissue_network, monkeypatch):
    # A network that marks all that is not dense: nothing outside the searched region is kept.
    monkeypatch.setattr(
        type(soft_tissue_network),
        "probability",
        lambda _self, hu: np.where((hu < -200) & (hu > -950), 0.9, 0).astype(np.float32),
    )
    found = segment(thorax(None).image)
    outside = ~ndimage.binary_dilation(healthy_lungs.search.array)
    assert found.mask.volume_ml > 1000
    assert not (found.mask.array & outside).any()
    assert not (found.probability.array[outside] > 0).any()
    assert "implausible_volume" in found.flags


def test_holes_are_filled(thorax, soft_tissue_network):
    scan = thorax(((0.0, 0.0, 0.0), 25.0))
    core = thorax(((0.0, 0.0, 0.0), 6.0)).lesion
    found = segment(scan.image.with_array(np.where(core, -900, scan.image.array)))
    assert found.mask.array[core].all()


def test_whole_takes_a_crop_without_lungs_as_it_is(thorax, soft_tissue_network):
    scan = thorax()
    start, shape = (40, 35, 30), (30, 40, 36)
    box = tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))
    crop = Image(scan.image.array[box], scan.image.geometry.crop(start, shape), "HU")
    with pytest.raises(InputError, match="no lung found"):
        segment(crop)
    found = segment(crop, search="whole")
    assert compare_masks(found.mask.with_array(scan.lesion[box]), found.mask).dsc > 0.8


def test_an_unsure_place_is_kept_in_a_crop_with_a_flag_and_dropped_in_a_scan(
    thorax, soft_tissue_network, monkeypatch
):
    honest = type(soft_tissue_network).probability
    monkeypatch.setattr(
        type(soft_tissue_network), "probability", lambda self, hu: 0.7 * honest(self, hu)
    )
    scan = thorax()
    assert segment(scan.image).flags == ("no_tumour",)
    start, shape = (40, 35, 30), (30, 40, 36)
    box = tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))
    crop = Image(scan.image.array[box], scan.image.geometry.crop(start, shape), "HU")
    found = segment(crop, search="whole")
    assert "unsure" in found.flags
    assert compare_masks(found.mask.with_array(scan.lesion[box]), found.mask).dsc > 0.7
    assert found.confidence < 0.7


def test_the_temperature_of_the_card_scales_the_probability_not_the_mask(
    thorax, segmented, soft_tissue_network, monkeypatch
):
    cooler = dataclasses.replace(soft_tissue_network, temperature=2.0)
    monkeypatch.setattr(predict, "load_network", lambda _model, *, device: cooler)
    scaled = segment(thorax().image)
    np.testing.assert_array_equal(scaled.mask.array, segmented.mask.array)
    assert scaled.confidence < segmented.confidence
    np.testing.assert_allclose(
        scaled.probability.array.max(), apply_temperature(segmented.probability.array, 2.0).max()
    )


def test_half_a_thorax_is_flagged(thorax, soft_tissue_network):
    scan = thorax()
    half = Image(scan.image.array[40:], scan.image.geometry.crop((40, 0, 0), (50, 112, 152)), "HU")
    assert "lungs_cut_off" in segment(half).flags


def test_a_lesion_cut_by_the_field_of_view_touches_the_border(
    thorax, soft_tissue_network, monkeypatch
):
    scan = thorax()
    monkeypatch.setattr(
        type(soft_tissue_network),
        "probability",
        lambda _self, hu: np.full(hu.shape, 0.9, np.float32),
    )
    start, shape = (35, 35, 30), (30, 40, 36)
    box = tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))
    crop = Image(scan.image.array[box], scan.image.geometry.crop(start, shape), "HU")
    found = segment(crop, search="whole")
    assert {"touches_border", "implausible_volume"} <= set(found.flags)


def test_answers_that_differ_between_flips_are_flagged(thorax, soft_tissue_network, monkeypatch):
    scan = thorax()
    honest = type(soft_tissue_network).probability
    calls = []

    def moody(self, hu):
        calls.append(hu)
        return np.roll(honest(self, hu), 4 if len(calls) % 2 else -4, axis=1)

    monkeypatch.setattr(type(soft_tissue_network), "probability", moody)
    start, shape = (30, 25, 20), (36, 44, 50)
    box = tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))
    crop = Image(scan.image.array[box], scan.image.geometry.crop(start, shape), "HU")
    found = segment(crop, search="whole")
    assert "disagreement" in found.flags
    assert found.confidence < 0.6


def test_the_same_call_gives_the_same_bytes(thorax, segmented, soft_tissue_network):
    one, two = segmented, segment(thorax().image)
    assert one.mask.array.tobytes() == two.mask.array.tobytes()
    assert one.probability.array.tobytes() == two.probability.array.tobytes()


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"search": "lung"}, "did you mean 'lungs'"), ({"threshold": 1.5}, "threshold")],
)
def test_unknown_settings_are_refused(thorax, settings, words):
    with pytest.raises(ParameterError, match=words):
        segment(thorax(None).image, **settings)


def test_mirror_answers_differ_most_at_the_border(thorax, soft_tissue_network, monkeypatch):
    # The stand-in is made to lean to one side, as a trained network does at an uncertain edge.
    honest = type(soft_tissue_network).probability
    monkeypatch.setattr(
        type(soft_tissue_network),
        "probability",
        lambda self, hu: 0.5 * (honest(self, hu) + np.roll(honest(self, hu), 1, axis=2)),
    )
    scan = thorax(((0.0, 0.0, 0.0), 20.0))
    spread = segment(scan.image).spread.array
    core = ndimage.binary_erosion(scan.lesion, iterations=3)
    border = scan.lesion & ~ndimage.binary_erosion(scan.lesion)
    assert spread[border].mean() > 3 * spread[core].mean()


def test_no_network_connection_is_made(thorax, soft_tissue_network, monkeypatch):
    def refuse(*_args, **_settings):
        raise AssertionError("segmentation must not use the network")

    monkeypatch.setattr(socket, "socket", refuse)
    assert not segment(thorax().image).mask.is_empty


def test_every_flag_is_explained():
    assert all(len(words) > 20 for words in FLAGS.values())
