"""Results -> one HTML document that needs nothing but a browser."""

from __future__ import annotations

import functools
from dataclasses import replace

import jinja2
from markupsafe import Markup, escape

from radtool.report.blocks import Section, Text
from radtool.report.results import EndpointResults, StudyResults
from radtool.report.sections import AFTER, BEFORE, ENDPOINT
from radtool.report.wording import heading

__all__ = ["page", "render"]


def render(results: StudyResults) -> str:
    """Write the report of a study as one self-contained HTML document.

    A pure function: equal results give equal text. No script, style, font or picture is fetched
    from anywhere, and every text that came from data is escaped.

    Parameters
    ----------
    results : StudyResults
        What was found; parts that are missing are left out and listed at the end.

    Returns
    -------
    str
        HTML5, UTF-8 when written to a file.

    Examples
    --------
    >>> html = render(StudyResults(title="A <b>bold</b> study"))
    >>> "A &lt;b&gt;bold&lt;/b&gt; study" in html
    True
    """
    whole = StudyResults.from_dict(results.to_dict())
    sections: list[Section] = []
    absent: list[str] = []
    for name, part in BEFORE:
        _add(part(whole), name, sections, absent)
    for i, endpoint in enumerate(whole.endpoints):
        sections += _endpoint(endpoint, i, absent)
    for name, part in AFTER:
        _add(part(whole), name, sections, absent)
    if not whole.synthetic and "Truth and what was recovered" in absent:
        absent.remove("Truth and what was recovered")
    if absent:
        words = Text(text="; ".join(absent) + ".")
        sections.append(Section(name="absent", title="Not part of this run", blocks=(words,)))
    return page(
        whole.title,
        sections,
        synthetic=whole.synthetic,
        subtitle="Study report",
        generated=whole.generated,
    )


def _add(section: Section | None, name: str, sections: list[Section], absent: list[str]) -> None:
    if section is None:
        absent.append(name)
    else:
        sections.append(section)


def _endpoint(endpoint: EndpointResults, i: int, absent: list[str]) -> list[Section]:
    title = heading(endpoint.question)
    inner: list[Section] = []
    missing: list[str] = []
    for name, part in ENDPOINT:
        _add(part(endpoint), name, inner, missing)
    unasked = {"In detail", "Risk groups" if endpoint.question.kind == "marker" else ""}
    missing = [name for name in missing if name not in unasked | {"Precision–recall"}]
    absent += [f"{title}: {name.lower() if name != 'ROC' else name}" for name in missing]
    if not inner:
        return []
    head = Section(name=f"e{i + 1}", title=title, blocks=())
    return [head, *(replace(section, name=f"e{i + 1}-{section.name}") for section in inner)]


def page(
    title: str,
    sections: list[Section],
    *,
    subtitle: str = "",
    synthetic: bool = False,
    generated: str = "",
) -> str:
    """Lay out sections as one self-contained HTML document.

    Parameters
    ----------
    title, subtitle : str
        Head of the page.
    sections : list of Section
        In order; names are the anchors.
    synthetic : bool, default False
        Say in the head that the data are not of patients.
    generated : str
        Declared time stamp; empty: none is printed.
    """
    template = _environment().get_template("page.html")
    return template.render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        synthetic=synthetic,
        generated=generated,
    )


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("radtool.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    return environment


def _breakable(text: str) -> Markup:
    """Escape a text and let a long name break after an underscore."""
    safe = escape(text)
    return Markup(safe.replace("_", Markup("_<wbr>"))) if len(text) > 24 else safe
