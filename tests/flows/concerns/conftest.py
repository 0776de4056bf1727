"""A ward, on both databases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from ward import Ward


@pytest.fixture
def ward(tmp_path: Path, database_url: str) -> Iterator[Ward]:
    """A live use at North with an accountable clinician."""
    made = Ward(tmp_path, database_url)
    yield made
    made.house.close()
