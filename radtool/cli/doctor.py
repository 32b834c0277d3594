"""radtool doctor: what is installed, what works, what to install."""

from __future__ import annotations

import importlib.util
import os
import platform
from typing import Annotated

import typer

from radtool.cli.console import say, say_json

__all__ = ["doctor"]

# part -> (module that proves it, what it is for, how to get it)
_PARTS = {
    "torch": ("torch", "train a segmentation model, GPU", "pip install 'radtool[train]'"),
    "dask": ("distributed", "run on a cluster", "pip install 'radtool[dask]'"),
    "pyradiomics": (
        "radiomics",
        "--engine pyradiomics",
        "pip install numpy setuptools wheel, then"
        " pip install --no-build-isolation pyradiomics==3.0.1 (Python 3.11)",
    ),
    "jpeg-ls": ("jpeg_ls", "JPEG-LS compressed DICOM", "pip install 'radtool[codecs]'"),
    "deid": ("dicomanonymizer", "radtool deidentify", "pip install 'radtool[deid]'"),
    "notebooks": ("jupyterlab", "the notebooks", "pip install 'radtool[notebooks]'"),
}


def doctor(
    json: Annotated[bool, typer.Option("--json", help="One line of JSON instead.")] = False,
) -> None:
    """Show versions, devices and optional parts, and what to install for the rest."""
    from radtool.provenance import versions

    found = {
        part: importlib.util.find_spec(module) is not None
        for part, (module, _, _) in _PARTS.items()
    }
    devices = _devices()
    if json:
        say_json({"versions": versions(), "parts": found, "devices": devices})
        return
    say(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {', '.join(devices)}")
    for package, version in versions().items():
        say(f"  {package:<14} {version}")
    say("optional parts")
    for part, (_, purpose, remedy) in _PARTS.items():
        state = "installed" if found[part] else f"not installed; {remedy}"
        say(f"  {part:<14} {purpose}: {state}")


def _devices() -> list[str]:
    """Name what segmentation can run on; loads ONNX Runtime, and torch only when it is there."""
    import onnxruntime

    names = ["cpu"]
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        names.append("cuda (ONNX Runtime)")
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            names.append(f"cuda ({torch.cuda.get_device_name(0)})")
    return names
