"""Threads inside a case: the same bytes whatever their number, errors and order as with one."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from radtool.errors import InputError, ParameterError
from radtool.features import extract, load_params
from radtool.features.threads import results_of
from radtool.image import Geometry, Image, Mask

IBSI = {
    "images": {
        "original": {},
        "log": {"filter": {"kind": "log", "sigma_mm": 1.5}},
        "mean": {"filter": {"kind": "mean", "size_voxels": 3}},
    },
    "discretise": [{"method": "fixed_bin_number", "bin_number": 8}],
}
PYRADIOMICS = {
    "setting": {"binWidth": 25, "resampledPixelSpacing": [1, 1, 1]},
    "imageType": {
        "Original": {}, "Wavelet": {}, "LoG": {"sigma": [1.0, 2.0]}, "Square": {}, "LBP2D": {},
        "Gradient": {},
    },
}  # fmt: skip


def case() -> tuple[Image, Mask]:
    rng = np.random.default_rng(7)
    grid = Geometry((12, 20, 21), (2.0, 0.9, 0.9))
    z, y, x = np.indices(grid.shape)
    inside = (z - 6) ** 2 / 9 + (y - 10) ** 2 / 30 + (x - 10) ** 2 / 40 < 1
    return Image(rng.normal(100, 60, grid.shape).astype(np.int16), grid), Mask(inside, grid)


@pytest.mark.parametrize("settings", [IBSI, PYRADIOMICS])
@pytest.mark.parametrize("threads", [2, 5])
def test_the_number_of_threads_changes_no_byte(settings: dict, threads: int) -> None:
    params = load_params(settings)
    alone = extract(*case(), params)
    together = extract(*case(), params, threads=threads)
    assert list(together.index) == list(alone.index)
    assert together.to_numpy().tobytes() == alone.to_numpy().tobytes()


def test_results_come_in_order_although_the_first_ends_last() -> None:
    second_is_done = threading.Event()

    def first() -> int:
        assert second_is_done.wait(10)
        return 1

    def second() -> int:
        second_is_done.set()
        return 2

    assert list(results_of([first, second], 2)) == [1, 2]


def test_one_thread_asks_for_a_task_when_it_needs_it() -> None:
    asked = []

    def tasks():
        for number in range(3):
            asked.append(number)
            yield lambda number=number: number

    results = results_of(tasks(), 1)
    assert next(results) == 0
    assert asked == [0]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_is_that_of_the_first_task_that_fails(threads: int) -> None:
    def fail(name: str):
        def task() -> None:
            raise InputError(name)

        return task

    with pytest.raises(InputError, match="first"):
        list(results_of([lambda: None, fail("first"), fail("second")], threads))


def test_threads_below_one_are_refused() -> None:
    with pytest.raises(ParameterError, match="1 or more, got 0"):
        extract(*case(), load_params(PYRADIOMICS), threads=0)
