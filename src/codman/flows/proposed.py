"""Proposals that were sent in and that nobody has gone on with, by urgency; who goes on with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, exists, select

from codman.flows.concerns.telling import tell_people
from codman.flows.house import House
from codman.jobs.notice import Notice
from codman.registry.access import Reader, may
from codman.registry.database import Change
from codman.registry.inventory import paths_of, visible
from codman.registry.officers import presiding_for
from codman.registry.schema import people, uses
from codman.registry.schema_review import cases, intakes
from codman.spine.intake import IntakeState
from codman.spine.person import Person
from codman.spine.use import Stage, Use

EMERGENCY: Final = "emergency"
USUAL: Final = "as usual"
_FIRST: Final = (EMERGENCY, "expedited")  # the most urgent first; as usual after them
_WAITS: Final = (Stage.PROPOSED.value, Stage.TRIAGED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposal that was sent in: what became of it so far is a use, and nothing more."""

    intake: str
    use: str
    name: str
    by: str
    by_name: str
    sent_at: str
    urgency: str  # ordinary, expedited, emergency; an answer of the intake
    reason: str  # why it cannot wait; the proposer's own words

    @property
    def emergency(self) -> bool:
        """Whether patients are harmed if it waits, as its proposer says."""
        return self.urgency == EMERGENCY

    @property
    def asked(self) -> str:
        """How it is asked to be looked at, as a clause."""
        said = {EMERGENCY: "in an emergency: patients are harmed if it waits", "expedited": "expedited"}
        return said.get(self.urgency, USUAL)


def waiting_proposals(connection: Connection, within: Sequence[str]) -> list[Proposal]:
    """The proposals that no case was opened for since they were sent in, the most urgent first, then the oldest.

    Args:
        connection: Where to read.
        within: Paths of the sites whose uses count.
    """
    gone_on = exists(select(cases.c.id).where(cases.c.use == intakes.c.use, cases.c.created_at >= intakes.c.updated_at))
    rows = connection.execute(_sent().where(uses.c.stage.in_(_WAITS), ~gone_on, visible(within)))
    found = [_read(row) for row in rows]
    return sorted(found, key=lambda one: (_rank(one.urgency), one.sent_at, one.intake))


def proposal_of(connection: Connection, use: str) -> Proposal | None:
    """The last proposal that was sent in for a use; None where it came into the book otherwise."""
    rows = connection.execute(_sent().where(intakes.c.use == use).order_by(intakes.c.updated_at.desc()).limit(1))
    return next((_read(row) for row in rows), None)


def waits_for(connection: Connection, use: Use, proposal: Proposal) -> list[Person]:
    """Who goes on with a proposal: the officers and chairs who answer for its sites, but not who sent it."""
    return [one for one in presiding_for(connection, paths_of(connection, use)) if one.id != proposal.by]


def goes_on(connection: Connection, reader: Reader, use: Use, proposal: Proposal) -> bool:
    """Whether a proposal waits for this reader."""
    return reader.person != proposal.by and may(reader, "case.change", paths_of(connection, use))


def tell_of_emergency(change: Change, house: House, use: Use) -> None:
    """Mail at once, with what sends it in, to who goes on with what cannot wait; the rest is in My work."""
    proposal = proposal_of(change.connection, use.id)
    if proposal is None or not proposal.emergency:
        return
    notice = Notice(
        event="proposal.emergency",
        title="A use is proposed in an emergency",
        text="Who proposes it says that patients are harmed if it waits.\n\n"
        "Look at it today: open a case, or say that it waits. What they wrote stands in the record only.",
        link=f"{house.settings.address}/uses/{use.id}/triage",
        about=use.id,
        urgency="high",
    )
    tell_people(change, waits_for(change.connection, use, proposal), notice, f"{proposal.intake}/emergency")


def _sent() -> Select[Any]:
    return (
        select(intakes, uses.c.name.label("called"), people.c.name.label("by_name"))
        .join(uses, uses.c.id == intakes.c.use)
        .outerjoin(people, people.c.id == intakes.c.owner)
        .where(intakes.c.state == IntakeState.SUBMITTED.value)
    )


def _read(row: Any) -> Proposal:
    answers = row.answers if isinstance(row.answers, dict) else {}
    return Proposal(
        intake=row.id,
        use=row.use,
        name=row.called,
        by=row.owner,
        by_name=row.by_name or row.owner,
        sent_at=row.updated_at,
        urgency=str(answers.get("urgency") or "ordinary"),
        reason=str(answers.get("urgency_reason") or "").strip(),
    )


def _rank(urgency: str) -> int:
    return _FIRST.index(urgency) if urgency in _FIRST else len(_FIRST)
