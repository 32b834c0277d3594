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

try:
    import fcntl
except ImportError:  # Windows has no locks that end with their owner
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "atomic_path",
    "canonical_json",
    "decode",
    "encode",
    "hash_of",
    "read_json",
    "sha256",
    "sweep",
    "write_bytes",
    "write_json",
    "write_text",
]

_PART = ".part-"


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], *, mode: int | None = None) -> Iterator[Path]:
    """Give a temporary path beside `path`, moved over it only when the block ends well.

    The temporary name keeps every suffix of `path` (writers choose a format by it). After an error
    or a kill the old file, if any, is untouched. What a kill leaves half-written is taken over by
    the next writer of the same file, so that interrupted runs do not fill the disk.

    Parameters
    ----------
    path : path-like
        Where the finished file shall be; its folder is made if needed.
    mode : int, optional
        Permissions of the finished file; by default those that the umask leaves. Until it is
        finished only the owner can read it.

    Yields
    ------
    pathlib.Path
        Where to write.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, part = _part_of(final)
    try:
        yield part
        part.chmod(0o666 & ~_umask() if mode is None else mode)
        part.replace(final)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, os.fspath(part)):
            error.filename = os.fspath(final)
        raise
    finally:
        if handle is not None:
            os.close(handle)


def sweep(folder: str | os.PathLike[str]) -> None:
    """Delete what killed runs left half-written in a folder; files being written now stay."""
    for part in Path(folder).glob(f"{_PART}*"):
        handle = _locked(part, os.O_RDWR)
        if handle is not None:
            part.unlink(missing_ok=True)
            os.close(handle)


def _part_of(final: Path) -> tuple[int | None, Path]:
    """Make the temporary file of a file; the handle, where there is one, holds its lock.

    A name of its own for each file, and a lock that ends with its owner, tell what is left over
    from what another process is writing at this moment; for the latter, and where there are no
    locks, a name by chance.
    """
    suffix = "".join(final.suffixes[-2:])[-32:]
    own = hashlib.sha256(os.fsencode(final.name)).hexdigest()[:16]
    part = final.with_name(f"{_PART}{own}{suffix}")
    handle = _locked(part, os.O_RDWR | os.O_CREAT)
    if handle is not None:
        return handle, part
    other, name = tempfile.mkstemp(prefix=_PART, suffix=suffix, dir=final.parent)
    os.close(other)
    part = Path(name)
    return _locked(part, os.O_RDWR), part


def _locked(part: Path, flags: int) -> int | None:
    """Open a file and lock it; None when it is another's, gone, or there are no locks here."""
    if fcntl is None:
        return None
    try:
        handle = os.open(part, flags | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.lstat(part)):
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes atomically."""
    with atomic_path(path) as part:
        part.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text atomically, with Unix line ends on every system.

    The half characters that Python makes of file names that are not UTF-8 are written as JSON
    writes them, so that they come back when JSON is read.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


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
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a value as readable JSON (two spaces, keys in the order given), atomically."""
    text = json.dumps(encode(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read JSON, or say which file is broken and where.

    Raises
    ------
    InputError
        The file is missing or is not JSON, names a key twice, or nests deeper than anything that
        radtool writes.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=_once_each, parse_constant=_refuse)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except RecursionError as error:
        raise InputError(f"{path}: not JSON of radtool (nested too deep)") from error
    except ValueError as error:  # also bytes that are no text, and numbers of thousands of digits
        raise InputError(f"{path}: not JSON ({error})") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is given twice")
    return found
