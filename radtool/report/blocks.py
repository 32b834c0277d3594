"""What a report page is made of: sections of texts, tables, figures and folds."""

from __future__ import annotations

import base64
import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from markupsafe import Markup

from radtool.report.results import Cohort, FlowBox, Record

__all__ = [
    "Block",
    "Facts",
    "Figure",
    "Figures",
    "Flow",
    "Fold",
    "Section",
    "Sheet",
    "Table",
    "Text",
    "Verdict",
    "data_uri",
    "sheet_of",
    "slug",
]


def slug(text: str) -> str:
    """Make a text fit for an id or a file name.

    Examples
    --------
    >>> slug("Überleben (36 mo.)/<b>")
    'berleben-36-mo-b'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Numbers behind a table or figure, at full precision, for download.

    Parameters
    ----------
    header : tuple of str
        Column names.
    rows : tuple of tuple
        Cells: text, numbers or None.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def csv(self) -> str:
        """Return RFC 4180 text; a text that a spreadsheet would run as a formula is quoted by '."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow([_csv_cell(name) for name in self.header])
        writer.writerows([_csv_cell(cell) for cell in row] for row in self.rows)
        return out.getvalue()


def _csv_cell(cell: Any) -> Any:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, list | tuple):
        cell = " ".join(str(item) for item in cell)
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + cell
    return cell


def sheet_of(records: Iterable[Record], fields: Sequence[str]) -> Sheet:
    """Return the named fields of records as a sheet."""
    return Sheet(
        tuple(fields),
        tuple(tuple(getattr(record, name) for name in fields) for record in records),
    )


def data_uri(sheet: Sheet) -> str:
    """Return a sheet as a link target that holds the whole CSV."""
    data = base64.b64encode(sheet.csv().encode("utf-8-sig")).decode("ascii")
    return f"data:text/csv;charset=utf-8;base64,{data}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph.

    Parameters
    ----------
    text : str
        Plain text; escaped by the template.
    style : {"plain", "note", "warning"}
        How it looks.
    """

    kind: ClassVar[str] = "text"
    text: str
    style: Literal["plain", "note", "warning"] = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The plain answer of one endpoint, at the top of the report.

    Parameters
    ----------
    title, sentence : str
        Endpoint and answer.
    details : tuple of str
        Smaller sentences below.
    tone : {"gain", "loss", "none"}
        Colour of the edge.
    """

    kind: ClassVar[str] = "verdict"
    title: str
    sentence: str
    details: tuple[str, ...] = ()
    tone: Literal["gain", "loss", "none"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table to read, and the same numbers to download.

    Parameters
    ----------
    name : str
        File name of the download without ending; unique in the report.
    caption : str
        Above the table.
    columns : tuple of str
        Headings.
    rows : tuple of tuple of str
        Texts as shown.
    sheet : Sheet, optional
        Numbers at full precision; None: the shown texts.
    note : str
        Below the table.
    text_columns : int, default 1
        The first so many columns are left-aligned; the others hold numbers.
    emphasis : frozenset of int
        Rows printed bold.
    details : tuple of str
        One for each row, printed small below the last of the text columns; empty: none.
    """

    kind: ClassVar[str] = "table"
    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sheet: Sheet | None = None
    note: str = ""
    text_columns: int = 1
    emphasis: frozenset[int] = frozenset()
    details: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """Link target of the CSV download."""
        return data_uri(self.sheet or Sheet(self.columns, self.rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawing with a caption, and the numbers behind it.

    Parameters
    ----------
    name : str
        File name of the download without ending; unique in the report.
    svg : Markup
        The drawing; carries its own alternative text.
    caption : str
        Below the drawing.
    sheet : Sheet, optional
        Numbers behind it.
    """

    kind: ClassVar[str] = "figure"
    name: str
    svg: Markup
    caption: str
    sheet: Sheet | None = None

    @property
    def uri(self) -> str:
        """Link target of the CSV download; empty without numbers."""
        return data_uri(self.sheet) if self.sheet else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures side by side where there is room."""

    kind: ClassVar[str] = "figures"
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Short pairs of a word and a value."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Flow diagram: boxes top to bottom, who leaves to the right, cohorts at the end."""

    kind: ClassVar[str] = "flow"
    boxes: tuple[FlowBox, ...]
    ends: tuple[tuple[str, tuple[Cohort, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Blocks behind a summary line that a click opens; printed only when open."""

    kind: ClassVar[str] = "fold"
    summary: str
    blocks: tuple[Block, ...]


Block = Text | Verdict | Table | Figure | Figures | Facts | Flow | Fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the report with a heading.

    Parameters
    ----------
    name : str
        Anchor; unique in the report.
    title : str
        Heading.
    blocks : tuple of Block
        Content, in order.
    level : {2, 3}
        Heading level; 3 belongs to the endpoint above it.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    level: Literal[2, 3] = 2
