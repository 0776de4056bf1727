"""A deployment was recorded: what is there is put down, and where no decision covers it that is said at once.

What reaches patients leads on: a pause is proposed where the use can be paused, else a proposal is begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from codman.flows import records
from codman.flows.house import House
from codman.flows.intake_sources import begin_from_use
from codman.flows.review import pausing
from codman.flows.review.undecided import leads_to_pause, sentences, uncovered
from codman.registry.access import Reader, may, paths_for
from codman.registry.names import names_of
from codman.registry.nouns import USES
from codman.registry.related import deployments_of
from codman.registry.schema_review import cases, intakes
from codman.spine.intake import IntakeState
from codman.spine.review import CaseState
from codman.spine.use import Decision, Stage, Use


@dataclass(frozen=True, slots=True)
class Followed:
    """What a recorded deployment led to."""

    undecided: Sequence[str] = ()  # where the use runs without a decision, and why
    pauses: int = 0  # that were proposed
    intake: str | None = None  # a proposal that was begun, by who recorded it


def undecided_of(house: House, reader: Reader, use: str) -> list[str]:
    """Where a use runs without a decision and why, as clauses, at the sites that somebody sees.

    Raises:
        NoSuchRecord: There is no such use within their reach.
    """
    found: Use = records.get(house, reader, "use", use)
    day = house.database.today().isoformat()
    with house.database.reading() as connection:
        seen = {one.id for one in deployments_of(connection, use, paths_for(reader, "inventory.read"))}
        bare = [one for one in uncovered(connection, found, day) if one.deployment.id in seen]
        return sentences(bare, names_of(connection, [one.deployment.site for one in bare]))


def follow(house: House, reader: Reader, use: str) -> Followed:
    """Look at a use after a deployment of it was recorded or changed; again, it adds nothing.

    Args:
        house: The open house.
        reader: Who recorded it: a proposal is begun in their name.
        use: Which use.
    """
    day = house.database.today().isoformat()
    with house.database.reading() as connection:
        found = USES.get(connection, use)
        bare = uncovered(connection, found, day)
        said = sentences(bare, names_of(connection, [one.deployment.site for one in bare]))
        asks = _to_be_proposed(connection, found)
    if not any(one.grave for one in bare):
        return Followed(said)
    if leads_to_pause(found):
        return Followed(said, pauses=pausing.propose(house)[0])
    if asks and may(reader, "intake.create"):
        return Followed(said, intake=begin_from_use(house, reader, use).id)
    return Followed(said)


def _to_be_proposed(connection: Connection, use: Use) -> bool:
    """Whether a use has not come before anybody: no proposal and no case; what ran before anybody asked is counted."""
    if use.stage is not Stage.PROPOSED or use.decision is Decision.LEGACY:
        return False
    begun = intakes.c.state.in_([IntakeState.DRAFT.value, IntakeState.SUBMITTED.value])
    proposed = exists(select(intakes.c.id).where(intakes.c.use == use.id, begun))
    came = exists(select(cases.c.id).where(cases.c.use == use.id, cases.c.state != CaseState.WITHDRAWN.value))
    return not connection.execute(select(proposed | came)).scalar_one()
