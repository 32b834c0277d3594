"""Deep features: what a network that was trained elsewhere makes of a region, as columns."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.features.deep_input import DeepInput, tensor_of
from radtool.image import Image, Mask
from radtool.networks import open_network, run_network
from radtool.preprocessing.intensity_step import IntensityStep

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MODELS_VARIABLE", "DeepModel", "check_models", "deep_features", "embed", "placed"]

MODELS_VARIABLE = "RADTOOL_MODELS"
"""Environment variable: folders where models are looked for, separated as in PATH."""

Pooling = Literal["none", "mean", "max"]
Network = Callable[[np.ndarray], Any]

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBERS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}
_MOST_COLUMNS = 16384


@dataclass(frozen=True, kw_only=True)
class DeepModel:
    """An ONNX network whose output becomes feature columns.

    Parameters
    ----------
    name : str
        Middle part of the columns: ``deep_<name>_000``, ``deep_<name>_001``, ….
    model : str
        The ONNX file: beside the parameter file, in the working folder, or in a folder of the
        environment variable ``RADTOOL_MODELS``.
    sha256 : str
        Of the file; another file is refused.
    input : DeepInput
        What the network sees.
    output : str, optional
        Which output; needed when there are several.
    pooling : {"none", "mean", "max"}, default "none"
        What becomes of places in the output (batch, channel, places…): kept one by one, or their
        mean or maximum a channel.
    """

    name: str
    model: str
    sha256: str
    input: DeepInput
    output: str | None = None
    pooling: Pooling = "none"

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_pooling(self.pooling)
        if not _DIGEST.fullmatch(self.sha256):
            raise ParameterError(
                f"[deep] sha256 of {self.name!r} must be 64 hexadecimal digits, got"
                f" {self.sha256!r}; sha256sum {Path(self.model).name} says it"
            )

    @property
    def where(self) -> str:
        """How messages call it."""
        return f"deep model {self.name!r} ({Path(self.model).name})"


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A network ready to run, and how it wants to be called."""

    session: Any
    entry: str
    kind: Any
    output: str
    where: str

    def __call__(self, tensor: np.ndarray) -> np.ndarray:
        feed = {self.entry: tensor.astype(self.kind, copy=False)}
        return run_network(self.session, feed, self.output, self.where)


def placed(models: Any, folder: Path) -> Any:
    """Return the ``deep`` section of a file with the paths of models beside the file."""
    if not isinstance(models, Sequence) or isinstance(models, str):
        return models  # parse_settings says what is wrong
    return [
        {**one, "model": str(folder / str(one["model"]))}
        if isinstance(one, Mapping) and "model" in one and (folder / str(one["model"])).is_file()
        else one
        for one in models
    ]


def check_models(models: Sequence[DeepModel]) -> None:
    """Open every model, so that what is wrong with one is said before any case is read.

    Raises
    ------
    InputError
        A file is missing, is another than the one that was named, or takes another input.
    MissingPartError
        ONNX Runtime is not installed.
    """
    for model in models:
        _opened(model)


def deep_features(
    image: Image, mask: Mask, models: Sequence[DeepModel], steps: Sequence[IntensityStep] = ()
) -> tuple[dict[str, float], str]:
    """Return the columns of every model, and why some of them are NaN.

    Parameters
    ----------
    image, mask : Image, Mask
        On the same grid.
    models : sequence of DeepModel
        In the order of the columns.
    steps : sequence of IntensityStep
        For models that name none of their own.

    Returns
    -------
    columns : dict of str to float
        By name; NaN where a network returned a value that is not finite.
    undefined : str
        Which models these are, or "".
    """
    columns: dict[str, float] = {}
    undefined = []
    for model in models:
        network = _opened(model)
        found = _pooled(network(tensor_of(image, mask, model.input, steps)), model.pooling)
        lost = int(np.count_nonzero(np.isnan(found)))
        if lost:
            undefined.append(f"{model.where} gave {lost} value(s) that are not finite")
        columns |= zip(_columns(model.name, found.size), found.tolist(), strict=True)
    return columns, "; ".join(undefined)


def embed(
    image: Image,
    mask: Mask,
    model: str | os.PathLike[str] | Network,
    settings: DeepInput,
    *,
    name: str = "model",
    pooling: Pooling = "none",
) -> pd.Series:
    """Return what a network makes of a region; a parameter file does the same for a cohort.

    Parameters
    ----------
    image, mask : Image, Mask
        On the same grid.
    model : path, torch.nn.Module or callable
        An ONNX file with one output; a module in evaluation mode, on any device; or a function
        from float32 of ``settings.shape`` to an array.
    settings : DeepInput
        What the network sees.
    name : str, default "model"
        Middle part of the columns.
    pooling : {"none", "mean", "max"}, default "none"
        See `DeepModel`.

    Returns
    -------
    Series of float64
        Named ``deep_<name>_000``, ``deep_<name>_001``, …; NaN where the network returned a value
        that is not finite.

    Raises
    ------
    GeometryError
        Image and mask are not on the same grid.
    InputError
        The region is empty, the crop is not finite, the network does not take it, or a module is
        in training mode.
    MissingPartError
        A file is given and ONNX Runtime is not installed.

    Examples
    --------
    >>> from radtool.image import Geometry
    >>> grid = Geometry((4, 4, 4))
    >>> image = Image(np.arange(64.0).reshape(4, 4, 4), grid)
    >>> mask = Mask(image.array > 20, grid)
    >>> embed(image, mask, lambda crop: crop.max(axis=(2, 3, 4)), DeepInput(size=(2, 2, 2)))
    deep_model_000    58.0
    dtype: float64
    """
    import pandas as pd

    _check_name(name)
    _check_pooling(pooling)
    found = _pooled(_network(model, settings)(tensor_of(image, mask, settings)), pooling)
    return pd.Series(found, index=_columns(name, found.size), dtype=np.float64)


def _network(model: str | os.PathLike[str] | Network, settings: DeepInput) -> Network:
    if isinstance(model, str | os.PathLike):
        path = Path(model)
        if not path.is_file():
            raise InputError(f"{path}: no such model file")
        content = path.read_bytes()
        return _called(_session(path.name, content), path.name, None, settings)
    torch = sys.modules.get("torch")  # whoever has a module has imported it
    if torch is not None and isinstance(model, torch.nn.Module):
        return functools.partial(_run_module, torch, model)
    if callable(model):
        return model
    raise ParameterError(f"model is a path, a torch module or a function, got {model!r}")


def _opened(model: DeepModel) -> _Opened:
    path = _found(model)
    session = _checked_session(path, path.stat().st_mtime_ns, model.sha256, model.where)
    return _called(session, model.where, model.output, model.input)


def _found(model: DeepModel) -> Path:
    path = Path(model.model)
    folders = [part for part in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if part]
    for candidate in (path, *(Path(folder) / path for folder in folders)):
        if candidate.is_file():
            return candidate.resolve()
    raise InputError(
        f"{model.where}: no file {model.model}; it lies beside the parameter file, in the working"
        f" folder, or in a folder of the environment variable {MODELS_VARIABLE}"
        f" (SHA-256 {model.sha256[:12]}…)"
    )


@functools.lru_cache(maxsize=4)
def _checked_session(path: Path, _changed: int, expected: str, where: str) -> Any:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise InputError(
            f"{where}: the file has SHA-256 {digest[:12]}…, the parameters expect"
            f" {expected[:12]}…; get the file that was named, or name this one: {digest}"
        )
    return _session(where, content)


def _session(where: str, content: bytes) -> Any:
    return open_network(content, where, threads=1)


def _called(session: Any, where: str, output: str | None, settings: DeepInput) -> _Opened:
    entries = session.get_inputs()
    try:
        inputs, outputs = ([one.name for one in of] for of in (entries, session.get_outputs()))
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not an ONNX network with readable names") from error
    if len(inputs) != 1:
        raise InputError(f"{where} takes {len(inputs)} inputs ({inputs}); one image is given")
    entry = entries[0]
    if entry.type not in _NUMBERS:
        raise InputError(f"{where} takes {entry.type}; an image is {', '.join(_NUMBERS)}")
    fits = len(entry.shape) == len(settings.shape) and all(
        theirs == ours or not isinstance(theirs, int)
        for theirs, ours in zip(entry.shape, settings.shape, strict=True)
    )
    if not fits:
        raise InputError(
            f"{where} takes {_in_words(entry.shape)}, [deep] input makes"
            f" {_in_words(settings.shape)} (batch, channel, places); change its size, view or"
            " channels"
        )
    if output is None and len(outputs) != 1:
        raise InputError(f"{where} has the outputs {outputs}; name one with output:")
    if output is not None and output not in outputs:
        raise InputError(f"{where} has no output {output!r}{did_you_mean(output, outputs)}")
    return _Opened(session, inputs[0], _NUMBERS[entry.type], output or outputs[0], where)


def _run_module(torch: Any, module: Any, tensor: np.ndarray) -> np.ndarray:
    """Run a torch module on one thread, without gradients."""
    if module.training:
        raise InputError(
            "the module is in training mode, in which the same image gives other values every"
            " time; call its eval() first"
        )
    like = next(iter([*module.parameters(), *module.buffers()]), None)
    given = torch.from_numpy(tensor)
    with _one_thread(torch), torch.inference_mode():
        found = module(given if like is None else given.to(like.device, like.dtype))
        if not isinstance(found, torch.Tensor):
            raise InputError(
                f"the module returns {type(found).__name__}, not a tensor; give a module or a"
                " function that returns the embedding alone"
            )
        return found.to("cpu", torch.float64).numpy()


@contextlib.contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _pooled(output: Any, pooling: Pooling) -> np.ndarray:
    """One row of float64; what is not finite is NaN."""
    values = np.asarray(output, dtype=np.float64)
    if pooling != "none":
        if values.ndim < 3 or values.shape[0] != 1:
            raise InputError(
                f"pooling {pooling!r} needs an output of (1, channels, places…), the network"
                f" returned {_in_words(values.shape)}; use pooling: none"
            )
        places = tuple(range(2, values.ndim))
        values = values.mean(axis=places) if pooling == "mean" else values.max(axis=places)
    if not 1 <= values.size <= _MOST_COLUMNS:
        raise InputError(
            f"the network returned {values.size} values ({_in_words(values.shape)}), allowed are 1"
            f" to {_MOST_COLUMNS}; use pooling: mean, or another output"
        )
    row = values.ravel()
    return np.where(np.isfinite(row), row, np.nan)


def _columns(name: str, count: int) -> list[str]:
    digits = max(3, len(str(count - 1)))
    return [f"deep_{name}_{number:0{digits}d}" for number in range(count)]


def _in_words(shape: Sequence[Any]) -> str:
    return " × ".join(str(size) if isinstance(size, int) else "any" for size in shape) or "a number"


def _check_name(name: str) -> None:
    if not _IDENTIFIER.fullmatch(name):
        raise ParameterError(
            f"[deep] name {name!r} must be letters, digits and underscores: it becomes part of"
            " column names"
        )


def _check_pooling(pooling: str) -> None:
    if pooling not in get_args(Pooling):
        near = did_you_mean(str(pooling), get_args(Pooling))
        raise ParameterError(f"[deep] pooling: {pooling!r} is not allowed{near}")
