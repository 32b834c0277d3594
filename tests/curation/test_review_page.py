"""The review page's own code, run in a browser: what a reader draws is what is saved."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from radtool.curation import accept_review, read_review, write_review
from radtool.curation.runs import decode_runs, encode_runs
from radtool.image import Geometry, Image, Mask
from radtool.io import read_mask, write_image, write_mask
from radtool.segmentation import recist
from radtool.table import read_table, write_table

GRID = Geometry((12, 40, 48), (3.0, 0.8, 1.2), (-20.0, 5.0, 100.0))
FIRST, LAST = 3, 8
"""Slices of the drawn mask; 5 on each side may be drawn on too (15 mm)."""
SHAPE = (30, 36)
SPACING = (0.8, 1.2)

DRIVER = Path(__file__).with_name("review_driver.js").read_text(encoding="utf-8")


def drawn(slices: range) -> Mask:
    """A ring with a tail: not convex, with a hole, another size on each slice."""
    inside = np.zeros(GRID.shape, dtype=bool)
    y, x = np.indices(GRID.shape[1:])
    for k in slices:
        far = np.hypot((y - 20) * 0.8, (x - 22) * 1.2)
        inside[k] = (far < 5 + 0.5 * k) & (far > 2)
        inside[k, 19:21, 22:32] = True
    return Mask(inside, GRID, "GTV")


def some_slices() -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.normal(size=(6, *SHAPE)), (0, 3, 3))
    some = noise > 0.03
    some[4] = False
    some[4, 7, 11] = True
    return some


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    rows = []
    for name in ("one", "</script>two"):
        number = str(len(rows))
        write_image(
            Image(np.zeros(GRID.shape, np.float32), GRID, "HU"), folder / f"{number}.nii.gz"
        )
        write_mask(drawn(range(FIRST, LAST + 1)), folder / f"{number}-mask.nii.gz")
        rows.append({"case_id": name, "patient_id": name, "modality": "CT", "roi": "GTV",
                     "image": f"{number}.nii.gz", "mask": f"{number}-mask.nii.gz"})  # fmt: skip
    write_table(pd.DataFrame(rows), folder / "manifest.csv")
    write_review(folder / "manifest.csv", folder / "page.html",
                 measure=lambda mask: recist(mask).diameter)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def browsed(study, tmp_path_factory):
    """What the page says after a reader's work on it."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next((path for path in map(shutil.which, names) if path), None)
    if browser is None:
        pytest.skip("no chromium here: the page's own code is not run")
    runs = json.dumps([encode_runs(one) for one in some_slices()])
    page = (study / "page.html").read_text(encoding="utf-8")
    scripts = f'<script type="application/json" id="given">{runs}</script><script>{DRIVER}</script>'
    driven = tmp_path_factory.mktemp("driven") / "page.html"
    driven.write_text(page.replace("</body>", scripts + "</body>"), encoding="utf-8")
    profile = tmp_path_factory.mktemp("profile")
    ran = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--disable-background-networking", "--window-size=1200,1000",
         f"--user-data-dir={profile}", "--dump-dom", driven.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="out">(.*?)</pre>', ran.stdout, re.DOTALL)
    assert found, ran.stderr[-2000:]
    return json.loads(html.unescape(found.group(1)))


def states(browsed) -> dict:
    return {one["what"]: one for one in browsed["say"]}


def masks(browsed) -> dict[str, np.ndarray]:
    shape = GRID.shape
    return {what: decode_runs(one["runs"], shape) for what, one in states(browsed).items()}


def pixels(inside) -> np.ndarray:
    """Centres of the pixels of a slice in mm, (x, y)."""
    y, x = np.indices(inside)
    return np.stack([(x + 0.5) * SPACING[1], (y + 0.5) * SPACING[0]])


def test_run_lengths_are_the_same_in_browser_and_python(browsed):
    assert browsed["pure"]["again"] == [encode_runs(one) for one in some_slices()]


def test_the_diameter_is_that_of_recist(browsed):
    grid = Geometry((1, *SHAPE), (1.0, *SPACING))
    expected = [recist(Mask(one[None], grid)).diameter for one in some_slices()]
    np.testing.assert_allclose(browsed["pure"]["diameters"], expected, rtol=1e-9)


def test_holes_are_those_that_no_path_leads_out_of(browsed):
    expected = [encode_runs(ndimage.binary_fill_holes(one)) for one in some_slices()]
    assert browsed["pure"]["filled"] == expected


def signed(one: np.ndarray) -> np.ndarray:
    return ndimage.distance_transform_edt(~one, SPACING) - ndimage.distance_transform_edt(
        one, SPACING
    )


def test_distances_and_interpolation_are_those_of_scipy(browsed):
    some = some_slices()
    for one, distances in zip(some, browsed["pure"]["distances"], strict=True):
        expected = ndimage.distance_transform_edt(~one, SPACING).ravel()
        np.testing.assert_allclose(distances, expected, atol=1e-9)
    for k, runs in enumerate(browsed["pure"]["between"]):
        mean = 0.75 * signed(some[k]) + 0.25 * signed(some[k + 1])
        certain = np.abs(mean) > 1e-9  # a sum that is zero may round either way
        np.testing.assert_array_equal(decode_runs(runs, SHAPE)[certain], (mean < 0)[certain])


def test_a_brush_sets_the_centres_within_its_radius(browsed):
    x, y = pixels(SHAPE)
    expected = np.hypot(x - 20.3, y - 11.1) <= 6.5
    np.testing.assert_array_equal(decode_runs(browsed["pure"]["disc"], SHAPE), expected)


def test_a_polygon_sets_the_centres_inside_it(browsed):
    from matplotlib.path import Path as Polygon

    corners = Polygon([[4, 3], [38, 8], [20, 12], [30, 22], [6, 19]])
    centres = pixels(SHAPE).reshape(2, -1).T
    expected = corners.contains_points(centres).reshape(SHAPE)
    np.testing.assert_array_equal(decode_runs(browsed["pure"]["polygon"], SHAPE), expected)


def test_the_outline_is_every_edge_between_inside_and_outside(browsed):
    for one, path in zip(some_slices(), browsed["pure"]["edges"], strict=True):
        padded = np.pad(one, 1).astype(int)
        expected = (
            np.abs(np.diff(padded, axis=0)).sum() * SPACING[1]
            + np.abs(np.diff(padded, axis=1)).sum() * SPACING[0]
        )
        lines = re.findall(r"M([\d.]+) ([\d.]+)([HV])([\d.]+)", path)
        drawn_mm = sum(float(e) - float(x if way == "H" else y) for x, y, way, e in lines)
        assert drawn_mm == pytest.approx(expected, abs=0.05)


def test_only_a_drawing_tool_draws(browsed):
    found = masks(browsed)
    np.testing.assert_array_equal(found["as it came"], drawn(range(FIRST, LAST + 1)).array)
    np.testing.assert_array_equal(found["looking"], found["as it came"])
    assert states(browsed)["looking"]["kept"] == 0


def test_a_stroke_is_all_within_the_brush_of_its_line(browsed):
    found = masks(browsed)
    x, y = pixels(GRID.shape[1:])
    # The line from (20, 8) to (30, 8) mm, brush of 3 mm; stamps are 0.4 mm apart at most.
    far = np.hypot(x - np.clip(x, 20, 30), y - 8)
    expected = found["as it came"].copy()
    expected[5] |= far <= 3
    certain = np.abs(far - 3) > 0.02
    np.testing.assert_array_equal(found["brush"][5][certain], expected[5][certain])
    others = np.arange(12) != 5
    np.testing.assert_array_equal(found["brush"][others], expected[others])
    assert not found["brush with shift"][5][certain & (far < 3)].any()


def test_undo_and_redo_go_back_and_forth(browsed):
    found = masks(browsed)
    np.testing.assert_array_equal(found["undone"], found["brush"])
    np.testing.assert_array_equal(found["redone and undone"], found["brush"])
    np.testing.assert_array_equal(found["original"], found["as it came"])
    assert states(browsed)["original"]["kept"] == 0


def test_lasso_eraser_and_filling(browsed):
    found = masks(browsed)
    x, y = pixels(GRID.shape[1:])
    inside = (x > 6) & (x < 16) & (y > 4) & (y < 14)
    np.testing.assert_array_equal(found["lasso"][5], found["undone"][5] | inside)
    erased = np.hypot(x - 11, y - 9) <= 3
    np.testing.assert_array_equal(found["eraser"][5], found["lasso"][5] & ~erased)
    np.testing.assert_array_equal(
        found["holes filled"][5], ndimage.binary_fill_holes(found["eraser"][5])
    )


def test_a_cleared_slice_comes_back_by_interpolation(browsed):
    found = masks(browsed)
    assert not found["slice cleared"][6].any()
    before = found["as it came"]
    step = (GRID.spacing[1], GRID.spacing[2])
    edt = ndimage.distance_transform_edt
    mean = sum(edt(~before[k], step) - edt(before[k], step) for k in (5, 7)) / 2
    certain = np.abs(mean) > 1e-9
    np.testing.assert_array_equal(found["interpolated"][6][certain], (mean < 0)[certain])


def test_keys_alone_can_draw(browsed):
    found = masks(browsed)
    x, y = pixels(GRID.shape[1:])
    # From the middle four pixels right and ten up; the brush is half a millimetre smaller.
    at = np.array([24 * 1.2 + 4 * 1.2, 20 * 0.8 - 10 * 0.8])
    painted = np.hypot(x - at[0], y - at[1]) <= 2.5
    np.testing.assert_array_equal(found["keys"][5], found["as it came"][5] | painted)


def test_sizes_are_told_live(browsed):
    for what in ("as it came", "brush", "holes filled"):
        mask = Mask(masks(browsed)[what], GRID)
        words = states(browsed)[what]["facts"]
        assert re.search(rf"{mask.volume_ml:.2f} mL", words)
        assert re.search(rf"{recist(mask).diameter:.1f} mm", words)
    assert "→" not in states(browsed)["as it came"]["facts"]
    assert "voxels changed" in states(browsed)["brush"]["facts"]


def test_soft_tissue_of_a_lung_window_fills_the_greys(browsed):
    windows = browsed["windows"]
    assert windows["narrow"] == [True, ""]
    assert windows["wide"] == [False, ""]
    is_hidden, words = windows["soft"]
    assert not is_hidden
    brightness, contrast = (float(value) for value in re.findall(r"\(([\d.]+)\)", words))
    # Filter Effects: brightness multiplies, contrast stretches about one half.
    for hu, grey in ((-160, 0.0), (40, 0.5), (240, 1.0)):
        level = (hu + 1000) / 1400
        assert (brightness * level - 0.5) * contrast + 0.5 == pytest.approx(grey, abs=1e-4)


def test_what_was_drawn_becomes_a_mask_and_a_ledger(browsed, study, tmp_path):
    saved = tmp_path / "review-AB.json"
    saved.write_text(json.dumps(browsed["record"]), encoding="utf-8")
    assert browsed["count"] == "1 of 2 judged, 2 corrected"
    review = read_review([saved])
    made = accept_review(review, study / "manifest.csv", tmp_path / "accepted.csv")
    assert made.failures == []
    assert made.manifest["case_id"].tolist() == ["one"]
    np.testing.assert_array_equal(
        read_mask(made.manifest["mask"].iloc[0]).array, masks(browsed)["keys"]
    )
    ledger = read_table(tmp_path / "accepted.corrections.csv").set_index("case_id")
    assert ledger.loc["one", ["reader", "outcome"]].tolist() == ["AB", "in the manifest"]
    assert ledger.loc["</script>two", "outcome"] == "rejected"
