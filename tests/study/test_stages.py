from __future__ import annotations

from pathlib import Path

import pytest

from radtool.study.stages import once


def counting(calls: list[int]):
    def make() -> dict[str, float]:
        calls.append(1)
        return {"x": 0.1 + 0.2, "n": len(calls)}

    return make


def test_a_stage_is_made_once_and_again_when_its_ingredients_change(tmp_path: Path) -> None:
    calls: list[int] = []
    path = tmp_path / "stage.json"
    first = once(path, {"seed": 0}, counting(calls))
    assert once(path, {"seed": 0}, counting(calls)) == first == {"x": 0.30000000000000004, "n": 1}
    assert once(path, {"seed": 1}, counting(calls))["n"] == 2
    assert once(path, {"seed": 1}, counting(calls), resume=False)["n"] == 3


@pytest.mark.parametrize("text", ["", "{", '{"key": 1}', "[]"])
def test_a_broken_stage_file_is_made_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stage.json"
    path.write_text(text)
    assert once(path, {}, lambda: {"v": 1}) == {"v": 1}


def test_a_failed_stage_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        once(tmp_path / "stage.json", {}, fail)
    assert list(tmp_path.iterdir()) == []
