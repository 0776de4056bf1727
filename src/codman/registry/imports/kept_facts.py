"""The facts that rows carry beside their fields: written, changed and logged, many rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from codman.registry.database import Change
from codman.registry.identifiers import new_id
from codman.registry.imports.mapping import Mapping
from codman.registry.log import Entry
from codman.registry.schema import facts

_AT_ONCE: Final = 500  # names in one question

Said = Sequence[tuple[str, dict[str, str]]]  # the use or product, and its facts by field


def add_facts(change: Change, mapping: Mapping, said: Said) -> None:
    """Keep the facts of new rows."""
    for about, after in said:
        _record(change, mapping, about, {}, after)
    _insert(change, mapping, said)


def change_facts(change: Change, mapping: Mapping, said: Said) -> None:
    """Have the book hold these facts and no others from this mapping, of each use or product that is named."""
    had = _had(change, mapping, [about for about, _ in said])
    now = dict(had)
    for about, after in said:
        _record(change, mapping, about, now.get(about, {}), after)
        now[about] = after
    gone, new, changed = [], [], []
    for about, after in now.items():
        before = had.get(about, {})
        gone += [{"a": about, "f": name} for name in before if name not in after]
        changed += [{"a": about, "f": k, "v": v} for k, v in after.items() if k in before and before[k] != v]
        new.append((about, {name: value for name, value in after.items() if name not in before}))
    one = (facts.c.about == bindparam("a"), facts.c.field == bindparam("f"), facts.c.source == _source(mapping))
    if changed:
        values = {"value": bindparam("v"), "updated_at": change.at, "revision": facts.c.revision + 1}
        change.connection.execute(update(facts).where(*one).values(values), changed)
    if gone:
        change.connection.execute(delete(facts).where(*one), gone)
    _insert(change, mapping, new)


def _source(mapping: Mapping) -> str:
    return f"import {mapping.mapping}"


def _had(change: Change, mapping: Mapping, abouts: Sequence[str]) -> dict[str, dict[str, str]]:
    had: dict[str, dict[str, str]] = {}
    for start in range(0, len(abouts), _AT_ONCE):
        query = select(facts.c.about, facts.c.field, facts.c.value).where(
            facts.c.about.in_(abouts[start : start + _AT_ONCE]), facts.c.source == _source(mapping)
        )
        for row in change.connection.execute(query):
            had.setdefault(row.about, {})[row.field] = row.value
    return had


def _record(change: Change, mapping: Mapping, about: str, before: dict[str, str], after: dict[str, str]) -> None:
    """One entry for all the facts of a row: each text sealed by itself, so that each can be erased by itself."""
    changed = sorted({k for k in {*before, *after} if before.get(k) != after.get(k)})
    if changed:
        change.record(
            Entry(
                "fact.import",
                mapping.facts_about,
                about,
                before={k: before[k] for k in changed if k in before} or None,
                after={k: after.get(k) for k in changed} | {"source": _source(mapping)},
                words=frozenset(changed),
            )
        )


def _insert(change: Change, mapping: Mapping, said: Said) -> None:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for about, answers in said:
        for name, value in answers.items():
            rows[about, name] = {
                "id": new_id("fact"),
                "revision": 1,
                "created_at": change.at,
                "updated_at": change.at,
                "about_kind": mapping.facts_about,
                "about": about,
                "field": name,
                "value": value,
                "basis": "claim",
                "source": _source(mapping),
                "evidence": None,
            }
    if rows:
        _forget(change, mapping, list(rows))
        change.connection.execute(insert(facts), list(rows.values()))


def _forget(change: Change, mapping: Mapping, keys: Sequence[tuple[str, str]]) -> None:
    """Two rows that speak of one product: the later row's facts stand."""
    if mapping.facts_about == "product":
        change.connection.execute(
            delete(facts).where(
                facts.c.about == bindparam("a"), facts.c.field == bindparam("f"), facts.c.source == _source(mapping)
            ),
            [{"a": about, "f": name} for about, name in keys],
        )
