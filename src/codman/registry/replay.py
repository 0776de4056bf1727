"""The book held against its log: every record, and what each statement is worth, must be what the entries add up to.

The tree proves that the entries are those that were written. Only this shows that a table was not changed past them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.registry import nouns
from codman.registry.erasure import ERASURES
from codman.registry.governance import GOVERNANCE
from codman.registry.imports.saved import MAPPINGS
from codman.registry.keys import KEYS
from codman.registry.log import LogBroken, Written, entries
from codman.registry.records import Records
from codman.registry.replay_rows import TABLES, RowsSaid, Salts, said_after, same
from codman.registry.schema import log_texts, sites, statements
from codman.registry.schema_filing import statement_signatures

_RECORDS: Final[Sequence[Records[Any, Any]]] = (
    nouns.VENDORS,
    nouns.PRODUCTS,
    nouns.VERSIONS,
    nouns.SITES,
    nouns.PEOPLE,
    nouns.GRANTS,
    nouns.USES,
    nouns.DEPLOYMENTS,
    nouns.DOCUMENTS,
    nouns.FACTS,
    KEYS,
    ERASURES,
    MAPPINGS,
    *GOVERNANCE.values(),
)
_KINDS: Final[Mapping[str, Records[Any, Any]]] = {one.kind: one for one in _RECORDS}
# every table that the check looks at, and why it passes the others by
HELD: Final = frozenset(
    {
        *(one.table.name for one in _KINDS.values()),
        *(one.table.name for one in TABLES.values()),
        *("statements", "statement_signatures", "log_head", "log_entries", "log_nodes", "log_texts"),
    }
)
NOT_HELD: Final[Mapping[str, str]] = {
    "attempts": "sign-ins that were tried slow the next one and are cleared after a while",
    "provider_visits": "somebody on the way to the provider, for minutes",
    "requests": "replies that are given again; what they answer is held itself",
    "saved_views": "a question somebody likes to ask again; it shows nothing that they may not see",
    "imported_rows": "what a file said last, so that the next edition is read against it",
    "policies": "the editions that verdicts name, by the digest of their bytes",
    "links": "ways to give one answer without an account; what came through one is held, as a claim",
    "mail_choices": "who wants a mail each day; the log has each change of it",
    "outbox": "work that waits to be done",
    "log_cursors": "how far a round has read the log; read again, it finds the same",
    "leases": "who does which work just now",
    "schedule": "when which work is done next",
    "submission_matches": "proposals of names that are alike; what is confirmed stands in the product, which is held",
}
# what an entry says of a statement as its row has it; the rest follows from its bytes
_SAID: Final = ("kind", "product", "version", "use_name", "origin", "evaluated_at", "keyid", "standing", "size")
_LEARNT: Final = ("product_id", "version_id", "use_id")


def check_records(connection: Connection) -> None:
    """Hold everything that the log tells of against what it says: records, ways in, marks, statements, signatures.

    Raises:
        LogBroken: One was changed, put in or taken out past the log.
    """
    records: dict[tuple[str, str], dict[str, Any]] = {}
    filed: dict[str, dict[str, Any]] = {}
    signed: set[tuple[str, str, str, int]] = set()
    rows = RowsSaid()
    for written in entries(connection):
        value = written.value
        about, after = value["about"], value["after"] or {}
        noun, _, verb = value["action"].partition(".")
        rows.take(written, value)
        if noun in _KINDS and noun == about["kind"]:
            _follow(records, written, value, verb)
        elif noun == "evidence" and about["kind"] == "statement":
            _file(filed, value, verb)
            if after.get("keyid") is not None:
                signed.add((about["id"], after["keyid"], value["at"], value["index"]))
    salts = {(row.number, row.field): bytes(row.salt) for row in connection.execute(_SALTS)}
    of: dict[str, dict[str, dict[str, Any]]] = {}
    for (kind, name), said in records.items():
        of.setdefault(kind, {})[name] = said
    rows.hold(connection, salts, of.get("fact", {}))
    for kind, rules in _KINDS.items():
        _hold(connection, rules, of.get(kind, {}), salts, rows)
    _hold_paths(connection)
    _hold_statements(connection, filed, signed)


_SALTS: Final = select(log_texts.c.number, log_texts.c.field, log_texts.c.salt)


def _follow(
    records: dict[tuple[str, str], dict[str, Any]], written: Written, value: Mapping[str, Any], verb: str
) -> None:
    place = (value["about"]["kind"], value["about"]["id"])
    if verb == "remove":
        records.pop(place, None)
    elif verb in ("create", "change"):
        records.setdefault(place, {}).update(said_after(written, value))


def _hold(
    connection: Connection,
    rules: Records[Any, Any],
    said: dict[str, dict[str, Any]],
    salts: Salts,
    rows: RowsSaid,
) -> None:
    for row in connection.execute(select(rules.table)):
        name = row._mapping["id"]
        wanted = said.pop(name, None)
        if rules.kind == "fact" and rows.imported(row._mapping):
            continue
        if wanted is None:
            raise LogBroken(f"{rules.kind} {name} is in the book and no entry put it there")
        for field, value in rules.plain(rules.read(row)).items():
            if not same(wanted.get(field), value, salts):
                raise LogBroken(f"'{field}' of {rules.kind} {name} is not what its entries say")
    if rules.kind == "fact":  # what a file took back since is no longer there, whoever changed it before
        said = {name: fields for name, fields in said.items() if "about" in fields}
    if said:
        raise LogBroken(f"{rules.kind} {min(said)} is gone from the book and no entry took it out")


def _hold_paths(connection: Connection) -> None:
    """A site's path, by which rights reach it, is its parent's and its own name."""
    found = {row.id: row for row in connection.execute(select(sites.c.id, sites.c.parent, sites.c.path))}
    for name, row in found.items():
        above = "/" if row.parent is None else found[row.parent].path
        if row.path != f"{above}{name}/":
            raise LogBroken(f"the path of site {name} does not follow from the sites above it")


def _file(filed: dict[str, dict[str, Any]], value: Mapping[str, Any], verb: str) -> None:
    name, after = value["about"]["id"], value["after"] or {}
    if verb == "file":
        said = {field: after.get(field) for field in (*_SAID, *_LEARNT)}
        filed[name] = said | {"filed_at": value["at"], "filed_by": value["actor"]["id"]}
    elif verb == "link":
        filed.setdefault(name, {}).update({field: after[field] for field in _LEARNT if field in after})
    elif verb == "sign":
        of = filed.setdefault(name, {})
        of |= {"standing": after["standing"], "keyid": of.get("keyid") or after["keyid"]}


def _hold_statements(
    connection: Connection, filed: Mapping[str, Mapping[str, Any]], signed: set[tuple[str, str, str, int]]
) -> None:
    for row in connection.execute(select(statements)):  # one that is gone is missed where its bytes are looked at
        said = filed.get(row.digest)
        if said is None:
            raise LogBroken(f"statement {row.digest[:12]}… is in the book and no entry put it there")
        for field, value in said.items():
            if row._mapping[field] != value:
                raise LogBroken(f"'{field}' of statement {row.digest[:12]}… is not what its entries say")
    there = {(r.digest, r.keyid, r.at, r.log_index) for r in connection.execute(select(statement_signatures))}
    if there != signed:
        digest, keyid, _at, _index = min(there ^ signed)
        raise LogBroken(f"the signature of key {keyid[:12]}… under statement {digest[:12]}… is not what the log has")
