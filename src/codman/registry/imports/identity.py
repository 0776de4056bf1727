"""Which row is which: by its own identifier where that is good, else by organisation, name and purpose."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Final

from codman.registry.imports.convert import Converted, Note
from codman.registry.imports.table import normal

BY_ID: Final = "its own identifier"
BY_NAME: Final = "organisation + name + purpose"
SAME_ROW: Final = "the same as an earlier row"


def identify(rows: Sequence[Converted], *, with_ids: bool) -> tuple[list[Converted], list[Note], dict[str, int]]:
    """Give every row its identity.

    Args:
        rows: The rows, in the file's order.
        with_ids: Whether the mapping names a column of identifiers.

    Returns:
        The rows that are not the same as an earlier one; what to say about the others; and how many were known by what.
        An identifier counts within its organisation, and only where no other row there has it.
    """
    held = Counter(_own(row) for row in rows if row.own_id)
    seen: dict[str, Converted] = {}
    kept: list[Converted] = []
    notes: list[Note] = []
    bases: Counter[str] = Counter()
    for row in rows:
        good = row.own_id is not None and held[_own(row)] == 1
        if with_ids and not good:
            why = "has no identifier" if row.own_id is None else f"shares the identifier {row.own_id[:60]}"
            notes.append(Note(row.row, "id", f"{why}; known by {BY_NAME}"))
        by_id, by_name = f"id:{_hash(_own(row))}", _by_name(row)
        row.identity, row.other_identity = (by_id, by_name) if good else (by_name, by_id if row.own_id else "")
        earlier = seen.get(row.identity)
        if earlier is not None and earlier.digest == row.digest:
            notes.append(Note(row.row, "row", f"the same as row {earlier.row}"))
            continue
        if earlier is not None:  # two uses that only differ in what no identity is made of: both are kept
            number = 2
            while f"{row.identity}:{number}" in seen:
                number += 1
            row.identity = f"{row.identity}:{number}"
            notes.append(Note(row.row, "row", f"has the organisation, name and purpose of row {earlier.row}"))
        seen[row.identity] = row
        bases[BY_ID if good else BY_NAME] += 1
        kept.append(row)
    return kept, notes, dict(bases)


def _own(row: Converted) -> tuple[str, str]:
    return normal(str(row.fields.get("use.organisation", ""))), normal(row.own_id or "") or (row.own_id or "")


def _by_name(row: Converted) -> str:
    told = [str(row.fields.get(f"use.{k}") or "") for k in ("organisation", "name", "purpose")]
    return f"name:{_hash(tuple(' '.join(part.casefold().split()) for part in told))}"


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
