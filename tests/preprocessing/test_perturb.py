import numpy as np
import pytest

from radtool.errors import GeometryError, InputError, ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing.perturb import Perturbation, noise_level, perturb, perturbations

SPACING = (3.0, 1.5, 1.5)


def _rng(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


def _ball(
    radius: float = 12.0, shape: tuple[int, int, int] = (20, 40, 40), spacing=SPACING
) -> tuple[Image, Mask]:
    """A bright ball in noise, on an oblique grid."""
    c, s = np.cos(0.3), np.sin(0.3)
    geometry = Geometry(shape, spacing, (10.0, -40.0, 7.0), (c, -s, 0, s, c, 0, 0, 0, 1))
    index = np.stack(np.indices(shape), axis=-1)
    away = np.linalg.norm((index - (np.array(shape) - 1) / 2) * np.array(spacing), axis=-1)
    inside = away < radius
    array = np.where(inside, 80.0, -20.0) + _rng(3).normal(0, 5, shape)
    return Image(array, geometry, "HU"), Mask(inside, geometry, "GTV")


def test_the_default_changes_nothing():
    image, mask = _ball()
    same_image, same_mask = perturb(image, mask, Perturbation(), _rng())
    assert same_image is image
    assert same_mask is mask


@pytest.mark.parametrize("settings", perturbations()[::5], ids=lambda p: p.name)
def test_equal_generators_give_equal_bits_and_the_input_stays(settings):
    image, mask = _ball()
    before = image.array.copy(), mask.array.copy()
    first, second = (perturb(image, mask, settings, _rng(8)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.array, other.array)
        assert one.geometry == other.geometry
    np.testing.assert_array_equal(image.array, before[0])
    np.testing.assert_array_equal(mask.array, before[1])


@pytest.mark.parametrize(
    "settings",
    [
        Perturbation(rotation_degrees=17.0),
        Perturbation(translation=(0.25, 0.5, 0.75)),
        Perturbation(rotation_degrees=-8.0, translation=(0.5, 0.5, 0.5)),
    ],
    ids=lambda p: p.name,
)
def test_a_moved_grid_samples_the_same_patient(settings):
    image, mask = _ball()
    slope = np.array([0.7, -1.1, 0.4])
    index = np.stack(np.indices(image.geometry.shape), axis=-1)
    ramp = image.with_array(image.geometry.to_patient(index) @ slope)
    moved, region = perturb(ramp, mask, settings, _rng())
    places = moved.geometry.to_patient(np.argwhere(region.array))
    # Cubic B-splines reproduce a ramp; the edge of the image is far from the ball.
    np.testing.assert_allclose(moved.array[region.array], places @ slope, atol=0.02)
    assert region.volume_ml == pytest.approx(mask.volume_ml, rel=0.04)
    old = image.geometry.to_patient(np.argwhere(mask.array)).mean(axis=0)
    np.testing.assert_allclose(places.mean(axis=0), old, atol=0.4)


def test_the_grid_is_turned_by_the_angle_and_shifted_by_the_fraction():
    image, mask = _ball()
    turned, _ = perturb(image, mask, Perturbation(rotation_degrees=25.0), _rng())
    between = image.geometry.direction_matrix.T @ turned.geometry.direction_matrix
    assert np.degrees(np.arctan2(between[1, 0], between[0, 0])) == pytest.approx(25.0)
    shifted, _ = perturb(image, mask, Perturbation(translation=(0.25, 0.0, 0.5)), _rng())
    index = image.geometry.to_index(np.array(shifted.geometry.origin))
    np.testing.assert_allclose(index % 1, [0.25, 0.0, 0.5], atol=1e-9)


def test_a_whole_voxel_shift_is_exact():
    image, mask = _ball()
    settings = Perturbation(translation=(1.0, -2.0, 3.0), margin_mm=0.0)
    moved, region = perturb(image, mask, settings, _rng())
    start = np.rint(image.geometry.to_index(np.array(moved.geometry.origin))).astype(int)
    box = tuple(slice(s, s + n) for s, n in zip(start, moved.array.shape, strict=True))
    np.testing.assert_allclose(moved.array, image.array[box], atol=1e-9)
    np.testing.assert_array_equal(region.array, mask.array[box])


def test_the_mask_is_never_cut_off_by_the_new_grid():
    image, _ = _ball(shape=(8, 40, 40))
    array = np.zeros(image.array.shape, dtype=bool)
    array[1:7, 1:39, 1:6] = True
    mask = Mask(array, image.geometry)
    _, region = perturb(image, mask, Perturbation(rotation_degrees=30.0, margin_mm=0.0), _rng())
    assert region.volume_ml == pytest.approx(mask.volume_ml, rel=0.03)
    assert not region.array[[0, -1]].any()
    assert not region.array[:, [0, -1]].any()
    assert not region.array[:, :, [0, -1]].any()


@pytest.mark.parametrize("sd", [0.5, 12.0])
def test_the_noise_level_of_white_noise_on_a_smooth_image_is_found(sd):
    z, y, x = np.indices((12, 60, 60))
    smooth = 40 * np.sin(y / 14) + 0.8 * x + 3 * z
    image = Image(smooth + _rng(1).normal(0, sd, smooth.shape), Geometry(smooth.shape))
    assert noise_level(image) == pytest.approx(sd, rel=0.03)


def test_the_noise_level_scales_with_the_image_and_ignores_padding():
    image, _ = _ball()
    assert noise_level(image.with_array(3 * image.array + 9)) == pytest.approx(
        3 * noise_level(image)
    )
    padded = np.pad(image.array, ((0, 0), (0, 60), (0, 0)), constant_values=-2000.0)
    assert noise_level(Image(padded, Geometry(padded.shape))) == pytest.approx(
        noise_level(image), rel=0.1
    )


def test_noise_adds_the_level_that_was_found():
    image, mask = _ball()
    noisy, same = perturb(image, mask, Perturbation(noise=2.0), _rng())
    assert np.std(noisy.array - image.array) == pytest.approx(2 * noise_level(image), rel=0.01)
    assert noisy.geometry == image.geometry
    assert same is mask


@pytest.mark.parametrize("change", [-0.3, -0.05, 0.05, 0.3, 1.5])
def test_the_volume_changes_by_exactly_the_fraction(change):
    image, mask = _ball()
    _, region = perturb(image, mask, Perturbation(volume_change=change), _rng())
    count = int(mask.array.sum())
    assert int(region.array.sum()) == round(count * (1 + change))
    smaller, larger = (region, mask) if change < 0 else (mask, region)
    assert not (smaller.array & ~larger.array).any()


def test_growth_is_even_in_mm_not_in_voxels():
    image, mask = _ball()
    _, region = perturb(image, mask, Perturbation(volume_change=1.0), _rng())
    places = (np.argwhere(region.array) - (np.array(mask.array.shape) - 1) / 2) * np.array(SPACING)
    # Twice the volume of a ball of 12 mm is a ball of 15.1 mm in every direction.
    assert np.abs(places).max(axis=0) == pytest.approx([15.1, 15.1, 15.1], abs=1.6)


def test_a_mask_at_the_edge_of_the_image_grows_into_the_image():
    image, _ = _ball(shape=(6, 12, 12))
    array = np.zeros(image.array.shape, dtype=bool)
    array[:, :3] = True
    _, region = perturb(image, Mask(array, image.geometry), Perturbation(volume_change=2.0), _rng())
    assert region.array[:, :9].all()
    assert not region.array[:, 9:].any()


def test_a_redrawn_border_moves_by_about_a_supervoxel_only():
    image, mask = _ball(radius=16.0)
    settings = Perturbation(randomise_contour=True, supervoxel_mm=4.0)
    _, region = perturb(image, mask, settings, _rng(2))
    changed = region.array != mask.array
    assert changed.any()
    index = np.argwhere(changed)
    away = np.linalg.norm((index - (np.array(mask.array.shape) - 1) / 2) * SPACING, axis=1)
    assert np.abs(away - 16.0).max() < 8.0


def test_redrawn_borders_keep_the_mean_volume():
    image, mask = _ball()
    flat = image.with_array(_rng(0).normal(0, 1, image.array.shape))
    settings = Perturbation(randomise_contour=True)
    volumes = [perturb(flat, mask, settings, _rng(n))[1].volume_ml for n in range(40)]
    error = np.std(volumes) / np.sqrt(len(volumes))
    assert error > 0
    assert abs(np.mean(volumes) - mask.volume_ml) < 3.5 * error


def test_a_border_on_a_sharp_edge_hardly_moves():
    image, mask = _ball(radius=16.0)
    sharp = image.with_array(np.where(mask.array, 1000.0, 0.0))
    flat = image.with_array(_rng(0).normal(0, 1, image.array.shape))
    settings = Perturbation(randomise_contour=True)
    on_sharp, on_flat = (
        sum(
            (perturb(source, mask, settings, _rng(n))[1].array != mask.array).sum()
            for n in range(5)
        )
        for source in (sharp, flat)
    )
    assert on_sharp < 0.1 * on_flat


def test_the_default_list_is_every_combination_once():
    listed = perturbations()
    assert len(listed) == 18
    assert len({p.name for p in listed}) == 18


def test_bad_input_is_refused():
    image, mask = _ball()
    nothing = mask.with_array(np.zeros_like(mask.array))
    with pytest.raises(InputError, match="'GTV' is empty"):
        perturb(image, nothing, Perturbation(), _rng())
    moved = Mask(mask.array, Geometry(mask.geometry.shape, SPACING))
    with pytest.raises(GeometryError):
        perturb(image, moved, Perturbation(), _rng())
    tiny = np.zeros_like(mask.array)
    tiny[10, 20, 20] = True
    with pytest.raises(InputError, match="nothing is left of mask 'GTV'"):
        perturb(image, mask.with_array(tiny), Perturbation(volume_change=-0.9), _rng())
    with pytest.raises(InputError, match="cannot grow"):
        perturb(image, mask, Perturbation(volume_change=1e3), _rng())
    with pytest.raises(InputError, match="noise needs 6 x 6"):
        noise_level(Image(np.ones((4, 5, 9)), Geometry((4, 5, 9))))
    with pytest.raises(InputError, match="all intensities are equal"):
        noise_level(Image(np.ones((4, 9, 9)), Geometry((4, 9, 9))))


def test_wrong_settings_are_refused():
    with pytest.raises(ParameterError, match="volume_change must be above -1"):
        Perturbation(volume_change=-1.0)
    with pytest.raises(ParameterError, match="noise must not be below 0"):
        Perturbation(noise=-0.1)
    with pytest.raises(ParameterError, match="supervoxel_mm"):
        Perturbation(supervoxel_mm=0)
