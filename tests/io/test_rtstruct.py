"""Structure sets: names, contours, references, refusals; and the real ones."""

import numpy as np
import pydicom
import pytest

from radtool.errors import DicomError, InputError
from radtool.io import contour_volume_ml, rasterise, read_image, read_mask, read_rtstruct


def plan(tmp_path, phantoms, **options):
    rois = {
        "GTV-1": [phantoms.circle((10, 10, z), 5) for z in (0, 3)],
        "GTV-10": [phantoms.circle((10, 10, 0), 2)],
        "empty": [],
    }
    return phantoms.rtstruct(tmp_path / "rs", rois, **options)


def test_names_contours_and_references_are_read(tmp_path, phantoms):
    found = read_rtstruct(plan(tmp_path, phantoms))
    assert found.roi_names == ["GTV-1", "GTV-10", "empty"]
    assert found.series_uids == (phantoms.uid("P1", "series"),)
    assert found.frames_of_reference == (phantoms.uid("P1", "frame"),)
    assert found.patient_id == "P1"
    np.testing.assert_allclose(
        found.roi("GTV-1").polygons[1], phantoms.circle((10, 10, 3), 5), atol=1e-8
    )


def test_an_exact_name_is_needed(tmp_path, phantoms):
    found = read_rtstruct(plan(tmp_path, phantoms))
    assert len(found.roi("GTV-10").polygons) == 1
    with pytest.raises(InputError, match=r"no ROI 'GTV1'; did you mean 'GTV-1'\?"):
        found.roi("GTV1")
    with pytest.raises(InputError, match=r"2 ROIs with contours.*'GTV-1' \(2 contours\)"):
        found.roi()
    with pytest.raises(DicomError, match="'empty' has no closed contour"):
        found.roi("empty")


def test_points_and_lines_are_counted_not_filled(tmp_path, phantoms):
    def change(dataset):
        dataset.ROIContourSequence[1].ContourSequence[0].ContourGeometricType = "POINT"

    contours = read_rtstruct(plan(tmp_path, phantoms, change=change)).rois[1]
    assert contours.polygons == ()
    assert contours.skipped == 1


def test_a_roi_without_contour_sequence_is_empty(tmp_path, phantoms):
    def change(dataset):
        del dataset.ROIContourSequence[0].ContourSequence
        del dataset.ROIContourSequence[2]

    found = read_rtstruct(plan(tmp_path, phantoms, change=change))
    assert [len(c.polygons) for c in found.rois] == [0, 1, 0]


def test_other_files_are_refused(tmp_path, phantoms):
    phantoms.series(tmp_path / "ct", np.zeros((1, 4, 4)))
    with pytest.raises(DicomError, match="is CT, not an RTSTRUCT"):
        read_rtstruct(next((tmp_path / "ct").iterdir()))
    (tmp_path / "text").write_text("x" * 200)
    with pytest.raises(DicomError, match="not a DICOM file"):
        read_rtstruct(tmp_path / "text")


def test_contour_data_that_are_no_triples_are_refused(tmp_path, phantoms):
    def change(dataset):
        dataset.ROIContourSequence[0].ContourSequence[0].ContourData = ["1", "2", "3", "4"] * 4

    path = plan(tmp_path, phantoms, change=change)
    dataset = pydicom.dcmread(path)
    dataset.ROIContourSequence[0].ContourSequence[0].ContourData = ["1"] * 10
    dataset.save_as(path)
    with pytest.raises(DicomError, match="'GTV-1': ContourData are not triples"):
        read_rtstruct(path)


def test_read_mask_fills_a_named_roi_on_the_image(tmp_path, phantoms):
    phantoms.series(tmp_path / "ct", np.zeros((3, 20, 20)))
    image = read_image(tmp_path / "ct")
    path = plan(tmp_path, phantoms)
    mask = read_mask(path, roi="GTV-1", like=image.geometry)
    assert mask.array.any(axis=(1, 2)).tolist() == [True, True, False]
    with pytest.raises(InputError, match="give like=image.geometry"):
        read_mask(path, roi="GTV-1")


def test_sarcoma_volumes_are_those_of_the_contours(shared):
    for name in ("CT", "PET", "MR_T1"):
        folder = shared / "data/soft_tissue_sarcoma/STS_008" / name
        image = read_image(folder / "image")
        contours = read_rtstruct(folder / "mask/RS.dcm").roi()
        mask = rasterise(contours.polygons, image.geometry)
        assert mask.volume_ml == pytest.approx(contour_volume_ml(contours.polygons), rel=0.02)


OBSERVERS = ["AB", "DR", "JB", "LB", "RW"]


@pytest.mark.parametrize("kind", ["1auto", "1vis"])
@pytest.mark.parametrize("observer", OBSERVERS)
def test_ten_delineations_equal_their_reference_masks(shared, kind, observer):
    folder = shared / "data/multi_observer"
    reference = read_mask(folder / f"interobs06_GTV_{kind}_{observer}.nii.gz")
    mask = read_mask(
        folder / "interobs06_rtstruct.dcm",
        roi=f"GTV-{kind}({observer})",
        like=reference.geometry,
    )
    a, b = mask.array, reference.array
    assert 2 * (a & b).sum() / (a.sum() + b.sum()) >= 0.999
