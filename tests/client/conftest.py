"""A real server on this machine, with the furnished house of the API's tests."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

sys.path.insert(0, str(Path(__file__).parent.parent / "api"))
sys.path.insert(0, str(Path(__file__).parent.parent / "evidence"))
from api_hospital import Hospital, furnish

from codman.api.app import make_api
from codman.settings import read_settings
from codman.wiring import open_house
from waiting import until


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    """A furnished house."""
    house = open_house(read_settings(workspace=tmp_path / "work"))
    yield furnish(house)
    house.close()


@pytest.fixture
def server(hospital: Hospital) -> Iterator[str]:
    """The address of a server that serves it."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(make_api(hospital.house), log_config=None, access_log=False, lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: running.run(sockets=[listening]), daemon=True)
    thread.start()
    until(lambda: running.started)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join(10)
