"""Radiomics and outcome modelling: from scans and outcomes to a validated signature.

For research use; not a medical device. The names below are imported when first used, so that
``import radtool`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "radtool.curation": ("contact_sheet", "curate"),
    "radtool.demo": ("write_cohort",),
    "radtool.errors": (
        "DicomError",
        "GeometryError",
        "InputError",
        "MissingPartError",
        "ParameterError",
        "RadtoolError",
        "RadtoolWarning",
        "SignatureError",
        "TableError",
    ),
    "radtool.features": ("catalogue", "extract", "extract_cohort", "load_params"),
    "radtool.harmonization": ("ComBat",),
    "radtool.image": ("Geometry", "Image", "Mask"),
    "radtool.io": ("read_image", "read_mask", "write_image", "write_mask"),
    "radtool.models": (
        "Block",
        "CoxSignature",
        "MarkerSignature",
        "cross_validate",
        "load_signature",
        "validate",
    ),
    "radtool.segmentation": ("compare_masks", "segment"),
    "radtool.selection": (
        "CorrelationFilter",
        "StabilityFilter",
        "Standardize",
        "UnivariateCoxFilter",
        "UnivariateMarkerFilter",
        "VarianceFilter",
        "VolumeFilter",
    ),
    "radtool.study": ("plan_study", "run_study"),
    "radtool.table": (
        "Endpoint",
        "Study",
        "feature_columns",
        "join",
        "read_manifest",
        "read_table",
        "write_table",
    ),
}
_WHERE = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted([*_WHERE, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'radtool' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return __all__
