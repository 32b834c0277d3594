"""Archives are opened without trusting them."""

import io
import tarfile
import zipfile

import numpy as np
import pytest

from radtool.curation.archives import unpack
from radtool.curation.crawl import crawl
from radtool.errors import InputError


@pytest.fixture
def dicom(tmp_path, phantoms) -> bytes:
    (path,) = phantoms.series(tmp_path / "source", np.zeros((1, 4, 4)))
    return path.read_bytes()


def test_zip_names_cannot_choose_where_files_go(tmp_path, dicom):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../outside.dcm", dicom)
        file.writestr("/absolute.dcm", dicom)
        file.writestr("C:\\windows.dcm", dicom)
        file.writestr("notes.txt", "hello" * 50)
    found = unpack(archive, tmp_path / "work")
    assert len(found) == 3
    assert all(path.is_relative_to(tmp_path / "work") for path in found.values())
    assert not (tmp_path / "outside.dcm").exists()


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.xz", "tar.bz2"])
def test_tar_links_and_devices_are_passed_over(tmp_path, dicom, suffix):
    archive = tmp_path / f"a.{suffix}"
    mode = f"w:{suffix.partition('.')[2]}"
    with tarfile.open(archive, mode) as file:
        info = tarfile.TarInfo("../x/a.dcm")
        info.size = len(dicom)
        file.addfile(info, io.BytesIO(dicom))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            link = tarfile.TarInfo(f"link{kind!r}")
            link.type, link.linkname = kind, "/etc/passwd"
            file.addfile(link)
    assert list(unpack(archive, tmp_path / "work")) == ["../x/a.dcm"]


def test_bombs_are_refused_and_nothing_is_left(tmp_path):
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr("zeros", b"\0" * 50_000_000)
    with pytest.raises(InputError, match=r"bomb\.zip: 'zeros' is a decompression bomb"):
        unpack(archive, tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


FAST = {"gz": {"compresslevel": 6}, "xz": {"preset": 0}, "bz2": {"compresslevel": 1}}


@pytest.mark.parametrize("suffix", FAST)
def test_tar_bombs_are_refused_and_nothing_is_left(tmp_path, dicom, suffix):
    archive = tmp_path / f"bomb.tar.{suffix}"
    with tarfile.open(archive, f"w:{suffix}", **FAST[suffix]) as file:
        for k in range(5):
            info = tarfile.TarInfo(f"{k}.dcm")
            data = dicom[:200] + bytes(16_000_000)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    assert archive.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"bomb\.tar\..*'4\.dcm' unpacks to .* decompression bomb"):
        unpack(archive, tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_zip_that_promises_less_than_it_holds_writes_no_more(tmp_path, dicom):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", dicom + bytes(100_000))
    data = bytearray(archive.read_bytes())
    true, promised = (len(dicom) + 100_000).to_bytes(4, "little"), (500).to_bytes(4, "little")
    archive.write_bytes(bytes(data).replace(true, promised))
    try:
        (path,) = unpack(archive, tmp_path / "work").values()
    except InputError:
        return
    assert path.stat().st_size <= 500


def test_a_full_disk_is_not_called_a_damaged_archive(tmp_path, dicom, monkeypatch):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", dicom)

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("radtool.curation.archives._copy_dicom", full)
    with pytest.raises(InputError, match="cannot be unpacked .No space left on device"):
        unpack(archive, tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_an_unpacking_that_was_killed_is_done_again(tmp_path, dicom):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", dicom)
    (path,) = unpack(archive, tmp_path / "work").values()
    (path.parent / "members.json").unlink()  # written last
    path.write_bytes(b"half")
    (path,) = unpack(archive, tmp_path / "work").values()
    assert path.read_bytes() == dicom


def test_damaged_archives_are_findings_of_the_crawl(tmp_path, dicom):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/broken.zip").write_bytes(b"PK\x03\x04 not a zip")
    with zipfile.ZipFile(tmp_path / "in/good.zip", "w") as file:
        file.writestr("deep/er/a", dicom)
    found = crawl(tmp_path / "in", tmp_path / "work")
    assert [record.shown for record in found.records] == ["good.zip/deep/er/a"]
    ((name, reason),) = found.unreadable
    assert name == "broken.zip"
    assert "damaged or encrypted" in reason


def test_truncated_tar_leaves_nothing_half_unpacked(tmp_path, dicom):
    archive = tmp_path / "a.tar.gz"
    rng = np.random.default_rng(0)
    with tarfile.open(archive, "w:gz") as file:
        for k in range(3):
            data = dicom + rng.bytes(20_000)
            info = tarfile.TarInfo(f"{k}.dcm")
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        unpack(archive, tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_an_archive_is_unpacked_once(tmp_path, dicom):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", dicom)
    (first,) = unpack(archive, tmp_path / "work").values()
    before = first.stat().st_mtime_ns
    (again,) = unpack(archive, tmp_path / "work").values()
    assert again == first
    assert again.stat().st_mtime_ns == before
