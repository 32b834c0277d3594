"""radtool segment: masks where nobody drew any; radtool segment train: the model behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from radtool.cli.console import finish, progress_bar, say
from radtool.errors import InputError

__all__ = ["segment"]

segment = typer.Typer(
    help="Segment lung tumours on CT, or train the model that does.",
    invoke_without_command=True,
    no_args_is_help=True,
    add_completion=False,
)


@segment.callback()
def run(
    context: typer.Context,
    image: Annotated[Path | None, typer.Option(help="One CT: file or DICOM folder.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Manifest; cases without a mask get one.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Mask file for --image; folder for --manifest (masks, manifest.csv)."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "--weights",
            help="lung, or an .onnx file of your own with its .json card (SHA-256) beside it.",
        ),
    ] = "lung",
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option()] = "auto",
    search: Annotated[
        Literal["lungs", "whole"],
        typer.Option(help="Within the isolated lungs, or the whole field of view as it is."),
    ] = "lungs",
) -> None:
    """Make masks; confidence and flags say which of them need a look."""
    if context.invoked_subcommand is not None:
        return
    from radtool.study.config import SegmentationSettings
    from radtool.study.segmenting import segment_file, segment_manifest

    if out is None or (image is None) == (manifest is None):
        raise InputError("give --out and either --image or --manifest")
    settings = SegmentationSettings(model=model, device=device, search=search)
    if image is not None:
        found = segment_file(image, out, settings)
        flags = f"; look at it: {', '.join(found.flags)}" if found.flags else ""
        say(f"{out}: {found.mask.volume_ml:.1f} mL, confidence {found.confidence:.2f}{flags}")
        return
    assert manifest is not None
    with progress_bar() as progress:
        made = segment_manifest(manifest, out, settings, progress=progress)
    say(f"{out / 'manifest.csv'}: {len(made.manifest)} case(s), {made.segmented} segmented")
    finish(made.failures)


@segment.command()
def train(
    manifest: Annotated[Path, typer.Option(help="Images and masks to learn from.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an earlier one there goes on.")],
    steps: Annotated[int, typer.Option(help="Optimiser steps in all.")] = 6000,
    device: Annotated[Literal["cpu", "cuda"], typer.Option()] = "cpu",
    precision: Annotated[
        Literal["float32", "bfloat16"], typer.Option(help="Arithmetic of the convolutions.")
    ] = "float32",
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Train a lung tumour model; needs torch, which the extra "train" brings."""
    from radtool.segmentation import TrainSettings, export_onnx
    from radtool.segmentation import train as train_network

    settings = TrainSettings(
        steps=steps, device=device, precision=precision, threads=threads, seed=seed
    )
    weights = train_network(manifest, out, settings)
    file = export_onnx(weights, out / "model.onnx", {"name": out.name, "use": "research only"})
    say(f"{file}: use it with radtool segment --model {file}")
