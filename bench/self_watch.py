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
from contextlib import contextmanager
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
    with_it: list[float] = []
    without: list[float] = []
    watched, bare = _reopened(house), _unwatched(house)  # both anew, so that they differ in nothing else
    async with _asking(watched) as client, _asking(bare) as other:

        async def one_round(client: httpx.AsyncClient) -> float:
            began = time.process_time()  # of all its threads: others may be using this machine
            for _ in range(EACH):
                answer = await client.get("/api/v1/uses/ward", headers=headers)
                answer.raise_for_status()
            return (time.process_time() - began) / EACH

        await one_round(client)
        await one_round(other)
        for number in range(rounds):
            for counting in (True, False) if number % 2 else (False, True):
                if counting:
                    with_it.append(await one_round(client))
                else:
                    with _uncounted():
                        without.append(await one_round(other))
        began = time.process_time()
        for _ in range(20):
            figures(watched)
        read = (time.process_time() - began) / 20
        scrape = await client.get("/metrics", headers=headers)
    for one in (watched, bare):
        one.database.close()
    ratios = sorted(a / b for a, b in zip(with_it, without, strict=True))
    print(f"a small request          {statistics.median(without) * 1e3:8.3f} ms without counting")
    print(f"                         {statistics.median(with_it) * 1e3:8.3f} ms with it")
    middle, low, high = statistics.median(ratios), ratios[len(ratios) // 4], ratios[-len(ratios) // 4]
    print(f"ratio, round by round    {middle:8.3f} (half of them {low:.3f} to {high:.3f})")
    quick = statistics.quantiles(with_it, n=10)[0] / statistics.quantiles(without, n=10)[0]
    print(f"ratio of quick rounds    {quick:8.3f} (the tenth that nothing else disturbed)")
    print(f"figures of the house     {read * 1e3:8.3f} ms a scrape, {len(scrape.content) / 1024:.0f} KiB in all")


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
