"""Several images of a patient as one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import yaml

from radtool.errors import GeometryError, InputError, ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.io import read_image, read_mask
from radtool.preprocessing import Fusion, FusionImage, fuse, resample_mask
from radtool.settings import parse_settings

GRID = Geometry((6, 9, 11), (3.0, 1.0, 1.0), (-20.0, 5.0, 40.0))
RNG = np.random.default_rng(0)
CT = Image(RNG.normal(size=GRID.shape), GRID, "HU")
PET = Image(RNG.normal(size=GRID.shape) ** 2, GRID, "SUVbw")
BOTH = {"CT": CT, "PET": PET}


def parts(ct: dict | None = None, pet: dict | None = None) -> tuple[FusionImage, ...]:
    return (FusionImage(modality="CT", **(ct or {})), FusionImage(modality="PET", **(pet or {})))


def line(*values: float, unit: str = "a.u.") -> Image:
    return Image(np.array([[values]], dtype=float), Geometry((1, 1, len(values))), unit)


def boxed(box: tuple[slice, slice, slice], grid: Geometry = GRID) -> Mask:
    array = np.zeros(grid.shape, dtype=bool)
    array[box] = True
    return Mask(array, grid, "GTV")


def test_windows_root_and_inversion_come_before_the_weighted_sum() -> None:
    ct = line(-500, -160, 40, 240, 900, unit="HU")  # in -160 to 240: 0, 0, 0.5, 1, 1
    pet = line(0, 1, 4, 9, 16, unit="SUVbw")  # root of 0 to 9: 0, 1/3, 2/3, 1, 1
    settings = Fusion(
        images=parts(
            {"window": (-160, 240), "weight": 3, "invert": True},
            {"window": (0, 9), "transform": "sqrt"},
        )
    )
    found = fuse({"CT": ct, "PET": pet}, settings)
    assert found.unit == "a.u."
    expected = [0.75, 0.75 + 1 / 12, 0.375 + 1 / 6, 0.25, 0.25]
    np.testing.assert_allclose(found.array.ravel(), expected, rtol=1e-14)


def test_percentiles_are_of_the_image_or_of_the_region() -> None:
    ct, pet = line(0, 1, 2, 3, 4), line(0, 10, 20, 30, 100)
    given, region = {"CT": ct, "PET": pet}, boxed(np.s_[:, :, 1:4], ct.geometry)
    settings = Fusion(images=parts({"weight": 0}))
    np.testing.assert_allclose(fuse(given, settings).array.ravel(), [0, 0.1, 0.2, 0.3, 1])
    inside = dataclasses.replace(settings, statistics="region")
    np.testing.assert_allclose(fuse(given, inside, region).array.ravel(), [0, 0, 0.5, 1, 1])
    half = parts({"weight": 0}, {"percentiles": (25, 75)})
    np.testing.assert_allclose(
        fuse(given, Fusion(images=half)).array.ravel(), [0, 0, 0.5, 1, 1], atol=1e-15
    )


def test_images_meet_in_patient_coordinates() -> None:
    """A ramp over the patient is the same ramp on any grid, turned ones too."""
    other = Geometry(
        (40, 16, 30), (1.5, 2.5, 2.0), (-25.0, -5.0, 65.0),
        # index x runs along y, y against z, z along x; far enough around GRID
        (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    )  # fmt: skip
    slope = np.array([0.2, 0.3, 0.05])
    ramps = {}
    for name, grid in (("CT", GRID), ("PET", other)):
        places = grid.to_patient(np.stack(np.indices(grid.shape), axis=-1))
        ramps[name] = Image(places @ slope, grid)
    settings = Fusion(images=parts({"weight": 0, "window": (-10, 20)}, {"window": (-10, 20)}))
    found = fuse(ramps, settings)
    assert found.geometry == GRID
    np.testing.assert_allclose(found.array, (ramps["CT"].array + 10) / 30, atol=1e-9)


def test_a_finer_image_is_averaged_before_it_is_sampled() -> None:
    fine = Geometry((60, 60, 60), origin=(-29.5, -29.5, -29.5))
    coarse = Geometry((9, 9, 9), (4.0, 4.0, 4.0), (-16.0, -16.0, -16.0))
    noise = Image(np.random.default_rng(1).normal(0, 1, fine.shape), fine)
    flat = Image(np.indices(coarse.shape)[0] / 8.0, coarse)
    settings = Fusion(images=parts({"weight": 0}, {"window": (-5, 5)}))
    found = (fuse({"CT": flat, "PET": noise}, settings).array - 0.5) * 10
    # a Gaussian of FWHM sqrt(16 - 1) voxels has sigma 1.645: noise falls to
    # (2 · sqrt(pi) · 1.645)^-1.5 = 0.071, and linear sampling between voxels lowers it a little
    assert 0.055 < found.std() < 0.075
    assert abs(found.mean()) < 0.02


@pytest.mark.parametrize(("wavelet", "levels"), [("sym8", 1), ("haar", 3), ("bior2.2", 2)])
def test_one_weight_for_all_coefficients_is_the_weighted_sum(wavelet: str, levels: int) -> None:
    plain = Fusion(images=parts({"weight": 2}))
    waves = dataclasses.replace(plain, method="wavelet", wavelet=wavelet, levels=levels)
    np.testing.assert_allclose(fuse(BOTH, waves).array, fuse(BOTH, plain).array, atol=1e-11)


def test_details_have_weights_of_their_own() -> None:
    # Haar in pairs: means of the CT (0.25, 1), half differences of the PET (0.5, -0.25)
    given = {"CT": line(0, 50, 100, 100), "PET": line(1, 0, 0, 0.5)}
    images = parts({"detail_weight": 0}, {"weight": 0, "detail_weight": 1})
    settings = Fusion(images=images, method="wavelet", wavelet="haar")
    np.testing.assert_allclose(fuse(given, settings).array.ravel(), [0.75, -0.25, 0.75, 1.25])


def test_the_larger_detail_wins_by_weight_times_size() -> None:
    # half differences: CT -0.25 and 0, PET 0.5 and -0.25; means 0.375 and 0.625 of both
    given = {"CT": line(0, 50, 100, 100), "PET": line(1, 0, 0, 0.5)}
    settings = Fusion(images=parts(), method="wavelet", wavelet="haar", details="largest")
    found = fuse(given, settings).array.ravel()
    np.testing.assert_allclose(found, [0.875, -0.125, 0.375, 0.875])
    heavy = dataclasses.replace(settings, images=parts({"detail_weight": 3}))
    found = fuse(given, heavy).array.ravel()
    np.testing.assert_allclose(found, [0.125, 0.625, 0.375, 0.875])


def test_coefficients_that_stand_out_are_the_reference_s() -> None:
    settings = Fusion(images=parts(), method="wavelet", levels=2)
    alone = fuse(BOTH, dataclasses.replace(settings, images=parts(pet={"weight": 0})))
    all_out = fuse(BOTH, dataclasses.replace(settings, outlier_sigma=1e-12))
    np.testing.assert_allclose(all_out.array, alone.array, atol=1e-11)
    none_out = fuse(BOTH, dataclasses.replace(settings, outlier_sigma=1e6))
    np.testing.assert_array_equal(none_out.array, fuse(BOTH, settings).array)
    # a spike is one coefficient a band of a Haar transform, and far out
    spike = np.zeros((8, 8, 8))
    spike[5, 2, 3] = 1
    given = {"CT": Image(np.indices((8, 8, 8))[0] / 7.0, Geometry((8, 8, 8)))}
    given["PET"] = Image(spike, Geometry((8, 8, 8)))
    haar = dataclasses.replace(settings, wavelet="haar", levels=1, outlier_sigma=3.0)
    found = fuse(given, haar).array
    where = np.zeros((8, 8, 8), dtype=bool)
    where[4:6, 2:4, 2:4] = True
    np.testing.assert_allclose(found[where], given["CT"].array[where], atol=1e-12)
    np.testing.assert_allclose(found[~where], given["CT"].array[~where] / 2, atol=1e-12)


def test_a_margin_fuses_the_box_around_the_region() -> None:
    region = boxed(np.s_[2:4, 4:6, 0:3])
    whole = Fusion(images=parts({"window": (-1, 1)}, {"window": (0, 2)}))
    found = fuse(BOTH, dataclasses.replace(whole, margin_mm=2.5), region)
    # 2.5 mm are one slice of 3 mm and three voxels of 1 mm; the image ends at x = 0
    box = np.s_[1:5, 1:9, 0:6]
    assert found.geometry == GRID.crop((1, 1, 0), (4, 8, 6))
    np.testing.assert_array_equal(found.array, fuse(BOTH, whole).array[box])
    kept = resample_mask(region, found.geometry)
    assert kept.array.sum() == region.array.sum()


def test_what_an_image_does_not_cover_gets_nothing_from_it() -> None:
    near = Geometry((1, 1, 3), origin=(1.0, 0.0, 0.0))
    given = {"CT": line(0, 1, 2, 3, 4), "PET": Image(np.array([[[2.0, 4.0, 6.0]]]), near)}
    found = fuse(given, Fusion(images=parts({"window": (0, 4)}, {"invert": True})))
    # the PET is inverted 1, 0.5, 0 over voxels 1 to 3, and nothing beside them
    np.testing.assert_allclose(found.array.ravel(), [0, 0.625, 0.5, 0.375, 0.5])


def test_images_that_do_not_overlap_say_how_far_apart_they_are() -> None:
    # voxels of 1 mm: x from -0.5 to 2.5 here, from 9.5 there
    far = Image(np.array([[[1.0, 2.0, 3.0]]]), Geometry((1, 1, 3), origin=(10.0, 0.0, 0.0)))
    with pytest.raises(GeometryError, match=r"'CT' and 'PET' do not overlap .* 7 mm apart"):
        fuse({"CT": line(1, 2, 3), "PET": far}, Fusion(images=parts()))


def test_three_images_must_share_a_place() -> None:
    left = Image(np.array([[[1.0, 2.0]]]), Geometry((1, 1, 2)))
    right = Image(np.array([[[1.0, 2.0]]]), Geometry((1, 1, 2), origin=(3.0, 0.0, 0.0)))
    images = (*parts(), FusionImage(modality="MR"))
    with pytest.raises(GeometryError, match="no voxel is covered by all"):
        fuse({"CT": line(1, 2, 3, 4, 5), "PET": left, "MR": right}, Fusion(images=images))


def test_a_region_must_be_covered() -> None:
    near = Geometry((1, 1, 3), origin=(1.0, 0.0, 0.0))
    given = {"CT": line(0, 1, 2, 3, 4), "PET": Image(np.array([[[2.0, 4.0, 6.0]]]), near)}
    region = boxed(np.s_[:, :, 2:5], given["CT"].geometry)
    settings = Fusion(images=parts())
    with pytest.raises(GeometryError, match=r"'PET' covers 66\.7% of mask 'GTV'.*100%"):
        fuse(given, settings, region)
    assert fuse(given, dataclasses.replace(settings, minimum_cover=0.6), region).array.max() > 0


def test_the_region_lies_on_the_reference() -> None:
    with pytest.raises(GeometryError, match="resample the mask"):
        fuse(BOTH, Fusion(images=parts()), boxed(np.s_[:], Geometry((6, 9, 11))))
    with pytest.raises(InputError, match="'GTV' is empty"):
        fuse(BOTH, Fusion(images=parts()), boxed(np.s_[0:0, 0:0, 0:0]))
    for changes in ({"statistics": "region"}, {"margin_mm": 5.0}):
        with pytest.raises(InputError, match="needs a mask"):
            fuse(BOTH, Fusion(images=parts(), **changes))


@pytest.mark.parametrize(
    ("given", "settings", "words"),
    [
        ({"CT": line(1, 2), "PT": line(1, 2)}, {}, "no image 'PET' to fuse; did you mean 'PT'"),
        ({"CT": line(1, 2), "PET": line(3, 3)}, {}, "'PET' is 3 a.u. all over"),
        ({"CT": line(1, 2), "PET": line(3, np.nan)}, {}, r"1 voxel\(s\) of image 'PET' are NaN"),
        ({"CT": line(1, 2), "PET": line(-3, 1)}, {"transform": "sqrt"}, "begin at -3 a.u."),
    ],
)
def test_images_that_cannot_be_fused_are_named(given: dict, settings: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fuse(given, Fusion(images=parts(pet=settings)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": [{"modality": "CT"}]}, "two or more"),
        ({"images": [{"modality": "CT"}, {"modality": "CT"}]}, "two or more"),
        (
            {"images": [{"modality": "CT"}, {"modality": "PET", "wight": 1}]},
            "did you mean 'weight'",
        ),
        ({"images": [{"modality": "CT"}, {"modality": "PET", "weight": -1}]}, "0 or more"),
        ({"images": [{"modality": "A", "weight": 0}, {"modality": "B", "weight": 0}]}, "above 0"),
        ({"images": [{"modality": "CT"}, {"modality": "PET", "window": [3, 3]}]}, "must rise"),
        ({"images": [{"modality": "CT"}, {"modality": "P", "percentiles": [0, 101]}]}, "0 to 100"),
        ({"images": [{"modality": "CT"}, {"modality": "P", "transform": "sqr"}]}, "'sqrt'"),
        ({"images": [{"modality": "C-T"}, {"modality": "PET"}]}, "letters, digits"),
        ({"method": "wavelets"}, "did you mean 'wavelet'"),
        ({"wavelet": "symm8"}, "did you mean 'sym8'"),
        ({"levels": 0}, "1 to 8"),
        ({"outlier_sigma": 0}, "above 0"),
        ({"margin_mm": -1}, "0 or more"),
        ({"minimum_cover": 0}, r"\(0, 1\]"),
    ],
)
def test_wrong_settings_say_what_is_allowed(change: dict, words: str) -> None:
    plain = {"images": [{"modality": "CT"}, {"modality": "PET"}]}
    with pytest.raises(ParameterError, match=words):
        parse_settings(Fusion, {**plain, **change}, "fusion.yaml")


PAGE = Path(__file__).parents[2] / "docs" / "preprocessing.md"


def test_the_page_explains_every_key_and_its_examples_are_valid() -> None:
    page = PAGE.read_text(encoding="utf-8").split("## Fusion")[1].split("## Perturbations")[0]
    fields = [*dataclasses.fields(Fusion), *dataclasses.fields(FusionImage)]
    shown = page.replace("images.", "").replace("| `method`", "| `images` `method`")
    assert [field.name for field in fields if f"`{field.name}`" not in shown] == []
    examples = [part.split("```")[0] for part in page.split("```yaml")[1:]]
    settings = [parse_settings(Fusion, yaml.safe_load(text), "page") for text in examples]
    assert [one.modality for one in settings] == ["MR_PT", "PT_MR"]


def test_a_tumour_keeps_its_uptake_and_gains_the_detail_of_mr(shared: Path) -> None:
    """STS_008: uptake from the PET, edges from the MR, on the grid of the MR."""
    folder = shared / "data" / "soft_tissue_sarcoma" / "STS_008"
    images = {
        "MR": read_image(folder / "MR_T1" / "image"),
        "PET": read_image(folder / "PET" / "image"),
    }
    grid = images["MR"].geometry
    tumour = read_mask(folder / "MR_T1" / "mask" / "RS.dcm", roi="GTV_Mass_MR_T1", like=grid)
    mr = FusionImage(modality="MR", weight=0, percentiles=(1, 99))
    pet = FusionImage(modality="PET", window=(0, 8))
    uptake = fuse(images, Fusion(images=(mr, pet)), tumour)
    details = (
        dataclasses.replace(mr, detail_weight=1),
        dataclasses.replace(pet, detail_weight=0),
    )
    fused = fuse(images, Fusion(images=details, method="wavelet"), tumour)
    assert fused.geometry == grid
    # mean SUV of the tumour is 3.08 on the PET's own grid: 0.385 of the window
    assert uptake.array[tumour.array].mean() == pytest.approx(3.08 / 8, abs=0.02)
    assert fused.array[tumour.array].mean() == pytest.approx(
        uptake.array[tumour.array].mean(), abs=0.005
    )
    steps = [np.abs(np.diff(image.array, axis=2)).mean() for image in (fused, uptake)]
    assert steps[0] > 1.5 * steps[1]
