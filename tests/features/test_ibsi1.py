"""Every IBSI 1 reference value, compared at 3 significant digits with its own tolerance."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from radtool.features import diagnostics, extract, load_params
from radtool.features.catalogue import FAMILY_FEATURES
from radtool.image import Image, Mask
from radtool.io import read_image, read_mask

FAMILY = {
    "morphology": "morph",
    "local_intensity": "loc",
    "statistics": "stat",
    "intensity_histogram": "ih",
    "intensity_volume_histogram": "ivh",
    "diagnostic": "diagnostic",
}
AGGREGATION = {
    "2D, averaged": "2d_avg",
    "2D, slice-merged": "2d_merge",
    "2.5D, direction-merged": "25d_avg",
    "2.5D, merged": "25d_merge",
    "3D, averaged": "3d_avg",
    "3D, merged": "",
    "2D": "2d",
    "2.5D": "25d",
    "3D": "",
}
CONFIGURATIONS = ("digital_phantom", "A", "B", "C", "D", "E")
EXPECTED = {"digital_phantom": 482, "A": 406, "B": 406, "C": 270, "D": 270, "E": 270}
Key = tuple[str, str, str]


@cache
def references(shared: Path) -> dict[Key, list[dict[str, str]]]:
    """Reference rows by configuration, family and aggregation."""
    found: dict[Key, list[dict[str, str]]] = {}
    with (shared / "ibsi" / "ibsi1_reference.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["status"] in ("reference", "provisional"):
                key = (row["phantom_or_config"], row["family"], row["aggregation"])
                found.setdefault(key, []).append(row)
    return found


def groups() -> list[Key]:
    whole = ["morphology", "local_intensity", "statistics", "intensity_histogram"]
    whole.append("intensity_volume_histogram")
    made: list[Key] = []
    for name in CONFIGURATIONS:
        made += [(name, family, "3D") for family in whole]
        made += [(name, "diagnostic", "")] if name != "digital_phantom" else []
        flat, volume = name in ("digital_phantom", "A", "B"), name not in ("A", "B")
        pairs = ["2D, averaged", "2D, slice-merged", "2.5D, direction-merged", "2.5D, merged"]
        pairs = (pairs if flat else []) + (["3D, averaged", "3D, merged"] if volume else [])
        zones = (["2D", "2.5D"] if flat else []) + (["3D"] if volume else [])
        made += [(name, family, which) for family in ("glcm", "glrlm") for which in pairs]
        made += [
            (name, family, which)
            for family in ("glszm", "gldzm", "ngtdm", "ngldm")
            for which in zones
        ]
    return made


def phantom(shared: Path, name: str) -> tuple[Image, Mask]:
    kind = "digital" if name == "digital_phantom" else "ct_radiomics"
    folder = shared / "ibsi" / "data" / f"ibsi_1_{kind}_phantom" / "nifti"
    image = read_image(folder / "image" / "phantom.nii.gz")
    mask = read_mask(folder / "mask" / "mask.nii.gz", like=image.geometry)
    return image.with_array(np.rint(image.array)), mask


@cache
def computed(shared: Path, name: str) -> Mapping[str, float]:
    image, mask = phantom(shared, name)
    params = load_params(
        "ibsi_digital_phantom" if name == "digital_phantom" else f"ibsi_{name}".lower()
    )
    values = {**extract(image, mask, params).to_dict(), **diagnostics(image, mask, params)}
    tokens = (params.discretise[0].token, params.volume_histogram.token)
    for token in filter(None, tokens):
        values = {key.removesuffix(f"_{token}"): value for key, value in values.items()}
    return values


def column(row: Mapping[str, str]) -> str:
    if row["family"] == "diagnostic":
        return row["tag"]
    family = FAMILY.get(row["family"], row["family"])
    names = {definition.code: definition.name for definition in FAMILY_FEATURES[family]}
    parts = ("original", family, names[row["ibsi_code"]], AGGREGATION[row["aggregation"]])
    return "_".join(part for part in parts if part)


def matches(value: float, row: Mapping[str, str]) -> bool:
    reference, tolerance = float(row["value"]), float(row["tolerance"] or 0)
    # A few counts are tabulated with more than 3 digits (125256 voxels): they must agree in all.
    digits = max(3, len(row["value"].strip("-").removesuffix(".0").replace(".", "").strip("0")))
    rounded = float(f"{value:.{digits - 1}e}")
    return abs(rounded - reference) <= tolerance + 1e-9 * max(1.0, abs(reference))


@pytest.mark.parametrize("group", groups(), ids="-".join)
def test_every_value_of_the_group_matches(shared: Path, group: Key) -> None:
    values = computed(shared, group[0])
    rows = references(shared)[group]
    wrong = [
        f"{column(row)} = {values.get(column(row))}, reference {row['value']} ± {row['tolerance']}"
        for row in rows
        if column(row) not in values or not matches(values[column(row)], row)
    ]
    assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(wrong)


def test_the_groups_hold_every_reference(shared: Path) -> None:
    known = references(shared)
    assert set(known) == set(groups())
    counted = {
        name: sum(len(rows) for key, rows in known.items() if key[0] == name)
        for name in CONFIGURATIONS
    }
    assert counted == EXPECTED
    assert sum(counted.values()) == 2104
