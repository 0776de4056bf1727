"""What of a file only a review may set: of a use that ran before anybody asked, its word is taken for what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from codman.registry.fixed_fields import DECIDED, RAN_BEFORE
from codman.registry.imports.convert import Converted, Note
from codman.spine.use import Decision, Stage

_TARGETS: Final = frozenset(f"use.{name}" for name in DECIDED)
_AT_FIRST: Final = {"use.stage": Stage.PROPOSED.value, "use.decision": Decision.UNDECIDED.value}


def leave_to_review(row: Converted, written: Mapping[str, Any] | None) -> list[Note]:
    """Have a row say nothing that only a review may set, for somebody who may not decide.

    Args:
        row: The row; what it may not say becomes what it said before, or what every new use begins with.
        written: What the row said when it was imported last; None for a new use, which may say that it runs already,
            since when, and under which risk.

    Returns:
        A note for each thing that was left out.
    """
    if written is None and row.fields.get("use.stage") in RAN_BEFORE:
        return []
    before = _AT_FIRST if written is None else {name: written[name] for name in _TARGETS & set(written)}
    said = {name: row.fields.pop(name) for name in _TARGETS & set(row.fields)}
    row.fields |= before
    return [
        Note(row.row, name, f"{name}: a review sets it, and you may not; it was left out")
        for name in sorted(said)
        if name != "use.decision" and said[name] != before.get(name)
    ]
