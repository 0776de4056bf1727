"""How long the pages take over a large book: 10,000 uses, 50,000 statements, one core.

    python bench/web_pages.py FOLDER [USES] [STATEMENTS]

Makes the book in FOLDER where there is none, asks each page 100 times through the application, and prints the median
and the 95th percentile in milliseconds: of the clock, and of the processor, which other programs do not lengthen.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import time
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import insert

from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.inventory import Question, search
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, PRODUCTS, SITES, USES, VENDORS, VERSIONS
from codman.registry.schema import statements
from codman.settings import Settings
from codman.spine.person import Role
from codman.web.app import make_web
from codman.wiring import open_house

TIMES = int(os.environ.get("TIMES", "100"))


def fill(house: House, uses: int, filed: int) -> None:
    """A book of this size; what is in it is drawn with a fixed seed."""
    draw = random.Random(1)
    with house.database.changing(SYSTEM, "a large book to measure on") as change:
        SITES.add(change, SITES.validated({"name": "System", "level": "system"}), "site-0")
        hospitals = [
            SITES.validated({"name": f"Hospital {i}", "level": "hospital", "parent": "site-0"}) for i in range(60)
        ]
        SITES.add_many(change, hospitals, [f"site-h{i}" for i in range(60)])
        PEOPLE.add_many(
            change, [PEOPLE.validated({"name": f"Person {i}"}) for i in range(500)], [f"person-{i}" for i in range(500)]
        )
        VENDORS.add_many(
            change,
            [
                VENDORS.validated({"name": f"Vendor {i}", "contract_ends": f"2027-{1 + i % 12:02d}-01"})
                for i in range(200)
            ],
            [f"vendor-{i}" for i in range(200)],
        )
        products = [
            PRODUCTS.validated(
                {
                    "name": f"Product {i}",
                    "kind": draw.choice(["bought", "built", "embedded"]),
                    "vendor": f"vendor-{i % 200}",
                }
            )
            for i in range(2000)
        ]
        PRODUCTS.add_many(change, products, [f"product-{i}" for i in range(2000)])
        VERSIONS.add_many(
            change,
            [VERSIONS.validated({"product": f"product-{i}", "label": "1.0"}) for i in range(2000)],
            [f"version-{i}" for i in range(2000)],
        )
    for low in range(0, uses, 1000):
        with house.database.changing(SYSTEM, "a large book to measure on") as change:
            numbers = range(low, min(low + 1000, uses))
            USES.add_many(change, [USES.validated(_use(draw, i)) for i in numbers], [f"use-{i}" for i in numbers])
            runs = [
                DEPLOYMENTS.validated(
                    {
                        "use": f"use-{i}",
                        "site": f"site-h{(i + j) % 60}",
                        "version": f"version-{i % 2000}",
                        "mode": "live",
                    }
                )
                for i in numbers
                for j in range(2)
            ]
            DEPLOYMENTS.add_many(change, runs)
    rows = [_statement(draw, i, uses) for i in range(filed)]
    with house.database.unrecorded() as connection:
        for low in range(0, filed, 5000):
            connection.execute(insert(statements), rows[low : low + 5000])


def _use(draw: random.Random, i: int) -> dict[str, object]:
    return {
        "product": f"product-{i % 2000}",
        "name": f"{draw.choice(['Sepsis', 'Stroke', 'Falls', 'Notes', 'Chest'])} use {i}",
        "organisation": f"Organisation {i % 40}",
        "site": f"site-h{i % 60}",
        "purpose": "Raises an alert when the risk passes a threshold that the ward has chosen." * 3,
        "stage": draw.choice(["live", "live", "live", "pilot", "silent", "retired", "proposed"]),
        "decision": draw.choice(["undecided (legacy)", "approved", "undecided"]),
        "impact": draw.choice(["high-impact", "not high-impact", None]),
        "tier": draw.choice(["high", "medium", "low", None]),
        "owner": f"person-{i % 500}" if i % 3 else None,
        "monitoring": "each week" if i % 4 else None,
    }


def _statement(draw: random.Random, i: int, uses: int) -> dict[str, object]:
    use = draw.randrange(uses)
    return {
        "digest": hashlib.sha256(str(i).encode()).hexdigest(),
        "kind": draw.choice(["evaluation", "evaluation", "monitoring", "document"]),
        "product": f"Product {use % 2000}",
        "version": "1.0",
        "use_name": f"use-{use}",
        "product_id": f"product-{use % 2000}",
        "version_id": f"version-{use % 2000}",
        "use_id": f"use-{use}",
        "origin": "local",
        "evaluated_at": f"2026-{1 + i % 12:02d}-01T00:00:00.000000Z",
        "subject_digest": "0" * 64,
        "standing": "claim",
        "measurements": 40,
        "headline": "AUROC 0.812 (0.790 to 0.833), n 18,204",
        "size": 20_000,
        "filed_at": f"2026-{1 + i % 12:02d}-02T00:00:{i % 60:02d}.000000Z",
        "filed_by": f"person-{i % 500}",
        "log_index": 10_000_000 + i,
    }


def _half(took: list[float]) -> float:
    return took[len(took) // 2]


def _most(took: list[float]) -> float:
    return took[int(len(took) * 0.95)]


def main() -> None:
    """Print a line for each page."""
    folder = Path(sys.argv[1])
    uses, filed = (int(number) for number in (*sys.argv[2:4], 10_000, 50_000)[:2])
    house = open_house(Settings(workspace=folder))
    with house.database.reading() as connection:
        empty = search(connection, Question(limit=1)).total == 0
    if empty:
        fill(house, uses, filed)
    os.sched_setaffinity(0, {0})
    app = make_web(house)
    pages = (
        "/inventory",
        "/inventory?stage=live&impact=high-impact&monitoring=(missing)",
        "/inventory?q=sepsis&tier=high",
        "/inventory?evidence=(missing)",
        "/uses/use-17",
        "/products/product-17",
        "/evidence",
        "/attention",
        "/coverage",
        "/",
        "/uses/use-17/edit",
    )
    for title, held in (
        ("the whole house", (Held(Role.OFFICER),)),
        ("one hospital", (Held(Role.OWNER, "/site-0/site-h17/"),)),
    ):
        app.state.reader_of = lambda _request, held=held: Reader(person="person-1", name="Somebody", held=held)
        client = TestClient(app, base_url="http://localhost")
        print(f"{title}: {uses:,} uses, {filed:,} statements")
        for page in pages:
            took: list[tuple[float, float]] = []
            for _ in range(TIMES if page != "/coverage" else 5):
                began, worked = time.perf_counter(), time.process_time()
                answer = client.get(page)
                took.append((1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)))
            clock, processor = (sorted(one[1:]) for one in zip(*took, strict=True))
            print(
                f"{page:62} {answer.status_code} clock {_half(clock):6.1f} {_most(clock):6.1f}"
                f"  processor {_half(processor):6.1f} {_most(processor):6.1f}",
                flush=True,
            )
    house.close()


if __name__ == "__main__":
    main()
