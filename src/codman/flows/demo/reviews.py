"""Reviews of the demo hospital: one that is being voted on, one that was put off, an emergency that will run out."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, exists, select

from codman.flows.demo.committee import LEAST, SEATS, Committee, committee_of, seated
from codman.flows.house import House
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.review.opening import open_for
from codman.flows.review.reading import read_case
from codman.flows.review.remarks import remark
from codman.flows.review.seats import state_interest
from codman.flows.review.voting import cast, table
from codman.registry.nouns import USES
from codman.registry.related import deployments_of, versions_of
from codman.registry.schema import statements, uses
from codman.registry.schema_review import cases
from codman.spine.policy import Checkpoint
from codman.spine.review import Case, CaseOutcome, Choice, Conflict, Procedure
from codman.spine.site import Mode
from codman.spine.use import Stage, Use
from codman.spine.verdict import Outcome

_OPEN: Final = frozenset({Outcome.MISSING.value, Outcome.INCONCLUSIVE.value, Outcome.UNVERIFIABLE.value})


def add_reviews(house: House) -> int:
    """Have the demo hospital's committee look at some of its uses.

    Returns:
        How many cases were opened.
    """
    with house.database.reading() as connection:
        found = _waiting(connection)
        committee = None if not found else committee_of(house, connection, found)
    if committee is None or len(committee.reviewers) <= LEAST:  # one more than must vote: some have a hand in a use
        return 0
    opened = 0
    for use, bring in zip(found, (_being_voted_on, _put_off, _in_an_emergency), strict=False):
        bring(house, committee, use)
        opened += 1
    return opened


def _being_voted_on(house: House, committee: Committee, use: Use) -> None:
    case = _opened(house, committee, use, Checkpoint.GO_LIVE, Procedure.FULL)
    first, second, third, *_ = seated(house, committee, case, 4)
    lacking = [r for r in read_case(house, committee.chair, case.id).requirements if r.outcome in _OPEN]
    about = lacking[0].id if lacking else None
    asked = remark(house, first, case.id, "When will this one be there?", requirement=about)
    remark(
        house, committee.owners[use.id], case.id, "The vendor promised it by the end of the month.", answers=asked.id
    )
    state_interest(house, third, case.id, Conflict.CONFLICT, "I sit on the vendor's clinical advisory board.")
    on = table(house, committee.chair, case.id)
    cast(
        house,
        first,
        case.id,
        Choice.WITH_CONDITIONS,
        on=on,
        reason="Useful on the wards; the missing papers must come.",
    )
    cast(house, second, case.id, Choice.DEFER, on=on, reason="I would see the numbers by age first.")


def _put_off(house: House, committee: Committee, use: Use) -> None:
    case = _opened(house, committee, use, Checkpoint.PILOT, Procedure.FULL)
    for reviewer in seated(house, committee, case, 3):
        on = table(house, reviewer, case.id)
        cast(house, reviewer, case.id, Choice.DEFER, on=on, reason="Nothing of it was measured on our patients yet.")
    _closed(house, committee, case, CaseOutcome.DEFERRED, "Local evidence first; the case comes back with it.")


def _in_an_emergency(house: House, committee: Committee, use: Use) -> None:
    case = _opened(house, committee, use, Checkpoint.GO_LIVE, Procedure.EMERGENCY)
    due = (house.database.today() + timedelta(days=12)).isoformat()
    owner = committee.owners[use.id].person
    sentence = "Bring the full case before the committee, with an evaluation on our own patients."
    add_condition(house, committee.chair, case.id, {"sentence": sentence, "owner": owner, "due_on": due})
    _closed(house, committee, case, CaseOutcome.CONDITIONAL, "The system it replaces stopped; nurses score by hand.")


def _opened(house: House, committee: Committee, use: Use, checkpoint: Checkpoint, procedure: Procedure) -> Case:
    emergency = procedure is Procedure.EMERGENCY
    by = committee.officer if emergency else committee.owners[use.id]
    due = (house.database.today() + timedelta(days=9)).isoformat()
    with house.database.reading() as connection:
        runs = any(one.mode is not Mode.ENDED for one in deployments_of(connection, use.id))
        newest = next((one.id for one in versions_of(connection, use.product)), None)
    return open_for(
        house,
        by,
        use.id,
        checkpoint,
        sites=[] if runs or use.site is None else [use.site],  # what runs nowhere yet is decided for where it is to run
        version=None if runs else newest,
        procedure=procedure,
        chair=committee.chair.person,
        quorum=3,
        disciplines=() if emergency else SEATS[:2],
        due_on=due,
    )


def _closed(house: House, committee: Committee, case: Case, outcome: CaseOutcome, reasons: str) -> None:
    now = docket(house, committee.chair, case.id).case
    decide(house, committee.chair, case.id, now.revision, outcome, reasons)


def _waiting(connection: Connection) -> list[Use]:
    """Uses that a committee has not looked at and would: one with evidence of its own, one without, one of low risk."""
    measured = exists(select(statements.c.digest).where(statements.c.use_id == uses.c.id))
    looked_at = exists(select(cases.c.id).where(cases.c.use == uses.c.id))
    waits = select(uses).where(
        uses.c.stage.in_([stage.value for stage in (Stage.TRIAGED, Stage.IN_REVIEW, Stage.SILENT, Stage.PILOT)]),
        uses.c.owner.is_not(None),
        ~looked_at,
    )
    order = uses.c.id
    found = [
        connection.execute(waits.where(measured).order_by(order)).first(),
        connection.execute(waits.where(~measured).order_by(order)).first(),
        connection.execute(waits.where(~measured).order_by(order.desc())).first(),
    ]
    kept = {row.id: USES.read(row) for row in found if row is not None}
    return list(kept.values())
