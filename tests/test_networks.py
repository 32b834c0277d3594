from __future__ import annotations

import struct
import sys

import pytest

from radtool.errors import InputError, MissingPartError
from radtool.networks import onnx_runtime, open_network


def test_a_missing_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPartError, match="pip install onnxruntime"):
        onnx_runtime()


@pytest.mark.parametrize("content", [b"", b"no network", struct.pack("<8d", *range(8))])
def test_what_is_no_network_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(InputError, match=r"mine\.onnx: not an ONNX network"):
        open_network(content, "mine.onnx")
