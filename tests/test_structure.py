"""The rules that a reviewer would otherwise repeat."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import radtool

PACKAGE = Path(radtool.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
PACKAGES = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
HEAVY = ("torch", "xgboost", "lifelines", "matplotlib", "sklearn", "scipy", "pandas", "numba")
RULED = ("torch", "xgboost", "lifelines", "matplotlib")


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {".".join(name.split(".")[:2]) for name in run.stdout.split()}


def test_importing_radtool_loads_nothing_heavy() -> None:
    assert not imported_by("import radtool") & set(HEAVY)


def test_the_command_line_loads_nothing_heavy() -> None:
    assert not imported_by("import radtool.cli") & {*HEAVY, "numpy", "SimpleITK", "joblib"}


@pytest.fixture(scope="session")
def loaded_with() -> dict[str, set[str]]:
    """Which of the heavy four are loaded once a package, and those before it, are imported."""
    code = (
        "import importlib, json, sys; found = {}\n"
        f"for package in {PACKAGES}:\n"
        "    importlib.import_module(f'radtool.{package}')\n"
        f"    found[package] = [name for name in {RULED} if name in sys.modules]\n"
        "print(json.dumps(found))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {package: set(names) for package, names in json.loads(run.stdout).items()}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_load_the_heavy_four_only_where_used(
    package: str, loaded_with: dict[str, set[str]]
) -> None:
    assert not loaded_with[package]


@pytest.mark.parametrize(
    "parameters",
    [
        {"families": ["stat", "morph"]},
        {
            "setting": {"binWidth": 25, "resampledPixelSpacing": [0.8, 0.8, 0.8]},
            "imageType": {"Original": {}, "Wavelet": {}, "LoG": {"sigma": [1.0]}},
        },
    ],
    ids=["ibsi", "pyradiomics"],
)
def test_the_way_of_an_image_loads_no_library_that_it_does_not_need(parameters: dict) -> None:
    loaded = imported_by(
        "import numpy as np, radtool.io, radtool.features as f; from radtool.image import *;"
        "grid = Geometry((20, 20, 20)); image = Image(np.arange(8e3).reshape(grid.shape), grid);"
        "inside = np.zeros(grid.shape, bool); inside[8:12, 8:12, 8:13] = True;"
        f"params = f.load_params({parameters!r});"
        "f.extract(image, Mask(inside, grid), params)"
    )
    assert not loaded & {
        "sklearn",
        "highdicom",
        "SimpleITK",
        "joblib",
        "pyarrow.parquet",
        "scipy.signal",
        "scipy.stats",
        "statsmodels",
        "onnxruntime",
    }


def test_every_public_name_is_there() -> None:
    missing = [name for name in radtool.__all__ if not hasattr(radtool, name)]
    assert missing == []


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'extrakt'"):
        radtool.extrakt  # noqa: B018


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_under_400_lines(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{path.name} has {lines} lines; split it by noun"


def modules() -> list[str]:
    found = pkgutil.walk_packages([str(PACKAGE)], "radtool.")
    return sorted(info.name for info in found)


@pytest.mark.parametrize("name", modules())
def test_public_lists_are_there_and_true(name: str) -> None:
    source = importlib.util.find_spec(name).origin
    tree = ast.parse(Path(source).read_text(encoding="utf-8"))
    listed = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        if isinstance(node.value, ast.List)
    ]
    if not listed:
        assert name.rsplit(".", 1)[-1].startswith("_") or "._" in name, f"{name} has no __all__"
        return
    module = importlib.import_module(name)
    assert [item for item in listed[0] if not hasattr(module, item)] == []
