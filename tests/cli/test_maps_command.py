from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from radtool.cli import app
from radtool.features import MapPlan, feature_maps, load_params
from radtool.image import Geometry, Image, Mask
from radtool.io import read_image, write_image, write_mask

RUN = CliRunner()
COLUMN = "original_glcm_contrast_fbs10"
PARAMS = {"discretise": [{"method": "fixed_bin_size", "bin_width": 10.0}], "minimum_voxels": 1}


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    rng = np.random.default_rng(0)
    grid = Geometry((5, 6, 7), (2.0, 1.0, 1.0))
    inside = np.zeros(grid.shape, dtype=bool)
    inside[1:4, 1:5, 1:6] = True
    write_image(Image(rng.integers(0, 50, grid.shape).astype(np.int16), grid), tmp_path / "i.nii")
    write_mask(Mask(inside, grid), tmp_path / "m.nii")
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(PARAMS))
    files = {"image": "i.nii", "mask": "m.nii", "params": "p.yaml", "out": "maps"}
    return [
        "maps",
        *(part for name, file in files.items() for part in (f"--{name}", str(tmp_path / file))),
        *("--jobs", "1"),
    ]


def test_maps_lie_beside_their_provenance(arguments: list[str], tmp_path: Path) -> None:
    result = RUN.invoke(app, [*arguments, "--feature", COLUMN])
    assert result.exit_code == 0
    assert "60 neighbourhoods, 1 feature(s), 1 process(es): about" in result.output
    found = read_image(tmp_path / "maps" / f"{COLUMN}.nii.gz")
    image = read_image(tmp_path / "i.nii")
    mask = Mask(read_image(tmp_path / "m.nii").array == 1, image.geometry)
    expected = feature_maps(image, mask, load_params(PARAMS), [COLUMN])[COLUMN]
    np.testing.assert_array_equal(found.array, expected.array.astype(np.float32))
    made = json.loads((tmp_path / "maps" / "maps.json").read_text())
    assert made["settings"]["columns"] == [COLUMN]
    assert len(made["inputs"]) == 2


def test_an_interrupted_run_leaves_nothing(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MapPlan, "compute", interrupted)
    assert RUN.invoke(app, [*arguments, "--feature", COLUMN]).exit_code != 0
    assert not (tmp_path / "maps").exists()


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ((), "--params and --feature, or --signature"),
        (("--feature", "original_glcm_contras_fbs10"), f"did you mean '{COLUMN}'"),
    ],
)
def test_what_cannot_be_mapped_is_refused(
    arguments: list[str], extra: tuple[str, ...], words: str
) -> None:
    result = RUN.invoke(app, [*arguments, *extra])
    assert result.exit_code != 0
    assert words in str(result.exception)


def test_pyradiomics_parameters_are_refused(arguments: list[str]) -> None:
    arguments[arguments.index("--params") + 1] = "pyradiomics_ct"
    result = RUN.invoke(app, [*arguments, "--feature", "original_firstorder_Mean"])
    assert "ibsi convention" in str(result.exception)


def test_a_signature_is_mapped_by_its_own_features(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = SimpleNamespace(
        extraction_=load_params(PARAMS).to_dict(),
        inputs_=[COLUMN, "age", "original_morph_volume", "original_stat_mean"],
    )
    monkeypatch.setattr("radtool.study.mapping.load_signature", lambda path: frozen)
    at = arguments.index("--params")
    arguments[at : at + 2] = ["--signature", "os.signature.json"]
    assert RUN.invoke(app, arguments).exit_code == 0
    assert json.loads((tmp_path / "maps" / "maps.json").read_text())["settings"]["columns"] == [
        COLUMN,
        "original_stat_mean",
    ]
