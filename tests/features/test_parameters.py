from __future__ import annotations

import json
from pathlib import Path

import pytest

from radtool.errors import InputError, ParameterError
from radtool.features import Parameters, load_params
from radtool.features.parameters import _shipped
from radtool.files import encode
from radtool.settings import read_yaml

OURS = [name for name, path in _shipped().items() if read_yaml(path).get("convention") == "ibsi"]


def test_the_recipes_are_shipped() -> None:
    assert {"ct_ibsi", "mr_ibsi", "pet_ibsi", "ct_demo", "gbm_ibsi", "ibsi_a", "ibsi_e"} <= {*OURS}
    assert {"are_minimalist", "are_standardization", "are_harmonization"} <= {*OURS}


@pytest.mark.parametrize("name", OURS)
def test_a_shipped_file_says_every_key(name: str) -> None:
    params = load_params(name)
    assert isinstance(params, Parameters)
    written = read_yaml(_shipped()[name])
    assert _keys(written) == _keys(encode(params.to_dict()))


def _keys(value: object, where: str = "") -> set[str]:
    if isinstance(value, dict):
        return {where} | {k for key, item in value.items() for k in _keys(item, f"{where}.{key}")}
    if isinstance(value, list):
        return {where} | {k for item in value for k in _keys(item, where)}
    return {where}


def test_parameters_come_back_from_json_with_the_same_hash() -> None:
    params = load_params("gbm_ibsi")
    again = load_params(json.loads(json.dumps(encode(params.to_dict()))))
    assert again == params
    assert again.sha256 == params.sha256
    assert len(params.sha256) == 64


def test_every_setting_changes_the_hash() -> None:
    plain = load_params({"families": ["stat"]})
    others = [
        {"families": ["stat", "morph"]},
        {"families": ["stat"], "minimum_voxels": 9},
        {"families": ["stat"], "resegment": {"lower": 0.0}},
        {"families": ["stat"], "images": {"other": {}}},
        {"families": ["stat"], "normalise": [{"step": "ZScore"}]},
    ]
    assert len({plain.sha256, *(load_params(other).sha256 for other in others)}) == 6


def test_a_path_and_a_json_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("families: [stat]\n")
    (tmp_path / "mine.json").write_text('{"families": ["stat"]}')
    assert load_params(tmp_path / "mine.yaml") == load_params(tmp_path / "mine.json")


def test_an_unknown_name_is_refused_with_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'ct_ibsi'"):
        load_params("ct_ibs")
    with pytest.raises(InputError, match="no such file"):
        load_params(tmp_path / "nowhere.yaml")


def test_an_error_in_a_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("resample: {spacing_mm: [1, 1]}\n")
    with pytest.raises(ParameterError, match=r"mine\.yaml"):
        load_params(tmp_path / "mine.yaml")
