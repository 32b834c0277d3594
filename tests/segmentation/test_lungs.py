"""Lung isolation on a thorax whose lungs are known."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import InputError
from radtool.image import Geometry, Image
from radtool.segmentation.lungs import find_lungs, isolate_lungs, spine_axis


def test_both_lungs_are_inside_the_search_and_the_couch_is_not(thorax, healthy_lungs):
    scan, region = thorax(None), healthy_lungs
    lungs = scan.right | scan.left
    assert region.air.volume_ml == pytest.approx(np.count_nonzero(lungs) * 18.75e-3, rel=0.05)
    assert (region.search.array & lungs).sum() == lungs.sum()
    assert not region.search.array[:, 103:].any()
    assert not region.is_cut_off


def test_consolidation_of_most_of_a_lung_stays_inside(thorax):
    scan = thorax(None, consolidated=0.6)
    sick = scan.right & (scan.image.array > -300)
    assert sick.sum() > 0.55 * scan.right.sum()
    region = isolate_lungs(scan.image)
    assert (region.search.array & sick).sum() >= 0.95 * sick.sum()
    assert (region.air.array & sick).sum() < 0.1 * sick.sum()


def test_lesion_on_the_chest_wall_stays_inside(thorax):
    scan = thorax(((0.0, 0.0, -50.0), 15.0))
    region = isolate_lungs(scan.image)
    assert (region.search.array & scan.lesion).sum() >= 0.95 * scan.lesion.sum()


def test_search_is_a_part_of_the_body_not_all_of_it(thorax, healthy_lungs):
    region = healthy_lungs
    body = thorax(None).image.array > -320
    assert region.search.volume_ml < 0.75 * (body.sum() * 18.75e-3 + region.air.volume_ml)


def test_spine_axis_follows_a_tilted_spine():
    hu = np.full((30, 60, 80), 40.0)
    for z in range(30):
        hu[z, 45:52, 36 + z // 5 : 41 + z // 5] = 500
    axis = spine_axis(hu, np.ones(hu.shape, dtype=bool))
    np.testing.assert_allclose(axis, 38 + np.arange(30) / 5, atol=1.0)


def test_scan_turned_over_gives_the_same_region(thorax):
    # The same patient stored feet first and from left to right: other array, same places.
    scan = thorax(None, consolidated=0.4)
    geometry = scan.image.geometry
    turned = Geometry(
        geometry.shape,
        geometry.spacing,
        tuple(
            geometry.to_patient(
                np.array([geometry.shape[0] - 1, 0, geometry.shape[2] - 1])
            ).tolist()
        ),
        (-1, 0, 0, 0, 1, 0, 0, 0, -1),
    )
    flipped = isolate_lungs(Image(scan.image.array[::-1, :, ::-1], turned, "HU"))
    straight = isolate_lungs(scan.image)
    same = flipped.search.array[::-1, :, ::-1] == straight.search.array
    assert same.mean() > 0.995


def test_half_a_thorax_is_called_cut_off(thorax):
    scan = thorax(None)
    half = Image(scan.image.array[45:], scan.image.geometry.crop((45, 0, 0), (45, 112, 152)), "HU")
    assert isolate_lungs(half).is_cut_off


@pytest.mark.parametrize("content", [-1000.0, 40.0])
def test_air_or_water_alone_has_no_lung(content):
    working = Image(
        np.full((60, 70, 80), content, dtype=np.float32), Geometry((60, 70, 80), (2, 2, 2))
    )
    with pytest.raises(InputError, match="no lung found: 0 mL"):
        find_lungs(working)


def test_a_spine_in_front_is_refused(thorax):
    scan = thorax(None)
    with pytest.raises(InputError, match="exchange front and back"):
        isolate_lungs(scan.image.with_array(np.ascontiguousarray(scan.image.array[:, ::-1])))


def test_a_trachea_at_the_lower_end_is_refused(thorax):
    scan = thorax(None)
    array = np.array(scan.image.array)
    array[45:, 50:55, 73:79] = -1000  # 12.5 x 15 mm, from the middle to the head
    upright = scan.image.with_array(array)
    assert isolate_lungs(upright).air.volume_ml > 1000
    with pytest.raises(InputError, match="exchange head and feet"):
        isolate_lungs(scan.image.with_array(np.ascontiguousarray(array[::-1])))


def test_abdomen_with_bowel_gas_has_no_lung(thorax):
    scan = thorax(None)
    array = np.where(scan.right | scan.left, 40, scan.image.array)
    array[30:60, 50:75, 60:95] = -1000  # 340 mL of gas
    with pytest.raises(InputError, match="search='whole'"):
        isolate_lungs(scan.image.with_array(array))


def test_real_thorax_volumes_have_lungs_of_plausible_size(shared):
    from radtool.io import read_image

    image = read_image(shared / "data" / "thorax_2mm" / "lidc-0293.nii.gz")
    region = find_lungs(Image(image.array, image.geometry, "HU"))
    assert 3500 < region.air.volume_ml < 5500
    assert region.search.volume_ml < 2.2 * region.air.volume_ml
