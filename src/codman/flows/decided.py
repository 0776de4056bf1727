"""Decided cases as the stages look at them, and the acceptances that a site's clinician gave and may still give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Final

from sqlalchemy import Connection, and_, select

from codman.registry import governance
from codman.registry.interests import hand_in
from codman.registry.namesakes import same_product
from codman.registry.nouns import PRODUCTS, SITES
from codman.registry.officers import who_may
from codman.registry.schema import uses
from codman.registry.schema_review import cases, reopenings
from codman.registry.undecided import settled_versions
from codman.review.stages import Decided, Standing, what_it_changes
from codman.review.superseding import exposure
from codman.review.terms import KIND_OF, TERMS
from codman.spine.day import start_of
from codman.spine.policy import LETS_RUN, Checkpoint
from codman.spine.reopening import Changed, Reopening, ReopeningState
from codman.spine.review import Case, CaseOutcome, CaseState
from codman.spine.site import Deployment
from codman.spine.use import FAVOURABLE, RUNNING, Decision, Stage, Use

_OUTCOME: Final = {
    CaseOutcome.APPROVED: Decision.APPROVED,
    CaseOutcome.CONDITIONAL: Decision.CONDITIONAL,
    CaseOutcome.DEFERRED: Decision.DEFERRED,
    CaseOutcome.REJECTED: Decision.REJECTED,
}


def decided_as(case: Case, zone: tzinfo) -> Decided | None:
    """A decided case as the stages look at it, ending with a day of this zone; None where it let nothing run or stop.

    Only a checkpoint that lets something run grants sites and versions. One at `change` adds to what such a decision
    lets run, and stands no longer than it. One at `monitoring` may refuse, and grants nothing. A site that was planned
    as less than the stage that was asked for is granted no more than that.
    """
    if case.outcome not in _OUTCOME or case.leads_to not in RUNNING or case.decided_at is None:
        return None
    outcome = _OUTCOME[case.outcome]
    if outcome in FAVOURABLE and case.checkpoint not in (*LETS_RUN, Checkpoint.CHANGE):
        return None
    return Decided(
        outcome=outcome,
        up_to=case.leads_to,
        at=case.decided_at,
        kind=KIND_OF[case.procedure],
        sites=frozenset(case.sites) or None,
        expires_at=None if case.expires_on is None else start_of(case.expires_on, zone).isoformat(),
        version=case.version,
        policy=case.policy,
        changes=case.checkpoint is Checkpoint.CHANGE,
        case=case.id,
        less=frozenset(
            (site, Stage(mode.value))
            for site, mode in case.planned.items()
            if outcome in FAVOURABLE and exposure(Stage(mode.value)) < exposure(case.leads_to)
        ),
    )


def decisions_of(connection: Connection, use: Use, zone: tzinfo) -> Standing:
    """What was decided about a use, as far as it says which decision is in force at a site."""
    decided: list[Case] = governance.every(
        connection, "case", cases.c.use == use.id, cases.c.state == CaseState.DECIDED.value, order="decided_at"
    )
    retired = [one.decided_at for one in decided if one.outcome is CaseOutcome.RETIRED]
    settled, unshown = settled_versions(connection, use.id)
    return Standing(
        stage=use.stage,
        tier=use.tier,
        decisions=as_decided(decided, zone),
        retired_at=max((one for one in retired if one is not None), default=None),
        others=of_other_uses(connection, use, zone) if decided else (),
        settled=settled,
        unshown=unshown,
        reopened=_open(connection, use) if decided else (),
    )


def _open(connection: Connection, use: Use) -> tuple[Reopening, ...]:
    """What stands open of a use; lapsed conditions, and versions that came, are looked at by rules of their own."""
    came = reopenings.c.changed == Changed.VERSION.value, reopenings.c.became.is_not(None)
    of_it = (
        reopenings.c.use == use.id,
        reopenings.c.state == ReopeningState.OPEN.value,
        reopenings.c.changed != Changed.CONDITION.value,
        ~and_(*came),
    )
    return tuple(governance.every(connection, "reopening", *of_it))


def changes_until(connection: Connection, use: Use, case: Case, at: str, zone: tzinfo) -> str | None:
    """The day on which the first of the decisions that a case would change ends by itself; None where none does.

    Args:
        connection: Where to read.
        use: The use.
        case: The case.
        at: When, ISO 8601.
        zone: Of the house's days.
    """
    if case.checkpoint is not Checkpoint.CHANGE or case.leads_to not in RUNNING:
        return None
    standing = decisions_of(connection, use, zone)
    held = (what_it_changes(standing, site, case.leads_to, at) for site in case.sites)
    ends = [end for one in held if one is not None and (end := one.ends_at()) is not None]
    return min(ends).astimezone(zone).date().isoformat() if ends else None


def of_other_uses(connection: Connection, use: Use, zone: tzinfo) -> tuple[Decided, ...]:
    """Decisions by a procedure that is had so often a year, about other uses of the same product or a record of it."""
    counted = [procedure.value for procedure, kind in KIND_OF.items() if TERMS[kind].most_a_year is not None]
    found: list[Case] = governance.every(
        connection,
        "case",
        cases.c.use != use.id,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.procedure.in_(counted),
    )
    if not found:  # few are, and which records are of one product takes a look at all of them
        return ()
    of_it = uses.c.product.in_(sorted(same_product(connection, use.product)))
    same = set(connection.execute(select(uses.c.id).where(of_it, uses.c.id.in_({one.use for one in found}))).scalars())
    return as_decided((one for one in found if one.use in same), zone)


def as_decided(found: Iterable[Case], zone: tzinfo) -> tuple[Decided, ...]:
    """Those of some decided cases that let something run, or stop, as the stages look at them."""
    return tuple(one for case in found if (one := decided_as(case, zone)) is not None)


def accepted_at(connection: Connection, use: Use, there: Sequence[Deployment]) -> Mapping[str, str]:
    """When each site was accepted, by somebody who may still accept it.

    Not counted is the word of a clinician whose account is closed, who may accept nothing there any more, or who has a
    hand in the use by now.

    Args:
        connection: Where to read.
        use: The use.
        there: Its deployments that have not ended.
    """
    given = [one for one in there if one.accepted_at is not None and one.clinician is not None]
    if not given:
        return {}
    hands = hand_in(connection, use, PRODUCTS.get(connection, use.product))
    places = SITES.get_many(connection, [one.site for one in given])
    able = who_may(connection, "deployment.accept", {str(one.clinician) for one in given})
    return {
        one.site: str(one.accepted_at)
        for one in given
        if one.clinician not in hands
        and any(places[one.site].path.startswith(path) for path in able.get(str(one.clinician), ()))
    }
