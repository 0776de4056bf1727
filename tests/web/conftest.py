"""The web's tests: the demo hospital in small, its pages by role, and a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_house
from fastapi.testclient import TestClient
from seen_pages import Pages, pages_of

from codman.flows.demo.changes import changes
from codman.flows.demo.concerns import add_concerns
from codman.flows.demo.hospital import load_hospital
from codman.flows.demo.monitoring import add_monitoring
from codman.flows.demo.proposals import add_proposals
from codman.flows.demo.reports import add_reports
from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.settings import Settings
from codman.simulate.hospital import HISTORY_ENDS
from codman.spine.person import Role
from codman.web.app import make_web
from codman.wiring import open_house
from in_chromium import chromium
from on_a_port import on_a_port


@pytest.fixture
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """A small house that a test may change; on PostgreSQL where CODMAN_TEST_WEB_ON says so."""
    url = request.getfixturevalue("postgresql")() if os.environ.get("CODMAN_TEST_WEB_ON") == "postgresql" else None
    made = small_house.made(tmp_path, url)
    yield made
    made.close()


@pytest.fixture
def pages(house: House) -> Pages:
    """Its pages: `pages(Role.OFFICER)`, or `pages(None)` for nobody."""

    def seen_by(role: Role | None, path: str = "/", person: str | None = None) -> TestClient:
        return pages_of(house, None if role is None else small_house.reader(role, path, person))

    return seen_by


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The demo hospital in small, with evaluations that were really run; nobody changes it."""
    made = open_house(Settings(workspace=tmp_path_factory.mktemp("hospital")))
    load_hospital(made, 7, lambda _said: None, small=True, beside=changes)
    add_reports(made, HISTORY_ENDS)
    add_concerns(made)
    add_proposals(made)
    add_monitoring(made, HISTORY_ENDS, small=True)
    yield made
    made.close()


@pytest.fixture(scope="session")
def served(hospital: House) -> Iterator[str]:
    """The demo hospital's pages on a real port, as its officer and administrator sees them."""
    app = make_web(hospital)
    person = "person-demo-officer-01"
    held = (Held(Role.OFFICER), Held(Role.ADMIN), Held(Role.REVIEWER))
    app.state.reader_of = lambda _request: Reader(
        person=person, name="Officer 1", held=held, fresh_until="2999-01-01T00:00:00.000000Z"
    )
    with on_a_port(app) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, a file's tests long: it keeps a loop running in the tests' own thread; skipped where there is none."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, which looks for what keeps people out."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    return next(Path(package.__file__).parent.glob("axe*.js")).read_text("utf-8")
