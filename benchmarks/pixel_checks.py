"""What the checks of pixels find: couch, objects and text in real scans, and text drawn into one.

python benchmarks/pixel_checks.py IMAGE [IMAGE ...]

For each image (NIfTI; CT in HU): volume of couch and objects beside the body, and whether text is
seen. Then text of several sizes, places, polarities and kinds of edges is drawn into the first
image: the share that is found. Dark text on a dark ground cannot be seen by anybody, and is not
drawn.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from radtool.curation.lettering import burned_in_text
from radtool.curation.pixels import surroundings
from radtool.image import Image
from radtool.io import read_image

SIZES = (8, 10, 12, 16, 24, 40)
WORDS = ("DOE^JOHN 19570312", "Mueller, Anna")
PLACES = {"corner": (0.01, 0.01), "top": (0.35, 0.02), "side": (0.01, 0.5), "middle": (0.3, 0.45)}


def lettered(
    array: np.ndarray, words: str, size: int, place: str, *, is_dark: bool, is_smooth: bool
) -> np.ndarray:
    """Draw text into all slices, in the image's highest or lowest value."""
    height, width = array.shape[1:]
    picture = Picture.new("L", (width, height), 0)
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "L" if is_smooth else "1"
    at = (PLACES[place][0] * width, PLACES[place][1] * height)
    draw.text(at, words, fill=255, font=ImageFont.load_default(size))
    share = np.asarray(picture) / 255
    value = array.min() if is_dark else array.max()
    return np.round(array * (1 - share) + share * value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="+")
    images = [(path, read_image(path)) for path in parser.parse_args().images]
    flagged = 0
    for path, image in images:
        found = burned_in_text(image.array)
        flagged += found != "no"
        beside = surroundings(Image(image.array, image.geometry, "HU"))
        said = "cut" if beside is None else f"{beside.couch_ml:.0f} {beside.objects_ml:.0f}"
        print(f"{path}: couch and objects mL {said}; text {found}")
    print(f"text seen in {flagged} of {len(images)}")
    array = images[0][1].array
    array = array[:: max(1, len(array) // 12)].astype(np.float64)
    print("font size", *(f"{size:5d}" for size in SIZES))
    for is_smooth, is_dark in product((False, True), (False, True)):
        places = [place for place in PLACES if not is_dark or place == "middle"]
        shares = []
        for size in SIZES:
            seen = [
                burned_in_text(
                    lettered(array, words, size, place, is_dark=is_dark, is_smooth=is_smooth)
                )
                != "no"
                for words, place in product(WORDS, places)
            ]
            shares.append(float(np.mean(seen)))
        edges, tone = "smooth" if is_smooth else "hard", "dark" if is_dark else "bright"
        print(f"{edges:6s} {tone:6s}", *(f"{share:5.2f}" for share in shares))


if __name__ == "__main__":
    main()
