"""What it costs the server to count its own requests: one small request with and without, in turn, in one process.

Processor time, not the clock's.

python -m bench.self_watch [ROUNDS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import httpx

from codman.api.app import make_api
from codman.flows.house import House
from codman.flows.operations.figures import figures
from codman.registry.accounts_tokens import issue
from codman.registry.database import Database
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE, PRODUCTS, USES
from codman.settings import Settings
from codman.spine.person import GrantFields, PersonFields, Role
from codman.spine.product import ProductFields
from codman.spine.use import UseFields
from codman.telemetry import Histogram, Instrument
from codman.wiring import open_house

EACH = 20  # requests of one round, long enough to time and short enough that the machine stays the same


def main(rounds: int = 300) -> None:
    """Print the median of a request with and without, and what a scrape takes."""
    with tempfile.TemporaryDirectory() as folder:
        house = open_house(Settings(workspace=Path(folder)))
        try:
            asyncio.run(_compared(house, rounds))
        finally:
            house.close()


async def _compared(house: House, rounds: int) -> None:
    headers = {"Authorization": f"Bearer {_furnished(house)}"}
    # each anew, so that they differ in nothing else; the third says how far two that are the same lie apart
    houses = {"with": _reopened(house), "without": _unwatched(house), "without, again": _unwatched(house)}
    clients = {name: _asking(one) for name, one in houses.items()}
    took: dict[str, list[float]] = {name: [] for name in houses}

    async def one_round(name: str) -> float:
        with nullcontext() if name == "with" else _uncounted():
            began = time.process_time()  # of all its threads: others may be using this machine
            for _ in range(EACH):
                answer = await clients[name].get("/api/v1/uses/ward", headers=headers)
                answer.raise_for_status()
            return (time.process_time() - began) / EACH

    for name in houses:
        await one_round(name)
    for number in range(rounds):
        order = list(houses)
        for name in order[number % 3 :] + order[: number % 3]:
            took[name].append(await one_round(name))
    began = time.process_time()
    for _ in range(20):
        figures(houses["with"])
    read = (time.process_time() - began) / 20
    scrape = await clients["with"].get("/metrics", headers=headers)
    for name in houses:
        await clients[name].aclose()
        houses[name].database.close()
        print(f"a small request, {name:<16} {statistics.median(took[name]) * 1e3:7.3f} ms")
    for name in ("with", "without, again"):
        ratios = sorted(a / b for a, b in zip(took[name], took["without"], strict=True))
        spread = 1.25 * statistics.stdev(ratios) / len(ratios) ** 0.5  # of a median, where ratios are about normal
        print(f"ratio, {name:<26} {statistics.median(ratios):7.3f} ± {1.96 * spread:.3f}")
    print(
        f"figures of the house              {read * 1e3:7.3f} ms a scrape, {len(scrape.content) / 1024:.0f} KiB in all"
    )


def _asking(house: House) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=make_api(house)), base_url="http://localhost")


def _furnished(house: House) -> str:
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PersonFields(name="Officer", email="o@hospital.test"), "p-officer")
        GRANTS.add(change, GrantFields(person="p-officer", role=Role.OFFICER))
        PRODUCTS.add(change, ProductFields(name="Sepsis score", kind="bought"), "sepsis")
        USES.add(change, UseFields(product="sepsis", name="Sepsis on the ward"), "ward")
        return issue(change, "p-officer", ["*"], house.database.clock(), days=1, name="bench").secret


def _reopened(house: House) -> House:
    return replace(house, database=Database(house.settings.effective_database_url))


def _unwatched(house: House) -> House:
    """The same house through a database that nobody times."""
    with patch("codman.registry.database.watch", lambda _engine: None):
        return _reopened(house)


@contextmanager
def _uncounted() -> Iterator[None]:
    """As if nobody had written the instruments."""
    with (
        patch.object(Instrument, "add", lambda *_of, **_more: None),
        patch.object(Histogram, "observe", lambda *_of: None),
    ):
        yield


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
