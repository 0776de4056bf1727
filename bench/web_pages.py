"""How long the pages take over a large book: 10,000 uses, 50,000 statements, one core, both databases.

    python bench/web_pages.py [--uses 10000] [--statements 50000] [--requests 100] [--keep FOLDER]

Prints the median and the 95th percentile in milliseconds: by the clock, and of the processor's work for us (this
process and the database's), which other programs do not lengthen.
"""

from __future__ import annotations

from functools import partial

from fastapi.testclient import TestClient

from codman.cli.serving import settle
from codman.registry.access import Held, Reader
from codman.spine.person import Role
from codman.web.app import make_web
from large_book import LIMIT_MS, Book, measured, run

PAGES = (
    ("home", "/"),
    ("inventory", "/inventory"),
    ("inventory, filtered", "/inventory?stage=live&impact=high-impact&monitoring=(missing)"),
    ("inventory, searched and filtered", "/inventory?q=sepsis&tier=high"),
    ("inventory, without evidence", "/inventory?evidence=(missing)"),
    ("use", "/uses/use-17"),
    ("use's form", "/uses/use-17/edit"),
    ("product", "/products/product-17"),
    ("evidence list", "/evidence"),
    ("evidence list, of a kind", "/evidence?kind=monitoring"),
    ("statement of 800 measurements", "/evidence/{whole}"),
    ("attention", "/attention"),
    ("coverage", "/coverage"),
    ("sites", "/sites"),
    ("vendors", "/vendors"),
)
READERS = (
    ("whole house", (Held(Role.OFFICER),)),
    ("one hospital", (Held(Role.OWNER, "/site-0/site-h17/"),)),
)


def report(book: Book, requests: int) -> int:
    """Print one database's table; how many pages cost more than the limit."""
    print(f"\n{book.name}\n\n| page | reader | median ms | p95 ms | work median | work p95 |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    over = 0
    app = make_web(book.house)
    settle()  # as the server does
    for who, held in READERS:
        app.state.reader_of = lambda _request, held=held: Reader(person="person-1", name="Somebody", held=held)
        client = TestClient(app, base_url="http://localhost")
        for label, path in PAGES:
            address = path.replace("{whole}", book.whole)
            took = measured(book.house, partial(_get, client, address), requests)
            over += took.work_most > LIMIT_MS
            print(f"| {label} | {who} | {took} |", flush=True)
    return over


def _get(client: TestClient, address: str) -> None:
    client.get(address).raise_for_status()


if __name__ == "__main__":
    run(__doc__ or "", report, "pages")
