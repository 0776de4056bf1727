"""A plan from a policy: each requirement gets a window, a day, people and what follows, by rules that stand here.

What the policy says stays as it is: a plan adds when and who. Somebody may edit all of that; the limits are the
policy's, and a plan whose limits differ is another policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from codman.errors import BadInput, nearest
from codman.review.policy.bound import Bound
from codman.spine.monitor_plan import CODMAN, Age, FromPolicy, MonitorPlan, Watch, WatchAction, Watched
from codman.spine.policy import Checkpoint, Policy, Requirement, Severity
from codman.spine.statement import Kind
from codman.spine.vocabulary import ESTIMATED, word

# evidence of at most so many days is wanted once a window: a month's statement may be 35 days old when it is judged
_WINDOWS: Final = ((2, "day"), (10, "week"), (45, "month"), (120, "quarter"), (220, "half-year"))
_LONGEST: Final = "year"
_USUAL: Final = "quarter"  # where a policy lets evidence grow old for ever
_WITHOUT_OUTCOMES: Final = frozenset({"alert_rate", "alerts_per_100_patient_days"})
_NEED_NONE: Final = frozenset({"drift", "quality"})  # families of metrics that no outcome is needed for
_BY_PARTNERS: Final = frozenset({Kind.REPORT})


class NotForMonitoring(BadInput):
    """A policy of another checkpoint, from which no plan can be made."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(
            what=f"no monitoring plan can be made from {policy.policy}",
            why=f"it is a policy of the checkpoint {policy.checkpoint.value}",
            fix="give one whose checkpoint is monitoring: codman policy packs lists the ready ones",
        )


class NoSuchPartner(BadInput):
    """A partner's part of a plan, where nobody of that name has one."""

    def __init__(self, plan: MonitorPlan, partner: str) -> None:
        names = plan.partners()
        super().__init__(
            what=f"{partner} has no part in the plan {plan.plan}",
            why="nobody of that name is responsible for a requirement in it",
            fix=nearest(partner, names)
            if names
            else "name the partner in the plan: under a requirement, watch: {responsible: NAME}",
        )


def needs_outcomes(requirement: Requirement) -> bool:
    """Whether its number waits for outcomes, so that a window is not final before they are known."""
    if not isinstance(requirement.asks, Bound):
        return False
    name = requirement.asks.metric
    if name.startswith(ESTIMATED) or name in _WITHOUT_OUTCOMES:
        return False
    return word(name).family not in _NEED_NONE


def plan_of(
    policy: Policy,
    *,
    text: bytes | None = None,
    plan: str | None = None,
    product: str | None = None,
    use: str | None = None,
    accountable: str | None = None,
    partner: str | None = None,
    label_delay_days: int = 0,
    starts_on: str | None = None,
) -> MonitorPlan:
    """The monitoring plan of a use, made from its policy.

    Args:
        policy: A policy of the checkpoint monitoring.
        text: Its file's bytes, whose digest the plan then carries.
        plan: What the plan is called; the use, the product or the policy where left out.
        product: The product.
        use: The use, by its id.
        accountable: Who answers for it in the house.
        partner: Who is responsible for what a policy wants reported, or wants of an origin that is not the house's.
        label_delay_days: Days from a prediction until its outcome is known.
        starts_on: The first day that is watched.

    Raises:
        NotForMonitoring: The policy belongs to another checkpoint.
    """
    if policy.checkpoint is not Checkpoint.MONITORING:
        raise NotForMonitoring(policy)
    digest = None if text is None else hashlib.sha256(text).hexdigest()
    return MonitorPlan(
        plan=plan or use or product or policy.policy,
        edition=policy.edition,
        product=product,
        use=use,
        made_from=FromPolicy(policy=policy.policy, edition=policy.edition, digest=digest),
        label_delay_days=label_delay_days,
        starts_on=starts_on,
        level=policy.level,
        requires=tuple(
            Watched(requirement=one, watch=_watch(one, accountable, partner or CODMAN)) for one in policy.requires
        ),
    )


def policy_of_plan(plan: MonitorPlan) -> Policy:
    """What the plan demands, as a policy that can be judged."""
    return Policy(
        policy=plan.plan,
        edition=plan.edition,
        checkpoint=Checkpoint.MONITORING,
        level=plan.level,
        requires=tuple(one.requirement for one in plan.requires),
        file=plan.file,
    )


def part_of(plan: MonitorPlan, partner: str) -> tuple[Watched, ...]:
    """What a partner is responsible for in a plan.

    Raises:
        NoSuchPartner: Nothing.
    """
    found = tuple(one for one in plan.requires if one.watch.responsible == partner)
    if not found:
        raise NoSuchPartner(plan, partner)
    return found


def _watch(requirement: Requirement, accountable: str | None, partner: str) -> Watch:
    theirs = requirement.evidence in _BY_PARTNERS or (requirement.origin and "local" not in requirement.origin)
    return Watch(
        window=_window(requirement.max_age_days),
        age=Age.ESTIMATED if _is_estimate(requirement) else Age.FINAL,
        responsible=partner if theirs else CODMAN,
        accountable=accountable,
        actions=tuple(_actions(requirement)),
    )


def _window(max_age_days: float | None) -> str:
    if max_age_days is None:
        return _USUAL
    return next((window for days, window in _WINDOWS if max_age_days <= days), _LONGEST)


def _is_estimate(requirement: Requirement) -> bool:
    return isinstance(requirement.asks, Bound) and requirement.asks.metric.startswith(ESTIMATED)


def _actions(requirement: Requirement) -> Iterable[WatchAction]:
    yield WatchAction.SIGNAL
    if requirement.severity is Severity.BLOCK:
        yield WatchAction.TELL
        if isinstance(requirement.asks, Bound) and needs_outcomes(requirement):
            yield WatchAction.PROPOSE_PAUSE
