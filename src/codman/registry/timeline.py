"""What happened to a thing, or in the whole house: entries of the audit log, the newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, select

from codman.registry.evidence_of import about_uses
from codman.registry.log import Written
from codman.registry.places import at_site
from codman.registry.schema import deployments, log_entries, log_texts

MOST_A_PAGE = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries; what is None is not asked."""

    about: Sequence[str] | None = None
    about_kind: str | None = None
    actor: str | None = None
    action: str | None = None  # `use.change`, or `use.` for all of a noun's
    since: str | None = None  # from this time on, as the book writes times
    until: str | None = None  # before this time
    before: int | None = None  # entries with a lower number: where the page before ended
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Entries:
    """Some entries, and the number before which the next ones stand."""

    items: Sequence[Written]
    next: int | None


def entries_of(connection: Connection, asked: Asked, *, privileged: bool = False) -> Entries:
    """The newest entries that fit.

    Args:
        connection: Where to read.
        asked: Which ones.
        privileged: Whether texts that are marked privileged may be shown.
    """
    limit = max(1, min(asked.limit, MOST_A_PAGE))
    rows = connection.execute(_conditions(asked).order_by(log_entries.c.number.desc()).limit(limit + 1)).all()
    texts = _texts(connection, [row.number for row in rows[:limit]], privileged=privileged)
    items = [Written(index=row.number, raw=bytes(row.entry), texts=texts.get(row.number, {})) for row in rows[:limit]]
    return Entries(items=items, next=items[-1].index if len(rows) > limit else None)


def abouts_of_use(connection: Connection, use: str, within: Sequence[str] = ("/",)) -> list[str]:
    """What a use's history is told by: itself, where it runs as far as a reader sees the sites, its evidence."""
    here = select(deployments.c.id).where(deployments.c.use == use, at_site(deployments.c.site, within))
    runs = connection.execute(here).scalars().all()
    filed = connection.execute(about_uses([use])).scalars().all()
    return [use, *runs, *filed]


def _conditions(asked: Asked) -> Select[tuple[int, bytes]]:
    query = select(log_entries.c.number, log_entries.c.entry)
    if asked.about is not None:
        query = query.where(log_entries.c.about.in_(asked.about))
    if asked.about_kind is not None:
        query = query.where(log_entries.c.about_kind == asked.about_kind)
    if asked.actor is not None:
        query = query.where(log_entries.c.actor == asked.actor)
    if asked.action is not None and asked.action.endswith("."):
        query = query.where(log_entries.c.action.startswith(asked.action, autoescape=True))
    elif asked.action is not None:
        query = query.where(log_entries.c.action == asked.action)
    if asked.since is not None:
        query = query.where(log_entries.c.at >= asked.since)
    if asked.until is not None:
        query = query.where(log_entries.c.at < asked.until)
    if asked.before is not None:
        query = query.where(log_entries.c.number < asked.before)
    return query


def _texts(connection: Connection, numbers: Sequence[int], *, privileged: bool) -> dict[int, dict[str, str | None]]:
    found: dict[int, dict[str, str | None]] = {}
    rows = connection.execute(
        select(log_texts.c.number, log_texts.c.field, log_texts.c.text, log_texts.c.privileged).where(
            log_texts.c.number.in_(numbers)
        )
    )
    for row in rows:
        found.setdefault(row.number, {})[row.field] = None if row.privileged and not privileged else row.text
    return found
