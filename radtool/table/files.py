"""Tables on disk: Parquet, CSV and Excel, read with exact keys, written whole."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from radtool.errors import InputError, TableError, listed
from radtool.files import atomic_path, write_json
from radtool.provenance import sidecar_path
from radtool.table.contracts import KEYS, as_key, check_manifest, refuse_twice

__all__ = ["read_manifest", "read_table", "write_table"]

# Besides what pandas, pyarrow (ValueError) and the disk say: of broken archives and XML in them.
_DAMAGE = (ValueError, OSError, EOFError, KeyError, SyntaxError, zipfile.BadZipFile, zlib.error)
_FORMATS = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".xlsx")


def read_table(
    path: str | os.PathLike[str],
    *,
    rename: Mapping[str, str] | None = None,
    missing: Collection[str] = (),
) -> pd.DataFrame:
    """Read a Parquet, CSV, TSV or Excel table; key columns stay text ("007" is not 7).

    Of an Excel file the first sheet is read; numbers that it stores as text are numbers. A CSV file
    may be separated by semicolons with decimal commas, as Excel writes it in much of Europe.

    Parameters
    ----------
    path : path-like
        The table.
    rename : mapping of str to str, optional
        The table's own column name -> the name that radtool uses; a column that is not there is
        passed over.
    missing : collection of str
        What stands for "not known" (``["unknown", "-", "999"]``), capitals or not, in all columns
        but the keys. Empty cells and ``NA``, ``n/a``, ``NaN``, ``null``, ``None`` always do.

    Raises
    ------
    InputError
        The file is missing or its format is unknown.
    TableError
        The file is not a readable table, is empty, or names a column twice.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    if not source.name.lower().endswith(_FORMATS):
        raise InputError(f"{source}: unknown table format; use {', '.join(_FORMATS)}")
    try:
        table = _read(source, rename or {}).rename(columns=dict(rename or {}))
    except UnicodeDecodeError as error:
        raise TableError(
            f"{source}: not UTF-8 text ({error}); save it as .xlsx or as 'CSV UTF-8'"
        ) from error
    except _DAMAGE as error:
        raise TableError(f"{source}: not a readable table ({error})") from error
    refuse_twice(table, str(source))
    return _without(table, {word.strip().lower() for word in missing}) if missing else table


def _read(source: Path, rename: Mapping[str, str]) -> pd.DataFrame:
    own = [name for name, ours in rename.items() if ours in KEYS]
    keys: dict[str, type] = dict.fromkeys((*KEYS, *own), str)
    name = source.name.lower()
    if name.endswith(".parquet"):
        return pd.read_parquet(source)
    if name.endswith(".xlsx"):
        table = pd.read_excel(source, dtype=keys)
        _refuse_renamed(table, lambda: pd.read_excel(source, header=None, nrows=1))
        return _with_numbers(table, keys)
    separator = "\t" if ".tsv" in name[-7:] else ","
    table = pd.read_csv(source, dtype=keys, sep=separator, float_precision="round_trip")
    if separator == "," and len(table.columns) == 1 and ";" in table.columns[0]:
        separator = ";"
        table = _with_numbers(pd.read_csv(source, dtype=keys, sep=";", decimal=","), keys)
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError(
            f"its rows have more cells than its header's {len(table.columns)}; name every column,"
            " and end no row with a separator"
        )
    _refuse_renamed(table, lambda: pd.read_csv(source, sep=separator, header=None, nrows=1))
    return table


def _refuse_renamed(table: pd.DataFrame, header: Callable[[], pd.DataFrame]) -> None:
    """Refuse a column named twice, of which pandas calls the second "age.1"."""
    names = set(map(str, table.columns))
    if any(re.sub(r"\.\d+$", "", name) in names - {name} for name in names):
        written = header().iloc[0].dropna().astype(str)
        if written.duplicated().any():
            raise ValueError(f"column named twice: {listed(written[written.duplicated()])}")


def _with_numbers(table: pd.DataFrame, keys: Collection[str]) -> pd.DataFrame:
    """Make numbers of the text columns that hold nothing else."""
    texts = [c for c in table.columns if c not in keys and table[c].dtype == object]
    return table.assign(**{column: _as_numbers(table[column]) for column in texts})


def _as_numbers(values: pd.Series) -> pd.Series:
    if any(not isinstance(value, str | int | float) for value in values.dropna()):
        return values.infer_objects()  # dates among them
    numbers = pd.to_numeric(values, errors="coerce")
    return numbers if numbers.notna().equals(values.notna()) else values


def _without(table: pd.DataFrame, words: Collection[str]) -> pd.DataFrame:
    """Empty the cells that hold one of the words; what is left of a column may be numbers."""
    changed = {}
    for column in table.columns.difference([*KEYS], sort=False):
        gone = table[column].map(lambda value: as_key(value).lower() in words)
        if gone.any():
            changed[column] = _as_numbers(table[column].mask(gone).astype(object))
    return table.assign(**changed)


def write_table(
    table: pd.DataFrame,
    path: str | os.PathLike[str],
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write a table atomically as Parquet or CSV by its suffix, with a provenance sidecar.

    CSV keeps 17 significant digits, a decimal point and Unix line ends everywhere.
    """
    target = Path(path)
    with atomic_path(target) as part:
        if target.suffix == ".parquet":
            table.to_parquet(part, index=False)
        elif target.suffix == ".csv":
            table.to_csv(part, index=False, lineterminator="\n", errors="backslashreplace")
        else:
            raise InputError(f"{target}: a table is written as .parquet or .csv")
    if provenance is not None:
        write_json(sidecar_path(target), provenance)


def read_manifest(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a manifest; image and mask paths come back absolute.

    Raises
    ------
    InputError, TableError
        See `read_table` and `check_manifest`.
    """
    source = Path(path)
    manifest = check_manifest(read_table(source), str(source))
    folder = source.resolve().parent
    for column in ("image", "mask"):
        manifest[column] = [str(folder / value) if value else "" for value in manifest[column]]
    return manifest
