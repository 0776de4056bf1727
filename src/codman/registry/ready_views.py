"""Questions to the inventory that come with Codman, kept as shared views so that nobody has to think of them first."""

from __future__ import annotations

from typing import Final

from sqlalchemy import insert, select

from codman.registry.database import Database, instant
from codman.registry.schema import saved_views

# id, name, the inventory's query string
READY: Final = (
    (
        "view-high-impact-unmonitored",
        "Live, high-impact, without monitoring",
        "stage=live&impact=high-impact&monitoring=(missing)",
    ),
    (
        "view-live-undecided",
        "Live without a decision",
        "stage=live&decision=undecided&decision=undecided (legacy)",
    ),
    ("view-runs-undecided", "Runs without a decision", "runs=without a decision"),
    ("view-live-unowned", "No owner", "owner=(missing)&not.stage=retired"),
    ("view-no-evidence", "No evidence", "evidence=(missing)&not.stage=retired"),
    ("view-contracts-ending", "Contracts ending in 90 days", "contract_ends=90"),
)


def keep_ready_views(database: Database) -> None:
    """Put the ready views into a book that has not seen them; one that was taken away comes back at the next start."""
    with database.reading() as connection:
        there = set(connection.execute(select(saved_views.c.id).where(saved_views.c.person.is_(None))).scalars())
    new = [view for view in READY if view[0] not in there]
    if not new:
        return
    with database.unrecorded() as connection:
        there = set(connection.execute(select(saved_views.c.id)).scalars())  # another process may have been first
        rows = [
            {
                "id": name,
                "person": None,
                "name": title,
                "query": query,
                "shared": True,
                "created_at": instant(database.clock()),
            }
            for name, title, query in new
            if name not in there
        ]
        if rows:
            connection.execute(insert(saved_views), rows)
