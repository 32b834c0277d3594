"""Every feature there is: name, IBSI code, family, unit, aggregations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radtool.features import (
    glcm,
    histogram,
    morphology,
    neighbourhoods,
    peaks,
    runs,
    statistics,
    volume_histogram,
    zones,
)
from radtool.features.definitions import Definition
from radtool.features.pyradiomics.names import CLASSES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FAMILY_FEATURES", "PAIR_AGGREGATIONS", "ZONE_AGGREGATIONS", "catalogue"]

FAMILY_FEATURES: dict[str, tuple[Definition, ...]] = {
    "morph": morphology.FEATURES,
    "loc": peaks.FEATURES,
    "stat": statistics.FEATURES,
    "ih": histogram.FEATURES,
    "ivh": volume_histogram.FEATURES,
    "glcm": glcm.FEATURES,
    "glrlm": runs.FEATURES,
    "glszm": zones.SIZE_FEATURES,
    "gldzm": zones.DISTANCE_FEATURES,
    "ngtdm": neighbourhoods.DIFFERENCE_FEATURES,
    "ngldm": neighbourhoods.DEPENDENCE_FEATURES,
}
# IBSI codes of the aggregations.
PAIR_AGGREGATIONS = {
    "2d_avg": "BTW3",
    "2d_merge": "SUJT",
    "25d_avg": "JJUI",
    "25d_merge": "ZW7Z",
    "3d_avg": "ITBB",
    "3d_merge": "IAZD",
}
ZONE_AGGREGATIONS = {"2d": "8QNN", "25d": "62GR", "3d": "KOBO"}


def catalogue() -> pd.DataFrame:
    """Return one row for each feature and aggregation, in the order in which they are extracted.

    Returns
    -------
    DataFrame
        ``convention`` ("ibsi", "pyradiomics", or "deep" for the one row that stands for every
        embedding), ``family``, ``name``, ``aggregation`` (as a
        parameter file writes it; "" where there is only one), ``code`` (IBSI feature code),
        ``aggregation_code`` (IBSI), ``unit``, and ``standardised``: whether IBSI has reference
        values for it.

    Examples
    --------
    >>> table = catalogue()
    >>> table[table["code"] == "Q4LE"][["family", "name", "unit"]].values.tolist()
    [['stat', 'mean', 'intensity']]
    """
    import pandas as pd

    rows = [
        ("ibsi", family, feature.name, aggregation, feature.code, code, feature.unit,
         feature.standardised)
        for family, features in FAMILY_FEATURES.items()
        for aggregation, code in aggregations_of(family).items()
        for feature in features
    ]  # fmt: skip
    rows += [
        ("pyradiomics", family, name, "", "", "", "", False)
        for family, names in CLASSES.items()
        for name in names
    ]
    rows.append(("deep", "deep", "<model>_<number>", "", "", "", "1", False))
    columns = ["convention", "family", "name", "aggregation", "code", "aggregation_code", "unit"]
    return pd.DataFrame(rows, columns=[*columns, "standardised"])


def aggregations_of(family: str) -> dict[str, str]:
    """Return aggregation -> IBSI code of a family."""
    if family in ("glcm", "glrlm"):
        return PAIR_AGGREGATIONS
    if family in ("glszm", "gldzm", "ngtdm", "ngldm"):
        return ZONE_AGGREGATIONS
    return {"": "DHQ4"}
