"""Evidence that holds a decision no more: what it rested on was revoked, or newer evidence does not meet it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, or_, select

from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of, judged
from codman.flows.review.grounds import counts, decided_requirements, decisions_in_force
from codman.flows.review.policies import kept
from codman.flows.review.undecided import ON_PATIENTS
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.related import deployments_of
from codman.registry.schema import uses
from codman.registry.schema_review import cases
from codman.review.changes import Touched
from codman.spine.record_statements import DecidedRequirement
from codman.spine.reopening import Changed
from codman.spine.review import APPROVALS, Case, CaseState
from codman.spine.verdict import Outcome, Result


def decided_uses(connection: Connection, day: str, names: Iterable[str], products: Iterable[str]) -> list[str]:
    """Those of some uses, or of some products, that a decision lets run on a day, ISO 8601."""
    of_them = or_(uses.c.id.in_(sorted(names)), uses.c.product.in_(sorted(products)))
    query = (
        select(uses.c.id)
        .join(cases, cases.c.use == uses.c.id)
        .where(
            of_them,
            cases.c.state == CaseState.DECIDED.value,
            cases.c.outcome.in_([one.value for one in APPROVALS]),
            cases.c.expires_on > day,
        )
    )
    return list(connection.execute(query.distinct().order_by(uses.c.id)).scalars())


def failing(house: House, connection: Connection, use: str) -> list[Touched]:
    """The requirements that were decided as met and are met no longer: newer evidence fails, or the old was revoked.

    Evidence that only grew old fails nothing.
    """
    day = house.database.today().isoformat()
    standing = decisions_in_force(connection, use, day)
    if not standing:
        return []
    found = USES.get(connection, use)
    product = PRODUCTS.get(connection, found.product)
    exhibits = exhibits_of(house, connection, found)
    revoked = {one.digest for one in exhibits if not one.verified}
    running = {one.version for one in deployments_of(connection, use) if one.mode in ON_PATIENTS} - {None}
    touched: list[Touched] = []
    for case in standing:
        stood = {one.id: one for one in decided_requirements(house, case) if counts(one)}
        policy = kept(connection, case.policy_digest)
        policy = policy.model_copy(update={"requires": tuple(r for r in policy.requires if r.id in stood)})
        for version in sorted(running | {case.version}, key=str):
            verdict = judged(exhibits, policy, found, product, version=version, at=house.database.clock(), chosen=True)
            touched += _no_longer_met(case, stood, verdict.results, revoked)
    return list({(one.policy, one.requirement, one.became): one for one in touched}.values())


def _no_longer_met(
    case: Case, stood: dict[str, DecidedRequirement], results: Iterable[Result], revoked: set[str]
) -> Iterator[Touched]:
    for result in results:
        decided = stood[result.id]
        rested_on = None if decided.evidence is None else decided.evidence.sha256
        if result.outcome is Outcome.NOT_MET:
            because, became = f"newer evidence does not meet it: {result.finding.sentence}", result.finding.evidence
        elif result.outcome is not Outcome.MET and rested_on in revoked:
            because, became = "the key that signed what it rests on was revoked", rested_on
        else:
            continue
        yield Touched(
            policy=case.policy,
            requirement=result.id,
            title=result.title,
            changed=Changed.EVIDENCE,
            because=because[:300],
            became=became,
            evidence=rested_on,
        )
