"""The pages of a house as somebody sees them."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from fastapi.testclient import TestClient

from codman.flows.house import House
from codman.registry.access import Reader
from codman.web.app import make_web

Pages = Callable[..., httpx.Client]


def pages_of(house: House, reader: Reader | None) -> TestClient:
    """The house's pages as somebody sees them."""
    app = make_web(house)
    app.state.reader_of = lambda _request: reader
    return TestClient(
        app, base_url="http://localhost", headers={"Sec-Fetch-Site": "same-origin"}, follow_redirects=False
    )
