"""radtool export: a mask as RTSTRUCT or SEG for a planning system, or as NIfTI or NRRD."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from radtool.cli.console import say
from radtool.errors import InputError

__all__ = ["export"]

_ENDINGS = {"nifti": (".nii", ".nii.gz"), "nrrd": (".nrrd",)}


def export(
    mask: Annotated[
        Path, typer.Argument(help="Mask: NIfTI, NRRD, RTSTRUCT or SEG.", show_default=False)
    ],
    reference: Annotated[
        Path, typer.Option("--reference", help="DICOM series that the mask belongs to.")
    ],
    out: Annotated[Path, typer.Option("--out", help="File to write.")],
    form: Annotated[
        Literal["rtstruct", "seg", "nifti", "nrrd"], typer.Option("--format", help="Kind of file.")
    ] = "rtstruct",
    roi: Annotated[
        str | None,
        typer.Option(help="Which ROI of a DICOM file; what to call that of a label image."),
    ] = None,
    label: Annotated[int | None, typer.Option(help="Which value of a label image.")] = None,
    algorithm: Annotated[
        str | None, typer.Option(help="Who made the mask; without it, it counts as manual.")
    ] = None,
) -> None:
    """Write a mask on the grid of a DICOM series, ready for another system."""
    from radtool.io import read_image, read_mask, write_mask, write_rtstruct, write_seg

    endings = _ENDINGS.get(form, ())
    if endings and not out.name.endswith(endings):
        raise InputError(f"{out}: --format {form} needs a name that ends in {' or '.join(endings)}")
    geometry = read_image(reference).geometry
    found = read_mask(mask, roi=roi, label=label, like=geometry)
    if form == "rtstruct":
        write_rtstruct([found], reference, out, algorithm=algorithm)
    elif form == "seg":
        write_seg([found], reference, out, algorithm=algorithm)
    else:
        write_mask(found, out)
    say(f"{out}: {found.roi}, {found.volume_ml:.2f} mL")
