"""Every page is reachable from the README and no link of ours leads nowhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def prose(page: Path) -> str:
    if page.suffix == ".ipynb":
        cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
        return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Anchors that a forge makes of headings: lower case, no punctuation, dashes for spaces."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


def own_links(page: Path) -> list[tuple[Path, str]]:
    found = []
    for link in LINK.findall(prose(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        found.append(((page.parent / path).resolve() if path else page, anchor))
    return found


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in own_links(page):
        assert target.exists(), f"{page.name} links to {target.name}, which is not there"
        assert not anchor or anchor in anchors(target), (
            f"{page.name}: no #{anchor} in {target.name}"
        )


def test_every_page_is_reachable_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        if page.suffix == ".md":
            ahead += [target for target, _ in own_links(page)]
    lost = [p.name for p in (ROOT / "docs").glob("*.md") if p not in reached]
    assert lost == []


def test_pages_that_are_named_in_words_exist() -> None:
    named = re.compile(r"`((?:docs|examples|notebooks|params|benchmarks)/[\w./-]+\.\w+)`")
    for page in [*PAGES, *NOTEBOOKS]:
        for name in named.findall(prose(page)):
            assert (ROOT / name).exists(), f"{page.name} names {name}, which is not there"
    beside = re.compile(r"`(\d\d_\w+\.ipynb)`")
    for page in NOTEBOOKS:
        for name in beside.findall(prose(page)):
            assert (page.parent / name).exists(), f"{page.name} names {name}, which is not there"


def test_the_shown_studies_of_the_docs_are_valid() -> None:
    """Study files in the README and the docs use keys that exist."""
    import yaml

    from radtool.settings import parse_settings
    from radtool.study.config import StudySettings

    shown = [
        block
        for page in PAGES
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
        if block.startswith("title:")
    ]
    assert shown
    for block in shown:
        parse_settings(StudySettings, yaml.safe_load(block), "shown")
