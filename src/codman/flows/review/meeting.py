"""What meets a condition after the decision: evidence newer than it about what runs by now, or a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, or_, select

from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of, judged
from codman.flows.review.grounds import decided_requirements, logged_at
from codman.flows.review.policies import kept
from codman.registry.governance import CASES
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.related import deployments_of
from codman.registry.schema import statements
from codman.review.changes import ON_PATIENTS
from codman.review.policy.bound import Bound
from codman.review.policy.exhibit import Exhibit, of_new_rows
from codman.spine.policy import Policy
from codman.spine.review import Case, Condition
from codman.spine.site import Mode
from codman.spine.statement import Kind, when
from codman.spine.verdict import Outcome

_AT_ONCE: Final = 500  # names in one question


@dataclass(frozen=True, slots=True)
class Meets:
    """What meets a condition."""

    digest: str
    paper: bool  # a document: whoever owes the condition could file any, so a person reads it


def met_by(house: House, connection: Connection, one: Condition) -> Meets | None:
    """What meets a condition, if anything does; it must be newer than the decision, and than one that was refused.

    Evidence meets it that is about what runs by now where the decision holds, in each of its versions: what was decided
    on and runs no more proves nothing to anybody. Where nothing runs yet it is the version that was decided on.

    Where the requirement was inconclusive, or more patients were asked for, it is evidence about other rows than those
    that were there when it was decided, and on as many patients as were asked for.
    """
    if one.requirement is None and one.document is None:
        return None
    case = CASES.get(connection, one.case)
    use = USES.get(connection, one.use)
    exhibits = exhibits_of(house, connection, use)
    fresh: Sequence[Exhibit] = [e for e in exhibits if _after(e, case, one)]
    early = _filed_before(connection, case, one, [e.digest for e in fresh])
    fresh = [e for e in fresh if e.digest not in early]
    if one.document is not None:
        papers = [e for e in fresh if e.kind is Kind.DOCUMENT and e.predicate.get("document") == one.document]
        return next((Meets(e.digest, True) for e in papers if e.verified), None)
    policy = kept(connection, case.policy_digest)
    product = PRODUCTS.get(connection, use.product)
    fresh = that_tell_more(house, case, policy, one, fresh, exhibits)
    met = ""
    for version in _versions_now(connection, case):
        verdict = judged(fresh, policy, use, product, version=version, chosen=True)
        result = next((r for r in verdict.results if r.id == one.requirement), None)
        if result is None or result.outcome is not Outcome.MET or result.finding.evidence is None:
            return None
        met = result.finding.evidence
    paper = any(r.id == one.requirement and r.evidence is Kind.DOCUMENT for r in policy.requires)
    return Meets(met, paper)


def _versions_now(connection: Connection, case: Case) -> Sequence[str | None]:
    """The versions that run by now where a decision holds; the one it was about where nothing runs, or none is said."""
    there = [one for one in deployments_of(connection, case.use) if not case.sites or one.site in case.sites]
    running = {one.version or case.version for one in there if one.mode is not Mode.ENDED}
    return sorted(one for one in running if one is not None) or [case.version]


def that_tell_more(
    house: House,
    case: Case,
    policy: Policy,
    one: Condition,
    fresh: Sequence[Exhibit],
    exhibits: Sequence[Exhibit],
) -> Sequence[Exhibit]:
    """Of what came since a decision, what can meet a condition: where more was asked for, other rows, and enough.

    Args:
        house: The open house.
        case: The decision.
        policy: What it was judged by.
        one: Its condition.
        fresh: The evidence that came since.
        exhibits: All evidence about the use.
    """
    if not _asks_for_more(house, case, one):
        return fresh
    since = {e.digest for e in fresh}
    other = of_new_rows(fresh, [e for e in exhibits if e.digest not in since])
    asks = next((r.asks for r in policy.requires if r.id == one.requirement), None)
    return [e for e in other if _enough(e, asks, one.patients_needed or 0)]


def _asks_for_more(house: House, case: Case, one: Condition) -> bool:
    """Whether what was there when it was decided was too little to tell, so that the same again tells no more."""
    if one.patients_needed is not None:
        return True
    before = next((r for r in decided_requirements(house, case) if r.id == one.requirement), None)
    return before is not None and before.outcome == Outcome.INCONCLUSIVE.value


def _enough(exhibit: Exhibit, asks: object, needed: int) -> bool:
    """Whether a number rests on so many patients; on so many rows, where it does not count patients."""
    if exhibit.kind not in ON_PATIENTS:
        return True
    rows, patients = exhibit.counted
    counted = [rows if patients is None else patients]
    if isinstance(asks, Bound):
        counted += [m.n for m in exhibit.about(asks.place) if asks.picks(m)]
    return all(number is None or number >= needed for number in counted)


def _after(exhibit: Exhibit, case: Case, one: Condition) -> bool:
    if case.decided_at is None:
        return False
    since = max(when(case.decided_at), when(one.returned_at or case.decided_at))
    return exhibit.evaluated_at > since


def _filed_before(connection: Connection, case: Case, one: Condition, digests: Sequence[str]) -> set[str]:
    """Statements that were there when it was decided or handed back, whatever day they say: nothing new came."""
    there = statements.c.log_index <= logged_at(connection, case)
    if one.returned_at is not None:
        there = or_(there, statements.c.filed_at <= one.returned_at)
    found: set[str] = set()
    for low in range(0, len(digests), _AT_ONCE):
        asked = select(statements.c.digest).where(statements.c.digest.in_(digests[low : low + _AT_ONCE]), there)
        found.update(connection.execute(asked).scalars())
    return found
