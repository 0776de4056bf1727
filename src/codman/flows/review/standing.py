"""The decision a use runs on, as its page names it: the one in force, or the last that granted something."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select

from codman.registry import governance
from codman.registry.schema_review import cases
from codman.review.superseding import exposure
from codman.spine.policy import BESIDE, Checkpoint
from codman.spine.review import APPROVALS, GRANTED, Case, CaseOutcome, CaseState

_later = cases.alias()


def standing_case(connection: Connection, use: str, day: str) -> Case | None:
    """The decision a use runs on: the newest that granted something, has not run out, and was not undone.

    A retirement undoes it; so does a later rejection of no more than it granted, at every site that it names.

    Args:
        connection: Where to read.
        use: Which use.
        day: The day of the house, ISO 8601.
    """
    rows: list[Case] = governance.every(
        connection,
        "case",
        cases.c.use == use,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome.in_([one.value for one in APPROVALS]),
        cases.c.expires_on > day,
        cases.c.checkpoint != Checkpoint.MONITORING.value,
        ~exists(
            select(_later.c.id).where(
                _later.c.use == cases.c.use,
                _later.c.outcome == CaseOutcome.RETIRED.value,
                _later.c.decided_at >= cases.c.decided_at,
            )
        ),
        order="decided_at",
    )
    refused: list[Case] = governance.every(
        connection, "case", cases.c.use == use, cases.c.outcome == CaseOutcome.REJECTED.value
    )
    return next((one for one in reversed(rows) if not any(_undoes(no, one) for no in refused)), None)


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
