from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from radtool.cli import app, main
from radtool.image import Geometry, Mask
from radtool.io import write_mask

RUN = CliRunner()


def test_help_lists_every_command_and_the_exit_codes() -> None:
    text = RUN.invoke(app, ["--help"]).output
    for command in ("demo", "run", "curate", "extract", "train", "validate", "predict", "doctor"):
        assert command in text
    assert "2 wrong use" in text
    assert "not a medical device" in text


def test_unknown_options_exit_with_2() -> None:
    assert RUN.invoke(app, ["doctor", "--jsn"]).exit_code == 2


def test_doctor_speaks_json() -> None:
    found = json.loads(RUN.invoke(app, ["doctor", "--json"]).output)
    assert found["devices"][0] == "cpu"
    assert "numpy" in found["versions"]


def test_compare_masks_prints_the_worked_example(tmp_path: Path) -> None:
    # 4 and 6 voxels of 1 mm³ that share 4: Dice = 8 / 10
    grid = Geometry((3, 4, 5))
    small, large = np.zeros((2, *grid.shape), dtype=bool)
    small[1, 1:3, 1:3] = True
    large[1, 1:3, 1:4] = True
    for name, array in (("a.nii.gz", small), ("b.nii.gz", large)):
        write_mask(Mask(array, grid), tmp_path / name)
    paths = [str(tmp_path / "a.nii.gz"), str(tmp_path / "b.nii.gz")]
    result = RUN.invoke(app, ["compare-masks", *paths, "--json"])
    assert json.loads(result.output)["dsc"] == pytest.approx(0.8)
    assert "Dice                           0.8" in RUN.invoke(app, ["compare-masks", *paths]).output


def test_our_errors_are_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    absent = str(tmp_path / "absent.nii.gz")
    monkeypatch.setattr("sys.argv", ["radtool", "compare-masks", absent, absent])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith("radtool: ")
    assert "absent.nii.gz" in shown
    assert "Traceback" not in shown


def test_curate_asks_for_a_pattern(tmp_path: Path) -> None:
    result = RUN.invoke(app, ["curate", str(tmp_path), "--out", str(tmp_path), "--roi", "GTV"])
    assert result.exit_code == 2
    assert "NAME=PATTERN" in result.output


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (OSError(28, "No space left on device", "out/a.json"), "out/a.json: No space left on"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (MemoryError("Unable to allocate 9 TiB"), "not enough memory (Unable to allocate 9 TiB)"),
        (MemoryError(), "not enough memory; fewer"),
    ],
)
def test_what_the_machine_refuses_is_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: Exception,
    words: str,
) -> None:
    def refused() -> None:
        raise raised

    monkeypatch.setattr(sys.modules["radtool.cli.app"], "app", refused)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"radtool: {words}")
    assert "Traceback" not in shown


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise AttributeError

    monkeypatch.setattr(sys.modules["radtool.cli.app"], "app", broken)
    with pytest.raises(AttributeError):
        main()


def test_names_that_no_terminal_can_show_end_nothing(tmp_path: Path) -> None:
    absent = os.fsencode(tmp_path) + b"/caf\xe9.nii.gz"
    command = [sys.executable, "-c", "from radtool.cli import main; main()"]
    done = subprocess.run(
        [*command, "compare-masks", absent, absent],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b".nii.gz: no such file" in done.stderr


def test_the_version_is_told() -> None:
    result = RUN.invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"radtool {version('radtool')}\n")
