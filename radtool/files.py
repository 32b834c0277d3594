"""Files written whole or not at all, JSON that is always the same bytes, and hashes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from radtool.errors import InputError

__all__ = [
    "atomic_path",
    "canonical_json",
    "decode",
    "encode",
    "hash_of",
    "read_json",
    "sha256",
    "write_bytes",
    "write_json",
    "write_text",
]


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`, moved over it only when the block ends well.

    The temporary name keeps every suffix of `path` (writers choose a format by it). After an error
    or a kill the old file, if any, is untouched.

    Parameters
    ----------
    path : path-like
        Where the finished file shall be; its folder is made if needed.

    Yields
    ------
    pathlib.Path
        Where to write.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    suffix = "".join(final.suffixes[-2:])
    handle, name = tempfile.mkstemp(prefix=".part-", suffix=suffix, dir=final.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        part.replace(final)
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes atomically."""
    with atomic_path(path) as part:
        part.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text atomically, with Unix line ends on every system."""
    write_bytes(path, text.encode("utf-8"))


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encode(value: Any) -> Any:
    """Turn numpy, mappings, tuples and sets into plain JSON values; NaN and infinities kept.

    Arrays become ``{"dtype": ..., "data": [...]}`` so that `decode` gives back the same array.
    Floats keep all their digits (JSON writes the shortest text that reads back exactly);
    NaN is null inside arrays, infinities the texts "inf" and "-inf".
    """
    if isinstance(value, np.ndarray):
        document = {"dtype": str(value.dtype), "data": [encode(item) for item in value.tolist()]}
        # Nested lists say the shape of any array but an empty one of several axes.
        return (
            document if value.size or value.ndim < 2 else {**document, "shape": list(value.shape)}
        )
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(encode(item) for item in value)
    if isinstance(value, Path):
        return value.as_posix()
    return value


def decode(value: Any) -> Any:
    """Undo `encode`: arrays come back as arrays, mappings and lists as such."""
    if isinstance(value, Mapping):
        if set(value) == {"dtype", "data"}:
            return _array(value["data"], value["dtype"])
        if set(value) == {"dtype", "data", "shape"}:
            return np.empty(value["shape"], dtype=value["dtype"])
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def _array(data: Any, dtype: str) -> np.ndarray:
    kind = np.dtype("O") if dtype == "object" else np.dtype(dtype)
    if kind.kind != "f":
        return np.array(data, dtype=kind)
    return np.array(_restore(data), dtype=kind)


def _restore(value: Any) -> Any:
    if isinstance(value, list):
        return [_restore(item) for item in value]
    return np.nan if value is None else float(value)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": (1.5, None)})
    '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(
        encode(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def hash_of(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a value as readable JSON (two spaces, keys in the order given), atomically."""
    text = json.dumps(encode(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read JSON, or say which file is broken and where.

    Raises
    ------
    InputError
        The file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not JSON ({error})") from error
