"""The audit log: an append-only Merkle tree whose entries are written in the same transaction as the change.

An entry is canonical JSON (RFC 8785); it is a leaf (RFC 9162 section 2.1). People's own words stand beside it, and the
entry holds their salted hash, so a text can be erased and the proof still holds.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from codman.errors import BadInput
from codman.evidence.canonical import canonical, parse
from codman.evidence.checkpoint import Checkpoint
from codman.evidence.merkle import EMPTY, leaf_hash, node_hash
from codman.registry.log_nodes import LogBroken as LogBroken
from codman.registry.log_nodes import StoredNodes, consistency, new_nodes, range_hash, split
from codman.registry.schema import log_entries, log_head, log_nodes, log_texts

SALT_BYTES: Final = 32
_PAGE: Final = 2000


class NoSuchEntry(BadInput):
    """An index the log has not reached."""

    def __init__(self, index: int, size: int) -> None:
        super().__init__(
            what=f"there is no entry {index}",
            why=f"the log has {size:,} entries, counted from 0",
            fix="give one of them",
        )


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change."""

    kind: str  # person, key, token, system
    id: str
    request: str | None = None  # the request it came with
    token: str | None = None  # the token that acted for them


SYSTEM: Final = Author("system", "codman")


@dataclass(frozen=True, slots=True)
class Entry:
    """What changed: of what, from what, to what. Fields named in `words` are people's own and stay outside the tree."""

    action: str  # e.g. use.change
    about_kind: str
    about: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    words: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as the log has it."""

    index: int
    raw: bytes
    texts: Mapping[str, str | None]  # people's own words by field, None where erased or privileged

    @property
    def value(self) -> dict[str, Any]:
        """The entry's JSON."""
        value: dict[str, Any] = parse(self.raw, name=f"entry {self.index}")
        return value


def salted_hash(salt: bytes, words: str) -> str:
    """What stands in the tree for a text; without the salt nobody can guess the text from it."""
    return hashlib.sha256(salt + words.encode()).hexdigest()


def append(connection: Connection, entries: Sequence[Entry], author: Author, at: str, why: str | None) -> int:
    """Write entries at the log's end; the caller's transaction makes them and their change one.

    Returns:
        The first one's index.
    """
    first = index = size_of(connection)
    rows, texts, leaves = [], [], []
    for entry in entries:
        outside: list[dict[str, Any]] = []
        body: dict[str, Any] = {
            "index": index,
            "at": at,
            "actor": _actor(author),
            "action": entry.action,
            "about": {"kind": entry.about_kind, "id": entry.about},
            "before": _sealed(entry.before, "before", entry.words, outside),
            "after": _sealed(entry.after, "after", entry.words, outside),
            "why": _seal(why, "why", outside),
        }
        body["sealed"] = [text["field"] for text in outside]
        if author.request is not None:
            body["request"] = author.request
        raw = canonical(body)
        rows.append(
            {
                "number": index,
                "entry": raw,
                "at": at,
                "actor": author.id,
                "action": entry.action,
                "about_kind": entry.about_kind,
                "about": entry.about,
            }
        )
        texts += [{"number": index, "hold": False, "privileged": False, "erased_at": None, **o} for o in outside]
        leaves.append(leaf_hash(raw))
        index += 1
    connection.execute(insert(log_entries), rows)
    if texts:
        connection.execute(insert(log_texts), texts)
    connection.execute(insert(log_nodes), new_nodes(connection, first, leaves))
    connection.execute(update(log_head).values(size=index))
    return first


def _actor(author: Author) -> dict[str, str]:
    actor = {"kind": author.kind, "id": author.id}
    return actor if author.token is None else {**actor, "token": author.token}


def size_of(connection: Connection) -> int:
    """How many entries the log has."""
    return int(connection.execute(select(log_head.c.size)).scalar_one())


def state_of(connection: Connection, origin: str) -> Checkpoint:
    """The log's name, size and root, ready to be signed."""
    size = size_of(connection)
    return Checkpoint(origin=origin, size=size, root=root_at(connection, size))


def root_at(connection: Connection, size: int) -> bytes:
    """The root the log had at a size; reads one node for every bit of it."""
    if size == 0:
        return EMPTY
    return range_hash(connection, 0, size, {})


def prove_inclusion(connection: Connection, index: int, size: int | None = None) -> list[bytes]:
    """What beside entry `index` gives the root at `size`; at most ceil(log2 size) hashes.

    Raises:
        NoSuchEntry: The log was never that long.
    """
    end = size_of(connection) if size is None else size
    if not 0 <= index < end <= size_of(connection):
        raise NoSuchEntry(index, end)
    proof: list[bytes] = []
    start, stop = 0, end
    cache: dict[tuple[int, int], bytes] = {}
    while stop - start > 1:
        middle = start + split(stop - start)
        if index < middle:
            proof.append(range_hash(connection, middle, stop, cache))
            stop = middle
        else:
            proof.append(range_hash(connection, start, middle, cache))
            start = middle
    return proof[::-1]


def prove_consistency(connection: Connection, older: int, newer: int | None = None) -> list[bytes]:
    """What shows that the log at size `newer` begins with itself at size `older`.

    Raises:
        NoSuchEntry: The log was never that long.
    """
    end = size_of(connection) if newer is None else newer
    if not 0 <= older <= end <= size_of(connection):
        raise NoSuchEntry(older, end)
    if older in (0, end):
        return []
    return consistency(connection, older, 0, end, whole=True)


def entries(connection: Connection, start: int = 0, stop: int | None = None) -> Iterator[Written]:
    """The entries in order, a page at a time, with people's words that are neither erased nor privileged."""
    end = size_of(connection) if stop is None else min(stop, size_of(connection))
    for low in range(start, end, _PAGE):
        high = min(low + _PAGE, end)
        texts: dict[int, dict[str, str | None]] = {}
        said = select(log_texts.c.number, log_texts.c.field, log_texts.c.text, log_texts.c.privileged).where(
            log_texts.c.number >= low, log_texts.c.number < high
        )
        for number, name, words, privileged in connection.execute(said):
            texts.setdefault(number, {})[name] = None if privileged else words
        for row in connection.execute(
            select(log_entries.c.number, log_entries.c.entry)
            .where(log_entries.c.number >= low, log_entries.c.number < high)
            .order_by(log_entries.c.number)
        ):
            yield Written(index=row.number, raw=bytes(row.entry), texts=texts.get(row.number, {}))


def check(connection: Connection) -> Checkpoint:
    """Recompute every leaf, node and salted hash from what is stored; a page of the log is held at a time.

    Returns:
        The state they add up to, with no origin: hold it against a checkpoint kept elsewhere.

    Raises:
        LogBroken: Something was changed, taken out, put in or moved.
    """
    size = size_of(connection)
    nodes = StoredNodes(connection)
    texts = _StoredTexts()
    count = 0
    stack: list[tuple[int, int, bytes]] = []
    while rows := _entries_from(connection, count):
        texts.turn_to(connection, count)
        for row in rows:
            if row.number != count:
                raise LogBroken(f"entry {count} is not there")
            raw = bytes(row.entry)
            value = _value(raw)
            if _said(value) != (count, row.at, row.action, row.actor, row.about_kind, row.about):
                raise LogBroken(f"the columns of entry {count} do not say what it says")
            try:
                texts.hold_against(count, value)
            except (KeyError, TypeError, AttributeError):
                raise LogBroken("an entry has another form than the log writes") from None
            level, position, top = 0, count, leaf_hash(raw)
            nodes.expect(0, count, top)
            while stack and stack[-1][0] == level:
                top = node_hash(stack.pop()[2], top)
                level, position = level + 1, position // 2
                nodes.expect(level, position, top)
            stack.append((level, position, top))
            count += 1
    if count != size:
        raise LogBroken(f"there are {count:,} entries and the head says {size:,}")
    nodes.refuse_more()
    texts.refuse_more(connection, size)
    return Checkpoint(origin="", size=size, root=root_at(connection, size))


class _StoredTexts:
    """People's own words as they are stored, a page of the log at a time, and which of them were erased."""

    def __init__(self) -> None:
        self._page: dict[int, dict[str, Any]] = {}
        self._erased: set[tuple[int, str]] = set()
        self._missing: set[tuple[int, str]] = set()

    def turn_to(self, connection: Connection, first: int) -> None:
        """Read those of the page that begins at an entry."""
        self._page = {}
        within = (log_texts.c.number >= first, log_texts.c.number < first + _PAGE)
        for row in connection.execute(select(log_texts).where(*within)):
            self._page.setdefault(row.number, {})[row.field] = row

    def hold_against(self, index: int, value: Mapping[str, Any]) -> None:
        """Hold the texts of an entry against the hashes in it."""
        if value["action"] == "audit.erase":
            self._erased |= {(value["after"]["entry"], name) for name in value["after"]["fields"]}
        sealed = dict(_hashes(value))
        rows = self._page.get(index, {})
        if set(sealed) != set(rows):
            raise LogBroken(f"the texts of entry {index} are not those it names")
        for name, row in rows.items():
            if row.text is None:
                self._missing.add((index, name))
            elif salted_hash(bytes(row.salt), row.text) != sealed[name]:
                raise LogBroken(f"text '{name}' of entry {index} is not the one it was")

    def refuse_more(self, connection: Connection, size: int) -> None:
        """No text may stand for an entry that is not there, and none be gone without an entry that erased it."""
        beyond = select(log_texts.c.number).where((log_texts.c.number < 0) | (log_texts.c.number >= size)).limit(1)
        if (number := connection.execute(beyond).scalar_one_or_none()) is not None:
            raise LogBroken(f"there is a text for entry {number}, which the log does not have")
        if self._missing != self._erased:
            index, name = min(self._missing ^ self._erased)
            gone = (index, name) in self._missing
            how = "is gone and no entry erased it" if gone else "was erased and is there again"
            raise LogBroken(f"text '{name}' of entry {index} {how}")


def _entries_from(connection: Connection, count: int) -> Sequence[Row[Any]]:
    """The next entries; the first page takes also those numbered below 0, which nobody wrote."""
    query = select(log_entries).order_by(log_entries.c.number).limit(_PAGE)
    return connection.execute(query.where(log_entries.c.number >= count) if count else query).all()


def _value(raw: bytes) -> Any:
    try:
        return parse(raw, name="an entry")
    except BadInput:
        return None


def _said(value: Any) -> tuple[object, ...]:
    """What an entry says that columns repeat; nothing where it is no entry at all."""
    try:
        about = value["about"]
        return (value["index"], value["at"], value["action"], value["actor"]["id"], about["kind"], about["id"])
    except (KeyError, TypeError, AttributeError):
        return ()


def _hashes(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every salted hash of an entry, by the field it stands for."""
    for name in value.get("sealed", ()):
        part, _, inner = name.partition(".")
        yield name, value["why"] if part == "why" else value[part][inner]


def _sealed(
    fields: Mapping[str, Any] | None, part: str, words: frozenset[str], outside: list[dict[str, Any]]
) -> dict[str, Any] | None:
    if fields is None:
        return None
    return {name: _seal(value, f"{part}.{name}", outside) if name in words else value for name, value in fields.items()}


def _seal(value: Any, name: str, outside: list[dict[str, Any]]) -> str | None:
    if value is None:
        return None
    words = value if isinstance(value, str) else canonical(value).decode()
    salt = secrets.token_bytes(SALT_BYTES)
    outside.append({"field": name, "salt": salt, "text": words})
    return salted_hash(salt, words)
