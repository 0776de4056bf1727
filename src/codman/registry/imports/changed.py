"""Rows the book knows already: what the file changed is changed; what a person changed since stays, and is noted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic

from sqlalchemy import bindparam, update

from codman.registry.database import Change
from codman.registry.fixed_fields import FixedField, takes_another, use_stays, why_not_moved
from codman.registry.imports.convert import Converted, Note
from codman.registry.imports.kept_facts import change_facts
from codman.registry.imports.mapping import Mapping
from codman.registry.imports.suppliers import Suppliers
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.records import F, R, Records
from codman.registry.schema import imported_rows
from codman.spine.product import ProductFields

# left, or taken, together
_SET_BY_REVIEW: Final = (("stage", "stage_since", "decision"), ("tier",), ("impact",), ("owner",), ("name",))
_DERIVED: Final = frozenset({"use.decision"})  # no column says it, so a person's own decision is no conflict


class Edits(Generic[F, R]):
    """Records read once, changed in memory by one row after another, and written together.

    Args:
        records: Their kind.
        change: The transaction.
        names: Which ones.
    """

    def __init__(self, records: Records[F, R], change: Change, names: Iterable[str]) -> None:
        self._records = records
        self._change = change
        self._read = records.get_many(change.connection, names)
        self._now = {name: records.plain(record) for name, record in self._read.items()}
        self._patches: dict[str, dict[str, Any]] = {}

    def read(self, name: str) -> R:
        """A record as it was read."""
        return self._read[name]

    def now(self, name: str) -> dict[str, Any]:
        """A record's fields with the changes made so far."""
        return self._now[name]

    def patch(self, name: str, values: dict[str, Any]) -> None:
        """Change some fields of a record."""
        if values:
            self._now[name] |= values
            self._patches.setdefault(name, {}).update(values)

    def write(self) -> None:
        """Bring the changes into the book.

        Raises:
            BadField: A field cannot hold its value.
        """
        self._records.change_many(self._change, [(self._read[name], patch) for name, patch in self._patches.items()])


def change_rows(
    change: Change, rows: Sequence[tuple[Converted, Any]], mapping: Mapping, suppliers: Suppliers
) -> list[Note]:
    """Bring rows that say something new into the book.

    Args:
        change: The transaction.
        rows: Each row, and what the book knows of its earlier edition: `use` and `written`.
        mapping: How they were read.
        suppliers: Vendors and products by name.

    Returns:
        What was left as a person made it.
    """
    uses = Edits(USES, change, [had.use for _, had in rows])
    products = Edits(PRODUCTS, change, {uses.now(had.use)["product"] for _, had in rows})
    notes: list[Note] = []
    said: list[tuple[str, dict[str, str]]] = []
    for row, had in rows:
        if row.fields != had.written:
            notes += _change_nouns(change, row, had, uses, products, suppliers)
        product = uses.now(had.use)["product"]
        if "version.label" in row.fields:
            suppliers.version(product, row)
        said.append((product if mapping.facts_about == "product" else had.use, row.facts))
    products.write()
    uses.write()
    change_facts(change, mapping, said)
    change.connection.execute(
        update(imported_rows)
        .where(imported_rows.c.mapping == mapping.mapping, imported_rows.c.identity == bindparam("which"))
        .values(row_digest=bindparam("digest"), written=bindparam("fields"), imported_at=change.at),
        [{"which": row.identity, "digest": row.digest, "fields": row.fields} for row, _ in rows],
    )
    return notes


def _change_nouns(
    change: Change,
    row: Converted,
    had: Any,
    uses: Edits[Any, Any],
    products: Edits[Any, Any],
    suppliers: Suppliers,
) -> list[Note]:
    use = uses.now(had.use)
    patch, notes = _patch("use", use, row, had.written)
    notes += _leave_to_review(change, row, uses.read(had.use), patch)
    if row.product_named and row.fields["product.name"] != had.written.get("product.name"):
        # another product, not another name for the one that other uses may share
        if (why := why_not_moved(change.connection, had.use)) is None:
            patch["product"] = _product(change, row, suppliers)
        else:
            notes.append(Note(row.row, "product.name", f"product.name: {why}; it was left as it is"))
    else:
        product = products.now(use["product"])
        changed, more = _patch("product", product, row, had.written)
        told, was = row.fields.get("vendor.name"), had.written.get("vendor.name")
        if told != was and product["vendor"] in (None, suppliers.named(was)):
            changed["vendor"] = suppliers.vendor(row)
        notes += more + _leave_its_name(change, row, products.read(use["product"]), changed)
        products.patch(use["product"], changed)
    uses.patch(had.use, patch)
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


def _leave_to_review(change: Change, row: Converted, use: Any, patch: dict[str, Any]) -> list[Note]:
    """Take out of a patch what no edit may set, whoever imports: a file decides nothing that a page may not."""
    notes = []
    for together in _SET_BY_REVIEW:
        try:
            said: dict[str, Any] = {name: patch[name] for name in together if name in patch}
            use_stays(change.connection, use, said)
            takes_another(change.connection, "use", use, said, None)
        except FixedField as error:
            for name in together:
                patch.pop(name, None)
            target = f"use.{error.field}"
            notes.append(Note(row.row, target, f"{target}: {error.why}; it was left as it is"))
    return notes


def _leave_its_name(change: Change, row: Converted, product: Any, patch: dict[str, Any]) -> list[Note]:
    try:
        takes_another(change.connection, "product", product, patch, None)
    except FixedField as error:
        patch.pop("name")
        return [Note(row.row, "product.name", f"product.name: {error.why}; it was left as it is")]
    return []


def _product(change: Change, row: Converted, suppliers: Suppliers) -> str:
    """The product a row names: the book's, or a new one."""
    vendor = suppliers.vendor(row)
    there = suppliers.product(row, vendor)
    if there is None:
        there = PRODUCTS.add(change, ProductFields.model_validate(row.of("product") | {"vendor": vendor})).id
        suppliers.remember(row, vendor, there)
    return there
