from __future__ import annotations

import json
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
