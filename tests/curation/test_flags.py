"""A clean series has no finding; a damaged one has the finding of its damage and no other."""

import numpy as np
import pytest

from radtool.curation import curate
from tests.curation.conftest import compressed, without

SHAPE, SPACING = (12, 96, 96), (3.0, 3.0, 3.0)
CENTRE = (144.0, 140.0)
HEIGHTS = (12.0, 15.0, 18.0, 21.0)
LETTERS = {"J": "00100,00100,00100,10100,01100", "O": "01110,10001,10001,10001,01110"}


def thorax() -> np.ndarray:
    """Stored values (HU + 1024): air, an elliptic body with a lung on each side, a couch."""
    _, y, x = np.meshgrid(*(np.arange(n) * 3.0 for n in SHAPE), indexing="ij")
    hu = np.full(SHAPE, -1000.0)
    hu[((x - CENTRE[0]) / 120) ** 2 + ((y - CENTRE[1]) / 85) ** 2 < 1] = 40
    for side in (-1, 1):
        hu[((x - CENTRE[0] - side * 60) / 40) ** 2 + ((y - CENTRE[1]) / 55) ** 2 < 1] = -850
    hu[(y > 240) & (y < 250) & (x > 40) & (x < 250)] = 100
    hu += np.random.default_rng(0).normal(0, 15, SHAPE)
    return np.round(hu + 1024).clip(0).astype(int)


def painted(hu: int, z: slice, y: slice, x: slice | list[int]) -> np.ndarray:
    array = thorax()
    array[z, y, x] = hu + 1024
    return array


def lettered() -> np.ndarray:
    array = thorax()
    for place, letter in enumerate("JOJO"):
        glyph = np.array([[int(dot) for dot in row] for row in LETTERS[letter].split(",")])
        corner = array[:, 3:13, 3 + 12 * place : 13 + 12 * place]
        corner[:, np.kron(glyph, np.ones((2, 2), dtype=int)) == 1] = 3900  # below metal
    return array


def setting(**values):
    def change(dataset, _):
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        return dataset

    return change


def dropped(dataset, k):
    return None if k == 5 else dataset


def moved(dataset, k):
    position = [*dataset.ImagePositionPatient]
    dataset.ImagePositionPatient = [*position[:2], float(position[2]) + (1.0 if k == 5 else 0.0)]
    return dataset


def doubled(dataset, k):
    if k == 11:
        dataset.ImagePositionPatient = [0, 0, 15]
    return dataset


def sheared(dataset, k):
    dataset.ImagePositionPatient = [0, 1.5 * k, 3 * k]
    return dataset


def turned(degrees: float) -> np.ndarray:
    """Directions of an image that is turned about the patient's x axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


ALL = slice(None)
DAMAGED = {
    # code of the finding: what was done to the series
    "modality": {"change": setting(Modality="US", SOPClassUID="1.2.840.10008.5.1.4.1.1.6.1")},
    "image_type": {"change": setting(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])},
    "plane": {"direction": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])},
    "oblique_deg": {"direction": turned(4)},
    "missing_slices": {"change": dropped},
    "increment": {"change": moved},
    "duplicate_positions": {"change": doubled},
    "gantry_tilt": {"change": sheared},
    "overlap_mm": {"change": setting(SliceThickness=5)},
    "gap_mm": {"change": setting(SliceThickness=1)},
    "slices": {"array": thorax()[:2]},
    "slice_thickness_mm": {"change": without("SliceThickness")},
    "thicknesses": {"change": lambda d, k: setting(SliceThickness=3 + 0.5 * (k > 5))(d, k)},
    "slice_spacing_mm": {"spacing": (6.5, 3.0, 3.0), "change": setting(SliceThickness=6)},
    "pixel_spacing_mm": {"spacing": (3.0, 4.0, 4.0)},
    "rows": {"array": thorax()[:, 40:70]},
    "kernel": {"change": without("ConvolutionKernel")},
    "kvp": {"change": setting(KVP=20)},
    "rescale_slope": {"change": without("RescaleSlope")},
    "unreadable": {"change": compressed},
    "lossy": {"change": setting(LossyImageCompression="01")},
    "burned_in": {"change": setting(BurnedInAnnotation="YES")},
    "text_in_pixels": {"array": lettered()},
    "not_hu": {"change": setting(RescaleIntercept="0")},
    "objects_ml": {"array": painted(40, ALL, slice(1, 20), [*range(1, 31), *range(66, 95)])},
    "metal_ml": {"array": painted(3071, slice(0, 3), slice(20, 26), slice(44, 50))},
    "metal_near_percent": {"array": painted(3071, slice(5, 7), slice(44, 48), slice(55, 57))},
}


@pytest.fixture
def study(tmp_path, phantoms):
    def write(rois=None, **damage):
        options = {"array": thorax(), "spacing": SPACING} | damage
        array = options.pop("array")
        phantoms.series(tmp_path / "in/ct", array, **options)
        if rois is not None:
            phantoms.rtstruct(tmp_path / "in/rs", {"GTV": rois})
        checked = curate(tmp_path / "in", tmp_path / "out")
        found = checked.quality[checked.quality["severity"] != "info"]
        return set(found["check"]), found

    return write


@pytest.fixture
def ball(phantoms):
    return [phantoms.circle((*CENTRE, z), 14.0) for z in HEIGHTS]


def test_a_clean_series_has_no_finding(study, ball):
    codes, found = study(ball)
    assert codes == set(), found["detail"].tolist()


@pytest.mark.parametrize("code", DAMAGED)
def test_each_damage_has_its_own_code(study, ball, code):
    drawn = ball if code == "metal_near_percent" else None
    codes, found = study(drawn, **DAMAGED[code])
    assert codes - {"present"} == {code}, found["detail"].tolist()
    assert all(found["detail"])


TORN = {
    "interleaved": (lambda k: k % 2, {"gap_mm"}),
    "halves": (lambda k: k > 5, set()),
    "one stray": (lambda k: k == 5, {"missing_slices", "slices"}),
}


@pytest.mark.parametrize("how", TORN)
def test_a_volume_under_two_series_uids_is_noticed(study, phantoms, how):
    is_other, alongside = TORN[how]

    def change(dataset, k):
        if is_other(k):
            dataset.SeriesInstanceUID = phantoms.uid("P1", "other")
        return dataset

    codes, found = study(None, change=change)
    assert codes - alongside - {"present"} == {"torn_series"}
    torn = found[found["check"] == "torn_series"]
    assert torn["series_uid"].nunique() == 2
    assert "together are one regular volume" in torn["detail"].iloc[0]


def test_two_scans_of_one_study_are_not_torn(study, phantoms, tmp_path):
    # The second scan begins where the first ends, half a slice further on.
    phantoms.series(
        tmp_path / "in/second", thorax(), spacing=SPACING, name="second", origin=(0, 0, 37.5)
    )
    codes, _ = study(None)
    assert codes == {"present"}


def shifted(polygons, dx, dy=0.0):
    return [polygon + np.array([dx, dy, 0.0]) for polygon in polygons]


MASKS = {
    "roi_empty": lambda ball, draw: [],
    "mask_geometry": lambda ball, draw: shifted(ball, 900),
    "slice_gaps": lambda ball, draw: [ball[0], *(draw((*CENTRE, z), 14.0) for z in (27.0, 30.0))],
    "slice_share": lambda ball, draw: [draw((*CENTRE, z), 14.0) for z in np.arange(0, 34, 3.0)],
    "slices": lambda ball, draw: [draw((*CENTRE, 15.0), 20.0)],
    "voxels": lambda ball, draw: [draw((*CENTRE, z), 5.0) for z in HEIGHTS],
    "components": lambda ball, draw: [*ball, *shifted(ball, 40)],
    "air_percent": lambda ball, draw: shifted(ball, 0, -105),
}
ALONGSIDE = {
    "slice_gaps": {"components"},
    "slice_share": {"touches_border"},
    "voxels": {"volume_error"},
}


@pytest.mark.parametrize("code", MASKS)
def test_each_damaged_mask_has_its_own_code(study, ball, phantoms, code):
    codes, found = study(MASKS[code](ball, phantoms.circle))
    assert codes - ALONGSIDE.get(code, set()) == {code}, found[["check", "detail"]].values.tolist()


def test_a_shifted_contour_is_the_one_that_is_called_unusual(tmp_path, phantoms, ball):
    rng = np.random.default_rng(0)
    for number in range(12):
        patient = f"P{number:02d}"
        array = thorax()
        z, y, x = np.indices(SHAPE) * 3.0
        at = np.array([86.0, 140.0]) + rng.uniform(-5, 5, 2)
        radius = rng.uniform(9, 14)
        inside = (x - at[0]) ** 2 + (y - at[1]) ** 2 + (z - 16) ** 2 < radius**2
        array[inside] = 1064 + rng.integers(-20, 20, int(inside.sum()))
        drawn = []
        for height in np.arange(0, 34, 3.0):
            wide = radius**2 - (height - 16) ** 2
            if wide > 9:
                drawn.append(phantoms.circle((*at, height), wide**0.5))
        if patient == "P07":
            drawn = shifted(drawn, 0, 12)
        phantoms.series(tmp_path / f"in/{patient}", array, patient=patient, spacing=SPACING)
        phantoms.rtstruct(tmp_path / f"in/{patient}/rs", {"GTV": drawn}, patient=patient)
    result = curate(tmp_path / "in", tmp_path / "out")
    unusual = result.findings[result.findings["check"] == "anomaly"]
    assert unusual["patient_id"].tolist() == ["P07"]
    assert "unlike the other 11 contours of this ROI" in unusual["detail"].iloc[0]
    assert result.manifest.set_index("patient_id")["anomaly"].idxmax() == "P07"
