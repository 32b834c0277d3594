"""The real pyradiomics behind the same call, for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from radtool.errors import InputError, MissingPartError
from radtool.features.pyradiomics.names import column_name
from radtool.features.pyradiomics.parameters import PyradiomicsParameters
from radtool.features.pyradiomics.resampling import to_itk
from radtool.image import Image, Mask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["extract_with_pyradiomics", "import_pyradiomics"]


def import_pyradiomics() -> Any:
    """Return pyradiomics' extractor class, or say how to install it.

    Raises
    ------
    MissingPartError
        pyradiomics is not installed.
    """
    try:
        from radiomics.featureextractor import RadiomicsFeatureExtractor
    except ImportError as error:
        raise MissingPartError(
            "pyradiomics is not installed; on Python 3.11 run"
            " `pip install numpy setuptools wheel` and then"
            " `pip install --no-build-isolation pyradiomics==3.0.1`"
        ) from error
    return RadiomicsFeatureExtractor


def extract_with_pyradiomics(image: Image, mask: Mask, params: PyradiomicsParameters) -> pd.Series:
    """Compute features with pyradiomics itself, into the same columns.

    Parameters
    ----------
    image, mask : Image, Mask
        As for `extract_pyradiomics`.
    params : PyradiomicsParameters
        Its content is given to pyradiomics unchanged, but for the label: the mask has one.

    Returns
    -------
    Series of float64
        Named with `column_name`; diagnostics are left out.

    Raises
    ------
    MissingPartError
        pyradiomics is not installed; the message has the two lines that install it.
    InputError
        pyradiomics refuses the case; the message has its words.
    """
    extractor = import_pyradiomics()(dict(params.raw))
    try:
        found = extractor.execute(
            to_itk(image.array, image.geometry),
            to_itk(mask.array, mask.geometry),
            label=1,
        )
    except ValueError as error:
        raise InputError(f"pyradiomics refuses mask {mask.roi!r}: {error}") from error
    row = {
        column_name(name): float(value)
        for name, value in found.items()
        if not name.startswith("diagnostics_")
    }
    import pandas as pd

    return pd.Series(row, dtype=np.float64)
