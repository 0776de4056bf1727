"""A furnished house and its API, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_hospital import Caller, Hospital, furnish

from codman.api.app import make_api
from codman.settings import read_settings
from codman.wiring import open_house


@pytest.fixture
def hospital(tmp_path: Path, database_url: str) -> Iterator[Hospital]:
    """A furnished house, on SQLite and on PostgreSQL."""
    house = open_house(read_settings(workspace=tmp_path / "work", database_url=database_url))
    yield furnish(house)
    house.close()


@pytest.fixture
def call(hospital: Hospital) -> Iterator[Caller]:
    """Sends requests to the furnished house."""
    caller = Caller(make_api(hospital.house), hospital.tokens)
    yield caller
    caller.close()
