"""The decision a use runs on, as its page names it: the one in force, or the last that granted something."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from codman.registry import governance
from codman.registry.schema_review import cases
from codman.review.superseding import exposure
from codman.spine.policy import BESIDE, Checkpoint
from codman.spine.review import APPROVALS, GRANTED, Case, CaseOutcome, CaseState


def standing_case(connection: Connection, use: str, day: str) -> Case | None:
    """The decision a use runs on: the newest that granted something, has not run out, and was not undone.

    A retirement undoes it; so does a later rejection of no more than it granted, at every site that it names.

    Args:
        connection: Where to read.
        use: Which use.
        day: The day of the house, ISO 8601.
    """
    rows = [one for one in granted_now(connection, use, day) if one.checkpoint is not Checkpoint.MONITORING]
    refused: list[Case] = governance.every(
        connection, "case", cases.c.use == use, cases.c.outcome == CaseOutcome.REJECTED.value
    )
    return next((one for one in reversed(rows) if not any(_undoes(no, one) for no in refused)), None)


def granted_now(connection: Connection, use: str, day: str) -> list[Case]:
    """The decisions that granted something of a use, have not run out and were made since it retired last, in order.

    Args:
        connection: Where to read.
        use: Which use.
        day: The day of the house, ISO 8601.
    """
    granted: list[Case] = governance.every(
        connection,
        "case",
        cases.c.use == use,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome.in_([one.value for one in APPROVALS]),
        cases.c.expires_on > day,
        order="decided_at",
    )
    retired = connection.execute(
        select(func.max(cases.c.decided_at)).where(cases.c.use == use, cases.c.outcome == CaseOutcome.RETIRED.value)
    ).scalar_one()
    return [one for one in granted if retired is None or (one.decided_at or "") > retired]


def _undoes(no: Case, granted: Case) -> bool:
    """Whether a rejection ends what was granted; that of a change, or about monitoring, refuses only what it is of."""
    later = no.checkpoint not in BESIDE and (no.decided_at or "") > (granted.decided_at or "")
    everywhere = not no.sites or (bool(granted.sites) and set(granted.sites) <= set(no.sites))
    return later and everywhere and exposure(no.leads_to) <= exposure(granted.leads_to)


def last_granted(connection: Connection, use: str) -> Case | None:
    """The last case that granted something about whether a use runs: that it may, or that it retires."""
    rows = governance.every(
        connection,
        "case",
        cases.c.use == use,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome.in_([one.value for one in GRANTED]),
        cases.c.checkpoint != Checkpoint.MONITORING.value,
        order="decided_at",
    )
    return rows[-1] if rows else None
