"""A copy of the index that a test may change."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def writable(index_path: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(index_path, copy)
    return copy
