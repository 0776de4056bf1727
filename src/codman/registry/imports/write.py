"""Rows into the book, in one change: new ones added, changed ones changed, every one of them accounted for.

A later edition of a file changes only what the file itself changed, and never what a person has changed since.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import insert, select, update

from codman.registry.database import Change
from codman.registry.identifiers import new_id
from codman.registry.imports.changed import change_rows
from codman.registry.imports.convert import Converted, Note
from codman.registry.imports.deciding import Reviewed, leave_to_review
from codman.registry.imports.kept_facts import add_facts
from codman.registry.imports.mapping import Mapping
from codman.registry.imports.suppliers import Suppliers
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema import imported_rows
from codman.spine.product import ProductFields
from codman.spine.use import UseFields

Progress = Callable[[int, int], None]
_YEAR: Final = re.compile(r"the year '\d\d is read as \d{4}")
_BATCH: Final = 500


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


def write(
    change: Change,
    rows: Sequence[Converted],
    mapping: Mapping,
    done: Imported,
    progress: Progress,
    *,
    decides: bool,
) -> None:
    """Bring rows into the book; the caller's transaction keeps all of them or none.

    Args:
        change: The transaction.
        rows: Rows with their identities, none twice.
        mapping: How they were read; rows are known again under its name.
        done: Where they are counted.
        progress: Told how many of how many rows are written.
        decides: Whether whoever imports may set what a review sets.
    """
    had = _had(change, mapping)
    _rename(change, rows, mapping, had)
    if not decides:
        reviewed = Reviewed(change.connection)
        for row in rows:
            earlier = had.get(row.identity)
            done.notes += leave_to_review(row, None if earlier is None else earlier.written, reviewed)
    new = [row for row in rows if row.identity not in had]
    changed = [row for row in rows if row.identity in had and had[row.identity].row_digest != row.digest]
    done.unchanged = len(rows) - len(new) - len(changed)
    suppliers = Suppliers(change)
    for start in range(0, len(new), _BATCH):
        _add(change, new[start : start + _BATCH], mapping, suppliers)
        progress(min(start + _BATCH, len(new)), len(new) + len(changed))
    for start in range(0, len(changed), _BATCH):
        batch = [(row, had[row.identity]) for row in changed[start : start + _BATCH]]
        done.notes += change_rows(change, batch, mapping, suppliers)
        progress(len(new) + min(start + _BATCH, len(changed)), len(new) + len(changed))
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
            made_products.append((product, ProductFields.model_validate(row.of("product") | {"vendor": vendor})))
            if row.product_named:
                suppliers.remember(row, vendor, product)
        use = new_id("use")
        made_uses.append((use, UseFields.model_validate(row.of("use") | {"product": product})))
        said.append((use, product, row))
        if "version.label" in row.fields:
            labels.append((product, row))
    PRODUCTS.add_many(change, [f for _, f in made_products], [name for name, _ in made_products])
    USES.add_many(change, [f for _, f in made_uses], [name for name, _ in made_uses])
    for product, row in labels:
        suppliers.version(product, row)
    about = [(use if mapping.facts_about == "use" else product, row.facts) for use, product, row in said]
    add_facts(change, mapping, about)
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
