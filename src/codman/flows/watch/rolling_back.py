"""Rollback, where a decision allowed it: to an earlier version that is still approved, or the downtime procedure.

A person confirms it, unless the decision says that it need not wait for one. The order goes out as a signed webhook;
who runs the model carries it out and says so, and only then do the deployments say another version.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.flows.concerns.telling import WEBHOOK
from codman.flows.house import House
from codman.flows.watch.aliases import order_aliases
from codman.flows.watch.steps import step_name, taken
from codman.flows.watch.telling import notice, tell
from codman.jobs.notice import OrderedVersion
from codman.jobs.outbox import enqueue
from codman.jobs.times import instant, read_instant
from codman.registry import governance
from codman.registry.access import NotAllowed, Reader, paths_for, require
from codman.registry.database import Change
from codman.registry.governance import CASES, INCIDENTS, WATCH_STEPS
from codman.registry.inventory import paths_of
from codman.registry.nouns import DEPLOYMENTS, USES, VERSIONS
from codman.registry.records import BadField, Stale
from codman.registry.schema import deployments
from codman.registry.schema_review import cases
from codman.registry.schema_watch import watch_steps
from codman.review.superseding import exposure
from codman.spine.review import GRANTED, Case, CaseOutcome, CaseState
from codman.spine.site import Deployment, Mode
from codman.spine.use import Stage, Use
from codman.spine.watching import CareVerdict, Incident, Monitor, StepTaken, WatchStep, WatchStepFields

COOL_DOWN: Final = timedelta(days=7)  # after one way back, before the next of the same use
CONFIRM: Final = "rollback.confirm"
_RUNS: Final = (Mode.SILENT.value, Mode.PILOT.value, Mode.LIVE.value)


class StepSettled(CodmanError):
    """A step that cannot go on this way from where it is."""

    exit_code = 2

    def __init__(self, state: str) -> None:
        super().__init__(
            what="this step cannot be taken now", why=f"the rollback is {state}", fix="look at the incident anew"
        )


def roll_back(change: Change, house: House, use: Use, monitor: Monitor, one: Incident) -> WatchStep | None:
    """Propose the way back, or order it where the decision says that it need not wait; nothing where it may not be.

    It may not without a decision in force that allows it, while it is open whether care changed the outcome, within the
    cool-down, or twice for one incident.
    """
    connection = change.connection
    if one.care is CareVerdict.UNRESOLVED or monitor.rollback_case is None:
        return None
    if taken(connection, one, StepTaken.ROLLBACK) or _lately(change, use):
        return None
    if not _in_force(CASES.get(connection, monitor.rollback_case), change.at[:10]):
        return None
    to = approved_version(connection, use, change.at[:10])
    told = _people(connection, use, monitor)
    state = "confirmed" if monitor.rollback_unattended else "proposed"
    fields = WatchStepFields(
        incident=one.id, use=use.id, kind=StepTaken.ROLLBACK, to_version=to, state=state, told=told
    )
    step: WatchStep = WATCH_STEPS.add(change, fields, step_name(one, StepTaken.ROLLBACK))
    if monitor.rollback_unattended:
        _order(change, house, use, one, step)
    else:
        text = (
            f"Going back to {_where(connection, step)} is proposed. Confirm or decline it; until then nothing changes."
        )
        said = notice(house, use, one, "rollback.proposed", "A rollback is proposed", text)
        tell(change, house, one, said, "rollback-proposed", *told)
    return step


def confirm_rollback(
    house: House, reader: Reader, step: str, revision: int, why: str, *, request: str | None = None
) -> WatchStep:
    """Order the way back.

    Raises:
        NoSuchRecord: There is no such step within their reach.
        NotAllowed: They may not, for this use.
        StepSettled: It is not waiting for somebody.
        BadField: The version is approved no more, or no reason is given.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request), why) as change:
        connection = change.connection
        one = _step(change, reader, step, revision, why, "proposed")
        use = USES.get(connection, one.use)
        if one.to_version is not None and one.to_version not in _approved(connection, use, change.at[:10]):
            raise BadField("watch_step", "to_version", "that version is approved no more: decline this")
        patch = {"state": "confirmed", "decided_by": reader.person, "reason": why.strip()}
        done: WatchStep = WATCH_STEPS.change(change, step, patch, revision)
        _order(change, house, use, INCIDENTS.get(connection, one.incident), done)
        return done


def decline_rollback(
    house: House, reader: Reader, step: str, revision: int, why: str, *, request: str | None = None
) -> WatchStep:
    """Stay with the version that runs, with a reason; the same may raise as of `confirm_rollback`."""
    with house.database.changing(reader.author(request), why) as change:
        _step(change, reader, step, revision, why, "proposed")
        patch = {"state": "declined", "decided_by": reader.person, "reason": why.strip()}
        done: WatchStep = WATCH_STEPS.change(change, step, patch, revision)
        return done


def finish_rollback(
    house: House, reader: Reader, step: str, revision: int, why: str, *, request: str | None = None
) -> WatchStep:
    """Say that it was carried out: what runs says the earlier version from now on.

    Raises:
        StepSettled: It was not ordered, or is done.
        The rest as for `confirm_rollback`.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = _step(change, reader, step, revision, why, "confirmed")
        if one.to_version is not None:
            # its clinician accepted another version: that is asked anew
            patch = {"version": one.to_version, "since": change.at[:10], "accepted_at": None}
            running = _running(change.connection, one.use)
            DEPLOYMENTS.change_many(change, [(run, patch) for run in running if run.version != one.to_version])
        done: WatchStep = WATCH_STEPS.change(change, step, {"state": "done", "done_at": change.at}, revision)
        return done


def acknowledge_step(house: House, reader: Reader, step: str, *, request: str | None = None) -> WatchStep:
    """Say that one knows of it; by who was told.

    Raises:
        NoSuchRecord: There is no such step within their reach.
        NotAllowed: They were not told of it.
    """
    with house.database.changing(reader.author(request)) as change:
        one: WatchStep = governance.get(change.connection, "watch_step", step, paths_for(reader, "incident.read"))
        if reader.person not in one.told:
            raise NotAllowed("incident.change", "of a step that others were told of")
        if reader.person in one.acknowledged:
            return one
        patch = {"acknowledged": [*one.acknowledged, reader.person]}
        done: WatchStep = WATCH_STEPS.change(change, step, patch, None)
        return done


def approved_version(connection: Connection, use: Use, day: str) -> str | None:
    """The version to go back to: of those that a decision in force grants and that do not run, the one decided last."""
    runs = {one.version for one in _running(connection, use.id)}
    return next((one for one in _approved(connection, use, day) if one not in runs), None)


def _approved(connection: Connection, use: Use, day: str) -> list[str]:
    """Versions that a decision in force grants as far as the use runs and at every site of it, the last decided first.

    A version that was granted to run silently is no way back for what is live; nor is one that was rejected since.
    """
    decided: list[Case] = governance.every(
        connection, "case", cases.c.use == use.id, cases.c.state == CaseState.DECIDED.value, order="decided_at"
    )
    runs = _running(connection, use.id)
    needed = max((exposure(Stage(one.mode.value)) for one in runs), default=exposure(use.stage))
    found: dict[str, Case] = {}
    for place, case in enumerate(decided):
        if case.version is None or not _in_force(case, day) or exposure(case.leads_to) < needed:
            continue
        named = not case.sites or {one.site for one in runs} <= set(case.sites)
        if named and not any(_refuses(later, case, needed) for later in decided[place + 1 :]):
            found.pop(case.version, None)  # its newest decision says where it stands
            found[case.version] = case
    return list(reversed(found))


def _refuses(later: Case, case: Case, needed: int) -> bool:
    """Whether a later decision rejected a version for as far as it would run."""
    about = later.version in (None, case.version)
    return about and later.outcome is CaseOutcome.REJECTED and 0 <= exposure(later.leads_to) <= needed


def _in_force(case: Case, day: str) -> bool:
    if case.state is not CaseState.DECIDED or case.outcome not in GRANTED:
        return False
    return case.expires_on is None or case.expires_on > day


def _lately(change: Change, use: Use) -> bool:
    """Whether a way back of the use was proposed or taken within the cool-down."""
    since = instant(read_instant(change.at) - COOL_DOWN)
    rows = select(watch_steps.c.id).where(
        watch_steps.c.use == use.id,
        watch_steps.c.kind == StepTaken.ROLLBACK.value,
        watch_steps.c.created_at > since,
    )
    return change.connection.execute(rows).first() is not None


def _order(change: Change, house: House, use: Use, one: Incident, step: WatchStep) -> None:
    """Tell everybody that it goes back, and order it of who runs the model."""
    text = f"It goes back to {_where(change.connection, step)}."
    said = notice(house, use, one, "rollback.ordered", "A rollback is ordered", text)
    tell(change, house, one, said, "rollback-ordered", *step.told)
    # the order itself; whoever carries it out knows the step by its name
    order = said.model_copy(
        update={"about": step.id, "event": "rollback.order", "version": _ordered(change.connection, step)}
    )
    if WEBHOOK in house.notifiers:
        enqueue(change.connection, WEBHOOK, "rollback", order, f"rollback/{step.id}/order", at=change.at)
    if step.to_version is not None:
        order_aliases(change, house, _running(change.connection, use.id), step, order)


def _ordered(connection: Connection, step: WatchStep) -> OrderedVersion | None:
    if step.to_version is None:
        return None
    version = VERSIONS.get(connection, step.to_version)
    return OrderedVersion(label=version.label, sha256=version.digest)


def _where(connection: Connection, step: WatchStep) -> str:
    if step.to_version is None:
        return "the written downtime procedure: no earlier version is approved"
    version = VERSIONS.get(connection, step.to_version)
    pinned = "" if version.digest is None else f" (sha256:{version.digest})"
    return f"version {version.label}{pinned}"


def _people(connection: Connection, use: Use, monitor: Monitor) -> list[str]:
    """Each unit's accountable clinician, the monitor's owner, and who answers for the use."""
    named = [monitor.owner, use.owner, *(run.clinician for run in _running(connection, use.id))]
    return list(dict.fromkeys(one for one in named if one is not None))[:50]


def _running(connection: Connection, use: str) -> list[Deployment]:
    rows = select(deployments).where(deployments.c.use == use, deployments.c.mode.in_(_RUNS)).order_by(deployments.c.id)
    return [DEPLOYMENTS.read(row) for row in connection.execute(rows)]


def _step(change: Change, reader: Reader, name: str, revision: int, why: str, state: str) -> WatchStep:
    one: WatchStep = governance.get(change.connection, "watch_step", name, paths_for(reader, "incident.read"))
    require(reader, CONFIRM, paths_of(change.connection, USES.get(change.connection, one.use)))
    if one.revision != revision:
        raise Stale("watch_step", name, revision, one.revision)
    if one.kind is not StepTaken.ROLLBACK or one.state != state:
        raise StepSettled(one.state)
    if not why.strip():
        raise BadField("watch_step", "why", "say why")
    return one
