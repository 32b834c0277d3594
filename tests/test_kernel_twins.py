"""Every numba kernel of the project has a slow twin in the tests."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Kernels that are called from outside, and the test that holds each against its twin. What begins
# with an underscore is a part of the kernel in its file.
TWINS = {
    "bin_numbers": "features/test_kernels.py",
    "count_neighbours": "features/test_kernels.py",
    "count_pairs": "features/test_kernels.py",
    "count_runs": "features/test_kernels.py",
    "find_zones": "features/test_kernels.py",
    "sphere_sums": "features/test_kernels.py",
    "spline_coefficients": "features/test_spline_kernels.py",
    "spline_values": "features/test_spline_kernels.py",
    "filter_lines": "filters/test_recursive_kernel.py",
    "_descend": "selection/test_descent_kernel.py",
}


def kernels() -> dict[Path, list[str]]:
    found = {}
    for path in sorted((ROOT / "radtool").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        names = re.findall(r"^@(?:kernel|njit\b.*|numba\..*|vectorize.*)\ndef (\w+)", text, re.M)
        if names:
            found[path] = names
    return found


def test_every_kernel_has_a_twin() -> None:
    found = kernels()
    public = {name for names in found.values() for name in names if not name.startswith("_")}
    assert public == {name for name in TWINS if not name.startswith("_")}
    for path, names in found.items():
        assert set(names) & set(TWINS), f"{path.name}: no twin for {names}"


def test_the_named_tests_call_kernel_and_python() -> None:
    for name, test in TWINS.items():
        text = (ROOT / "tests" / test).read_text(encoding="utf-8")
        assert name in text
        assert ".py_func" in text
