"""radtool compare-masks: how well two masks agree."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import say, say_json

__all__ = ["compare_masks"]

_LABELS = {
    "dsc": "Dice",
    "jaccard": "Jaccard",
    "precision": "precision",
    "recall": "recall",
    "hd": "Hausdorff distance, mm",
    "hd95": "Hausdorff distance 95 %, mm",
    "msd": "mean surface distance, mm",
    "surface_dsc": "surface Dice at {tolerance:g} mm",
    "added_path_length": "added path length, mm",
    "volume_reference_ml": "volume of the reference, mL",
    "volume_other_ml": "volume of the other, mL",
    "volume_difference_ml": "difference, mL",
}


def compare_masks(
    reference: Annotated[Path, typer.Argument(help="The true mask.", show_default=False)],
    other: Annotated[Path, typer.Argument(help="The mask to judge.", show_default=False)],
    tolerance_mm: Annotated[float, typer.Option(help="Tolerance of the surface Dice.")] = 1.18,
    roi: Annotated[str | None, typer.Option(help="Which ROI of files with several.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One line of JSON instead.")] = False,
) -> None:
    """Compare two masks: overlap, surface distances, added path length, volumes."""
    from radtool.io import read_mask
    from radtool.segmentation import compare_masks as compare

    result = asdict(
        compare(read_mask(reference, roi=roi), read_mask(other, roi=roi), tolerance_mm=tolerance_mm)
    )
    if json:
        say_json(result)
        return
    for key, label in _LABELS.items():
        say(f"{label.format(**result):<30} {result[key]:.4g}")
