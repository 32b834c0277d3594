"""Write trained weights as an ONNX file with a card, ready for `segment`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from radtool.errors import InputError, MissingPartError
from radtool.files import atomic_path, sha256, write_json
from radtool.segmentation.grid import WORKING_SPACING
from radtool.segmentation.network import build_network, import_torch

__all__ = ["export_onnx", "load_weights"]


def load_weights(weights: str | os.PathLike[str]) -> Any:
    """Rebuild a network from ``best.npz``; a torch module in evaluation mode.

    Raises
    ------
    InputError
        The file is not one that `train` wrote.
    MissingPartError
        torch is not installed.
    """
    torch = import_torch()
    with np.load(Path(weights), allow_pickle=False) as file:
        arrays = dict(file)
    try:
        one, two, three = (
            int(arrays[f"parts.{name}.0.weight"].shape[0]) for name in ("stem", "down1", "down2")
        )
    except KeyError as error:
        raise InputError(f"{weights}: not weights of the tumour network (no {error})") from error
    network = build_network((one, two, three))
    network.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})
    return network.eval()


def export_onnx(
    weights: str | os.PathLike[str], out: str | os.PathLike[str], card: Mapping[str, Any]
) -> Path:
    """Write weights as ONNX and their card beside it.

    The file takes HU (float32, n × 1 × z × y × x, 2 mm, edges multiples of 8) and returns the
    tumour probability. Normalisation is folded into the convolutions; weights are stored in half
    precision and computed with in single precision.

    Parameters
    ----------
    weights : path-like
        ``best.npz`` of a training run.
    out : path-like
        Where the ``.onnx`` shall be; the card lies beside it as ``.json``.
    card : mapping
        What shall be said about the model: data, licence, split, numbers.

    Returns
    -------
    pathlib.Path
        The ONNX file.

    Raises
    ------
    MissingPartError
        torch, onnx or onnxscript is not installed.
    """
    torch = import_torch()
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise MissingPartError(
            "writing ONNX needs onnx and onnxscript: pip install 'radtool[train]'"
        ) from error
    program = _program(torch, _with_sigmoid(torch, load_weights(weights)))
    final = Path(out)
    with atomic_path(final) as part:
        onnx.save(_halved(onnx, program.model_proto), os.fspath(part))
    facts = {"sha256": sha256(final), "spacing": WORKING_SPACING, "input": "HU", **card}
    write_json(final.with_suffix(".json"), facts)
    return final


def _program(torch: Any, network: Any) -> Any:
    dynamic = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings():
        # torch's exporter warns of deprecations inside torch itself
        warnings.simplefilter("ignore", category=FutureWarning)
        warnings.simplefilter("ignore", category=DeprecationWarning)
        return torch.onnx.export(
            network,
            (torch.zeros(2, 1, 32, 40, 48),),
            input_names=["hu"],
            output_names=["probability"],
            dynamic_shapes={"hu": {axis: dynamic for axis in (0, 2, 3, 4)}},
            dynamo=True,
            verbose=False,
        )


def _with_sigmoid(torch: Any, network: Any) -> Any:
    class Probability(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, hu: Any) -> Any:
            return torch.sigmoid(self.network(hu)[0])

    return Probability().eval()


def _halved(onnx: Any, model: Any) -> Any:
    """Store large float32 weights as float16 with a cast in front of their use."""
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < 256:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(
            onnx.helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    del model.metadata_props[:], graph.metadata_props[:], graph.value_info[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*graph.input, *graph.output]:
        del value.metadata_props[:]
    for tensor in graph.initializer:
        del tensor.metadata_props[:]
    return model
