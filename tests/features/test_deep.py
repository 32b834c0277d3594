"""Embeddings of networks whose answer can be worked out by hand."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from radtool.errors import InputError, MissingPartError, ParameterError
from radtool.features import DeepInput, DeepModel, Parameters, embed, extract, load_params, measure
from radtool.features.deep import check_models, deep_features
from radtool.files import hash_of, sha256
from radtool.image import Geometry, Image, Mask
from radtool.table import check_features, feature_columns

GRID = Geometry((4, 5, 4), (2.0, 1.0, 1.0))
IMAGE = Image(np.arange(80.0).reshape(GRID.shape), GRID)
CROP = np.s_[1:3, 1:4, 1:3]
MASK = Mask(np.zeros(GRID.shape, dtype=bool), GRID, "GTV")
INSIDE = np.zeros(GRID.shape, dtype=bool)
INSIDE[CROP] = True
MASK = MASK.with_array(INSIDE)
INPUT = DeepInput(size=(2, 3, 2))


def model_of(path: Path, **changes: object) -> DeepModel:
    values = {"name": "corner", "model": str(path), "sha256": sha256(path), "input": INPUT}
    return DeepModel(**{**values, **changes})  # type: ignore[arg-type]


def expected_corner() -> np.ndarray:
    """Both filters at both places, by hand: the first voxel, and the last less half of it."""
    block = IMAGE.array[CROP]
    first, last = block[0, :2, 0], block[1, 1:, 1]
    return np.array([first, last - first / 2])


def test_columns_are_the_convolution_by_hand(corner_network: Path) -> None:
    # the first voxel is 20 + 4 + 1, the row after it 29; the last 40 + 8 + 2 and 54
    assert expected_corner().ravel().tolist() == [25.0, 29.0, 37.5, 39.5]
    found, undefined = deep_features(IMAGE, MASK, [model_of(corner_network)])
    assert found == {
        "deep_corner_000": 25.0,
        "deep_corner_001": 29.0,
        "deep_corner_002": 37.5,
        "deep_corner_003": 39.5,
    }
    assert undefined == ""


@pytest.mark.parametrize(("pooling", "expected"), [("mean", [27, 38.5]), ("max", [29, 39.5])])
def test_places_are_pooled_by_channel(
    corner_network: Path, pooling: str, expected: list[float]
) -> None:
    found, _ = deep_features(IMAGE, MASK, [model_of(corner_network, pooling=pooling)])
    assert list(found.values()) == expected


def test_several_models_stand_side_by_side(corner_network: Path) -> None:
    models = [model_of(corner_network), model_of(corner_network, name="b", pooling="max")]
    assert [*deep_features(IMAGE, MASK, models)[0]][3:5] == ["deep_corner_003", "deep_b_000"]


def test_embed_takes_a_file_a_module_and_a_function(
    corner_network: Path, corner_filters: np.ndarray
) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Conv3d(1, 2, 2, bias=False).eval()
    module.load_state_dict({"weight": torch.from_numpy(corner_filters)})
    threads = torch.get_num_threads()
    rows = [
        embed(IMAGE, MASK, corner_network, INPUT, name="corner"),
        embed(IMAGE, MASK, module, INPUT, name="corner"),
        embed(
            IMAGE, MASK, lambda crop: module(torch.from_numpy(crop)).detach(), INPUT, name="corner"
        ),
    ]
    for row in rows:
        expected, _ = deep_features(IMAGE, MASK, [model_of(corner_network)])
        pd.testing.assert_series_equal(row, pd.Series(expected))
    assert torch.get_num_threads() == threads


def test_a_module_in_training_is_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(InputError, match=r"eval\(\)"):
        embed(IMAGE, MASK, torch.nn.Dropout(), INPUT)


def test_a_module_must_return_a_tensor() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(InputError, match="returns tuple"):
        embed(IMAGE, MASK, torch.nn.MaxPool3d(2, return_indices=True).eval(), INPUT)


def test_what_cannot_be_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="a path, a torch module or a function"):
        embed(IMAGE, MASK, 7, INPUT)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no such model file"):
        embed(IMAGE, MASK, tmp_path / "nowhere.onnx", INPUT)
    with pytest.raises(ParameterError, match="letters, digits"):
        embed(IMAGE, MASK, np.mean, INPUT, name="res-net")
    with pytest.raises(ParameterError, match="did you mean 'mean'"):
        embed(IMAGE, MASK, np.mean, INPUT, pooling="men")  # type: ignore[arg-type]


def test_too_many_values_ask_for_pooling() -> None:
    with pytest.raises(InputError, match="20000 values .* use pooling: mean"):
        embed(IMAGE, MASK, lambda crop: np.zeros((1, 2, 10000)), INPUT)
    with pytest.raises(InputError, match="needs an output of"):
        embed(IMAGE, MASK, lambda crop: np.zeros((1, 2)), INPUT, pooling="mean")


def test_values_that_are_not_finite_are_nan_with_the_reason(
    write_onnx: Callable[..., Path],
) -> None:
    # log(x - 30): the crop starts at 25
    nodes = [("Sub", ["x", "c"], ["d"], {}), ("Log", ["d"], ["y"], {})]
    weights = {"c": np.array(30, dtype=np.float32)}
    path = write_onnx("log.onnx", nodes, {"x": INPUT.shape}, weights=weights)
    params = Parameters(deep=(model_of(path),), families=("stat",), minimum_voxels=1)
    found = measure(IMAGE, MASK, params)
    block = IMAGE.array[CROP].ravel()
    deep = found.features.filter(like="deep_").to_numpy()
    np.testing.assert_array_equal(np.isnan(deep), block <= 30)
    assert found.features["original_stat_mean"] == block.mean()
    lost = np.count_nonzero(block <= 30)
    reason = f"deep model 'corner' (log.onnx) gave {lost} value(s) that are not finite"
    assert found.diagnostics["undefined"] == reason


def test_other_bytes_than_those_named_are_refused(corner_network: Path) -> None:
    model = model_of(corner_network)
    check_models([model])
    content = bytearray(corner_network.read_bytes())
    content[-60] ^= 1
    corner_network.write_bytes(content)
    os.utime(corner_network, ns=(1, 1))
    with pytest.raises(InputError, match=r"'corner' \(corner.onnx\): the file has SHA-256"):
        check_models([model])


def test_a_model_is_found_in_the_folder_of_the_environment(
    corner_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(corner_network, model="corner.onnx")
    with pytest.raises(InputError, match="RADTOOL_MODELS"):
        check_models([model])
    folders = os.pathsep.join(["nowhere", str(corner_network.parent)])
    monkeypatch.setenv("RADTOOL_MODELS", folders)
    assert len(deep_features(IMAGE, MASK, [model])[0]) == 4


def test_without_a_runtime_the_message_says_what_to_install(
    write_onnx: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_onnx("unopened.onnx", [("Neg", ["x"], ["y"], {})], {"x": INPUT.shape})
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPartError, match="pip install onnxruntime"):
        check_models([model_of(path)])


def test_a_network_that_does_not_fit_says_how(write_onnx: Callable[..., Path]) -> None:
    add = ("Add", ["x", "z"], ["y"], {})
    two = write_onnx("two.onnx", [add], {"x": INPUT.shape, "z": INPUT.shape})
    flat = write_onnx("flat.onnx", [("Neg", ["x"], ["y"], {})], {"x": (1, 3, 0, 0)})
    whole = write_onnx("whole.onnx", [("Neg", ["x"], ["y"], {})], {"x": INPUT.shape}, kind="int64")
    neg, both = ("Neg", ["x"], ["a"], {}), ("Abs", ["x"], ["b"], {})
    pair = write_onnx("pair.onnx", [neg, both], {"x": INPUT.shape}, outputs=("a", "b"))
    for path, words in (
        (two, r"takes 2 inputs \(\['x', 'z'\]\)"),
        (flat, "takes 1 × 3 × any × any, .* makes 1 × 1 × 2 × 3 × 2"),
        (whole, r"takes tensor\(int64\)"),
        (pair, r"outputs \['a', 'b'\]; name one"),
    ):
        with pytest.raises(InputError, match=words):
            check_models([model_of(path)])
    with pytest.raises(InputError, match="no output 'c'; allowed: a, b"):
        check_models([model_of(pair, output="c")])
    found, _ = deep_features(IMAGE, MASK, [model_of(pair, output="b")])
    assert found["deep_corner_000"] == 25.0


def test_other_precisions_are_served(write_onnx: Callable[..., Path]) -> None:
    for kind in ("float64", "float16"):
        path = write_onnx(
            f"{kind}.onnx", [("Neg", ["x"], ["y"], {})], {"x": (0, 0, 0, 0, 0)}, kind=kind
        )
        assert deep_features(IMAGE, MASK, [model_of(path)])[0]["deep_corner_000"] == -25.0


def test_a_network_that_stumbles_over_the_crop_is_an_input_error(
    write_onnx: Callable[..., Path],
) -> None:
    weights = {"w": np.ones((1, 1, 4, 4, 4), dtype=np.float32)}
    node = ("Conv", ["x", "w"], ["y"], {})
    path = write_onnx("large.onnx", [node], {"x": (0, 1, 0, 0, 0)}, weights=weights)
    with pytest.raises(InputError, match=r"'corner' \(large.onnx\) cannot take this input"):
        deep_features(IMAGE, MASK, [model_of(path)])


def test_a_mangled_file_is_an_input_error_and_prints_nothing(
    corner_network: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = corner_network.read_bytes()
    for content in (whole[:-20], whole.replace(b"\x0a\x01x", b"\x0a\x01\xff"), whole + whole):
        corner_network.write_bytes(content)
        with pytest.raises(InputError, match=r"corner\.onnx: not an ONNX network"):
            embed(IMAGE, MASK, corner_network, INPUT)
    assert capfd.readouterr() == ("", "")


def test_weights_in_a_second_file_are_refused(corner_network: Path) -> None:
    onnx = pytest.importorskip("onnx")
    network = onnx.load(corner_network)
    outside = corner_network.with_name("outside.onnx")
    onnx.save(network, outside, save_as_external_data=True, location="w.bin", size_threshold=0)
    with pytest.raises(InputError, match="keeps weights in a second file"):
        check_models([model_of(outside)])


SECTION = """
families: [stat]
minimum_voxels: 1
deep:
  - name: corner
    model: {model}
    sha256: {digest}
    input: {{size: [2, 3, 2]}}
"""


def written(folder: Path, network: Path, *, model: str = "corner.onnx") -> Path:
    folder.mkdir(exist_ok=True)
    if not Path(model).is_absolute():
        (folder / model).write_bytes(network.read_bytes())
    path = folder / "params.yaml"
    path.write_text(SECTION.format(model=model, digest=sha256(network)))
    return path


def test_embeddings_follow_the_features_of_a_parameter_file(
    corner_network: Path, tmp_path: Path
) -> None:
    params = load_params(written(tmp_path / "p", corner_network))
    row = extract(IMAGE, MASK, params)
    plain = extract(IMAGE, MASK, load_params({"families": ["stat"], "minimum_voxels": 1}))
    pd.testing.assert_series_equal(row[: len(plain)], plain)
    assert list(row.index[len(plain) :]) == [f"deep_corner_{k:03d}" for k in range(4)]
    np.testing.assert_array_equal(row[len(plain) :], expected_corner().ravel())


def test_the_hash_is_of_the_model_not_of_its_folder(corner_network: Path, tmp_path: Path) -> None:
    one = load_params(written(tmp_path / "p", corner_network))
    two = load_params(written(tmp_path / "q", corner_network))
    absolute = load_params(written(tmp_path / "r", corner_network, model=str(corner_network)))
    assert isinstance(one, Parameters)
    assert one.deep[0].model != two.deep[0].model
    assert one.sha256 == two.sha256 == absolute.sha256
    again = load_params(one.to_dict())
    assert (again.sha256, again.deep[0].model) == (one.sha256, "corner.onnx")
    other = dataclasses.replace(one.deep[0], sha256="0" * 64)
    assert dataclasses.replace(one, deep=(other,)).sha256 != one.sha256
    larger = dataclasses.replace(one.deep[0], input=DeepInput(size=(2, 3, 4)))
    assert dataclasses.replace(one, deep=(larger,)).sha256 != one.sha256


def test_parameters_without_models_keep_the_hash_they_had() -> None:
    values = dataclasses.asdict(load_params("ct_ibsi"))
    assert values.pop("deep") == ()
    assert load_params("ct_ibsi").sha256 == hash_of(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nam": "x"}, r"\bdid you mean 'name'"),
        ({"sha256": "abc"}, "64 hexadecimal digits"),
        ({"name": "res-net"}, "letters, digits"),
        ({"pooling": "median"}, "pooling"),
        ({"input": {"size": [2, 2, 2], "windw": [0, 1]}}, "did you mean 'window'"),
    ],
)
def test_wrong_keys_of_a_model_are_refused(change: dict, words: str) -> None:
    model = {"name": "a", "model": "a.onnx", "sha256": "0" * 64, "input": {"size": [2, 2, 2]}}
    with pytest.raises(ParameterError, match=words):
        load_params({"families": ["stat"], "deep": [{**model, **change}]})


PAGE = Path(__file__).parents[2] / "docs" / "deep.md"


def test_the_page_explains_every_key() -> None:
    page = PAGE.read_text(encoding="utf-8")
    fields = [*dataclasses.fields(DeepModel), *dataclasses.fields(DeepInput)]
    assert [field.name for field in fields if f"`{field.name}`" not in page] == []


def test_the_example_of_the_page_is_valid() -> None:
    section = PAGE.read_text(encoding="utf-8").split("```yaml")[1].split("```")[0]
    params = load_params({**yaml.safe_load(section), "families": []})
    assert isinstance(params, Parameters)
    assert params.deep[0].input.shape == (1, 3, 224, 224)


def test_two_models_of_one_name_are_refused() -> None:
    model = {"name": "a", "model": "a.onnx", "sha256": "0" * 64, "input": {"size": [2, 2, 2]}}
    with pytest.raises(ParameterError, match=r"same name: \['a'\]"):
        load_params({"families": ["stat"], "deep": [model, model]})


def test_embeddings_are_feature_columns_and_clinical_columns_are_not() -> None:
    named = ["deep_resnet_000", "ct_deep_resnet_0001", "delta_deep_a_1_002"]
    other = ["deep_invasion", "deep_invasion_12", "deep_000", "depth", "deepa_b_000"]
    table = pd.DataFrame([range(9)], columns=["patient_id", *named, *other])
    assert feature_columns(table) == named
    assert check_features(table)["deep_resnet_000"].tolist() == [1.0]
