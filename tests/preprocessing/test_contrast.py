import itertools

import numpy as np
import pytest
from skimage.exposure import equalize_hist

from radtool.errors import ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing.contrast import Clahe, HistogramEqualisation


def _image(shape: tuple[int, int, int] = (8, 10, 12)) -> Image:
    rng = np.random.default_rng(3)
    ramp = np.add.outer(np.add.outer(np.arange(shape[0]), np.arange(shape[1])), np.arange(shape[2]))
    return Image(5.0 * ramp + rng.gamma(2.0, 8.0, shape), Geometry(shape, (2.0, 1.0, 1.0)))


def test_equalisation_equals_scikit_image():
    image = _image()
    expected = equalize_hist(image.array, nbins=64)
    np.testing.assert_allclose(
        HistogramEqualisation(bins=64).apply(image).array, expected, rtol=1e-12
    )
    inside = image.array > 50
    expected = equalize_hist(image.array, nbins=64, mask=inside)
    result = HistogramEqualisation(bins=64).apply(image, Mask(inside, image.geometry))
    np.testing.assert_allclose(result.array, expected, rtol=1e-12)


def test_equalised_intensities_are_uniform():
    result = HistogramEqualisation(bins=2000).apply(_image((20, 20, 20))).array
    counts, _ = np.histogram(result, bins=10, range=(0, 1))
    assert (np.abs(counts / result.size - 0.1) < 0.01).all()


def _naive_clip(counts: list[int], limit: int) -> list[int]:
    """Cut bins off at the limit and hand the excess to the others."""
    excess = sum(max(count - limit, 0) for count in counts)
    share = excess // len(counts)
    clipped = [min(count + share, limit) if count < limit else limit for count in counts]
    excess -= sum(new - old for new, old in zip(clipped, counts, strict=True) if old < limit)
    start = 0
    while excess > 0 and min(clipped) < limit:
        index = start % len(clipped)
        stride = max(1, sum(count < limit for count in clipped) // excess)
        for place in range(index, len(clipped), stride):
            if clipped[place] < limit:
                clipped[place] += 1
                excess -= 1
        start += 1
    return clipped


def _naive_mapping(levels: list[int], bins: int, clip_limit: float) -> list[int]:
    """Clipped and summed histogram of one tile (Zuiderveld)."""
    counts = [levels.count(level) for level in range(bins)]
    total, mapping = 0, []
    for count in _naive_clip(counts, max(int(clip_limit * len(levels)), 1)):
        total += count
        mapping.append(min(int(total * 16383 / len(levels)), 16383))
    return mapping


def _naive_clahe(image: Image, step: Clahe) -> np.ndarray:
    """Tile by tile, voxel by voxel, on 2^14 levels as scikit-image documents it."""
    array = image.array
    scaled = (array - array.min()) / (array.max() - array.min())
    grey = np.rint(scaled * 16383).astype(int)
    tile = step.tile_size(image)
    before = [size // 2 for size in tile]
    after = [(t - s % t) % t + (t + 1) // 2 for s, t in zip(array.shape, tile, strict=True)]
    wide = np.pad(grey, list(zip(before, after, strict=True)), mode="reflect")
    width = 1 + 16384 // step.bins
    tiles = [range((n + (t - n % t) % t) // t) for n, t in zip(array.shape, tile, strict=True)]
    mapping = {}
    for place in itertools.product(*tiles):
        start = [before[a] + place[a] * tile[a] for a in range(3)]
        box = tuple(slice(s, s + t) for s, t in zip(start, tile, strict=True))
        levels = (wide[box] // width).ravel().tolist()
        mapping[place] = _naive_mapping(levels, step.bins, step.clip_limit)
    result = np.zeros(array.shape)
    for voxel in np.ndindex(array.shape):
        level, total = int(grey[voxel]) // width, 0.0
        for corner in itertools.product((0, 1), repeat=3):
            weight, place = 1.0, []
            for axis in range(3):
                padded = voxel[axis] + before[axis]
                cell, rest = divmod(padded, tile[axis])
                share = rest / tile[axis]
                weight *= share if corner[axis] else 1 - share
                place.append(min(max(cell - 1 + corner[axis], 0), len(tiles[axis]) - 1))
            total += weight * mapping[tuple(place)][level]
        result[voxel] = int(total)
    return (result - result.min()) / (result.max() - result.min())


@pytest.mark.parametrize("clip_limit", [0.02, 0.2, 1.0])
def test_clahe_equals_a_naive_twin(clip_limit):
    image, step = _image(), Clahe(tile_mm=4.0, clip_limit=clip_limit, bins=64)
    assert step.tile_size(image) == (2, 4, 4)
    np.testing.assert_allclose(step.apply(image).array, _naive_clahe(image, step), atol=1e-6)


def test_clahe_ignores_gain_and_offset():
    image, step = _image(), Clahe(tile_mm=5.0)
    amplified = image.with_array(3.0 * image.array - 40.0)
    np.testing.assert_allclose(step.apply(amplified).array, step.apply(image).array, atol=1e-3)


def test_tiles_have_a_physical_size_and_never_exceed_the_image():
    assert Clahe(tile_mm=6.0).tile_size(_image()) == (3, 6, 6)
    assert Clahe(tile_mm=500.0).tile_size(_image()) == (8, 10, 12)
    assert Clahe(tile_mm=0.1).tile_size(_image()) == (1, 1, 1)


def test_wrong_settings_are_refused():
    with pytest.raises(ParameterError, match="clip_limit"):
        Clahe(clip_limit=0)
    with pytest.raises(ParameterError, match="tile_mm"):
        Clahe(tile_mm=-1)
    with pytest.raises(ParameterError, match="bins"):
        HistogramEqualisation(bins=1)
