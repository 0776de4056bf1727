"""What a decision must say of itself: that it was taken in an emergency and nothing at all was known."""

from __future__ import annotations

from codman.flows.review.cases import Docket
from codman.registry.records import BadField
from codman.review.unknown import LEAST_REASON, nothing_known, said_of_nothing
from codman.spine.review import APPROVALS, CaseOutcome, Procedure
from codman.spine.verdict import Verdict


def with_what_was_unknown(found: Docket, verdict: Verdict, outcome: CaseOutcome, reasons: str) -> str:
    """The reasons of a decision; of an emergency that grants what nothing is known about, after a sentence saying so.

    Raises:
        BadField: It is such a one, and no sentence says why it cannot wait.
    """
    outcomes = [one.outcome for one in verdict.results]
    if found.case.procedure is not Procedure.EMERGENCY or outcome not in APPROVALS or not nothing_known(outcomes):
        return reasons
    if len(reasons.strip()) < LEAST_REASON:
        why = f"nothing is known about it: say in a sentence, of {LEAST_REASON} characters at least, why it cannot wait"
        raise BadField("case", "reasons", why)
    return f"{said_of_nothing(outcomes)} {reasons.strip()}"
