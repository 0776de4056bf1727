"""A small hospital with somebody in every role, and a way to ask its API in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from codman.flows.house import House
from codman.registry import nouns
from codman.registry.accounts_people import set_password
from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.spine.person import Role

PLACES = (
    ("north", "region", None),
    ("st-mary", "hospital", "north"),
    ("icu", "unit", "st-mary"),
    ("st-john", "hospital", "north"),
)


@dataclass(frozen=True)
class Hospital:
    """The house, and a token for each role over all of it, and one for an owner of st-mary alone."""

    house: House
    tokens: dict[str, str]


class Caller:
    """Sends requests to the API in this process, as somebody."""

    def __init__(self, app: Any, tokens: dict[str, str]) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://codman.test")
        self._tokens = tokens

    def __call__(self, method: str, path: str, *, who: str | None = "officer", **request: Any) -> httpx.Response:
        headers = dict(request.pop("headers", {}))
        if who is not None:
            headers.setdefault("Authorization", f"Bearer {self._tokens[who]}")
        if not path.startswith(("/schemas", "/api", "/healthz", "/readyz", "/metrics")):
            path = "/api/v1" + path
        return self._loop.run_until_complete(self._client.request(method, path, headers=headers, **request))

    def together(self, *requests: tuple[str, str, dict[str, Any]], who: str = "officer") -> list[httpx.Response]:
        """Several requests at once."""

        async def send() -> list[httpx.Response]:
            token = {"Authorization": f"Bearer {self._tokens[who]}"}
            return await asyncio.gather(
                *(
                    self._client.request(
                        method, "/api/v1" + path, **{**more, "headers": {**token, **more.get("headers", {})}}
                    )
                    for method, path, more in requests
                )
            )

        return self._loop.run_until_complete(send())

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


@contextmanager
def written_to(house: House) -> Iterator[threading.Event]:
    """A writer holds the book while the block runs, until the event that it gets: changes wait behind it."""
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with house.database.changing(SYSTEM):
            held.set()
            go.wait(30)

    writer = threading.Thread(target=hold)
    writer.start()
    held.wait(10)
    yield go
    writer.join()


def furnish(house: House) -> Hospital:
    """Fill a house with a little of everything."""
    tokens: dict[str, str] = {}
    with house.database.changing(SYSTEM) as change:
        add = {
            kind: getattr(nouns, kind)
            for kind in ("SITES", "PEOPLE", "GRANTS", "VENDORS", "PRODUCTS", "VERSIONS", "USES", "DEPLOYMENTS", "FACTS")
        }

        def put(kind: str, name: str, /, **fields: Any) -> None:
            add[kind].add(change, add[kind].validated(fields), name)

        for name, level, parent in PLACES:
            put("SITES", name, name=name, level=level, parent=parent)
        for who in [*Role, "mary", "nobody"]:
            put("PEOPLE", str(who), name=f"The {who}", email=f"{who}@hospital.test")
            if who in list(Role):
                put("GRANTS", f"grant-{who}", person=str(who), role=str(who))
            tokens[str(who)] = issue(change, str(who), ["*"], house.database.clock(), days=30, name="tests").secret
        put("GRANTS", "grant-mary", person="mary", role="owner", site="st-mary")
        set_password(change, "admin", "no password has this hash")
        put("VENDORS", "acme", name="Acme")
        put("PRODUCTS", "sepsis", name="Sepsis score", kind="bought", vendor="acme")
        put("VERSIONS", "sepsis-1", product="sepsis", label="1.0", digest="a" * 64)
        put("USES", "mary-use", product="sepsis", name="Sepsis at St Mary", site="st-mary", purpose="Find sepsis early")
        put("USES", "john-use", product="sepsis", name="Sepsis at St John", site="st-john")
        put("DEPLOYMENTS", "icu-run", use="mary-use", site="icu", mode="live", clinician="reviewer")
        put("DEPLOYMENTS", "john-run", use="john-use", site="st-john", mode="silent")
        put("FACTS", "fact-1", about_kind="use", about="john-use", field="hti-1/4.i", value="0.8", source="card")
    return Hospital(house, tokens)
