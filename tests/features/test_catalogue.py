from __future__ import annotations

from pathlib import Path

import pytest

from radtool.features import catalogue, load_params
from radtool.features.catalogue import FAMILY_FEATURES

PAGE = Path(__file__).parents[2] / "docs" / "features.md"
MARK = "<!-- catalogue -->\n"


def generated() -> str:
    table = catalogue()
    table = table[table["convention"] == "ibsi"].drop_duplicates(["family", "name"])
    lines = ["", "| family | feature | IBSI code | unit |", "|---|---|---|---|"]
    for row in table.itertuples():
        note = "" if row.standardised else " (not standardised)"
        lines.append(f"| {row.family} | `{row.name}`{note} | {row.code} | {row.unit} |")
    return "\n".join(lines) + "\n"


def test_the_page_lists_the_features_of_the_engine() -> None:
    assert PAGE.read_text(encoding="utf-8").split(MARK)[1] == generated()


def test_the_page_explains_every_key_of_a_parameter_file() -> None:
    page = PAGE.read_text(encoding="utf-8")
    settings = load_params("ct_ibsi").to_dict()
    keys = [*settings, *settings["resample"], *settings["resegment"], *settings["neighbourhood"]]
    keys += [*settings["aggregation"], *settings["discretise"][0]]
    missing = [key for key in keys if f"{key}`" not in page and f"`{key}." not in page]
    assert not missing


@pytest.mark.parametrize("family", FAMILY_FEATURES)
def test_names_are_identifiers_and_codes_are_known(family: str) -> None:
    for definition in FAMILY_FEATURES[family]:
        assert f"original_{family}_{definition.name}".isidentifier()
        assert definition.code.replace("/", "").isalnum()
        assert definition.name == definition.name.lower()
