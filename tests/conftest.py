"""What several test packages need."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("RADTOOL_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with reference data that is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"reference data not found at {SHARED}; set RADTOOL_SHARED")
    return SHARED


@pytest.fixture(scope="session")
def phantoms() -> ModuleType:
    """Writers of small DICOM series and structure sets: ``tests/phantoms.py``."""
    spec = importlib.util.spec_from_file_location("phantoms", ROOT / "tests" / "phantoms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
