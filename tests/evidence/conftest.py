import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from codman.evidence import keys


@pytest.fixture
def mine(tmp_path):
    keys.generate(tmp_path / "mine")
    return keys.read_signing_key(tmp_path / "mine.key")


@pytest.fixture
def other(tmp_path):
    keys.generate(tmp_path / "other")
    return keys.read_signing_key(tmp_path / "other.key")
