"""Pauses proposed where a use runs on a condition that lapsed or a decision that ran out; a person decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.flows import records
from codman.flows.house import House
from codman.flows.review.cases import NotYours
from codman.flows.review.pause_told import tell_of_proposed
from codman.flows.review.reading import as_told, list_governed
from codman.flows.review.staging import move_within, pause_runs, still_runs
from codman.flows.review.undecided import pauses_to_propose, why_paused
from codman.flows.superseded import lapsed, ran_out, rejection_stands
from codman.registry import governance
from codman.registry.access import Reader, paths_for, require
from codman.registry.database import Change
from codman.registry.governance import CASES, CONDITIONS, INCIDENTS, PAUSE_PROPOSALS
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.records import BadField, Page, Stale
from codman.registry.schema import uses
from codman.registry.schema_review import cases, conditions, pause_proposals
from codman.spine.day import end_of, written_day
from codman.spine.pausing import PauseCause, PauseProposal, PauseProposalFields, PauseState
from codman.spine.use import RUNNING, Stage, Use
from codman.spine.watching import Incident, IncidentState

FILTERS: Final = ("use", "cause", "state")


class ProposalSettled(CodmanError):
    """A step on a proposed pause that somebody settled already."""

    exit_code = 2

    def __init__(self, state: PauseState) -> None:
        super().__init__(
            what="this proposal is settled", why=f"it is {state.value}", fix="look at the use's page for how it stands"
        )


def propose(house: House) -> tuple[int, int]:
    """Propose a pause where a use runs on what no longer holds, and withdraw where that is gone; nothing is paused.

    Returns:
        How many were proposed, and how many withdrawn.
    """
    day, zone = house.database.today().isoformat(), house.database.zone
    with house.database.reading() as connection:
        new, gone = list(_new(connection, day)), list(_gone(connection, day, zone))
    if not new and not gone:
        return 0, 0
    with house.database.changing(SYSTEM, "decisions and conditions looked at") as change:
        new, gone = list(_new(change.connection, day)), list(_gone(change.connection, day, zone))
        tell_of_proposed(change, house, PAUSE_PROPOSALS.add_many(change, new))
        done = {"state": PauseState.WITHDRAWN.value, "settled_at": change.at}
        PAUSE_PROPOSALS.change_many(change, [(one, done) for one in gone])
    return len(new), len(gone)


def confirm_pause(
    house: House, reader: Reader, proposal: str, revision: int, why: str, *, request: str | None = None
) -> PauseProposal:
    """Pause the use, its deployments with it.

    Raises:
        NoSuchRecord: There is no such proposal within their reach.
        NotAllowed: They may not pause this use.
        ProposalSettled: Somebody settled it already.
        Stale: It was changed since they looked.
        CannotMove: The use cannot be paused from where it is, or no reason is given.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = _open(change.connection, reader, proposal, revision, "use.pause")
        use = USES.get(change.connection, one.use)
        _pause(change, reader, use, why)
        settled: PauseProposal = PAUSE_PROPOSALS.change(
            change, proposal, _settled(change.at, PauseState.PAUSED, reader, why), revision
        )
        others = governance.every(change.connection, "pause_proposal", *_open_of(one.use))
        done = _settled(change.at, PauseState.PAUSED, reader, why)
        PAUSE_PROPOSALS.change_many(change, [(other, done) for other in others])
        return as_told(change.connection, reader, settled)


def pause_use(house: House, reader: Reader, use: str, revision: int, why: str, *, request: str | None = None) -> None:
    """Pause a use everywhere it runs, whatever its own stage says.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may not pause it.
        Stale: It was changed since they looked.
        CannotMove: No reason is given.
        BadField: The same of one whose stage is none that runs.
    """
    records.get(house, reader, "use", use)
    with house.database.changing(reader.author(request), why) as change:
        found = USES.get(change.connection, use)
        if found.revision != revision:
            raise Stale("use", use, revision, found.revision)
        _pause(change, reader, found, why)


def _pause(change: Change, reader: Reader, use: Use, why: str) -> None:
    if use.stage in RUNNING:
        move_within(change, reader, use, Stage.PAUSED, why)
        return
    require(reader, "use.pause", paths_of(change.connection, use))
    _say_why(why)
    pause_runs(change, use)


def decline_pause(
    house: House, reader: Reader, proposal: str, revision: int, why: str, *, request: str | None = None
) -> PauseProposal:
    """Let the use go on, with a reason; who presides may, and never who has a hand in the use.

    Raises:
        NoSuchRecord: There is no such proposal within their reach.
        NotAllowed: They may not, for this use.
        NotYours: They have a hand in the use, or answer for the condition that lapsed.
        ProposalSettled: Somebody settled it already.
        Stale: It was changed since they looked.
        BadField: No reason is given.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = _open(change.connection, reader, proposal, revision, "case.change")
        own = own_hand(change.connection, reader, one)
        if own is not None:
            raise NotYours(f"you {own}: somebody else says that it goes on")
        _say_why(why)
        done = _settled(change.at, PauseState.KEPT, reader, why)
        kept: PauseProposal = PAUSE_PROPOSALS.change(change, proposal, done, revision)
        return as_told(change.connection, reader, kept)


def own_hand(connection: Connection, reader: Reader, one: PauseProposal) -> str | None:
    """Why somebody is not the one to let a use go on, as `you …` continues; None where nothing is in their way."""
    use = USES.get(connection, one.use)
    hands = hand_in(connection, use, PRODUCTS.get(connection, use.product))
    if one.condition is not None:
        hands.setdefault(CONDITIONS.get(connection, one.condition).owner, "owe the condition that lapsed")
    return hands.get(reader.person)


def list_pause_proposals(house: House, reader: Reader, **asked: Any) -> Page[Any]:
    """Proposed pauses of the uses somebody sees, a page at a time; `asked` as `list_governed` takes it."""
    return list_governed(house, reader, "pause_proposal", FILTERS, **asked)


def _say_why(why: str) -> None:
    if not why.strip():
        raise BadField("pause_proposal", "why", "say why")


def _settled(at: str, state: PauseState, reader: Reader, why: str) -> dict[str, Any]:
    return {"state": state.value, "settled_at": at, "settled_by": reader.person, "why": why.strip() or None}


def _open(connection: Connection, reader: Reader, name: str, revision: int, action: str) -> PauseProposal:
    one: PauseProposal = governance.get(connection, "pause_proposal", name, paths_for(reader, "review.read"))
    require(reader, action, paths_of(connection, USES.get(connection, one.use)))
    if one.state is not PauseState.OPEN:
        raise ProposalSettled(one.state)
    if one.revision != revision:
        raise Stale("pause_proposal", name, revision, one.revision)
    return one


def _open_of(use: str) -> tuple[Any, Any]:
    return pause_proposals.c.use == use, pause_proposals.c.state == PauseState.OPEN.value


def _new(connection: Connection, day: str) -> Iterator[PauseProposalFields]:
    """What no longer holds of uses that run, and was not proposed before; where it is known why, that alone."""
    known = list(_ended(connection, day))
    yield from known
    told = {fields.use for fields in known}
    for fields in pauses_to_propose(connection, day):
        # open already, or settled by a person for just this; another site or mode is another reason
        kept = (pause_proposals.c.state == PauseState.KEPT.value) & (pause_proposals.c.because == fields.because)
        again = (pause_proposals.c.state == PauseState.OPEN.value) | kept
        if fields.use not in told and not _proposed(connection, pause_proposals.c.use == fields.use, again):
            yield fields


def _ended(connection: Connection, day: str) -> Iterator[PauseProposalFields]:
    """Conditions that lapsed and decisions that ran out, of uses that run."""
    running = select(uses.c.id).where(uses.c.stage.in_([stage.value for stage in RUNNING]))
    for one in lapsed(connection, conditions.c.use.in_(running)):
        if not _proposed(connection, pause_proposals.c.condition == one.id, _answered()):
            yield PauseProposalFields(
                use=one.use,
                cause=PauseCause.CONDITION,
                because=f"a condition of its decision was due on {written_day(one.due_on)} "
                "and nothing came that meets it",
                case=one.case,
                condition=one.id,
            )
    for case in ran_out(connection, day, cases.c.use.in_(running)):
        if not _proposed(
            connection,
            pause_proposals.c.case == case.id,
            pause_proposals.c.cause == PauseCause.DECISION.value,
            _answered(),
        ):
            yield PauseProposalFields(
                use=case.use,
                cause=PauseCause.DECISION,
                because=f"its decision stood until {written_day(case.expires_on or day)} and none has followed",
                case=case.id,
            )


def _gone(connection: Connection, day: str, zone: tzinfo) -> Iterator[PauseProposal]:
    """Open proposals whose use runs no more, or whose cause is gone."""
    waiting = governance.every(connection, "pause_proposal", pause_proposals.c.state == PauseState.OPEN.value)
    found = USES.get_many(connection, [one.use for one in waiting])
    for one in waiting:
        if one.cause is PauseCause.REJECTED:
            if not _still_rejected(connection, found[one.use], one, end_of(day, zone).isoformat(), zone):
                yield one
        elif found[one.use].stage not in RUNNING or not _still_there(connection, one, day):
            yield one


def _still_rejected(connection: Connection, use: Use, one: PauseProposal, at: str, zone: tzinfo) -> bool:
    """Whether a use that was rejected still runs, and nobody granted anything since."""
    if one.case is None:
        return False
    case = CASES.get(connection, one.case)
    still = rejection_stands(connection, use, case)
    return still and still_runs(connection, use, case, at, zone) is not None


def _still_there(connection: Connection, one: PauseProposal, day: str) -> bool:
    """Whether the cause of a proposal still stands."""
    if one.cause is PauseCause.UNDECIDED:
        return why_paused(connection, USES.get(connection, one.use), day) is not None
    if one.incident is not None:
        return not _resolved_impartially(connection, INCIDENTS.get(connection, one.incident))
    if one.condition is not None:
        return bool(lapsed(connection, conditions.c.id == one.condition))
    return bool(ran_out(connection, day, cases.c.id == one.case))


def _resolved_impartially(connection: Connection, incident: Incident) -> bool:
    """Whether an incident was resolved by somebody with no hand in its use: who has one ends no proposal so."""
    if incident.state is not IncidentState.RESOLVED:
        return False
    use = USES.get(connection, incident.use)
    return incident.steps[-1].by not in hand_in(connection, use, PRODUCTS.get(connection, use.product))


def _answered() -> Any:
    """Proposals that stand or were declined; a use that was paused for the same and runs again is asked of anew."""
    return pause_proposals.c.state.in_([PauseState.OPEN.value, PauseState.KEPT.value])


def _proposed(connection: Connection, *which: Any) -> bool:
    return connection.execute(select(pause_proposals.c.id).where(*which)).first() is not None
