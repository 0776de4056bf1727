"""A real server on this machine, with the furnished house of the API's tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "api"))
sys.path.insert(0, str(Path(__file__).parent.parent / "evidence"))
from api_hospital import Hospital, furnish

from codman.api.app import make_api
from codman.settings import read_settings
from codman.wiring import open_house
from on_a_port import on_a_port


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    """A furnished house."""
    house = open_house(read_settings(workspace=tmp_path / "work"))
    yield furnish(house)
    house.close()


@pytest.fixture
def server(hospital: Hospital) -> Iterator[str]:
    """The address of a server that serves it."""
    with on_a_port(make_api(hospital.house), log_config=None, access_log=False, lifespan="off") as address:
        yield address
