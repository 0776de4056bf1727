"""What a signed decision makes of its use: the word for it, a retirement, or a pause that is proposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from codman.flows.planning import keep_planned
from codman.flows.review.cases import WORKING, Docket
from codman.flows.review.staging import goes_on, retire_within, still_runs
from codman.flows.superseded import rejected
from codman.registry import governance
from codman.registry.database import Change
from codman.registry.governance import CASES, CONDITIONS, PAUSE_PROPOSALS
from codman.registry.nouns import USES
from codman.registry.schema_review import cases, conditions
from codman.review.superseding import exposure
from codman.spine.pausing import PauseCause, PauseProposalFields
from codman.spine.policy import BESIDE
from codman.spine.review import GRANTED, Case, CaseOutcome, CaseState, ConditionState
from codman.spine.use import FAVOURABLE, RUNNING, Decision, Use

_DECISION: Final[Mapping[CaseOutcome, Decision]] = {
    CaseOutcome.APPROVED: Decision.APPROVED,
    CaseOutcome.CONDITIONAL: Decision.CONDITIONAL,
    CaseOutcome.DEFERRED: Decision.DEFERRED,
    CaseOutcome.REJECTED: Decision.REJECTED,
}
# what a deferral leaves said of a use
_SAID: Final = FAVOURABLE | {Decision.REJECTED}


def follow_decision(change: Change, found: Docket, closed: Case, outcome: CaseOutcome, reasons: str) -> None:
    """Make of the use what was decided. Where it runs changes when its sites accept, not before.

    A retirement is the exception: what stops, stops at once and everywhere, and what else is asked of it ends with it.
    What is rejected and runs is not stopped without a person, and not left to run unnoticed: a pause of it is proposed
    in the same change.
    """
    if outcome is CaseOutcome.RETIRED:
        retire_within(change, found.use, reasons)
        USES.change(change, found.use.id, {"decision": Decision.RETIRED.value}, None)
        _end_others(change, closed)
        return
    use = keep_planned(change, found.use, closed) if outcome in GRANTED else found.use
    if _carries(change, use, closed, outcome):
        use = USES.change(change, use.id, {"decision": _DECISION[outcome].value}, None)
    rejected = outcome is CaseOutcome.REJECTED
    if rejected and (why := still_runs(change.connection, use, closed, change.at, change.zone)) is not None:
        fields = PauseProposalFields(use=use.id, cause=PauseCause.REJECTED, because=why, case=closed.id)
        PAUSE_PROPOSALS.add(change, fields)


def _end_others(change: Change, closed: Case) -> None:
    """Withdraw what else is asked about a use that a case retires: nothing of it is left to decide."""
    asked = (cases.c.use == closed.use, cases.c.state.in_([state.value for state in WORKING]))
    for other in governance.every(change.connection, "case", *asked):
        would_be = (conditions.c.case == other.id, conditions.c.state == ConditionState.OPEN.value)
        done = {"state": ConditionState.WITHDRAWN.value, "closed_at": change.at}
        CONDITIONS.change_many(
            change, [(one, done) for one in governance.every(change.connection, "condition", *would_be)]
        )
        CASES.change(change, other.id, {"state": CaseState.WITHDRAWN.value}, None)


def _carries(change: Change, use: Use, closed: Case, outcome: CaseOutcome) -> bool:
    """Whether what a case came to can be said of the use: it reaches as far as the use runs, and no rejection stands.

    A silent run that is granted makes no approval of what is live; nor do a change or a look at how it does of what
    nobody approved. What is refused is not said of a use that goes on as it was decided: as a refused change leaves it,
    or at the sites that were not asked about. What is put off ends nothing, so what was decided before stays said. A
    case that would let nothing run, such as one about a retirement or a validation, says nothing of what may run.
    """
    if closed.leads_to not in RUNNING or (outcome is CaseOutcome.DEFERRED and use.decision in _SAID):
        return False
    if outcome not in GRANTED:
        return not goes_on(change.connection, use, closed, change.at, change.zone)
    if closed.checkpoint in BESIDE and use.decision not in FAVOURABLE:
        return False
    return exposure(closed.leads_to) >= exposure(use.stage) and not rejected(change.connection, use)
