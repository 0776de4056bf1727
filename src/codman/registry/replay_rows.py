"""What the log says of rows that are no records: ways in, emergencies, marks on texts, imported facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, select

from codman.evidence.canonical import canonical
from codman.registry.log import LogBroken, Written, salted_hash
from codman.registry.schema import facts, log_texts
from codman.registry.schema_accounts import (
    credentials,
    emergencies,
    house_marks,
    identities,
    invitations,
    sessions,
    tokens,
)

IMPORTED: Final = "import "  # how the source of facts that came with a file begins
Salts = Mapping[tuple[int, str], bytes]
Row = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A text of people's own, as an entry holds it."""

    index: int
    field: str
    hash: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table whose every row an entry put there."""

    table: Table
    key: tuple[str, ...]
    stays: bool  # no row goes without an entry; else those that are over are cleared away


TABLES: Final[Mapping[str, _Kind]] = {
    "token": _Kind(tokens, ("id",), stays=True),
    "emergency": _Kind(emergencies, ("id",), stays=True),
    "identity": _Kind(identities, ("issuer", "person"), stays=True),
    "password": _Kind(credentials, ("person",), stays=True),
    "house": _Kind(house_marks, ("name",), stays=True),
    "invitation": _Kind(invitations, ("name",), stays=False),
    "session": _Kind(sessions, ("name",), stays=False),
}
_UNSAID: Final = {  # of a row that was just made
    "token": {"revoked_at": None},
    "emergency": {"reviewed_by": None, "reviewed_at": None, "finding": None},
    "invitation": {"used_at": None},
    "session": {"role": None},
}
_GONE: Final = frozenset({"invitation.remove", "session.end"})


def said_after(written: Written, value: Mapping[str, Any]) -> Row:
    """What an entry says that fields hold from then on; people's own words sealed."""
    sealed = set(value["sealed"])
    return {
        name: Sealed(written.index, f"after.{name}", now) if f"after.{name}" in sealed else now
        for name, now in (value["after"] or {}).items()
    }


def same(wanted: Any, there: Any, salts: Salts) -> bool:
    """Whether a field holds what its entry says; words that were erased from the log nobody can compare any more."""
    if not isinstance(wanted, Sealed):
        return bool(wanted == there)
    salt = salts.get((wanted.index, wanted.field), b"")
    if not salt or there is None:
        return not salt
    words = there if isinstance(there, str) else canonical(there).decode()
    return salted_hash(salt, words) == wanted.hash


class RowsSaid:
    """Follows the log, entry by entry, and then holds the tables against what it said."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Key, Row]] = {kind: {} for kind in TABLES}
        self._ended: set[tuple[str, Key]] = set()
        self._marks: dict[tuple[int, str], Row] = {}
        self._imported: dict[Key, dict[str, Any]] = {}

    def take(self, written: Written, value: Mapping[str, Any]) -> None:
        """The next entry."""
        action, after = value["action"], value["after"] or {}
        if action == "audit.mark":
            marks = {name: after[name] for name in ("hold", "privileged") if name in after}
            for field in after["fields"]:
                self._marks.setdefault((after["entry"], field), {}).update(marks)
        elif action == "fact.import":
            self._import(written, value)
        elif (kind := action.partition(".")[0]) in TABLES:
            self._follow(kind, written, value)

    def imported(self, fact: Any) -> bool:
        """Whether a fact came with a file: one entry stands for all that a row of it said."""
        return _fact_key(fact) in self._imported

    def hold(self, connection: Connection, salts: Salts, changed: Mapping[str, Row]) -> None:
        """Hold every row against what was said of it.

        Args:
            connection: Where to read.
            salts: Of the texts that were not erased.
            changed: What people said of facts since, by the facts' identifiers.

        Raises:
            LogBroken: One was changed, put in or taken out past the log.
        """
        for kind, rules in TABLES.items():
            self._hold(connection, kind, rules, salts)
        self._hold_marks(connection)
        self._hold_imported(connection, salts, changed)

    def _follow(self, kind: str, written: Written, value: Mapping[str, Any]) -> None:
        said = said_after(written, value)
        action, about = value["action"], value["about"]["id"]
        key: Key = (said["issuer"], said["person"]) if kind == "identity" else (about,)
        if action in _GONE:
            self._rows[kind].pop(key, None)
            self._ended.add((kind, key))
            return
        read = _READ.get(action)
        row = said if read is None else read(value, said)
        if row:
            self._rows[kind].setdefault(key, dict(_UNSAID.get(kind, {}))).update(row)

    def _hold(self, connection: Connection, kind: str, rules: _Kind, salts: Salts) -> None:
        wanted = dict(self._rows[kind])
        for row in connection.execute(select(rules.table)):
            key = tuple(row._mapping[column] for column in rules.key)
            said = wanted.pop(key, None)
            if said is None:
                ended = (kind, key) in self._ended
                raise LogBroken(f"a {kind} ({_name(key)}) is there that {'was ended' if ended else 'no entry made'}")
            for field, value in said.items():
                if not same(value, row._mapping[field], salts):
                    raise LogBroken(f"'{field}' of {kind} {_name(key)} is not what its entries say")
        if wanted and rules.stays:
            raise LogBroken(f"{kind} {_name(min(wanted))} is gone and no entry took it out")

    def _hold_marks(self, connection: Connection) -> None:
        columns = (log_texts.c.number, log_texts.c.field, log_texts.c.hold, log_texts.c.privileged)
        marked = select(*columns).where(log_texts.c.hold | log_texts.c.privileged)
        there = {(row.number, row.field): (row.hold, row.privileged) for row in connection.execute(marked)}
        wanted = {
            place: (bool(marks.get("hold")), bool(marks.get("privileged"))) for place, marks in self._marks.items()
        }
        wanted = {place: marks for place, marks in wanted.items() if any(marks)}
        for index, field in sorted(set(there) ^ set(wanted)) or sorted(p for p in wanted if there[p] != wanted[p]):
            raise LogBroken(f"the hold or privilege on text '{field}' of entry {index} is not what the log says")

    def _import(self, written: Written, value: Mapping[str, Any]) -> None:
        about, said = value["about"], said_after(written, value)
        for field, text in said.items():
            if field == "source":
                continue
            key = (about["kind"], about["id"], field, said["source"])
            if text is None:
                self._imported.pop(key, None)
            else:
                self._imported[key] = text

    def _hold_imported(self, connection: Connection, salts: Salts, changed: Mapping[str, Row]) -> None:
        wanted = dict(self._imported)
        came = select(facts).where(facts.c.source.startswith(IMPORTED, autoescape=True))
        for row in connection.execute(came):
            text = wanted.pop(_fact_key(row._mapping), None)
            if text is None:
                continue  # somebody's own, held as every record is
            said = {"value": text, "basis": "claim", "evidence": None} | changed.get(row.id, {})
            if isinstance(said["value"], Sealed) and said["value"].index < text.index:
                said["value"] = text  # the file said something else since
            for field, value in said.items():
                if not same(value, row._mapping[field], salts):
                    raise LogBroken(f"'{field}' of the imported fact {row.id} is not what its entries say")
        if wanted:
            kind, about, field, _source = min(wanted)
            raise LogBroken(f"the imported fact {field} of {kind} {about} is gone and no entry took it out")


def _fact_key(fact: Any) -> Key:
    return tuple(fact[name] for name in ("about_kind", "about", "field", "source"))


def _name(key: Key) -> str:
    return " ".join(str(part)[:80] for part in key)


_READ: Final[Mapping[str, Callable[[Mapping[str, Any], Row], Row]]] = {
    "invitation.use": lambda value, _said: {"used_at": value["at"]},
    "identity.create": lambda value, said: {**said, "linked_at": value["at"]},
    "password.change": lambda value, said: {**said, "changed_at": value["at"]},
    "house.mark": lambda value, _said: {"at": value["at"]},
}
