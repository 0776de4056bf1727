"""Rows into the book, in one change: new ones added, changed ones changed, every one of them accounted for.

A later edition of a file changes only what the file itself changed, and never what a person has changed since.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from codman.registry.database import Change
from codman.registry.identifiers import new_id
from codman.registry.imports.convert import Converted, Note
from codman.registry.imports.mapping import Mapping
from codman.registry.imports.suppliers import Suppliers
from codman.registry.log import Entry
from codman.registry.nouns import PRODUCTS, USES, VERSIONS
from codman.registry.schema import facts, imported_rows, versions
from codman.spine.product import ProductFields, VersionFields
from codman.spine.use import UseFields

Progress = Callable[[int, int], None]
_YEAR: Final = re.compile(r"the year '\d\d is read as \d{4}")
_BATCH: Final = 500
_DERIVED: Final = frozenset({"use.decision"})  # no column says it, so a person's own decision is no conflict


@dataclass(slots=True)
class Imported:
    """What became of every row of a file."""

    mapping: str
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    identity: dict[str, int] = field(default_factory=dict)  # how many rows were known by what
    notes: list[Note] = field(default_factory=list)
    reading: list[str] = field(default_factory=list)  # how the file was read
    not_in_file: list[str] = field(default_factory=list)  # columns the mapping names and the file lacks

    def answer(self) -> dict[str, Any]:
        """The fixed shape of `inventory import --format json`."""
        return {
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": [{"row": row, "reason": reason} for row, reason in self.rejected],
            "skipped": self.skipped,
        }

    def report(self) -> dict[str, Any]:
        """The same, with all there is to say of single rows."""
        return self.answer() | {
            "mapping": self.mapping,
            "identity": self.identity,
            "reading": self.reading,
            "not_in_file": self.not_in_file,
            "notes": [{"row": n.row, "column": n.column, "why": n.why} for n in self.notes],
        }

    def note_counts(self) -> list[tuple[str, int]]:
        """How often each thing was noted, the most first."""
        return Counter(_YEAR.sub("a two-digit year is read as 1970 to 2069", n.why) for n in self.notes).most_common()


def write(change: Change, rows: Sequence[Converted], mapping: Mapping, done: Imported, progress: Progress) -> None:
    """Bring rows into the book; the caller's transaction keeps all of them or none.

    Args:
        change: The transaction.
        rows: Rows with their identities, none twice.
        mapping: How they were read; rows are known again under its name.
        done: Where they are counted.
        progress: Told how many of how many rows are written.
    """
    had = _had(change, mapping)
    _rename(change, rows, mapping, had)
    new = [row for row in rows if row.identity not in had]
    changed = [row for row in rows if row.identity in had and had[row.identity].row_digest != row.digest]
    done.unchanged = len(rows) - len(new) - len(changed)
    suppliers = Suppliers(change)
    for start in range(0, len(new), _BATCH):
        _add(change, new[start : start + _BATCH], mapping, suppliers)
        progress(min(start + _BATCH, len(new)), len(new) + len(changed))
    for position, row in enumerate(changed, 1):
        done.notes += _update(change, row, had[row.identity], mapping, suppliers)
        if position % 100 == 0:
            progress(len(new) + position, len(new) + len(changed))
    done.created, done.updated = len(new), len(changed)


def _had(change: Change, mapping: Mapping) -> dict[str, Any]:
    rows = change.connection.execute(
        select(
            imported_rows.c.identity, imported_rows.c.row_digest, imported_rows.c.use, imported_rows.c.written
        ).where(imported_rows.c.mapping == mapping.mapping)
    )
    return {row.identity: row for row in rows}


def _rename(change: Change, rows: Sequence[Converted], mapping: Mapping, had: dict[str, Any]) -> None:
    """Know a row again that got its identifier since, or lost it: it is the same use while its name is the same."""
    said = {row.identity for row in rows}
    for row in rows:
        earlier = had.get(row.other_identity)
        if row.identity in had or earlier is None or row.other_identity in said:
            continue
        if all(earlier.written.get(t) == row.fields.get(t) for t in ("use.name", "use.organisation")):
            had[row.identity] = had.pop(row.other_identity)
            change.connection.execute(
                update(imported_rows)
                .where(imported_rows.c.mapping == mapping.mapping, imported_rows.c.identity == row.other_identity)
                .values(identity=row.identity)
            )


def _add(change: Change, rows: Sequence[Converted], mapping: Mapping, suppliers: Suppliers) -> None:
    made_products: list[tuple[str, ProductFields]] = []
    made_uses: list[tuple[str, UseFields]] = []
    said: list[tuple[str, str, Converted]] = []
    labels: list[tuple[str, Converted]] = []
    for row in rows:
        vendor = suppliers.vendor(row)
        product = suppliers.product(row, vendor) if row.product_named else None
        if product is None:
            product = new_id("product")
            made_products.append((product, ProductFields.model_validate(_of("product", row) | {"vendor": vendor})))
            if row.product_named:
                suppliers.remember(row, vendor, product)
        use = new_id("use")
        made_uses.append((use, UseFields.model_validate(_of("use", row) | {"product": product})))
        said.append((use, product, row))
        if "version.label" in row.fields:
            labels.append((product, row))
    PRODUCTS.add_many(change, [f for _, f in made_products], [name for name, _ in made_products])
    USES.add_many(change, [f for _, f in made_uses], [name for name, _ in made_uses])
    for product, row in labels:
        _version(change, product, row)
    for use, product, row in said:
        _record_facts(change, mapping, use if mapping.facts_about == "use" else product, {}, row.facts)
    _insert_facts(
        change,
        mapping,
        [(use if mapping.facts_about == "use" else product, row.facts) for use, product, row in said],
    )
    change.connection.execute(
        insert(imported_rows),
        [
            {
                "mapping": mapping.mapping,
                "identity": row.identity,
                "row_digest": row.digest,
                "use": use,
                "written": row.fields,
                "imported_at": change.at,
            }
            for use, _, row in said
        ],
    )


def _update(change: Change, row: Converted, had: Any, mapping: Mapping, suppliers: Suppliers) -> list[Note]:
    """Change what the file changed. What a person changed since stays, and is noted."""
    notes = _change_nouns(change, row, had, suppliers) if row.fields != had.written else []
    about = str(had.use)
    if mapping.facts_about == "product" or "version.label" in row.fields:
        product = USES.get(change.connection, had.use).product
        about = product if mapping.facts_about == "product" else about
        if "version.label" in row.fields:
            _version(change, product, row)
    _change_facts(change, mapping, about, row.facts)
    change.connection.execute(
        update(imported_rows)
        .where(imported_rows.c.mapping == mapping.mapping, imported_rows.c.identity == row.identity)
        .values(row_digest=row.digest, written=row.fields, imported_at=change.at)
    )
    return notes


def _change_nouns(change: Change, row: Converted, had: Any, suppliers: Suppliers) -> list[Note]:
    use = USES.get(change.connection, had.use)
    patch, notes = _patch("use", USES.plain(use), row, had.written)
    if row.product_named and row.fields["product.name"] != had.written.get("product.name"):
        # another product, not another name for the one that other uses may share
        patch["product"] = _product(change, row, suppliers)
    else:
        product = PRODUCTS.get(change.connection, use.product)
        changed, more = _patch("product", PRODUCTS.plain(product), row, had.written)
        told, was = row.fields.get("vendor.name"), had.written.get("vendor.name")
        if told != was and product.vendor in (None, suppliers.named(was)):
            changed["vendor"] = suppliers.vendor(row)
        notes += more
        if changed:
            PRODUCTS.change(change, product.id, changed, None)
    if patch:
        USES.change(change, use.id, patch, None)
    return notes


def _patch(
    noun: str, now: dict[str, Any], row: Converted, written: dict[str, Any]
) -> tuple[dict[str, Any], list[Note]]:
    """What the file changed of one noun, and what of it a person changed since."""
    patch: dict[str, Any] = {}
    notes = []
    for target in sorted({*row.fields, *written}):
        kind, _, name = target.partition(".")
        new, old = row.fields.get(target), written.get(target)
        if kind != noun or new == old or now.get(name) == new:
            continue
        if now.get(name) == old or (old is None and not now.get(name)):
            patch[name] = new
        elif target not in _DERIVED:
            notes.append(Note(row.row, target, f"{target}: a person changed it since; it was left as it is"))
    return patch, notes


def _product(change: Change, row: Converted, suppliers: Suppliers) -> str:
    """The product a row names: the book's, or a new one."""
    vendor = suppliers.vendor(row)
    there = suppliers.product(row, vendor)
    if there is None:
        there = PRODUCTS.add(change, ProductFields.model_validate(_of("product", row) | {"vendor": vendor})).id
        suppliers.remember(row, vendor, there)
    return there


def _of(noun: str, row: Converted) -> dict[str, Any]:
    start = f"{noun}."
    return {target.removeprefix(start): value for target, value in row.fields.items() if target.startswith(start)}


def _version(change: Change, product: str, row: Converted) -> None:
    """The edition a row names, once for each label; a digest that is none was kept as a fact and pins nothing."""
    fields = _of("version", row) | {"product": product}
    digest = str(fields.get("digest") or "").casefold()
    fields["digest"] = digest if len(digest) == 64 and all(c in "0123456789abcdef" for c in digest) else None
    there = change.connection.execute(
        select(versions.c.id).where(versions.c.product == product, versions.c.label == fields["label"])
    ).scalar_one_or_none()
    if there is None:
        VERSIONS.add(change, VersionFields.model_validate(fields))


def _source(mapping: Mapping) -> str:
    return f"import {mapping.mapping}"


def _record_facts(change: Change, mapping: Mapping, about: str, before: dict[str, str], after: dict[str, str]) -> None:
    """One entry for all the facts of a row: each text sealed by itself, so that each can be erased by itself."""
    changed = sorted({k for k in {*before, *after} if before.get(k) != after.get(k)})
    if changed:
        change.record(
            Entry(
                "fact.import",
                mapping.facts_about,
                about,
                before={k: before[k] for k in changed if k in before} or None,
                after={k: after.get(k) for k in changed},
                words=frozenset(changed),
            )
        )


def _insert_facts(change: Change, mapping: Mapping, said: Sequence[tuple[str, dict[str, str]]]) -> None:
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


def _change_facts(change: Change, mapping: Mapping, about: str, after: dict[str, str]) -> None:
    where = (facts.c.about == about, facts.c.source == _source(mapping))
    before = {r.field: r.value for r in change.connection.execute(select(facts.c.field, facts.c.value).where(*where))}
    gone = [name for name in before if name not in after]
    new = {name: value for name, value in after.items() if name not in before}
    for name, value in after.items():
        if name in before and before[name] != value:
            change.connection.execute(
                update(facts)
                .where(*where, facts.c.field == name)
                .values(value=value, updated_at=change.at, revision=facts.c.revision + 1)
            )
    if gone:
        change.connection.execute(delete(facts).where(*where, facts.c.field.in_(gone)))
    _insert_facts(change, mapping, [(about, new)])
    _record_facts(change, mapping, about, before, after)
