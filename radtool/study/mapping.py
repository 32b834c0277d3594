"""Feature maps of one image and mask, from files to files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radtool.errors import InputError, ParameterError
from radtool.features import MapPlan, Parameters, load_params, plan_maps
from radtool.files import write_json
from radtool.io import files_of, read_image, read_mask, write_image
from radtool.models import load_signature
from radtool.provenance import provenance
from radtool.study.extraction import parameters_from
from radtool.table import feature_columns

__all__ = ["MapRequest", "map_request", "write_maps"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRequest:
    """Which maps, of what.

    Parameters
    ----------
    image, mask : Path
        Files.
    params : Parameters
        How to process.
    columns : tuple of str
        Which features.
    roi : str, optional
        Which ROI of a mask with several.
    radius : int, default 1
        The neighbourhood is a cube of 2 radius + 1 voxels.
    masked : bool, default True
        Whether only voxels of the region count.
    """

    image: Path
    mask: Path
    params: Parameters
    columns: tuple[str, ...]
    roi: str | None = None
    radius: int = 1
    masked: bool = True

    def plan(self) -> MapPlan:
        """Read both files and prepare the region.

        Raises
        ------
        RadtoolError
            A file cannot be read, or `radtool.features.plan_maps` refuses.
        """
        image = read_image(self.image)
        mask = read_mask(self.mask, roi=self.roi, like=image.geometry)
        return plan_maps(
            image, mask, self.params, self.columns, radius=self.radius, masked=self.masked
        )


def map_request(
    image: Path,
    mask: Path,
    *,
    params: str | None = None,
    columns: Sequence[str] = (),
    signature: Path | None = None,
) -> MapRequest:
    """Return the maps of the named features, or of those that a signature uses.

    Raises
    ------
    InputError
        Neither parameters with features nor a signature is given, or the signature holds no
        extraction parameters or no feature.
    ParameterError
        The parameters are those of pyradiomics.
    """
    if signature is not None:
        frozen = load_signature(signature)
        if frozen.extraction_ is None:
            raise InputError(f"{signature} does not hold its extraction parameters")
        settings = parameters_from(dict(frozen.extraction_))
        given = list(columns) or _mapped(frozen.inputs_)
    elif params is not None and columns:
        settings, given = load_params(params), list(columns)
    else:
        raise InputError("give either --params and --feature, or --signature")
    if not isinstance(settings, Parameters):
        raise ParameterError(
            "maps are made in the ibsi convention; choose parameters of it, such as ct_ibsi"
        )
    if not given:
        raise InputError(f"{signature} uses no feature that has a map (shape has none)")
    return MapRequest(image=image, mask=mask, params=settings, columns=tuple(given))


def _mapped(inputs: Sequence[str]) -> list[str]:
    """Features that have a map."""
    without = ("morph", "loc", "ivh", "deep")
    columns = feature_columns(pd.DataFrame(columns=list(inputs)))
    return [
        column for column in columns if not any(f"_{part}_" in f"_{column}" for part in without)
    ]


def write_maps(
    request: MapRequest,
    plan: MapPlan,
    out: Path,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Path]:
    """Compute the maps of a plan, then write them; an interrupted run writes nothing.

    Parameters
    ----------
    request : MapRequest
        What was asked for; goes into ``maps.json``, with the hashes of both files.
    plan : MapPlan
        Of ``request.plan()``.
    out : Path
        Folder for ``<column>.nii.gz``, float32, NaN outside the region.
    jobs, progress
        See `radtool.features.MapPlan.compute`.

    Returns
    -------
    list of Path
        The images.
    """
    maps = plan.compute(jobs=jobs, progress=progress)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for column, found in maps.items():
        target = out / f"{column}.nii.gz"
        write_image(found.with_array(found.array.astype(np.float32)), target)
        written.append(target)
    settings = {
        "extraction": request.params.to_dict(),
        "columns": list(maps),
        "radius": request.radius,
        "masked": request.masked,
        "roi": request.roi or "",
    }
    read = [
        file
        for path in (request.image, request.mask)
        for file in ([path] if path.is_dir() else files_of(path))
    ]
    write_json(out / "maps.json", provenance(settings, read, root=out))
    return written
