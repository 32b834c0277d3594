"""Sliding windows and flips with networks whose answer is known."""

from __future__ import annotations

import numpy as np

from radtool.segmentation import inference
from radtool.segmentation.inference import FLIPS, flipped_probabilities, sliding_window


def everywhere(shape) -> np.ndarray:
    return np.ones(shape, dtype=bool)


def test_windows_of_a_pointwise_network_give_the_pointwise_answer(monkeypatch):
    monkeypatch.setattr(inference, "WINDOW", 32)
    monkeypatch.setattr(inference, "OVERLAP", 8)
    hu = np.random.default_rng(0).normal(size=(50, 37, 70)).astype(np.float32)
    shapes = []

    def run(window):
        shapes.append(window.shape)
        return np.tanh(window)

    np.testing.assert_allclose(
        sliding_window(run, hu, everywhere(hu.shape)), np.tanh(hu), rtol=1e-5
    )
    assert len(shapes) > 8
    assert all(edge % 8 == 0 and edge <= 32 for shape in shapes for edge in shape)


def test_only_the_neighbourhood_of_the_search_is_run():
    hu = np.ones((40, 40, 200), dtype=np.float32)
    search = np.zeros(hu.shape, dtype=bool)
    search[20, 20, 30] = True
    found = sliding_window(lambda window: window, hu, search)
    assert found[20, 20, 30] == 1
    assert not found[:, :, 60:].any()


def test_an_empty_search_runs_nothing():
    def run(_window):
        raise AssertionError("nothing to run")

    hu = np.zeros((8, 8, 8), dtype=np.float32)
    assert not sliding_window(run, hu, np.zeros(hu.shape, dtype=bool)).any()


def test_flips_are_turned_back():
    # A network that answers with the x coordinate inside its window: flipped, it counts from the
    # other side.
    hu = np.zeros((16, 16, 24), dtype=np.float32)
    ramp = np.broadcast_to(np.arange(1, 25, dtype=np.float32), hu.shape)
    maps = flipped_probabilities(lambda w: ramp[: len(w)], hu, everywhere(hu.shape))
    assert maps.shape == (len(FLIPS), *hu.shape)
    np.testing.assert_allclose(maps[0], ramp, rtol=1e-6)
    np.testing.assert_allclose(maps[1], ramp[..., ::-1], rtol=1e-6)
    np.testing.assert_allclose(
        flipped_probabilities(lambda w: ramp[: len(w)], hu, everywhere(hu.shape), ((), (0,)))[1],
        ramp,
        rtol=1e-6,
    )


def test_mirror_images_are_asked_only_where_something_is_likely():
    hu = np.zeros((40, 40, 300), dtype=np.float32)
    hu[20, 20, 20] = 1
    hu[20, 20, 280] = 0.05
    calls, first = [], 1000

    def run(window):
        calls.append(window.size)
        return window * (1 if len(calls) <= first else 0.5)

    sliding_window(run, hu, everywhere(hu.shape))
    first = len(calls)
    calls.clear()
    maps = flipped_probabilities(run, hu, everywhere(hu.shape))
    assert first < len(calls) < 2 * first
    assert maps[:, 20, 20, 20].tolist() == [1, 0.5]
    np.testing.assert_allclose(maps[:, 20, 20, 280], 0.05)
