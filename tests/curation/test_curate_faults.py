"""Whatever is wrong with a folder: a named failure, a repair on record, nothing half-written."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from radtool.curation import curate
from radtool.errors import InputError, ParameterError
from radtool.files import read_json
from radtool.io import read_image, read_mask
from radtool.table import read_manifest
from tests.curation.conftest import ARRAY, compressed, reasons, run, snapshot, without


def drop(k: int):
    return lambda dataset, index: None if index == k else dataset


def tilted(dataset, k):
    dataset.ImagePositionPatient = [0, k * 1.5, k * 3]
    return dataset


FAULTS = {
    "missing_slice": ({"change": drop(3)}, "missing_slices: 1 slice"),
    "missing_rescale": (
        {"change": without("RescaleSlope")},
        "rescale_slope: RescaleSlope, which turns stored values into HU, is needed: not in the",
    ),
    "missing_spacing": (
        {"change": without("PixelSpacing")},
        "damaged: 8 file.*PixelSpacing is mis",
    ),
    "no_position": ({"change": without("ImagePositionPatient")}, "ImagePositionPatient is missing"),
    "no_decoder": ({"change": compressed}, "no decoder for transfer syntax JPEG 2000"),
    "tilt": ({"change": tilted}, "gantry_tilt: slices are sheared by 26.6°"),
    "two_slices": ({"array": ARRAY[:2], "rois": {}}, "slices: 2, at least 3 is expected"),
    "empty_roi": ({"rois": {"GTV-1": []}}, "roi_empty: ROI 'GTV-1' has no contour"),
    "outside": (
        {"rois": {"GTV-1": [np.array([[900.0, 0, 6], [910, 0, 6], [905, 9, 6]])]}},
        "mask_geometry: ROI 'GTV' lies outside the image",
    ),
    "between": (
        {"rois": {"GTV-1": [np.array([[9.1, 9.1, 6], [9.2, 9.1, 6], [9.2, 9.2, 6]])]}},
        "roi_empty: ROI 'GTV-1' holds no voxel centre",
    ),
    "bent": (
        {"rois": {"GTV-1": [np.array([[5.0, 5, 6], [25, 5, 12], [25, 25, 6], [5, 25, 6]])]}},
        "mask_geometry: .* not planar",
    ),
    "no_wanted_roi": ({"rois": {"Lung": []}}, "no mask of a wanted ROI"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_patient_is_named_and_the_other_goes_on(tmp_path, patient, fault):
    options, words = FAULTS[fault]
    patient("good")
    patient("bad", **options)
    result = run(tmp_path, roi_names={"GTV": "GTV*"})
    assert result.manifest["patient_id"].tolist() == ["good"]
    assert {failure.case_id.split("-")[0] for failure in result.failures} == {"bad"}
    assert pytest.importorskip("re").search(words, reasons(result)), reasons(result)
    errors = result.findings[result.findings["severity"] == "error"]
    assert set(errors["patient_id"]) == {"bad"}
    assert not [p for p in (tmp_path / "out").rglob("*") if "bad-" in p.name and p.suffix == ".gz"]


def test_truncated_pixels_are_a_failure_and_truncated_headers_are_counted(tmp_path, patient):
    patient("good")
    folder = patient("bad")
    paths = sorted((folder / "ct").iterdir())
    paths[2].write_bytes(paths[2].read_bytes()[:-600])
    (tmp_path / "in/cut").write_bytes(paths[0].read_bytes()[:200])
    result = run(tmp_path)
    assert result.manifest["patient_id"].tolist() == ["good"]
    assert f"ct/{paths[2].name}" in reasons(result)
    unreadable = result.findings[result.findings["check"] == "unreadable_file"]
    assert unreadable["files"].tolist() == ["cut"]
    assert dict(result.flow[0].lost) == {"unreadable": 1}


def test_a_structure_set_without_its_series_is_named(tmp_path, patient, phantoms, ball):
    patient("P1")
    phantoms.rtstruct(tmp_path / "in/lost/rs", {"GTV-1": ball}, patient="P9")
    result = run(tmp_path)
    assert len(result.manifest) == 1
    (failure,) = result.failures
    assert failure.case_id == "P9-RTSTRUCT"
    assert "refers to a series that is not there" in failure.reason
    assert failure.path.endswith("in/lost/rs")


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "../../escape", "a/b\\c", "مريض ٤٢", "Ünïcode, A^B", "=1+1"],
)
def test_hostile_patient_ids_stay_text(tmp_path, patient, name):
    def change(dataset, _=None):
        dataset.SpecificCharacterSet = "ISO_IR 192"
        return dataset

    patient(name, folder="x", change=change, plan_change=change)
    result = run(tmp_path)
    assert result.manifest["patient_id"].tolist() == [name]
    assert read_manifest(tmp_path / "out/manifest.csv")["patient_id"].tolist() == [name]
    words = (tmp_path / "out/curation.html").read_text(encoding="utf-8")
    assert "<script>alert" not in words
    made = {p.parent.name for p in tmp_path.rglob("*.nii.gz")}
    assert made == {"images", "masks"}


def test_an_unwritable_output_is_refused(tmp_path, patient):
    patient("P1")
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        run(tmp_path)


def test_wrong_settings_are_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ParameterError, match="has no pattern"):
        run(tmp_path, roi_names={"GTV": []})
    with pytest.raises(InputError, match=r"absent\.yaml: no such file"):
        run(tmp_path, checks=tmp_path / "absent.yaml")
    with pytest.raises(InputError, match="no such file or folder"):
        run(tmp_path)


DISK_FULL = """
import resource, signal, sys
from radtool.curation import curate
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
result = curate(sys.argv[1], sys.argv[2])
print(list(result.manifest["patient_id"]), [failure.reason for failure in result.failures])
"""


def test_a_full_disk_fails_the_case_and_leaves_nothing_half_written(tmp_path, patient):
    pytest.importorskip("resource", reason="file size limits stand in for a full disk")
    patient("small", array=ARRAY[:4] * 0 + 1000)
    patient("large", array=np.random.default_rng(1).integers(0, 60000, (8, 160, 160)))
    done = subprocess.run(
        [sys.executable, "-c", DISK_FULL, str(tmp_path / "in"), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "['small']" in done.stdout
    assert "cannot be written" in done.stdout
    assert not list((tmp_path / "out").rglob(".part-*"))
    assert [p.name for p in (tmp_path / "out/images").iterdir()] == ["small-CT.nii.gz"]
    # With room on the disk the next run makes up for it.
    assert sorted(run(tmp_path).manifest["patient_id"]) == ["large", "small"]


def two_echoes(phantoms, folder, rois, *, images=True, patient="P1") -> None:
    """Two echoes under one series UID; the contours name the images of the second."""
    for echo in (1, 2):

        def change(dataset, k, echo=echo):
            dataset.SeriesInstanceUID = phantoms.uid(patient, "both")
            dataset.EchoTime = str(15 * echo)
            return dataset

        name = f"e{echo}"
        phantoms.series(folder, ARRAY * echo, kind="MR", name=name, patient=patient, change=change)

    def refer(dataset):
        series = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        one = series.RTReferencedSeriesSequence[0]
        for k in range(len(ARRAY)) if images else ():
            image = pydicom.Dataset()
            image.ReferencedSOPInstanceUID = phantoms.uid(patient, "e2", k)
            one.ContourImageSequence.append(image)

    phantoms.rtstruct(folder / "rs", rois, name="both", patient=patient, change=refer)


def test_echoes_of_one_series_become_volumes_and_the_contours_find_theirs(tmp_path, phantoms, ball):
    two_echoes(phantoms, tmp_path / "in", {"GTV-1": ball})
    result = run(tmp_path)
    (row,) = result.manifest.to_dict("records")
    assert (row["case_id"], row["part"]) == ("P1-MR-te30-GTV-1", "te30")
    image = read_image(tmp_path / "out" / row["image"])
    np.testing.assert_array_equal(image.array, 2 * ARRAY)
    table = result.series.set_index("part")
    assert table["status"].to_dict() == {"te15": "no mask", "te30": "used"}
    assert table["te_ms"].to_dict() == {"te15": 15.0, "te30": 30.0}
    assert (result.findings["check"] == "split").sum() == 2


def test_contours_that_name_no_echo_are_not_guessed(tmp_path, phantoms, ball):
    two_echoes(phantoms, tmp_path / "in", {"GTV-1": ball}, images=False)
    result = run(tmp_path)
    assert len(result.manifest) == 0
    assert "names no image of one volume of its series, and fits 2 of them: te15, te30" in reasons(
        result
    )


def test_a_damaged_file_beside_two_echoes_costs_neither(tmp_path, phantoms, ball):
    two_echoes(phantoms, tmp_path / "in", {"GTV-1": ball})

    def lost(dataset, k):
        dataset.SeriesInstanceUID = phantoms.uid("P1", "both")
        del dataset.ImagePositionPatient
        return dataset

    phantoms.series(tmp_path / "in", ARRAY[:1], kind="MR", name="lost", change=lost)
    result = run(tmp_path)
    assert result.manifest["case_id"].tolist() == ["P1-MR-te30-GTV-1"]
    status = result.series.set_index("part")["status"].to_dict()
    assert status == {"te15": "no mask", "te30": "used", "damaged": "excluded"}


REPAIRS = {
    "tilt": (tilted, {"tilt": "correct"}, "gantry_tilt"),
    "missing": (drop(3), {"missing_slices": 1}, "missing_slices"),
    "uneven": (
        lambda dataset, k: uneven(dataset, k),
        {"spacing": "resample"},
        "increment",
    ),
}


def uneven(dataset, k):
    dataset.ImagePositionPatient = [0, 0, k * 3 + (0.5 if k > 4 else 0)]
    return dataset


@pytest.mark.parametrize("fault", REPAIRS)
def test_a_series_is_repaired_when_the_checks_allow_it_and_that_is_on_record(
    tmp_path, patient, fault
):
    change, volume, check = REPAIRS[fault]
    patient("P1", change=change)
    assert len(run(tmp_path).manifest) == 0
    result = run(tmp_path, checks={"volume": volume})
    (row,) = result.manifest.to_dict("records")
    assert row["repairs"].startswith(f"{check}: ")
    found = result.findings.set_index("check").loc[check]
    assert (found["severity"], bool(found["files"])) == ("warning", True)
    assert result.series["repairs"].tolist() == [row["repairs"]]
    made = read_json(tmp_path / "out/manifest.csv.provenance.json")
    assert volume.items() <= made["settings"]["checks"]["volume"].items()
    mask = read_mask(tmp_path / "out" / row["mask"])
    volume_ml = 3 * 3 * np.pi * 7.2**2 / 1000
    if fault == "tilt":  # planes 3 mm * cos(26.6 degrees) apart cut the contours obliquely
        assert mask.volume_ml == pytest.approx(volume_ml, rel=0.06)
    else:
        assert mask.volume_ml == pytest.approx(volume_ml, rel=0.02)


def test_an_unknown_repair_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"\[volume\] has no key 'tilts'; did you mean 'tilt'"):
        run(tmp_path, checks={"volume": {"tilts": "correct"}})


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder nobody may write in")
def test_a_folder_without_write_permission_is_refused(tmp_path, patient):
    patient("P1")
    with pytest.raises(InputError, match="cannot be written"):
        curate(tmp_path / "in", "/proc/curated")


def test_a_full_disk_at_the_last_tables_keeps_the_old_ones(tmp_path, patient, monkeypatch):
    patient("P1")
    run(tmp_path)
    before = (tmp_path / "out/quality.csv").read_bytes()
    patient("P2")

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left on device"):
        run(tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "out/quality.csv").read_bytes() == before
    assert not list((tmp_path / "out").rglob(".part-*"))
    assert sorted(run(tmp_path).manifest["patient_id"]) == ["P1", "P2"]


KILLED = """
import os, signal, sys
from radtool.curation import cases, curate
which, count = sys.argv[3], int(sys.argv[4])
calls = 0
plain = getattr(cases, which)

def killing(*args, **options):
    global calls
    calls += 1
    if calls == count:
        target = next((a for a in args if hasattr(a, "suffix")), None)
        if target is not None:  # half a file under its temporary name, as a writer leaves it
            target.parent.mkdir(parents=True, exist_ok=True)
            (target.parent / f".part-{count}{target.suffix}").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(*args, **options)

setattr(cases, which, killing)
curate(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize(
    ("which", "count"), [("write_image", 2), ("write_mask", 1), ("write_json", 2), ("sha256", 3)]
)
def test_a_killed_run_is_taken_up_to_the_same_bytes(tmp_path, patient, which, count):
    for name in ("P1", "P2", "P3"):
        patient(name)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "in"), str(tmp_path / "out"), which,
         str(count)],
        check=False,
    )  # fmt: skip
    assert killed.returncode == -9
    assert not (tmp_path / "out/manifest.csv").exists()
    run(tmp_path)
    curate(tmp_path / "in", tmp_path / "whole")
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "whole")


@pytest.mark.parametrize("same", [True, False], ids=["same pixels", "other pixels"])
def test_a_slice_sent_twice_under_two_uids(tmp_path, patient, same):
    folder = patient("P1")
    source = sorted((folder / "ct").iterdir())[3]
    again = pydicom.dcmread(source)
    again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    if not same:
        again.PixelData = again.PixelData[::-1]
    again.save_as(folder / "ct/zz")
    result = run(tmp_path)
    check = "identical_slices" if same else "duplicate_positions"
    found = result.findings.set_index("check").loc[check]
    assert (len(result.manifest), found["severity"]) == ((1, "warning") if same else (0, "error"))
    named = {name.rsplit("/", 1)[-1] for name in found["files"].split("; ")}
    assert named == ({"zz"} if same else {"zz", source.name})
