"""Files are found whatever they are called, and read once."""

import importlib
import os
import zipfile

import numpy as np
import pydicom
import pytest

from radtool.curation import curate
from radtool.curation.crawl import crawl
from radtool.errors import InputError

crawling = importlib.import_module("radtool.curation.crawl")


def test_any_names_and_nesting(tmp_path, phantoms):
    phantoms.series(tmp_path / "in/a/b.c/ü x", np.zeros((3, 4, 4)))
    (tmp_path / "in/readme").write_text("hello")
    (tmp_path / "in/.hidden").write_bytes(next((tmp_path / "in/a/b.c/ü x").iterdir()).read_bytes())
    found = crawl(tmp_path / "in", tmp_path / "work")
    assert len(found.records) == 4
    assert found.other == 1
    assert {record.kind for record in found.records} == {"CT"}


def test_a_second_crawl_reads_only_what_changed(tmp_path, phantoms):
    paths = phantoms.series(tmp_path / "in", np.zeros((4, 4, 4)))
    assert crawl(tmp_path / "in", tmp_path / "work").reused == 0
    dataset = pydicom.dcmread(paths[0])
    dataset.Manufacturer = "OTHER COMPANY"
    dataset.save_as(paths[0])
    found = crawl(tmp_path / "in", tmp_path / "work")
    assert found.reused == 3
    changed = next(record for record in found.records if record.path == str(paths[0]))
    assert changed.attributes["manufacturer"] == "OTHER COMPANY"


def test_jobs_do_not_change_the_result(tmp_path, phantoms):
    for name in ("a", "b"):
        phantoms.series(tmp_path / "in", np.zeros((5, 4, 4)), name=name)
    one = crawl(tmp_path / "in", tmp_path / "w1", jobs=1)
    two = crawl(tmp_path / "in", tmp_path / "w2", jobs=2)
    assert one.records == two.records


def test_records_survive_the_cache(tmp_path, phantoms):
    phantoms.series(tmp_path / "in", np.zeros((2, 4, 4)))
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": [phantoms.circle((2, 2, 0), 1)]})
    first = crawl(tmp_path / "in", tmp_path / "work")
    again = crawl(tmp_path / "in", tmp_path / "work")
    assert again.reused == 3
    assert again.records == first.records


def test_damaged_headers_are_named(tmp_path, phantoms):
    paths = phantoms.series(tmp_path / "in", np.zeros((2, 4, 4)))
    paths[0].write_bytes(paths[0].read_bytes()[:300])
    found = crawl(tmp_path / "in", tmp_path / "work")
    assert len(found.records) == 1
    assert found.unreadable == [
        (paths[0].name, "header without SOPClassUID and Modality (truncated?)")
    ]


def test_old_files_without_preamble_are_found(tmp_path, phantoms):
    (path,) = phantoms.series(tmp_path / "in", np.zeros((1, 4, 4)))
    dataset = pydicom.dcmread(path)
    del dataset.file_meta
    dataset.preamble = None
    dataset.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert path.read_bytes()[:2] == b"\x08\x00"
    (record,) = crawl(tmp_path / "in", tmp_path / "work").records
    assert record.kind == "CT"
    assert record.slices


def test_a_damaged_cache_is_started_afresh(tmp_path, phantoms, caplog):
    phantoms.series(tmp_path / "in", np.zeros((2, 4, 4)))
    (tmp_path / "work").mkdir()
    (tmp_path / "work/headers.sqlite").write_bytes(b"not a database" * 100)
    assert len(crawl(tmp_path / "in", tmp_path / "work").records) == 2
    assert "is damaged" in caplog.text


def test_progress_ends_at_the_total(tmp_path, phantoms):
    phantoms.series(tmp_path / "in", np.zeros((3, 4, 4)))
    seen = []
    crawl(tmp_path / "in", tmp_path / "work", progress=lambda *step: seen.append(step))
    assert seen[-1] == (3, 3, "headers")


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        crawl(tmp_path / "absent", tmp_path / "work")


def test_a_link_that_leads_nowhere_is_named(tmp_path, phantoms):
    phantoms.series(tmp_path / "in", np.zeros((1, 4, 4)))
    (tmp_path / "in/lost").symlink_to(tmp_path / "absent")
    found = crawl(tmp_path / "in", tmp_path / "work")
    assert found.unreadable == [("lost", "a link that leads nowhere")]
    assert len(found.records) == 1


def test_a_folder_that_links_to_itself_ends(tmp_path, phantoms):
    phantoms.series(tmp_path / "in", np.zeros((1, 4, 4)))
    (tmp_path / "in/loop").symlink_to(tmp_path / "in", target_is_directory=True)
    assert len(crawl(tmp_path / "in", tmp_path / "work").records) == 1


def test_size_and_time_decide_what_is_read_again(tmp_path, phantoms, monkeypatch):
    """Only files whose size or time differs from the index are opened."""
    paths = phantoms.series(tmp_path / "in", np.zeros((4, 4, 4)))
    crawl(tmp_path / "in", tmp_path / "work")
    opened = []
    plain = crawling.read_stamped

    def noting(files):
        opened.extend(path for path, _, _ in files)
        return plain(files)

    monkeypatch.setattr(crawling, "read_stamped", noting)
    crawl(tmp_path / "in", tmp_path / "work")
    assert opened == []
    paths[0].write_bytes(paths[0].read_bytes() + bytes(2))
    state = paths[1].stat()
    os.utime(paths[1], ns=(state.st_atime_ns, state.st_mtime_ns + 1_000_000))
    paths[2].unlink()
    found = crawl(tmp_path / "in", tmp_path / "work")
    assert sorted(opened) == sorted(map(str, paths[:2]))
    assert (len(found.records), found.reused) == (3, 1)


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_names_of_an_old_archive_that_are_not_utf8_are_read(tmp_path, phantoms, pseudonyms):
    source = tmp_path / "in" / os.fsdecode(b"M\xfcller")
    try:
        source.mkdir(parents=True)
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    phantoms.series(source, np.full((12, 30, 30), 1000))
    circles = [phantoms.circle((15, 15, 3.0 * k), 6) for k in range(2, 9)]
    phantoms.rtstruct(source / "rs", {"GTV": circles})
    broken = phantoms.series(source / "broken", np.full((12, 30, 30), 1000), name="b", patient="P2")
    broken[5].write_bytes(broken[5].read_bytes()[:-100])
    with zipfile.ZipFile(source / "more.zip", "w") as archive:
        archive.write(broken[0], "a.dcm")
    first = curate(tmp_path / "in", tmp_path / "out", pseudonyms=pseudonyms)
    assert len(first.manifest) == 1
    assert len(first.failures) == 1
    assert curate(tmp_path / "in", tmp_path / "out", pseudonyms=pseudonyms).reused == 2
