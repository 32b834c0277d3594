"""Text drawn into noisy pictures of three modalities is found; pictures without text are not."""

import io

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from scipy import ndimage

from radtool.curation.lettering import burned_in_text
from radtool.io import read_image

SIDE = 160
RNG = np.random.default_rng(0)


def noisy(scale: float, smooth: tuple[float, ...]) -> np.ndarray:
    return scale * ndimage.gaussian_filter(RNG.normal(size=(6, SIDE, SIDE)), smooth)


def body(width: float, height: float) -> np.ndarray:
    y, x = np.indices((SIDE, SIDE)) - SIDE / 2
    return np.broadcast_to((x / width) ** 2 + (y / height) ** 2 < 1, (6, SIDE, SIDE))


def ct() -> np.ndarray:
    hu = np.where(body(75, 60), 40.0, -1000.0) + np.where(body(75, 60), noisy(800, (1, 8, 8)), 0)
    return np.round(hu + noisy(40, (0, 0.7, 0.7))).clip(-1024, 3071)


def mr() -> np.ndarray:
    signal = np.where(body(60, 70), 500 + noisy(1500, (1, 6, 6)), 0)
    return np.round(
        np.hypot(signal + RNG.normal(0, 15, signal.shape), RNG.normal(0, 15, (6, 1, 1)))
    )


def pt() -> np.ndarray:
    uptake = np.abs(1 + noisy(3, (1, 4, 4))) * body(60, 50) + np.abs(noisy(0.05, (0, 1, 1)))
    return uptake.astype(np.float32)


PICTURES = {"CT": ct(), "MR": mr(), "PT": pt()}
WHITE = {"CT": 1500.0, "MR": float(PICTURES["MR"].max()), "PT": float(PICTURES["PT"].max())}
PLACES = {"upper left": (4, 4), "upper centre": (50, 3), "middle left": (3, 70),
          "middle centre": (45, 66), "lower right": (70, 132)}  # fmt: skip


def alpha(words: str, size: int, at: tuple[int, int], *, is_smooth: bool) -> np.ndarray:
    picture = Picture.new("L", (SIDE, SIDE), 0)
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "L" if is_smooth else "1"
    draw.text(at, words, fill=255, font=ImageFont.load_default(size))
    return np.asarray(picture) / 255


def lettered(array, value, size=14, place="middle centre", words="DOE^J 1957", *, is_smooth=False):
    share = alpha(words, size, PLACES[place], is_smooth=is_smooth)
    return (array * (1 - share) + share * value).astype(array.dtype)


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_without_text_has_none(kind):
    assert burned_in_text(PICTURES[kind]) == "no"
    assert burned_in_text(PICTURES[kind][:1]) == "no"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", PICTURES)
def test_bright_text_is_found_wherever_it_is(kind, place):
    array = PICTURES[kind]
    found = burned_in_text(lettered(array, WHITE[kind], place=place))
    assert found.startswith("yes: ")
    assert f"in a line, {place}, the same on all slices" in found


@pytest.mark.parametrize("size", [10, 14, 20, 30])
@pytest.mark.parametrize("kind", PICTURES)
def test_dark_text_on_the_patient_is_found_at_every_size(kind, size):
    array = PICTURES[kind]
    words = "DOE^J 1957" if size < 20 else "DOE J"
    found = burned_in_text(lettered(array, array.min(), size=size, words=words))
    assert "middle centre, the same on all slices" in found


@pytest.mark.parametrize("size", [13, 16, 22, 30])
@pytest.mark.parametrize("kind", PICTURES)
def test_text_with_smooth_edges_is_found(kind, size):
    array = PICTURES[kind]
    words = "DOE^J 1957" if size < 20 else "DOE J"
    assert burned_in_text(
        lettered(array, WHITE[kind], size=size, words=words, is_smooth=True)
    ).startswith("yes: ")


def compressed(array: np.ndarray) -> np.ndarray:
    planes = []
    for plane in np.clip((array + 1024) / 10, 0, 255).astype(np.uint8):
        data = io.BytesIO()
        Picture.fromarray(plane).save(data, "JPEG", quality=75)
        planes.append(np.asarray(Picture.open(data)))
    return np.stack(planes)


@pytest.mark.parametrize("size", [14, 20])
def test_text_smeared_by_lossy_compression_is_found(size):
    array = PICTURES["CT"]
    assert burned_in_text(compressed(array)) == "no"
    words = "DOE^J 1957" if size < 20 else "DOE JOHN"
    text = compressed(lettered(array, 1500, size, "upper left", words, is_smooth=True))
    assert "upper" in burned_in_text(text)


def test_half_transparent_text_is_found():
    array = np.concatenate([PICTURES["CT"], PICTURES["CT"][:3, :, ::-1]])
    assert burned_in_text(array) == "no"
    half = (array + lettered(array, 1500, 16, is_smooth=True)) / 2
    assert "middle centre, the same on all slices" in burned_in_text(half)


def test_dark_letters_on_a_bright_strip_are_found():
    array = PICTURES["CT"].copy()
    array[:, :22] = 3071
    found = burned_in_text(lettered(array, -1024, place="upper left"))
    assert "of value -1024" in found


def test_text_of_a_value_that_tissue_has_too_is_found_by_its_repetition():
    assert burned_in_text(lettered(PICTURES["CT"], 40, place="upper left")).startswith("yes: ")


def test_a_screenshot_is_one_slice():
    one = lettered(PICTURES["CT"], 3071)[:1]
    assert "on slice 1" in burned_in_text(one)


def test_text_on_one_slice_of_a_series_is_found():
    array = PICTURES["MR"].copy()
    array[5] = lettered(array, 4095)[5]
    assert "on slice 6" in burned_in_text(array)


def test_text_that_is_scaled_with_its_slice_is_found():
    scale = np.linspace(1, 2, 6, dtype=np.float32)[:, None, None]
    array = lettered(PICTURES["PT"], 20.0) * scale
    assert burned_in_text(array).startswith("yes: ")


def test_shapes_that_are_the_same_on_all_slices_are_not_text():
    # Without noise: a body, a round and an oblong organ, a couch with its two edges.
    array = np.where(body(70, 55), 40, -1000)
    array[:, body(8, 8)[0]] = 300
    array[:, 40:44, 50:120] = 500
    array[:, 140:142] = array[:, 146:148] = 100
    assert burned_in_text(array) == "no"
    assert burned_in_text(np.zeros((6, 20, 20))) == "no"


def test_padding_around_a_round_field_of_view_is_not_text():
    array = PICTURES["CT"].copy()
    array[~body(78, 78)] = -2000
    assert burned_in_text(array) == "no"


def test_no_real_scan_has_text(shared):
    scans = sorted((shared / "data/thorax_2mm").glob("*.nii.gz"))
    crops = sorted((shared / "data/nsclc_two_centre").rglob("*.nii.gz"))
    images = [path for path in (*scans, *crops[::40]) if "gtv" not in path.name]
    images = [path for path in images if "mask" not in str(path.relative_to(shared))]
    assert len(images) > 10
    found = {path.name: burned_in_text(read_image(path).array) for path in images}
    assert {name: what for name, what in found.items() if what != "no"} == {}
