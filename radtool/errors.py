"""Errors and warnings of radtool.

::

    Exception
    └── RadtoolError              anything radtool refuses or fails at, with words for the user
        ├── InputError            (ValueError) the input is wrong; the message says what to do
        │   ├── GeometryError     image and mask do not lie where they should
        │   ├── TableError        a manifest, feature table or outcome table is not one
        │   ├── ParameterError    a settings file or setting is unknown or out of range
        │   ├── DicomError        a DICOM file or series cannot be used
        │   └── SignatureError    a signature file is tampered with, too new or does not fit
        └── MissingPartError      (ImportError) an optional part is not installed

A bug (TypeError, AttributeError, …) is never a RadtoolError: it stops the run.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DicomError",
    "GeometryError",
    "InputError",
    "MissingPartError",
    "ParameterError",
    "RadtoolError",
    "RadtoolWarning",
    "SignatureError",
    "TableError",
    "did_you_mean",
    "listed",
    "quoted",
]

_MOST_SHOWN = 24


class RadtoolError(Exception):
    """Anything that radtool refuses or fails at, with words for the user."""


class InputError(RadtoolError, ValueError):
    """The input is wrong; the message says what, where and what to do."""


class GeometryError(InputError):
    """Image and mask do not lie where they should."""


class TableError(InputError):
    """A manifest, feature table or outcome table breaks its contract."""


class ParameterError(InputError):
    """A setting is unknown, missing or out of range."""


class DicomError(InputError):
    """A DICOM file or series cannot be used."""


class SignatureError(InputError):
    """A signature file is tampered with, too new, or does not fit the data."""


class MissingPartError(RadtoolError, ImportError):
    """An optional part of radtool is not installed; the message says how to get it."""


class RadtoolWarning(UserWarning):
    """The result is valid but may surprise; the message names the consequence."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return the tail of an error message that suggests the nearest allowed word.

    Parameters
    ----------
    word : str
        What was found.
    allowed : iterable of str
        What would have been accepted.

    Returns
    -------
    str
        ``"; did you mean 'x'?"`` when something is near, else the list of what is allowed (the
        first 24).

    Examples
    --------
    >>> did_you_mean("binWidth", ["bin_width", "bin_number"])
    "; did you mean 'bin_width'?"
    >>> did_you_mean("z", "abcdefghijklmnopqrstuvwxyz"[:-1])[-20:]
    ', v, w, x and 1 more'
    """
    options = sorted(allowed)
    folded = {option.lower().replace("_", ""): option for option in options}
    near = difflib.get_close_matches(str(word).lower().replace("_", ""), folded, n=1)
    if near:
        return f"; did you mean {folded[near[0]]!r}?"
    rest = f" and {len(options) - _MOST_SHOWN} more" if len(options) > _MOST_SHOWN else ""
    return f"; allowed: {', '.join(options[:_MOST_SHOWN])}{rest}"


def quoted(values: Iterable[object], most: int = 5) -> str:
    """Write the first few of some values for a message, and how many more there are.

    Examples
    --------
    >>> quoted(["P1", "P2", "P3"], most=2)
    "'P1', 'P2' and 1 more"
    """
    return listed((repr(str(value)) for value in values), most)


def listed(values: Iterable[object], most: int = 5) -> str:
    """Return the first values in words, as they are, and how many more there are."""
    values = list(values)
    shown = ", ".join(map(str, values[:most]))
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"
