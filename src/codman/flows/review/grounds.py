"""The decisions a use runs on, and what each of their requirements rests on."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of
from codman.flows.review.policies import kept
from codman.flows.review.standing import granted_now
from codman.registry.nouns import USES
from codman.registry.related import deployments_of
from codman.registry.schema import deployments, statements, versions
from codman.review.changes import Decided, Ground, Settled, ground_of
from codman.review.superseding import takes_the_place_of
from codman.spine.policy import BESIDE, Checkpoint, Policy
from codman.spine.record_statements import DecidedRequirement, DecisionPredicate
from codman.spine.review import Case
from codman.spine.verdict import Outcome

# the road to live: each decision on it takes the place of the one before
_ROAD: Final = frozenset(
    {
        Checkpoint.INTAKE,
        Checkpoint.TRIAGE,
        Checkpoint.VALIDATION,
        Checkpoint.SILENT,
        Checkpoint.PILOT,
        Checkpoint.GO_LIVE,
    }
)


def decisions_in_force(connection: Connection, use: str, day: str) -> list[Case]:
    """The decisions a use runs on: on the road to live, about monitoring, about changes.

    Each until a later one takes its place; one that reaches less far, or not all its sites, is about a version that
    does not run there yet, or was come to less strictly, stands beside it.
    """
    there = deployments_of(connection, use)
    standing: dict[str, list[Case]] = {}
    for one in granted_now(connection, use, day):
        if one.checkpoint in _ROAD or one.checkpoint in BESIDE:
            where = standing.setdefault("road" if one.checkpoint in _ROAD else one.checkpoint.value, [])
            where[:] = [*(each for each in where if not takes_the_place_of(one, each, there)), one]
    return [one for each in standing.values() for one in each]


def grounds_of(house: House, connection: Connection, case: Case) -> list[Ground]:
    """What each requirement rests on that a decision found met, accepted in writing, or passed over."""
    use = USES.get(connection, case.use)
    policy = kept(connection, case.policy_digest)
    stood = {one.id: one for one in decided_requirements(house, case) if counts(one)}
    by_digest = {one.digest: one for one in exhibits_of(house, connection, use)}
    about = _decided(connection, case, policy)
    return [
        ground_of(
            about,
            Settled(
                requirement=r,
                evidence=by_digest.get(_evidence(stood[r.id])),
                passed_over=stood[r.id].outcome == Outcome.NOT_APPLICABLE.value,
            ),
        )
        for r in policy.requires
        if r.id in stood
    ]


def decided_requirements(house: House, case: Case) -> list[DecidedRequirement]:
    """How each requirement stood when a case was decided, from the signed statement.

    Raises:
        EvidenceTampered: Its bytes are no longer those that were signed.
    """
    if case.decision is None:
        return []
    filed = house.store.recall(case.decision).predicate
    assert isinstance(filed, DecisionPredicate)  # noqa: S101 (decide files nothing else)
    return filed.requirements


def counts(one: DecidedRequirement) -> bool:
    """Whether a decision took a requirement as shown, or as one that does not apply."""
    return one.accepted or one.outcome in (Outcome.MET.value, Outcome.NOT_APPLICABLE.value)


def logged_at(connection: Connection, case: Case) -> int:
    """Where in the log a decision stands; changes before it were before those who decided."""
    found = connection.execute(
        select(statements.c.log_index).where(statements.c.digest == case.decision)
    ).scalar_one_or_none()
    return -1 if found is None else int(found)


def _evidence(one: DecidedRequirement) -> str:
    return "" if one.evidence is None else one.evidence.sha256


def _decided(connection: Connection, case: Case, policy: Policy) -> Decided:
    ran = select(deployments.c.site).where(deployments.c.use == case.use, deployments.c.created_at <= case.decided_at)
    sites = frozenset(case.sites) or frozenset(connection.execute(ran).scalars())
    builds = select(versions.c.id, versions.c.ehr_build).where(versions.c.id == case.version)
    return Decided(
        case=case.id,
        policy=policy,
        version=case.version,
        sites=sites,
        builds={row.id: row.ehr_build for row in connection.execute(builds)},
    )
