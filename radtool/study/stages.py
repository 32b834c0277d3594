"""Work that is done once: a stage's value is stored with the key of all that went into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from radtool.errors import InputError
from radtool.files import encode, hash_of, read_json, write_json

__all__ = ["once"]


def once(path: Path, ingredients: Any, make: Callable[[], Any], *, resume: bool = True) -> Any:
    """Return the stored value when its ingredients are unchanged, else make and store it.

    Parameters
    ----------
    path : Path
        JSON file of the stage.
    ingredients : JSON value
        Everything that the value depends on: settings, versions, input hashes.
    make : callable
        Returns a JSON value; called only when needed.
    resume : bool, default True
        False makes it anew in any case.

    Returns
    -------
    JSON value
        Always as it reads back from the file, so that a resumed run equals an uninterrupted one.
    """
    key = hash_of(ingredients)
    stored = _stored(path) if resume else None
    if stored is None or stored.get("key") != key:
        stored = {"key": key, "value": encode(make())}
        write_json(path, stored)
    return stored["value"]


def _stored(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        document = read_json(path)
    except InputError:  # a broken cache is no cache
        return None
    return document if isinstance(document, dict) and "value" in document else None
