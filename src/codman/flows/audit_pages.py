"""audit pages: the log's entries as somebody who may read them asks for them, and the log's proofs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from codman.evidence.merkle import leaf_hash
from codman.flows.house import House
from codman.registry.access import Reader, require
from codman.registry.log import (
    NoSuchEntry,
    entries,
    prove_consistency,
    prove_inclusion,
    root_at,
    size_of,
)
from codman.registry.records import BadField, Page, decode_cursor, encode_cursor
from codman.registry.schema import log_entries

READ: Final = "audit.read"
FILTERS: Final = ("actor", "action", "about_kind", "about")
MOST_A_PAGE: Final = 500


class LogEntry(BaseModel):
    """One entry of the log: who changed what, when, from what to what, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    index: int = Field(ge=0, description="Its place in the log, counted from 0")
    entry: dict[str, Any] = Field(description="The entry; people's own words stand in it as salted hashes")
    texts: dict[str, str | None] = Field(description="Those words by field; null where erased or privileged")
    leaf: str = Field(description="The entry's leaf hash in the tree (RFC 9162), hexadecimal")


class Inclusion(BaseModel):
    """That an entry is in the log at a size."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    index: int
    size: int
    leaf: str = Field(description="The entry's leaf hash, hexadecimal")
    root: str = Field(description="The log's root at that size, hexadecimal")
    inclusion: list[str] = Field(description="RFC 9162 inclusion proof, from the leaf up")


class Consistency(BaseModel):
    """That the log at one size begins with itself at a smaller one."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    older: int
    newer: int
    older_root: str
    newer_root: str
    consistency: list[str] = Field(description="RFC 9162 consistency proof")


def list_entries(
    house: House,
    reader: Reader,
    *,
    where: Mapping[str, Sequence[str]] | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
    oldest_first: bool = False,
) -> Page[Any]:
    """The log's entries, the newest first, a page at a time.

    Args:
        house: The open house.
        reader: Who asks; must hold `audit.read` for the whole house, for the log is about all of it.
        where: Of FILTERS: a column to the values it may have.
        since: Entries from this time on, ISO 8601 in UTC.
        until: Entries before this time.
        limit: How many, 1 to 500.
        cursor: What the page before gave as `next`.
        oldest_first: Turn the order round.

    Raises:
        NotAllowed: They may not.
        BadField: The cursor is none of ours.
    """
    require(reader, READ, ["/"])
    number = log_entries.c.number
    query = select(number)
    for name, values in (where or {}).items():
        query = query.where(log_entries.c[name].in_(values))
    if since is not None:
        query = query.where(log_entries.c.at >= since)
    if until is not None:
        query = query.where(log_entries.c.at < until)
    if cursor is not None:
        index, _ = decode_cursor(cursor, "entry")
        if not isinstance(index, int):
            raise BadField("entry", "cursor", "it is not one that a list gave")
        query = query.where(number > index if oldest_first else number < index)
    limit = max(1, min(limit, MOST_A_PAGE))
    query = query.order_by(number if oldest_first else number.desc()).limit(limit + 1)
    with house.database.reading() as connection:
        numbers = list(connection.execute(query).scalars())
        items = _entries(connection, numbers[:limit])
    more = len(numbers) > limit
    return Page(items=items, next=encode_cursor(items[-1].index, "entry") if more else None)


def read_entry(house: House, reader: Reader, index: int) -> LogEntry:
    """One entry.

    Raises:
        NotAllowed: They may not.
        NoSuchEntry: The log has not reached it.
    """
    require(reader, READ, ["/"])
    with house.database.reading() as connection:
        size = size_of(connection)
        if not 0 <= index < size:
            raise NoSuchEntry(index, size)
        return _entry(next(entries(connection, index, index + 1)))


def inclusion_of(house: House, reader: Reader, index: int, size: int | None) -> Inclusion:
    """The proof that an entry is in the log at a size; at its size now where None.

    Raises:
        NotAllowed: They may not.
        NoSuchEntry: The log was never that long.
    """
    require(reader, READ, ["/"])
    with house.database.reading() as connection:
        at = size_of(connection) if size is None else size
        proof = prove_inclusion(connection, index, at)
        written = next(entries(connection, index, index + 1))
        return Inclusion(
            index=index,
            size=at,
            leaf=leaf_hash(written.raw).hex(),
            root=root_at(connection, at).hex(),
            inclusion=[node.hex() for node in proof],
        )


def consistency_of(house: House, reader: Reader, older: int, newer: int | None) -> Consistency:
    """The proof that nothing was changed between two sizes of the log.

    Raises:
        NotAllowed: They may not.
        NoSuchEntry: The log was never that long.
    """
    require(reader, READ, ["/"])
    with house.database.reading() as connection:
        at = size_of(connection) if newer is None else newer
        proof = prove_consistency(connection, older, at)
        return Consistency(
            older=older,
            newer=at,
            older_root=root_at(connection, older).hex(),
            newer_root=root_at(connection, at).hex(),
            consistency=[node.hex() for node in proof],
        )


def _entries(connection: Connection, numbers: Sequence[int]) -> list[LogEntry]:
    """Some entries in the order given; neighbours are read together."""
    found: dict[int, LogEntry] = {}
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number:
            runs[-1][1] = number + 1
        else:
            runs.append([number, number + 1])
    for start, stop in runs:
        found |= {written.index: _entry(written) for written in entries(connection, start, stop)}
    return [found[number] for number in numbers]


def _entry(written: Any) -> LogEntry:
    return LogEntry(
        index=written.index, entry=written.value, texts=dict(written.texts), leaf=leaf_hash(written.raw).hex()
    )
