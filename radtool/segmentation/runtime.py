"""Run a network of known bytes with ONNX Runtime, on the CPU or on CUDA."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from radtool.errors import InputError, MissingPartError, ParameterError, did_you_mean
from radtool.files import read_json
from radtool.networks import onnx_runtime, open_network

__all__ = ["BUNDLED", "Device", "Network", "load_network", "pick_device"]

Device = Literal["auto", "cpu", "cuda"]

_FOLDER = Path(__file__).resolve().parent / "weights"
BUNDLED = {"lung": _FOLDER / "lung.onnx"}


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network ready to run.

    Parameters
    ----------
    name : str
        "lung", or the file's name.
    digest : str
        SHA-256 of the weights file.
    device : str
        "cpu" or "cuda".
    session : onnxruntime.InferenceSession
    threshold : float, default 0.5
        Probability above which a voxel is tumour, as the card has it.
    temperature : float, default 1
        Temperature that makes the probabilities honest, as the card has it.
    """

    name: str
    digest: str
    device: str
    session: Any
    threshold: float = 0.5
    temperature: float = 1.0

    def probability(self, hu: np.ndarray) -> np.ndarray:
        """Tumour probability of one window: HU (z, y, x) on the working grid, edges of 8·n."""
        return self.session.run(None, {"hu": np.ascontiguousarray(hu[None, None])})[0][0, 0]


def load_network(model: str | os.PathLike[str] = "lung", *, device: Device = "auto") -> Network:
    """Open a bundled network or a trained file, after checking its bytes.

    Parameters
    ----------
    model : str or path-like
        "lung", or a path to an ``.onnx`` file written by `export_onnx`; the card with its SHA-256
        lies beside it with the suffix ``.json``.
    device : {"auto", "cpu", "cuda"}
        "auto" takes CUDA when ONNX Runtime offers it.

    Returns
    -------
    Network

    Raises
    ------
    InputError
        Unknown name, missing file, or weights that are not those of the card.
    MissingPartError
        CUDA was asked for and is not there.
    """
    path = BUNDLED.get(os.fspath(model), Path(model))
    if path.suffix != ".onnx":
        raise InputError(f"no model {os.fspath(model)!r}{did_you_mean(str(model), BUNDLED)}")
    if not path.is_file():
        raise InputError(
            f"{path}: no such weights file; train one with radtool segment train, or name a file"
        )
    return _open(path.resolve(), path.stat().st_mtime_ns, pick_device(device))


def pick_device(device: Device = "auto") -> Literal["cpu", "cuda"]:
    """Resolve "auto", and say clearly when a GPU was asked for and is not there.

    Raises
    ------
    MissingPartError
        ``device="cuda"`` without a CUDA build of ONNX Runtime; or no ONNX Runtime at all.
    ParameterError
        An unknown device.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ParameterError(f"no device {device!r}{did_you_mean(device, ('auto', 'cpu', 'cuda'))}")
    has_cuda = "CUDAExecutionProvider" in onnx_runtime().get_available_providers()
    if device == "cuda" and not has_cuda:
        raise MissingPartError(
            "device is 'cuda', but this ONNX Runtime has no CUDA: replace onnxruntime by"
            " onnxruntime-gpu on a machine with an NVIDIA GPU, or use device='cpu'"
        )
    return "cuda" if has_cuda and device != "cpu" else "cpu"


@lru_cache(maxsize=4)
def _open(path: Path, _changed: int, device: Literal["cpu", "cuda"]) -> Network:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    card = read_json(path.with_suffix(".json"))
    if card.get("sha256") != digest:
        raise InputError(
            f"{path.name}: the weights are not those of {path.with_suffix('.json').name}"
            f" (SHA-256 {digest[:12]}…, expected {str(card.get('sha256'))[:12]}…);"
            " the file is damaged or was exchanged: install it again"
        )
    session = open_network(content, path.name, device=device)
    name = next((key for key, bundled in BUNDLED.items() if bundled == path), path.name)
    threshold, temperature = float(card.get("threshold", 0.5)), float(card.get("temperature", 1.0))
    return Network(name, digest, device, session, threshold, temperature)
