"""Training windows: where tumours come to lie, implants, hard negatives, augmentation."""

from __future__ import annotations

import numpy as np

from radtool.segmentation.dataset import TrainingCase
from radtool.segmentation.patches import (
    UNKNOWN,
    augment,
    draw_batch,
    draw_negative,
    draw_positive,
    implant,
    surround,
)


def crop(size=46, radius=6) -> TrainingCase:
    z, y, x = np.mgrid[:size, :size, :size] - size // 2
    mask = z**2 + y**2 + x**2 <= radius**2
    return TrainingCase("tumour", "x", "train", np.where(mask, 40, -800).astype(np.int16), mask)


def scan(shape=(60, 70, 80)) -> TrainingCase:
    return TrainingCase("clean", "x", "train", np.full(shape, -700, dtype=np.int16), None)


def test_tumours_are_not_in_the_middle_of_the_window():
    rng = np.random.default_rng(0)
    centers = []
    for _ in range(60):
        hu, target = draw_positive(crop(), rng, 48)
        np.testing.assert_array_equal(target, hu > 0)
        centers.append(np.mean(np.nonzero(target), axis=1))
    spread = np.std(centers, axis=0)
    assert (spread > 5).all()
    assert (np.ptp(centers, axis=0) > 18).all()


def test_a_window_reaches_only_a_little_beyond_the_crop():
    # Beyond the crop its edge is repeated: here every voxel carries its own z.
    hu = np.broadcast_to(np.arange(46, dtype=np.int16)[:, None, None], (46, 46, 46))
    mask = np.zeros(hu.shape, dtype=bool)
    mask[0, 0, 0] = True
    case = TrainingCase("corner", "x", "train", hu, mask)
    for seed in range(20):
        window, _ = draw_positive(case, np.random.default_rng(seed), 48)
        assert (window[:, 0, 0] == 0).sum() <= 13
        assert (np.diff(window[:, 0, 0]) >= 0).all()


def test_an_implant_carries_the_tumour_and_keeps_the_rest():
    rng = np.random.default_rng(0)
    background = np.full((48, 48, 48), -600, dtype=np.int16)
    mixed, target = implant(background, np.zeros(background.shape, np.uint8), crop(), rng)
    assert target.sum() == crop().mask.sum()
    assert (mixed[target == 1] == 40).all()
    far = mixed == -600
    assert far.sum() > 0.9 * far.size


def test_a_tumour_too_large_for_the_window_is_not_implanted():
    background = np.zeros((24, 24, 24), dtype=np.int16)
    empty = np.zeros(background.shape, np.uint8)
    mixed, target = implant(background, empty, crop(radius=10), np.random.default_rng(0))
    assert not target.any()
    assert mixed is background


def test_a_crop_is_laid_over_the_tissue_of_a_scan():
    # Crop air is -800, tumour 40, the scan -600: the crop keeps its place up to a seam of 3 voxels.
    rng = np.random.default_rng(0)
    background = np.full((48, 48, 48), -600, dtype=np.int16)
    empty = np.zeros(background.shape, np.uint8)
    shares = []
    for _ in range(20):
        mixed, target = surround(background, empty, crop(), rng)
        assert target.any()
        np.testing.assert_allclose(mixed[target == 1], 40, atol=1e-3)
        assert set(np.unique(target)) <= {0, 1}
        shares.append((mixed == -600).mean())
        assert (mixed > -601).sum() + (mixed < -799).sum() < mixed.size
    assert np.ptp(shares) > 0.2


def test_what_nobody_judged_stays_unknown_through_turns_and_flips():
    case = scan((48, 48, 48))
    unknown = np.zeros(case.hu.shape, dtype=bool)
    unknown[20:30, 20:30, 20:30] = True
    case = TrainingCase("met", "x", "train", np.where(unknown, 40, case.hu), None, unknown)
    rng = np.random.default_rng(0)
    for _ in range(10):
        hu, target = augment(*draw_negative(case, rng, 48), rng)
        assert set(np.unique(target)) <= {0, UNKNOWN}
        agreement = 2 * ((hu > -300) & (target == UNKNOWN)).sum()
        assert agreement > 0.85 * ((hu > -300).sum() + (target == UNKNOWN).sum())


def test_negatives_are_drawn_where_the_search_is():
    search = np.zeros((100, 100, 100), dtype=bool)
    search[70:80, 70:80, 70:80] = True
    hu = np.where(search, -500, 40).astype(np.int16)
    case = TrainingCase("clean", "x", "train", hu, None, None, search)
    rng = np.random.default_rng(0)
    windows = [draw_negative(case, rng, 32)[0] for _ in range(20)]
    assert all((window == -500).any() for window in windows)


def test_half_of_the_negatives_lie_around_hard_voxels():
    case = scan((200, 200, 200))
    case.hu[150, 150, 150] = 77
    hard = np.array([np.ravel_multi_index((150, 150, 150), case.hu.shape)])
    rng = np.random.default_rng(0)
    hits = sum((draw_negative(case, rng, 32, hard)[0] == 77).any() for _ in range(100))
    assert 30 < hits < 75
    misses = sum((draw_negative(case, rng, 32)[0] == 77).any() for _ in range(100))
    assert misses < 10


def test_augmentation_moves_image_and_target_together():
    rng = np.random.default_rng(0)
    case = crop(size=48, radius=9)
    spine = case.hu.copy()
    spine[:, 40:] = 1000  # stays at the back whatever the augmentation
    for _ in range(20):
        assert augment(spine, case.mask, rng)[0][:, 44, 24].mean() > 500
        hu, target = augment(case.hu, case.mask, rng)
        assert hu.shape == target.shape == (48, 48, 48)
        agreement = 2 * ((hu > -350) & target).sum() / ((hu > -350).sum() + target.sum())
        assert agreement > 0.9
        assert 0.4 < target.sum() / case.mask.sum() < 2.2


def test_a_batch_depends_on_its_seed_only():
    def draw():
        rng = np.random.default_rng([7, 3])
        return draw_batch([crop()], [scan()], rng, count=4, size=32)

    (one, truth), (two, _) = draw(), draw()
    assert one.shape == truth.shape == (4, 1, 32, 32, 32)
    assert one.dtype == np.float32
    np.testing.assert_array_equal(one, two)


def test_a_batch_without_tumour_free_scans_holds_tumours_only():
    _, truth = draw_batch([crop()], [], np.random.default_rng(0), count=6, size=32)
    assert (truth.sum(axis=(1, 2, 3, 4)) > 0).all()
