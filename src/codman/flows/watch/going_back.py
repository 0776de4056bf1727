"""Where a use may go back to, and whether an order to go back still holds: of decisions and of what runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from codman.flows.watched import followed
from codman.registry import governance
from codman.registry.governance import CASES
from codman.registry.nouns import DEPLOYMENTS
from codman.registry.schema import deployments
from codman.registry.schema_review import cases
from codman.review.superseding import exposure
from codman.spine.policy import LETS_RUN, Checkpoint
from codman.spine.review import GRANTED, Case, CaseOutcome, CaseState, Procedure
from codman.spine.site import Deployment, Mode
from codman.spine.use import Stage, Use
from codman.spine.watching import WatchStep

_RUNS = (Mode.SILENT.value, Mode.PILOT.value, Mode.LIVE.value)


def why_not(connection: Connection, use: Use, step: WatchStep, day: str) -> str | None:
    """Why a way back may not be ordered or carried out on a day, in a sentence; None where it may.

    It is asked anew at each step: what was approved when it was proposed may have been rejected since, and what was
    ordered may have been overtaken by a version that went live.

    Args:
        connection: Where to read.
        use: The use.
        step: The way back; once it is ordered, with what ran then.
        day: The day, ISO 8601.
    """
    if step.to_version is not None and step.to_version not in approved(connection, use, day):
        return "that version is approved no more: decline this"
    decided = _decided(connection, use)
    if not any(case in decided and _stands(case, decided, day) for case in _allowing(connection, use)):
        return "no decision in force allows it any more: decline this"
    if step.state not in ("confirmed", "done"):
        return None
    then = step.instead_of if step.state == "confirmed" else {}
    runs = [one for one in running(connection, use.id) if one.id in step.instead_of]
    other = [one for one in runs if one.version not in (step.to_version, then.get(one.id, step.to_version))]
    return "another version went live since it was ordered: decline this" if other else None


def approved_version(connection: Connection, use: Use, day: str) -> str | None:
    """The version to go back to: of those that a decision in force grants and that do not run, the one decided last."""
    runs = {one.version for one in running(connection, use.id)}
    return next((one for one in approved(connection, use, day) if one not in runs), None)


def approved(connection: Connection, use: Use, day: str) -> list[str]:
    """Versions that a decision in force grants as far as the use runs and at every site of it, the last decided first.

    A version that was granted to run silently is no way back for what is live; nor is one that was rejected since, or
    granted before the use was retired.
    """
    decided = _decided(connection, use)
    runs = running(connection, use.id)
    needed = max((exposure(Stage(one.mode.value)) for one in runs), default=exposure(use.stage))
    there = {one.site for one in runs}
    found: dict[str, Case] = {}
    for place, case in enumerate(decided):
        if case.version is None or not _stands(case, decided, day) or exposure(case.leads_to) < needed:
            continue
        named = not case.sites or there <= set(case.sites)
        if named and not any(_refuses(later, case, needed, there) for later in decided[place + 1 :]):
            found.pop(case.version, None)  # its newest decision says where it stands
            found[case.version] = case
    return list(reversed(found))


def _decided(connection: Connection, use: Use) -> list[Case]:
    """What was decided about a use since it was last retired, the oldest first: that ended what was decided before."""
    found: list[Case] = governance.every(
        connection, "case", cases.c.use == use.id, cases.c.state == CaseState.DECIDED.value, order="decided_at"
    )
    begins = max((place for place, case in enumerate(found, 1) if case.outcome is CaseOutcome.RETIRED), default=0)
    return found[begins:]


def _stands(case: Case, decided: Sequence[Case], day: str) -> bool:
    """Whether a decision is in force on a day; a change, only while the one that it was added to is."""
    if case.checkpoint is not Checkpoint.CHANGE or not in_force(case, day):
        return in_force(case, day)
    made = (case.decided_at or "")[:10]
    before = decided[: decided.index(case)]
    then = [one for one in before if one.checkpoint in LETS_RUN and in_force(one, made)]
    here = [one for one in then if not one.sites or set(case.sites) <= set(one.sites)]
    added_to = max(here or then, key=lambda one: (one.procedure is Procedure.FULL, one.decided_at), default=None)
    return added_to is not None and in_force(added_to, day)


def _refuses(later: Case, case: Case, needed: int, there: Collection[str]) -> bool:
    """Whether a later decision rejected a version for as far as it would run, at one of these sites."""
    about = later.version in (None, case.version) and (not later.sites or bool(set(later.sites) & set(there)))
    return about and later.outcome is CaseOutcome.REJECTED and 0 <= exposure(later.leads_to) <= needed


def in_force(case: Case, day: str) -> bool:
    """Whether a decision grants something on a day."""
    if case.state is not CaseState.DECIDED or case.outcome not in GRANTED or case.checkpoint is Checkpoint.MONITORING:
        return False
    return case.expires_on is None or case.expires_on > day


def running(connection: Connection, use: str) -> list[Deployment]:
    """Where a use runs."""
    rows = select(deployments).where(deployments.c.use == use, deployments.c.mode.in_(_RUNS)).order_by(deployments.c.id)
    return [DEPLOYMENTS.read(row) for row in connection.execute(rows)]


def _allowing(connection: Connection, use: Use) -> list[Case]:
    """The decisions that were put down as letting it go back, for the plan that is followed."""
    named = [one.rollback_case for one in followed(connection, use.id)]
    return [CASES.get(connection, one) for one in named if one is not None]
