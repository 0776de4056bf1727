"""The book held against its log: every record, and what each statement is worth, must be what the entries add up to.

The tree proves that the entries are those that were written. Only this shows that a table was not changed past them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.evidence.canonical import canonical
from codman.registry import nouns
from codman.registry.governance import GOVERNANCE
from codman.registry.keys import KEYS
from codman.registry.log import LogBroken, Written, entries, salted_hash
from codman.registry.records import Records
from codman.registry.schema import log_texts, statements
from codman.registry.schema_filing import statement_signatures

_KINDS: Final[Mapping[str, Records[Any, Any]]] = {
    one.kind: one
    for one in (
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
        *GOVERNANCE.values(),
    )
}
_IMPORTED: Final = "import "  # the source of facts whose entries stand for a whole row of a file
# what an entry says of a statement as its row has it; the rest follows from its bytes
_SAID: Final = ("kind", "product", "version", "use_name", "origin", "evaluated_at", "keyid", "standing", "size")
_LEARNT: Final = ("product_id", "version_id", "use_id")


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A text of people's own, as an entry holds it."""

    index: int
    field: str
    hash: str


def check_records(connection: Connection) -> None:
    """Hold every record, key, grant and statement against what the log says of it.

    Facts that came with an import are passed over: one entry stands for all of a row's.

    Raises:
        LogBroken: One was changed, put in or taken out past the log.
    """
    records: dict[tuple[str, str], dict[str, Any]] = {}
    filed: dict[str, dict[str, Any]] = {}
    signed: set[tuple[str, str, str, int]] = set()
    for written in entries(connection):
        value = written.value
        about, after = value["about"], value["after"] or {}
        noun, _, verb = value["action"].partition(".")
        if noun in _KINDS and noun == about["kind"]:
            _follow(records, written, value, verb)
        elif noun == "evidence" and about["kind"] == "statement":
            _file(filed, value, verb)
            if after.get("keyid") is not None:
                signed.add((about["id"], after["keyid"], value["at"], value["index"]))
    salts = {(row.number, row.field): bytes(row.salt) for row in connection.execute(_SALTS)}
    for kind, rules in _KINDS.items():
        _hold(connection, rules, {name: of for (k, name), of in records.items() if k == kind}, salts)
    _hold_statements(connection, filed, signed)


_SALTS: Final = select(log_texts.c.number, log_texts.c.field, log_texts.c.salt)


def _follow(
    records: dict[tuple[str, str], dict[str, Any]], written: Written, value: Mapping[str, Any], verb: str
) -> None:
    place = (value["about"]["kind"], value["about"]["id"])
    if verb == "remove":
        records.pop(place, None)
    elif verb in ("create", "change"):
        sealed = set(value["sealed"])
        said = records.setdefault(place, {})
        for name, now in (value["after"] or {}).items():
            text = f"after.{name}"
            said[name] = _Sealed(written.index, text, now) if text in sealed else now


def _hold(
    connection: Connection,
    rules: Records[Any, Any],
    said: dict[str, dict[str, Any]],
    salts: Mapping[tuple[int, str], bytes],
) -> None:
    for row in connection.execute(select(rules.table)):
        name = row._mapping["id"]
        there = rules.plain(rules.read(row))
        wanted = said.pop(name, None)
        if wanted is None:
            if rules.kind == "fact" and str(there["source"]).startswith(_IMPORTED):
                continue
            raise LogBroken(f"{rules.kind} {name} is in the book and no entry put it there")
        for field, value in there.items():
            if not _same(wanted.get(field), value, salts):
                raise LogBroken(f"'{field}' of {rules.kind} {name} is not what its entries say")
    if said:
        raise LogBroken(f"{rules.kind} {min(said)} is gone from the book and no entry took it out")


def _same(wanted: Any, there: Any, salts: Mapping[tuple[int, str], bytes]) -> bool:
    if not isinstance(wanted, _Sealed):
        return bool(wanted == there)
    salt = salts.get((wanted.index, wanted.field), b"")
    if not salt or there is None:
        return not salt  # erased: nobody can say any more what it was
    words = there if isinstance(there, str) else canonical(there).decode()
    return salted_hash(salt, words) == wanted.hash


def _file(filed: dict[str, dict[str, Any]], value: Mapping[str, Any], verb: str) -> None:
    name, after = value["about"]["id"], value["after"] or {}
    if verb == "file":
        said = {field: after.get(field) for field in (*_SAID, "product_id", "use_id")}
        filed[name] = said | {"filed_at": value["at"], "filed_by": value["actor"]["id"]}
    elif verb == "link":
        filed.setdefault(name, {}).update({field: after[field] for field in _LEARNT if field in after})
    elif verb == "sign":
        of = filed.setdefault(name, {})
        of |= {"standing": after["standing"], "keyid": of.get("keyid") or after["keyid"]}


def _hold_statements(
    connection: Connection, filed: Mapping[str, Mapping[str, Any]], signed: set[tuple[str, str, str, int]]
) -> None:
    for row in connection.execute(select(statements)):
        for field, wanted in filed.get(row.digest, {}).items():
            if row._mapping[field] != wanted:
                raise LogBroken(f"'{field}' of statement {row.digest[:12]}… is not what its entries say")
    there = {(r.digest, r.keyid, r.at, r.log_index) for r in connection.execute(select(statement_signatures))}
    if there != signed:
        digest, keyid, _at, _index = min(there ^ signed)
        raise LogBroken(f"the signature of key {keyid[:12]}… under statement {digest[:12]}… is not what the log has")
