"""Temperature scaling against arithmetic by hand and simulated over-confidence."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import InputError, ParameterError
from radtool.segmentation.confidence import apply_temperature, fit_temperature, voxel_brier


def overconfident(factor: float, seed=0):
    """Maps whose logits are `factor` times too large, with truths drawn from the honest ones."""
    rng = np.random.default_rng(seed)
    shown, truths = [], []
    for size in (12, 16, 20):
        logit = rng.normal(0, 1.5, (size,) * 3)
        honest = 1 / (1 + np.exp(-logit))
        truths.append(rng.random(honest.shape) < honest)
        shown.append(1 / (1 + np.exp(-factor * logit)))
    return shown, truths


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(factor):
    # 12^3 + 16^3 + 20^3 voxels: the standard error of the slope is about 1.5 %.
    assert fit_temperature(*overconfident(factor), above=0) == pytest.approx(factor, rel=0.06)


def test_brier_falls_after_scaling():
    shown, truths = overconfident(3.0)
    held, held_truths = overconfident(3.0, seed=1)
    temperature = fit_temperature(shown, truths)
    before = voxel_brier(held, held_truths)
    after = voxel_brier([apply_temperature(p, temperature) for p in held], held_truths)
    assert after < 0.9 * before


def test_brier_by_hand():
    # ((0.8 - 1)^2 + (0.4 - 0)^2) / 2 = 0.1, and 0.3^2 = 0.09 in the other case.
    maps, truths = [[0.8, 0.4], [0.3]], [[True, False], [False]]
    assert voxel_brier(maps, truths) == pytest.approx((0.1 + 0.09) / 2)


def test_scaling_keeps_the_order_the_ends_and_the_type():
    p = np.array([0.0, 0.1, 0.5, 0.9, 1.0], dtype=np.float32)
    scaled = apply_temperature(p, 1.7)
    assert scaled.dtype == np.float32
    assert (np.diff(scaled) > 0).all()
    assert scaled[[0, 2, 4]].tolist() == [0.0, 0.5, 1.0]
    assert apply_temperature(p, 1.0).tolist() == p.tolist()


def test_maps_that_cannot_be_calibrated_are_refused():
    with pytest.raises(InputError, match="shape"):
        fit_temperature([np.ones(3)], [np.ones(2)])
    with pytest.raises(InputError, match="nothing to calibrate"):
        fit_temperature([np.zeros(3)], [np.ones(3)])
    with pytest.raises(ParameterError, match="above 0"):
        apply_temperature(np.ones(3), 0.0)
