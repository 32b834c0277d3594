from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from radtool.errors import InputError
from radtool.files import (
    atomic_path,
    canonical_json,
    decode,
    encode,
    hash_of,
    read_json,
    sweep,
    write_json,
)
from radtool.files import sha256 as file_hash


def test_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as part:  # noqa: PT012 - the block fails
        part.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_temporary_name_keeps_the_format_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "image.nii.gz") as part:
        assert part.name.endswith(".nii.gz")


def test_arrays_come_back_bit_for_bit() -> None:
    values = {
        "x": np.array([0.1, np.nan, -np.inf, 1e-320]),
        "k": np.array([1, 2], dtype=np.int32),
        "b": np.array([True, False]),
        "s": np.array(["a", "b"], dtype=object),
        "n": [1, "two", None],
    }
    back = decode(encode(values))
    for name in "xkbs":
        np.testing.assert_array_equal(back[name], values[name])
        assert back[name].dtype == values[name].dtype
    assert back["n"] == values["n"]


def test_hash_does_not_depend_on_key_order() -> None:
    assert hash_of({"a": 1, "b": np.float64(2.0)}) == hash_of({"b": 2.0, "a": 1})


def test_canonical_json_refuses_no_value_of_ours() -> None:
    assert canonical_json({"p": Path("a/b"), "s": {2, 1}}) == '{"p":"a/b","s":[1,2]}'


def test_json_round_trip_and_broken_file(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"é": 1.5})
    assert read_json(tmp_path / "x.json") == {"é": 1.5}
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json: not JSON"):
        read_json(tmp_path / "x.json")


def test_sha256_of_abc_is_the_published_one(tmp_path: Path) -> None:
    # FIPS 180-4 example
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_hash(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_an_empty_array_of_two_axes_keeps_its_shape():
    again = decode(json.loads(canonical_json(np.zeros((0, 3)))))
    assert again.shape == (0, 3)
    assert again.dtype == float


def test_what_a_kill_left_is_taken_over_by_the_next_writer_of_the_same_file(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from radtool.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    target = tmp_path / "a.json"
    for _ in range(3):
        subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert len(list(tmp_path.iterdir())) == 1  # one left over, however often it was killed
    write_json(target, {"a": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert read_json(target) == {"a": 1}


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_path(target) as first:
        first.write_text("first")
        with atomic_path(target) as second:
            second.write_text("second")
            assert second != first
        sweep(tmp_path)  # what is being written stays
        assert target.read_text() == "second"
        first.write_text("first, finished later")
    assert target.read_text() == "first, finished later"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "a.txt", tmp_path / "elsewhere"
    with atomic_path(target) as part:
        part.write_text("1")
    elsewhere.write_text("mine")
    part.symlink_to(elsewhere)
    with atomic_path(target) as other:
        other.write_text("2")
    assert (elsewhere.read_text(), target.read_text()) == ("mine", "2")


def test_sweeping_deletes_what_is_left_over_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".part-old.nii.gz").write_text("half")
    (tmp_path / "whole.txt").write_text("whole")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["whole.txt"]


def test_a_private_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "key.csv", mode=0o600) as part:
        assert part.stat().st_mode & 0o077 == 0
        part.write_text("secret")
    assert (tmp_path / "key.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested too deep"),
        ('{"a": ' + "9" * 6000 + "}", "not JSON"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"threshold": 1, "threshold": 2}', "'threshold' is given twice"),
    ],
)
def test_hostile_json_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_json(path)


def test_a_folder_is_not_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_json(tmp_path)


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys; from radtool.files import write_bytes\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_bytes(sys.argv[1], bytes(10_000))\n"
        "except OSError as error: print(error.filename)\n"
    )
    target = tmp_path / "a.bin"
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(target)
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_not_utf8_are_written_and_come_back(tmp_path: Path) -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    write_json(tmp_path / "a.json", {"file": name})
    assert read_json(tmp_path / "a.json") == {"file": name}
    assert hash_of(name) != hash_of("caf")
