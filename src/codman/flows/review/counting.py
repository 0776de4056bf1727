"""counting: how often each kind of decision was given, stands, ended by itself, and was followed by an ordinary one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from codman.flows.review.staging import decided_as
from codman.registry.governance import CASES
from codman.registry.inventory import visible
from codman.registry.schema import uses
from codman.registry.schema_review import cases
from codman.review.stages import Decided, Standing
from codman.review.stages_counted import Counted, counted
from codman.spine.review import CaseState


def decisions_counted(connection: Connection, within: Sequence[str], at: str) -> tuple[Counted, ...]:
    """Every kind of decision about the uses of some sites, for the report to the board.

    Args:
        connection: Where to read.
        within: Paths of the sites whose uses count.
        at: When, ISO 8601.
    """
    rows = connection.execute(
        select(cases)
        .join(uses, uses.c.id == cases.c.use)
        .where(cases.c.state == CaseState.DECIDED.value, visible(within))
        .order_by(cases.c.decided_at, cases.c.id)
    )
    by_use: dict[str, list[Decided]] = {}
    for row in rows:
        case = CASES.read(row)
        decided = decided_as(case)
        if decided is not None:
            by_use.setdefault(case.use, []).append(decided)
    return counted((Standing(stage=None, decisions=tuple(found)) for found in by_use.values()), at)
