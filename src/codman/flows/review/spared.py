"""What frameworks do not ask of uses, as their triage found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from codman.registry import governance
from codman.registry.schema_review import triages
from codman.review.triage.rules import current_rules
from codman.review.triage.spared import spared
from codman.spine.day import written_day
from codman.spine.intake import TriageState

_AT_ONCE: Final = 500  # names in one question


def spared_of_many(connection: Connection, uses: Sequence[str]) -> dict[str, dict[str, str]]:
    """Of each use, the controls that its triage found not to be asked of it, and why."""
    rules, found = current_rules(), {}
    for low in range(0, len(uses), _AT_ONCE):
        some = triages.c.use.in_(uses[low : low + _AT_ONCE])
        for one in governance.every(connection, "triage", some, triages.c.state == TriageState.STANDING.value):
            if one.edition == rules.edition:
                found[one.use] = spared(rules, one.classes, written_day(one.created_at))
    return found
