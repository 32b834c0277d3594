"""Tiny ONNX networks whose answer can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

Node = tuple[str, Sequence[str], Sequence[str], Mapping[str, "int | Sequence[int]"]]
TYPES = {"float32": 1, "int64": 7, "float16": 10, "float64": 11}


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _node(node: Node) -> bytes:
    kind, inputs, outputs, attributes = node
    parts = [_part(1, name) for name in inputs] + [_part(2, name) for name in outputs]
    parts.append(_part(4, kind))
    for name, value in attributes.items():
        if isinstance(value, int):
            found = _number(3, value) + _number(20, 2)
        else:
            found = b"".join(_number(8, item) for item in value) + _number(20, 7)
        parts.append(_part(5, _part(1, name) + found))
    return b"".join(parts)


def _weights(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(_number(1, size) for size in values.shape)
    kind = _number(2, TYPES[str(values.dtype)])
    return dims + kind + _part(8, name) + _part(9, values.tobytes())


def _value(name: str, shape: Sequence[int] | None, kind: str) -> bytes:
    tensor = _number(1, TYPES[kind])
    if shape is not None:
        # an edge of 0 stands for one of any size
        dims = [_part(1, _number(1, size) if size else _part(2, "any")) for size in shape]
        tensor += _part(2, b"".join(dims))
    return _part(1, name) + _part(2, _part(1, tensor))


def onnx_bytes(
    nodes: Sequence[Node],
    inputs: Mapping[str, Sequence[int]],
    outputs: Sequence[str],
    weights: Mapping[str, np.ndarray],
    kind: str,
) -> bytes:
    """Bytes of an ONNX file (opset 13), written by hand: the suite needs no onnx package."""
    graph = b"".join(_part(1, _node(node)) for node in nodes) + _part(2, "tiny")
    graph += b"".join(_part(5, _weights(name, values)) for name, values in weights.items())
    graph += b"".join(_part(11, _value(name, shape, kind)) for name, shape in inputs.items())
    graph += b"".join(_part(12, _value(name, None, kind)) for name in outputs)
    return _number(1, 8) + _part(7, graph) + _part(8, _part(1, "") + _number(2, 13))


@pytest.fixture
def write_onnx(tmp_path: Path) -> Callable[..., Path]:
    """Writer of small networks: ``write_onnx(name, nodes, inputs, outputs=, weights=, kind=)``."""

    def write(
        name: str,
        nodes: Sequence[Node],
        inputs: Mapping[str, Sequence[int]],
        *,
        outputs: Sequence[str] = ("y",),
        weights: Mapping[str, np.ndarray] | None = None,
        kind: str = "float32",
    ) -> Path:
        path = tmp_path / name
        path.write_bytes(onnx_bytes(nodes, inputs, outputs, weights or {}, kind))
        return path

    return write


@pytest.fixture
def corner_filters() -> np.ndarray:
    """Two 2×2×2 filters: the first voxel, and the last less half of the first."""
    filters = np.zeros((2, 1, 2, 2, 2), dtype=np.float32)
    filters[0, 0, 0, 0, 0] = 1
    filters[1, 0, 1, 1, 1] = 1
    filters[1, 0, 0, 0, 0] = -0.5
    return filters


@pytest.fixture
def corner_network(write_onnx: Callable[..., Path], corner_filters: np.ndarray) -> Path:
    """One convolution of `corner_filters` over a crop of 2×3×2: two channels, two places."""
    node: Node = ("Conv", ["x", "w"], ["y"], {})
    shape = {"x": (1, 1, 2, 3, 2)}
    return write_onnx("corner.onnx", [node], shape, weights={"w": corner_filters})
