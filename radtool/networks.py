"""Networks of known bytes in ONNX Runtime, which is imported nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from radtool.errors import InputError, MissingPartError

__all__ = ["onnx_runtime", "open_network", "run_network"]

_SILENT = 4
# How a tensor's external_data begins: field 1 (key), 8 bytes, "location".
_SECOND_FILE = b"\x0a\x08location"


def onnx_runtime() -> Any:
    """Import ONNX Runtime.

    Raises
    ------
    MissingPartError
        It is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPartError(
            "networks run on ONNX Runtime, which is not installed: pip install onnxruntime"
        ) from error
    return onnxruntime


def open_network(
    content: bytes,
    where: str,
    *,
    device: Literal["cpu", "cuda"] = "cpu",
    threads: int | None = None,
) -> Any:
    """Open an ONNX network from its bytes; nothing in it is executed but its arithmetic.

    From bytes, not from a path: what was hashed is what runs. A network that keeps weights in a
    second file, which no hash covers, is refused.

    Parameters
    ----------
    content : bytes
        The whole file.
    where : str
        How messages call it.
    device : {"cpu", "cuda"}
        CUDA falls back to the CPU for what it cannot do.
    threads : int, optional
        Threads of an operation; None lets ONNX Runtime choose. With 1 the same input gives the
        same bytes, whatever the machine's number of cores.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    InputError
        The bytes are no ONNX network, or it keeps weights elsewhere.
    MissingPartError
        ONNX Runtime is not installed.
    """
    runtime = onnx_runtime()
    if _SECOND_FILE in content:
        raise InputError(
            f"{where} keeps weights in a second file, which its SHA-256 does not cover; save it as"
            " one file: onnx.save(onnx.load(path), path)"
        )
    options = runtime.SessionOptions()
    options.log_severity_level = _SILENT
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = threads
        options.use_deterministic_compute = True
    on_gpu = device == "cuda"
    providers = [*(["CUDAExecutionProvider"] if on_gpu else []), "CPUExecutionProvider"]
    try:
        # without its fallback, which prints and tries the same again
        return runtime.InferenceSession(
            content, options, providers=providers, enable_fallback=int(on_gpu)
        )
    except _errors() as error:
        raise InputError(f"{where}: not an ONNX network that can be opened ({error})") from error


def run_network(
    session: Any, feed: Mapping[str, np.ndarray], output: str, where: str
) -> np.ndarray:
    """Return one output of a network.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of `open_network`.
    feed : mapping
        Input name -> array.
    output : str
        Which output.
    where : str
        How messages call the network.

    Raises
    ------
    InputError
        The network refuses the input.
    """
    try:
        return session.run([output], dict(feed))[0]
    except _errors() as error:
        raise InputError(f"{where} cannot take this input ({error})") from error


def _errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its exceptions share no base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
        UnicodeDecodeError,
    )
