"""How fast the book of record answers: 10,000 uses and 50,000 statements, on one core, on both databases.

    python bench/registry.py [--uses 10000] [--statements 50000] [--requests 100]

The API is asked in this process (no network), one request after another: what is measured is the server's own work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert, text

from codman.api.app import make_api
from codman.flows.house import House
from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE, PRODUCTS, SITES, VENDORS
from codman.registry.schema import deployments, statements, uses
from codman.settings import read_settings
from codman.wiring import open_house

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import postgresql_server

HOSPITALS, PRODUCTS_COUNT, VENDOR_COUNT = 60, 400, 40
STAGES = ("proposed", "in-review", "silent", "pilot", "live", "live", "live", "retired")
LIMIT_MS = 100.0


def fill(house: House, many_uses: int, many_statements: int) -> dict[str, str]:
    """A house of that size: people and places through the book, the many rows straight into their tables."""
    chance = random.Random(7)
    tokens = {}
    with house.database.changing(SYSTEM) as change:
        for number in range(HOSPITALS):
            SITES.add(
                change, SITES.validated({"name": f"Hospital {number}", "level": "hospital"}), f"hospital-{number}"
            )
        for number in range(VENDOR_COUNT):
            VENDORS.add(change, VENDORS.validated({"name": f"Vendor {number}"}), f"vendor-{number}")
        for number in range(PRODUCTS_COUNT):
            fields = {"name": f"Product {number}", "kind": "bought", "vendor": f"vendor-{number % VENDOR_COUNT}"}
            PRODUCTS.add(change, PRODUCTS.validated(fields), f"product-{number}")
        for name, site in (("whole house", None), ("one hospital", "hospital-7")):
            person = PEOPLE.add(change, PEOPLE.validated({"name": name}))
            GRANTS.add(change, GRANTS.validated({"person": person.id, "role": "officer", "site": site}))
            tokens[name] = issue(change, person.id, ["*"], house.database.clock(), days=1, name="bench").secret
    kept = {"revision": 1, "created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z"}
    made = [
        {
            "id": f"use-{number}",
            **kept,
            "product": f"product-{number % PRODUCTS_COUNT}",
            "name": f"{chance.choice(('Sepsis', 'Fall', 'Stroke', 'Scheduling'))} {number}",
            "organisation": f"Department {number % 25}",
            "site": f"hospital-{number % HOSPITALS}",
            "purpose": "Find the patients who need somebody to look at them sooner",
            "stage": chance.choice(STAGES),
            "impact": chance.choice((None, "high-impact", "not high-impact")),
            "tier": chance.choice((None, "high", "medium", "low")),
            "decision": "undecided (legacy)",
            "monitoring": chance.choice((None, "monthly")),
        }
        for number in range(many_uses)
    ]
    runs = [
        {
            "id": f"deployment-{number}-{k}",
            **kept,
            "use": f"use-{number}",
            "site": f"hospital-{(number + k) % HOSPITALS}",
            "mode": "live",
        }
        for number in range(many_uses)
        for k in range(2)
    ]
    filed = [
        {
            "digest": f"{number:064x}",
            "kind": chance.choice(("evaluation", "document", "monitoring")),
            "product": f"product-{number % PRODUCTS_COUNT}",
            "use_name": f"use-{number % many_uses}",
            "product_id": f"product-{number % PRODUCTS_COUNT}",
            "use_id": f"use-{number % many_uses}",
            "origin": "local",
            "evaluated_at": "2026-01-01T00:00:00.000000Z",
            "standing": "claim",
            "size": 1000,
            "filed_at": f"2026-01-01T00:00:{number % 60:02}.{number:06}Z",
            "filed_by": "bench",
            "log_index": 1_000_000 + number,
        }
        for number in range(many_statements)
    ]
    with house.database.unrecorded() as connection:
        connection.execute(insert(uses), made)
        connection.execute(insert(deployments), runs)
        connection.execute(insert(statements), filed)
    with house.database.unrecorded() as connection:
        connection.execute(text("ANALYZE"))
    return tokens


ASKED = (
    ("health", "/health"),
    ("use", "/uses/use-4242"),
    ("uses, first page of 50", "/uses"),
    ("uses, 500 a page", "/uses?limit=500"),
    ("uses, filtered", "/uses?stage=live&monitoring=(missing)&impact=high-impact"),
    ("uses, searched and filtered", "/uses?q=sepsis&stage=live"),
    ("uses, the newest first", "/uses?order=-updated"),
    ("inventory rows, filtered", "/inventory?stage=live&kind=bought"),
    ("inventory facets", "/inventory/facets"),
    ("deployments of a use", "/uses/use-4242/deployments"),
    ("evidence, first page", "/evidence"),
    ("evidence of a use", "/evidence?use=use-4242"),
    ("evidence of a kind", "/evidence?kind=monitoring"),
)


async def measure(app: Any, token: str, path: str, times: int) -> tuple[float, float]:
    """Median and 95th percentile of one request, in ms."""
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", headers=headers) as client:
        for _ in range(5):
            (await client.get(f"/api/v1{path}")).raise_for_status()
        took = []
        for _ in range(times):
            began = time.perf_counter()
            reply = await client.get(f"/api/v1{path}")
            took.append((time.perf_counter() - began) * 1000)
            reply.raise_for_status()
    took.sort()
    return took[len(took) // 2], took[int(len(took) * 0.95)]


def report(name: str, house: House, arguments: argparse.Namespace) -> int:
    """Print one database's table; how many figures are beyond the limit."""
    began = time.perf_counter()
    tokens = fill(house, arguments.uses, arguments.statements)
    app = make_api(house)
    print(f"\n{name} (filled in {time.perf_counter() - began:.1f} s)\n")
    print("| asked | reader | median ms | p95 ms |\n| --- | --- | ---: | ---: |")
    over = 0

    async def all_of_them() -> None:
        nonlocal over
        for who, token in tokens.items():
            for label, path in ASKED:
                if who != "whole house" and "4242" in path:
                    path = path.replace("4242", "4207")  # 4207 = 7 (mod 60): it belongs to hospital 7
                median, p95 = await measure(app, token, path, arguments.requests)
                over += p95 > LIMIT_MS
                print(f"| {label} | {who} | {median:.1f} | {p95:.1f} |")

    asyncio.run(all_of_them())
    return over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uses", type=int, default=10_000)
    parser.add_argument("--statements", type=int, default=50_000)
    parser.add_argument("--requests", type=int, default=100)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core; PostgreSQL's own processes have the others
    print(f"Python {platform.python_version()}, {arguments.uses:,} uses, {arguments.statements:,} statements, one core")
    over = 0
    with tempfile.TemporaryDirectory() as folder:
        house = open_house(read_settings(workspace=Path(folder) / "sqlite"))
        over += report("SQLite", house, arguments)
        house.close()
        if postgresql_server.tools() is None:
            print("\nno PostgreSQL here")
        else:
            import psycopg

            with postgresql_server.running() as server:
                with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                    connection.execute("CREATE DATABASE bench")
                house = open_house(read_settings(workspace=Path(folder) / "pg", database_url=f"{server}/bench"))
                over += report("PostgreSQL", house, arguments)
                house.close()
    print(f"\n{over} figures beyond {LIMIT_MS:.0f} ms")
    sys.exit(1 if over else 0)


if __name__ == "__main__":
    main()
