"""Weights of known bytes, and devices."""

from __future__ import annotations

import shutil

import numpy as np
import onnxruntime
import pytest

from radtool.errors import InputError, MissingPartError, ParameterError
from radtool.files import read_json, sha256, write_json
from radtool.segmentation.runtime import BUNDLED, load_network, pick_device


def test_bundled_weights_are_those_of_their_card():
    card = read_json(BUNDLED["lung"].with_suffix(".json"))
    assert card["sha256"] == sha256(BUNDLED["lung"])
    assert load_network().digest == card["sha256"]
    assert BUNDLED["lung"].stat().st_size < 10e6
    assert "CC BY-NC" in card["licence"]


def test_bundled_network_takes_any_multiple_of_eight():
    network = load_network(device="cpu")
    for shape in ((16, 24, 32), (48, 16, 16)):
        found = network.probability(np.full(shape, -800, dtype=np.float32))
        assert found.shape == shape
        assert found.min() >= 0
        assert found.max() < 0.5


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "lung.onnx"
    shutil.copy(BUNDLED["lung"], path)
    shutil.copy(BUNDLED["lung"].with_suffix(".json"), tmp_path / "lung.json")
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\1\2\3")
    with pytest.raises(InputError, match="damaged or was exchanged"):
        load_network(path)


def test_weights_without_a_card_are_refused(tmp_path):
    shutil.copy(BUNDLED["lung"], tmp_path / "mine.onnx")
    with pytest.raises(InputError, match=r"mine\.json: no such file"):
        load_network(tmp_path / "mine.onnx")
    write_json(tmp_path / "mine.json", {"name": "mine"})
    with pytest.raises(InputError, match="SHA-256"):
        load_network(tmp_path / "mine.onnx")


def test_unknown_models_are_refused(tmp_path):
    with pytest.raises(InputError, match="did you mean 'lung'"):
        load_network("lungs")
    with pytest.raises(InputError, match="no such weights file"):
        load_network(tmp_path / "nowhere.onnx")


def test_a_gpu_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert pick_device("auto") == "cpu"
    with pytest.raises(MissingPartError, match="onnxruntime-gpu"):
        pick_device("cuda")


def test_auto_takes_cuda_where_it_is(monkeypatch):
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    assert (pick_device("auto"), pick_device("cpu"), pick_device("cuda")) == ("cuda", "cpu", "cuda")


def test_an_unknown_device_is_refused():
    with pytest.raises(ParameterError, match="did you mean 'cuda'"):
        pick_device("cud")
