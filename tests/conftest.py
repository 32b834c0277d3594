"""What several test packages need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("RADTOOL_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with reference data that is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"reference data not found at {SHARED}; set RADTOOL_SHARED")
    return SHARED
