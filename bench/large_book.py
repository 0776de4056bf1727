"""A large book of record to measure on, on both databases, and clocks for what a request costs.

10,000 uses, 30,000 deployments at 200 sites, 50,000 statements, 100,000 facts, 2,000 products of 200 vendors; drawn
with a fixed seed. Uses go through the book, so the log tells of them; the many rows go straight into their tables.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text

from codman.evidence.statements import build, canonical_statement
from codman.flows.filing import file_evidence
from codman.flows.house import House
from codman.flows.operator import OPERATOR
from codman.registry.frameworks import every_framework
from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE, PRODUCTS, SITES, USES, VENDORS, VERSIONS
from codman.registry.schema import deployments, facts, keys, statements, uses
from codman.registry.schema_filing import statement_signatures
from codman.settings import read_settings
from codman.spine.statement import Digest, Kind, Subject
from codman.wiring import open_house

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import postgresql_server

HOSPITALS, UNITS, PEOPLE_COUNT, PRODUCTS_COUNT, VENDORS_COUNT = 60, 139, 500, 2000, 200
KEYS, SIGNED = 7, 8  # of ten statements as many are signed
MEASURED = 800  # measurements of the one statement that is filed whole
KEPT = {"revision": 1, "created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z"}
LIMIT_MS = 100.0


@dataclass(frozen=True, slots=True)
class Book:
    """An open house with a large book in it."""

    name: str
    house: House
    whole: str  # the digest of the statement whose bytes are in the store


def books(folder: Path, many_uses: int, many_statements: int, only: str | None = None) -> Iterator[Book]:
    """The same book on SQLite and, where a server can be started here, on PostgreSQL."""
    if only in (None, "SQLite"):
        house = open_house(read_settings(workspace=folder / "sqlite"))
        yield Book("SQLite", house, filled(house, many_uses, many_statements))
        house.close()
    if only == "SQLite":
        return
    if postgresql_server.tools() is None:
        print("\nno PostgreSQL here")
        return
    import psycopg

    with postgresql_server.running() as server, tempfile.TemporaryDirectory() as workspace:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
            connection.execute("ALTER DATABASE bench SET max_parallel_workers_per_gather = 0")  # one core
        house = open_house(read_settings(workspace=Path(workspace), database_url=f"{server}/bench"))
        yield Book("PostgreSQL", house, filled(house, many_uses, many_statements))
        house.close()


def filled(house: House, many_uses: int, many_statements: int) -> str:
    """Fill an empty book; gives the digest of a statement of 800 measurements about use-17."""
    with house.database.reading() as connection:
        there = connection.execute(select(func.count()).select_from(uses)).scalar_one()
        if there:
            return str(
                connection.execute(
                    select(statements.c.digest).where(statements.c.measurements == MEASURED)
                ).scalar_one()
            )
    _nouns(house)
    draw = random.Random(1)
    for low in range(0, many_uses, 1000):
        with house.database.changing(SYSTEM, "a large book to measure on") as change:
            numbers = range(low, min(low + 1000, many_uses))
            USES.add_many(change, [USES.validated(_use(draw, i)) for i in numbers], [f"use-{i}" for i in numbers])
    asked = [name for f in every_framework() for field in f.fields for name in f.facts_of(field)]
    with house.database.unrecorded() as connection:
        _rows(connection, deployments, (_deployment(i, j) for i in range(many_uses) for j in range(3)))
        _rows(connection, facts, (_fact(draw, asked, i, j) for i in range(many_uses) for j in range(10)))
        _rows(connection, statements, (_statement(draw, i, many_uses) for i in range(many_statements)))
        _rows(connection, keys, (_key(k) for k in range(KEYS)))
        signed = (i for i in range(many_statements) if i % 10 < SIGNED)
        _rows(connection, statement_signatures, (_signature(i) for i in signed))
    digest = file_evidence(house, _evaluation(), OPERATOR).digest
    if house.database.sqlite:
        with house.database.unrecorded() as connection:
            connection.execute(text("ANALYZE"))
    else:
        with house.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return digest


def _rows(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    part: list[dict[str, Any]] = []
    for row in rows:
        part.append(row)
        if len(part) == 5000:
            connection.execute(insert(table), part)
            part = []
    if part:
        connection.execute(insert(table), part)


def _nouns(house: House) -> None:
    draw = random.Random(2)
    with house.database.changing(SYSTEM, "a large book to measure on") as change:
        SITES.add(change, SITES.validated({"name": "System", "level": "system"}), "site-0")
        for i in range(HOSPITALS):
            fields = {"name": f"Hospital {i}", "level": "hospital", "parent": "site-0"}
            SITES.add(change, SITES.validated(fields), f"site-h{i}")
        for i in range(UNITS):
            fields = {"name": f"Unit {i}", "level": "unit", "parent": f"site-h{i % HOSPITALS}"}
            SITES.add(change, SITES.validated(fields), f"site-u{i}")
        people = [PEOPLE.validated({"name": f"Person {i}"}) for i in range(PEOPLE_COUNT)]
        PEOPLE.add_many(change, people, [f"person-{i}" for i in range(PEOPLE_COUNT)])
        vendors = [
            VENDORS.validated({"name": f"Vendor {i}", "contract_ends": f"2027-{1 + i % 12:02d}-01"})
            for i in range(VENDORS_COUNT)
        ]
        VENDORS.add_many(change, vendors, [f"vendor-{i}" for i in range(VENDORS_COUNT)])
        products = [
            {
                "name": f"Product {i}",
                "kind": draw.choice(["bought", "built", "embedded"]),
                "vendor": f"vendor-{i % VENDORS_COUNT}",
            }
            for i in range(PRODUCTS_COUNT)
        ]
        names = [f"product-{i}" for i in range(PRODUCTS_COUNT)]
        PRODUCTS.add_many(change, [PRODUCTS.validated(one) for one in products], names)
        versions = [VERSIONS.validated({"product": name, "label": "1.0"}) for name in names]
        VERSIONS.add_many(change, versions, [f"version-{i}" for i in range(PRODUCTS_COUNT)])


def _use(draw: random.Random, i: int) -> dict[str, object]:
    return {
        "product": f"product-{i % PRODUCTS_COUNT}",
        "name": f"{draw.choice(['Sepsis', 'Stroke', 'Falls', 'Notes', 'Chest'])} use {i}",
        "organisation": f"Organisation {i % 40}",
        "site": f"site-h{i % HOSPITALS}",
        "purpose": "Raises an alert when the risk passes a threshold that the ward has chosen." * 3,
        "stage": draw.choice(["live", "live", "live", "pilot", "silent", "retired", "proposed"]),
        "decision": draw.choice(["undecided (legacy)", "approved", "undecided"]),
        "impact": draw.choice(["high-impact", "not high-impact", None]),
        "tier": draw.choice(["high", "medium", "low", None]),
        "owner": f"person-{i % PEOPLE_COUNT}" if i % 3 else None,
        "monitoring": "each week" if i % 4 else None,
    }


def _deployment(i: int, j: int) -> dict[str, Any]:
    sites = (f"site-h{i % HOSPITALS}", f"site-h{(i + 1) % HOSPITALS}", f"site-u{i % UNITS}")
    where = {"use": f"use-{i}", "site": sites[j], "version": f"version-{i % PRODUCTS_COUNT}", "mode": "live"}
    return {"id": f"deployment-{i}-{j}", **KEPT, **where}


def _fact(draw: random.Random, asked: list[str], i: int, j: int) -> dict[str, Any]:
    kind, about = ("use", f"use-{i}") if j < 8 else ("product", f"product-{i % PRODUCTS_COUNT}")
    basis = "document" if draw.random() < 0.3 else "claim"
    return {
        "id": f"fact-{i}-{j}",
        **KEPT,
        "about_kind": kind,
        "about": about,
        "field": draw.choice(asked),
        "value": draw.choice(["N/A", "Adults on a general ward", "Its developer tested it at two hospitals in 2024"]),
        "basis": basis,
        "source": f"import {i}-{j}",
    }


def _statement(draw: random.Random, i: int, many_uses: int) -> dict[str, object]:
    use = draw.randrange(many_uses)
    return {
        "digest": hashlib.sha256(str(i).encode()).hexdigest(),
        "kind": draw.choice(["evaluation", "evaluation", "monitoring", "document"]),
        "product": f"Product {use % PRODUCTS_COUNT}",
        "version": "1.0",
        "use_name": f"use-{use}",
        "product_id": f"product-{use % PRODUCTS_COUNT}",
        "version_id": f"version-{use % PRODUCTS_COUNT}",
        "use_id": f"use-{use}",
        "origin": "local",
        "evaluated_at": f"2026-{1 + i % 12:02d}-01T00:00:00.000000Z",
        "subject_digest": "0" * 64,
        "keyid": _keyid(i % KEYS) if i % 10 < SIGNED else None,
        "standing": "verified" if i % 10 < SIGNED else "claim",
        "measurements": 40,
        "headline": "AUROC 0.812 (0.790 to 0.833), n 18,204",
        "size": 20_000,
        "filed_at": f"2026-{1 + i % 12:02d}-02T00:00:{i % 60:02d}.000000Z",
        "filed_by": f"person-{i % PEOPLE_COUNT}",
        "log_index": 10_000_000 + i,
    }


def _keyid(k: int) -> str:
    return hashlib.sha256(f"key {k}".encode()).hexdigest()


def _key(k: int) -> dict[str, Any]:
    """The last one was revoked in the middle of the year: what it signed from then on counts no more."""
    return {
        "id": f"key-{k}",
        **KEPT,
        "keyid": _keyid(k),
        "name": f"Key {k}",
        "owner_kind": "pipeline",
        "owner": f"Pipeline {k}",
        "origins": ["local"],
        "public_pem": "",
        "valid_from": "1970-01-01T00:00:00.000000Z",
        "revoked_from": "2026-06-01T00:00:00.000000Z" if k == KEYS - 1 else None,
    }


def _signature(i: int) -> dict[str, Any]:
    return {
        "digest": hashlib.sha256(str(i).encode()).hexdigest(),
        "keyid": _keyid(i % KEYS),
        "at": f"2026-{1 + i % 12:02d}-02T00:00:{i % 60:02d}.000000Z",
        "log_index": 10_000_000 + i,
    }


def _evaluation() -> bytes:
    metrics = ("auroc", "sensitivity", "specificity", "ppv", "npv", "brier", "calibration_slope", "prevalence")
    rows = [
        {
            "metric": metrics[i % len(metrics)],
            "slice": {"ward": f"Ward {i // len(metrics)}"} if i >= len(metrics) else {},
            "value": 0.5 + i / 4000,
            "lower": 0.45 + i / 4000,
            "upper": 0.55 + i / 4000,
            "level": 0.95,
            "n": 1000 + i,
            "positives": 100 + i,
            "method": "bootstrap",
            "params": {"threshold": 0.2} if metrics[i % len(metrics)] in ("sensitivity", "specificity") else {},
        }
        for i in range(MEASURED)
    ]
    said = {
        "product": "Product 17",
        "version": "1.0",
        "use": "use-17",
        "origin": "local",
        "evaluated_at": "2026-10-20T10:00:00Z",
        "inputs": [],
        "rows": {"eligible": 20_000, "scored": 20_000, "excluded": {}, "evaluated": 20_000},
        "spec": {"task": "binary", "label": "died", "score": "risk"},
        "measurements": rows,
    }
    return canonical_statement(build(Kind.EVALUATION, Subject(name="Product 17", digest=Digest(sha256="1" * 64)), said))


@dataclass(frozen=True, slots=True)
class Took:
    """What one kind of request costs, in milliseconds."""

    clock: float  # median by the clock
    clock_most: float  # 95th percentile
    work: float  # median of the processor: this process and the database's
    work_most: float

    def __str__(self) -> str:
        return f"{self.clock:.0f} | {self.clock_most:.0f} | {self.work:.0f} | {self.work_most:.0f}"


def measured(house: House, ask: Callable[[], None], times: int) -> Took:
    """Ask a few times unmeasured, then `times` times."""
    for _ in range(3):
        ask()
    server = _server(house)
    clocks, works = [], []
    for _ in range(times):
        began, worked = time.perf_counter_ns(), time.process_time_ns() + _server_ns(server)
        ask()
        clocks.append((time.perf_counter_ns() - began) / 1e6)
        works.append((time.process_time_ns() + _server_ns(server) - worked) / 1e6)
    return Took(*_middle_and_most(clocks), *_middle_and_most(works))


def _middle_and_most(took: list[float]) -> tuple[float, float]:
    took.sort()
    return took[len(took) // 2], took[int(len(took) * 0.95)]


def _server(house: House) -> list[int]:
    """The processes of PostgreSQL that answer us."""
    if house.database.sqlite:
        return []
    with house.database.reading() as connection:
        found = connection.execute(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"))
        return [int(pid) for pid in found.scalars()]


def _server_ns(server: list[int]) -> int:
    total = 0
    for pid in server:
        try:
            total += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def one_core() -> None:
    """Stay on one core, and with us the database that we start."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def run(description: str, report: Callable[[Book, int], int], what: str) -> None:
    """The command line of a bench on such books.

    Args:
        description: What it measures.
        report: Prints one book's table, of so many requests each; how many cost more than the limit.
        what: What it counts: requests, pages.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--uses", type=int, default=10_000)
    parser.add_argument("--statements", type=int, default=50_000)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--only", help="one database: SQLite or PostgreSQL")
    parser.add_argument("--keep", type=Path, help="make the books here, and use them again")
    arguments = parser.parse_args()
    one_core()
    print(
        f"Python {platform.python_version()}, {arguments.uses:,} uses, {arguments.statements:,} statements, one core, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    over = 0
    with tempfile.TemporaryDirectory() as folder:
        for book in books(arguments.keep or Path(folder), arguments.uses, arguments.statements, arguments.only):
            over += report(book, arguments.requests)
    print(f"\n{over} {what} took more than {LIMIT_MS:.0f} ms of work, load {os.getloadavg()[0]:.1f}")
    sys.exit(1 if over else 0)
