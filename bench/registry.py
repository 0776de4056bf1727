"""How fast the book of record answers the API: 10,000 uses and 50,000 statements, on one core, on both databases.

    python bench/registry.py [--uses 10000] [--statements 50000] [--requests 100] [--keep FOLDER]

The API is asked in this process (no network), one request after another: what is measured is the server's own work.
"""

from __future__ import annotations

from functools import partial

from fastapi.testclient import TestClient

from codman.api.app import make_api
from codman.cli.serving import settle
from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE
from large_book import LIMIT_MS, Book, measured, run

ASKED = (
    ("health", "/health"),
    ("use", "/uses/use-4217"),  # 17 (mod 60): it belongs to hospital 17
    ("uses, 50 a page", "/uses"),
    ("uses, 500 a page", "/uses?limit=500"),
    ("uses, filtered", "/uses?stage=live&monitoring=(missing)&impact=high-impact"),
    ("uses, searched and filtered", "/uses?q=sepsis&stage=live"),
    ("uses, searched, two words nowhere", "/uses?q=sepsis%20nowhere"),
    ("uses, the newest first", "/uses?order=-updated"),
    ("inventory, 500 a page", "/inventory?limit=500"),
    ("inventory rows, filtered", "/inventory?stage=live&kind=bought"),
    ("inventory facets", "/inventory/facets"),
    ("inventory facets, searched", "/inventory/facets?q=sepsis&stage=live"),
    ("deployments of a use", "/uses/use-4217/deployments"),
    ("deployments, 500 a page", "/deployments?limit=500"),
    ("evidence, 50 a page", "/evidence"),
    ("evidence, 500 a page", "/evidence?limit=500"),
    ("evidence of a use", "/evidence?use=use-4217"),
    ("evidence of a kind", "/evidence?kind=monitoring"),
    ("a statement of 800 measurements", "/evidence/{whole}"),
)


def readers(book: Book) -> dict[str, str]:
    """A token of somebody of the whole house, and of somebody of one hospital."""
    tokens = {}
    with book.house.database.changing(SYSTEM) as change:
        for name, site in (("whole house", None), ("one hospital", "site-h17")):
            person = PEOPLE.add(change, PEOPLE.validated({"name": name}))
            GRANTS.add(change, GRANTS.validated({"person": person.id, "role": "officer", "site": site}))
            tokens[name] = issue(change, person.id, ["*"], book.house.database.clock(), days=1, name="bench").secret
    return tokens


def report(book: Book, requests: int) -> int:
    """Print one database's table; how many requests cost more than the limit."""
    print(f"\n{book.name}\n\n| asked | reader | median ms | p95 ms | work median | work p95 |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    over = 0
    app = make_api(book.house)
    settle()  # as the server does
    with TestClient(app, base_url="http://bench") as client:
        for who, token in readers(book).items():
            client.headers["Authorization"] = f"Bearer {token}"
            for label, path in ASKED:
                address = f"/api/v1{path}".replace("{whole}", book.whole)
                took = measured(book.house, partial(_get, client, address), requests)
                over += took.work_most > LIMIT_MS
                print(f"| {label} | {who} | {took} |", flush=True)
    return over


def _get(client: TestClient, address: str) -> None:
    client.get(address).raise_for_status()


if __name__ == "__main__":
    run(__doc__ or "", report, "requests")
