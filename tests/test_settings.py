from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from radtool.errors import InputError, ParameterError
from radtool.settings import parse_settings, read_yaml


@dataclass(frozen=True, kw_only=True)
class Inner:
    bin_width: float = 25.0
    method: Literal["FBS", "FBN"] = "FBS"


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=Inner)
    sites: tuple[str, ...] = ()
    spacing: tuple[float, float, float] | None = None
    per_modality: dict[str, int] = field(default_factory=dict)


def test_nested_values_are_converted_and_defaults_kept() -> None:
    made = parse_settings(
        Outer,
        {"name": 7, "inner": {"bin_width": 10}, "sites": ["a", "b"], "spacing": [1, 2, 3]},
        "study.yaml",
    )
    assert made == Outer(
        name="7", inner=Inner(bin_width=10.0), sites=("a", "b"), spacing=(1.0, 2.0, 3.0)
    )


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"name": "x", "iner": {}}, "did you mean 'inner'"),
        ({"name": "x", "inner": {"binWidth": 5}}, "did you mean 'bin_width'"),
        ({"inner": {}}, "needs the key 'name'"),
        ({"name": "x", "inner": {"bin_width": "wide"}}, "expected float, got 'wide'"),
        ({"name": "x", "inner": {"method": "fbs"}}, "did you mean 'FBS'"),
        ({"name": "x", "sites": "a"}, "expected a list"),
        ({"name": "x", "spacing": [1, 2]}, "expected 3 values, got 2"),
        ({"name": "x", "per_modality": {"CT": 1.5}}, "expected int, got 1.5"),
        ({"name": True}, "expected str, got True"),
        (["name"], "expected keys and values"),
    ],
)
def test_what_is_wrong_is_named(mapping: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_settings(Outer, mapping, "study.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "given twice"),
        ("a: [1\n", "not valid YAML"),
        ("- 1\n", "got list"),
        ("!!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_broken_yaml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(ParameterError, match=message):
        read_yaml(file)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent.yaml: no such file"):
        read_yaml(tmp_path / "absent.yaml")


def test_settings_that_are_made_already_pass_through() -> None:
    made = Inner()
    assert parse_settings(Inner, made, "here") is made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 20_000 + "]" * 20_000, "nested too deep"),
        ("a: " + "9" * 5000, "not valid YAML"),
        ("a: 2020-13-77", "not valid YAML"),
        ("a: &a [*a]", "contains itself"),
        ("a: &a {b: *a}", "contains itself"),
        ("a: !!python/object/apply:os.system ['exit 1']", "not valid YAML"),
    ],
)
def test_hostile_yaml_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=message):
        read_yaml(path)


def test_aliases_that_multiply_are_refused_before_anyone_prints_them(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    path = tmp_path / "a.yaml"
    path.write_text("\n".join(lines))  # a8 would be a billion words
    with pytest.raises(ParameterError, match="unfolds without end"):
        read_yaml(path)


def test_aliases_in_honest_use_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &a {b: 1}\nc: {<<: *a, d: 2}\ne: [*a, *a]\n")
    assert read_yaml(path)["c"] == {"b": 1, "d": 2}
