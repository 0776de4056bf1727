"""What one person answers for: sites as their clinician, uses as their owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from codman.registry.inventory import visible
from codman.registry.nouns import DEPLOYMENTS, USES
from codman.registry.schema import deployments, uses
from codman.registry.schema_review import cases
from codman.registry.standing import evidence_counts
from codman.spine.policy import Checkpoint
from codman.spine.review import GRANTED, CaseState, Procedure
from codman.spine.site import Deployment, Mode
from codman.spine.use import Stage, Use

MOST: Final = 200


def named_as_clinician(connection: Connection, person: str) -> Sequence[Deployment]:
    """Deployments that name somebody as their accountable clinician and that have not ended."""
    rows = connection.execute(
        select(deployments)
        .where(
            deployments.c.clinician == person,
            deployments.c.mode != Mode.ENDED.value,
        )
        .order_by(deployments.c.created_at)
        .limit(MOST)
    )
    return [DEPLOYMENTS.read(row) for row in rows]


def owned_by(connection: Connection, person: str, within: Sequence[str] = ("/",)) -> Sequence[Use]:
    """The uses somebody answers for and sees, but the retired ones, by name."""
    rows = connection.execute(
        select(uses)
        .where(uses.c.owner == person, uses.c.stage != Stage.RETIRED.value, visible(within))
        .order_by(uses.c.name)
        .limit(MOST)
    )
    return [USES.read(row) for row in rows]


def in_sight(connection: Connection, names: Sequence[str], within: Sequence[str]) -> set[str]:
    """Those of these uses that somebody with these sites sees."""
    return set(connection.execute(select(uses.c.id).where(uses.c.id.in_(names), visible(within))).scalars())


def with_evidence(connection: Connection, names: Sequence[str]) -> set[str]:
    """Those of these uses for which at least one statement that shows how they work counts as evidence."""
    return set(evidence_counts(connection, names))


@dataclass(frozen=True, slots=True)
class HowGranted:
    """How the approval of a use came about, and that it is over."""

    emergency: bool = False  # one person's
    ended_on: str | None = None  # None: it stands, or no case granted it


def how_granted(connection: Connection, names: Sequence[str], today: str) -> dict[str, HowGranted]:
    """How what lets each of these uses run was granted: by the newest decision that stands, or the last that ended.

    Args:
        connection: Where to read.
        names: The uses.
        today: The day, ISO 8601.
    """
    rows = connection.execute(
        select(cases.c.use, cases.c.procedure, cases.c.expires_on)
        .where(
            cases.c.use.in_(names),
            cases.c.state == CaseState.DECIDED.value,
            cases.c.outcome.in_([one.value for one in GRANTED]),
            cases.c.checkpoint != Checkpoint.MONITORING.value,
        )
        .order_by(cases.c.decided_at)
    )
    found: dict[str, HowGranted] = {}
    for row in rows:
        over = row.expires_on if row.expires_on is not None and row.expires_on <= today else None
        before = found.get(row.use)
        if over is not None and before is not None and (before.ended_on is None or before.ended_on > over):
            continue
        found[row.use] = HowGranted(row.procedure == Procedure.EMERGENCY.value, over)
    return found


def runs_of(connection: Connection, names: Sequence[str]) -> dict[str, list[Deployment]]:
    """Where each of these uses runs."""
    found: dict[str, list[Deployment]] = {}
    for row in connection.execute(select(deployments).where(deployments.c.use.in_(names))):
        found.setdefault(row.use, []).append(DEPLOYMENTS.read(row))
    return found
