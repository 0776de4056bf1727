"""The audit log's tree as it is stored: the roots of complete subtrees, written with the entries, read for proofs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.errors import NotProven
from codman.evidence.merkle import node_hash
from codman.registry.schema import log_nodes

_PAGE: Final = 2000


class LogBroken(NotProven):
    """The log's own entries, nodes or texts do not fit together."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="the audit log was changed after it was written",
            why=why,
            fix="keep this copy as it is, restore the newest backup beside it, and compare the two",
        )


class StoredNodes:
    """The nodes as they are stored, level by level beside each other, some at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._levels: dict[int, Iterator[tuple[int, bytes]]] = {}

    def expect(self, level: int, position: int, node: bytes) -> None:
        """Take the next node of a level, which must be this one."""
        stored = self._levels.setdefault(level, self._of(level))
        if next(stored, None) != (position, node):
            raise LogBroken(f"node {(level, position)} is not what its entries give")

    def refuse_more(self) -> None:
        """Nothing may be left that no entry gives."""
        highest = max(self._levels, default=-1)
        more = select(log_nodes.c.level).where((log_nodes.c.level > highest) | (log_nodes.c.level < 0)).limit(1)
        if self._connection.execute(more).first() or any(next(rest, None) for rest in self._levels.values()):
            raise LogBroken("there are nodes that no entries give")

    def _of(self, level: int) -> Iterator[tuple[int, bytes]]:
        query = select(log_nodes.c.position, log_nodes.c.hash).where(log_nodes.c.level == level)
        query = query.order_by(log_nodes.c.position).limit(_PAGE)
        rows = self._connection.execute(query).all()
        while rows:
            for position, stored in rows:
                yield position, bytes(stored)
            rows = self._connection.execute(query.where(log_nodes.c.position > rows[-1].position)).all()


def new_nodes(connection: Connection, first: int, leaves: Sequence[bytes]) -> list[dict[str, Any]]:
    """The rows that leaves from entry `first` on add to the tree."""
    known: dict[tuple[int, int], bytes] = {}
    for offset, leaf in enumerate(leaves):
        level, position, top = 0, first + offset, leaf
        known[level, position] = top
        while position % 2:  # its left neighbour is complete, so their parent is
            left = known.get((level, position - 1)) or _node(connection, level, position - 1)
            top = node_hash(left, top)
            level, position = level + 1, position // 2
            known[level, position] = top
    return [{"level": level, "position": position, "hash": top} for (level, position), top in known.items()]


def _node(connection: Connection, level: int, position: int) -> bytes:
    found = connection.execute(
        select(log_nodes.c.hash).where(log_nodes.c.level == level, log_nodes.c.position == position)
    ).scalar_one_or_none()
    if found is None:
        raise LogBroken(f"node ({level}, {position}) is not there")
    return bytes(found)


def range_hash(connection: Connection, start: int, stop: int, cache: dict[tuple[int, int], bytes]) -> bytes:
    """The hash of entries start to stop, where start is a multiple of the largest power of two in the range."""
    if (start, stop) in cache:
        return cache[start, stop]
    count = stop - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        top = _node(connection, level, start >> level)
    else:
        middle = start + split(count)
        top = node_hash(range_hash(connection, start, middle, cache), range_hash(connection, middle, stop, cache))
    cache[start, stop] = top
    return top


def consistency(connection: Connection, older: int, start: int, stop: int, *, whole: bool) -> list[bytes]:
    """The proof that entries start to stop begin with their first `older` (RFC 9162 section 2.1.4.1)."""
    if older == stop - start:
        return [] if whole else [range_hash(connection, start, stop, {})]
    middle = start + split(stop - start)
    if older <= middle - start:
        return [
            *consistency(connection, older, start, middle, whole=whole),
            range_hash(connection, middle, stop, {}),
        ]
    return [
        *consistency(connection, older - (middle - start), middle, stop, whole=False),
        range_hash(connection, start, middle, {}),
    ]


def split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
