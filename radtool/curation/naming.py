"""Which ROI names mean what, and names that are safe as file names."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from radtool.errors import ParameterError
from radtool.io.records import RoiRecord

__all__ = ["Chosen", "RoiNames", "file_names", "safe_name"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A ROI and the name that it gets.

    Parameters
    ----------
    name : str
        Name in the manifest.
    roi : RoiRecord
        The ROI of the file.
    rivals : tuple of str, default ()
        Other ROIs of the same file that the same pattern fits; each keeps its own name.
    """

    name: str
    roi: RoiRecord
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoiNames:
    """Patterns that give ROIs their names.

    Parameters
    ----------
    patterns : tuple of (name, alternatives)
        ``("GTV", ("GTV-1", "GTV*"))``: alternatives are tried in turn, and the first that fits
        any ROI of a file decides. Empty: every ROI keeps its own name.

    Notes
    -----
    A pattern must fit the whole name, case ignored; ``*`` stands for any characters, ``?`` for
    one. So ``P1`` never fits ``P10``, and ``P1*`` does.
    """

    patterns: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, names: Mapping[str, str | Iterable[str]] | None) -> RoiNames:
        """Read a mapping of name to pattern, patterns, or ``"a|b"``.

        Raises
        ------
        ParameterError
            A name without a pattern.

        Examples
        --------
        >>> RoiNames.of({"GTV": "GTV*|gtv-1"}).patterns
        (('GTV', ('GTV*', 'gtv-1')),)
        """
        found = []
        for name, given in (names or {}).items():
            listed = given.split("|") if isinstance(given, str) else list(given)
            alternatives = tuple(one.strip() for one in listed if one and one.strip())
            if not alternatives or not name.strip():
                raise ParameterError(f"roi_names: {name!r} has no pattern; write for example GTV*")
            found.append((name.strip(), alternatives))
        return cls(tuple(found))

    def choose(self, rois: Sequence[RoiRecord]) -> list[Chosen]:
        """Return the ROIs of one file that are wanted, with their names."""
        if not self.patterns:
            return [Chosen(name, roi) for name, roi in _own_names(rois)]
        chosen = []
        for name, alternatives in self.patterns:
            fitting = _first_fitting(rois, alternatives)
            drawn = [roi for roi in fitting if roi.contours] or fitting
            if len(drawn) == 1:
                chosen.append(Chosen(name, drawn[0]))
                continue
            for own, roi in _own_names(drawn):
                rivals = tuple(other.name for other in drawn if other is not roi)
                chosen.append(Chosen(own, roi, rivals))
        return chosen


def _own_names(rois: Sequence[RoiRecord]) -> list[tuple[str, RoiRecord]]:
    names = [roi.name.strip() for roi in rois]
    return [
        (name if names.count(name) == 1 else f"{name} {roi.number}", roi)
        for name, roi in zip(names, rois, strict=True)
    ]


def _first_fitting(rois: Sequence[RoiRecord], alternatives: Iterable[str]) -> list[RoiRecord]:
    for pattern in alternatives:
        fitting = [roi for roi in rois if fits(roi.name, pattern)]
        if fitting:
            return fitting
    return []


def fits(name: str, pattern: str) -> bool:
    """Whether the whole name fits a pattern with ``*`` and ``?``, case ignored.

    Examples
    --------
    >>> fits("gtv-1", "GTV*"), fits("P10", "P1"), fits("GTV[1]", "GTV[1]")
    (True, False, True)
    """
    plain = pattern.strip().casefold().replace("[", "[[]")
    return fnmatch.fnmatchcase(name.strip().casefold(), plain)


def file_names(words: Iterable[str]) -> dict[str, str]:
    """Return a file name for each text, also where capitals do not count (Windows, macOS).

    Examples
    --------
    >>> file_names(["P1", "p1", "P2"])
    {'P1': 'P1-fbeae7', 'p1': 'p1-f64551', 'P2': 'P2'}
    """
    plain = {word: safe_name(word) for word in words}
    count = Counter(name.lower() for name in plain.values())
    return {
        word: name if count[name.lower()] == 1 else f"{name}-{_mark(word)}"
        for word, name in plain.items()
    }


def safe_name(words: str) -> str:
    """Return a file name made of letters, digits, ``.``, ``_`` and ``-`` that stays unique.

    A name that had to be changed ends in a short hash of the original, so that two patients never
    share a file.

    Examples
    --------
    >>> safe_name("LUNG1-001")
    'LUNG1-001'
    >>> safe_name("../a b")
    'a_b-2c2c79'
    """
    # No leading hyphen: a name that looks like an option is a trap for whoever lists files.
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", words).strip("._").lstrip("._-")[:80]
    if plain and plain == words:
        return plain
    mark = _mark(words)
    return f"{plain}-{mark}" if plain else mark


def _mark(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:6]
