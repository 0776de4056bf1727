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
from codman.flows.watch.going_back import approved_version, in_force, running, why_not
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
from codman.registry.schema_watch import watch_steps
from codman.spine.site import Mode
from codman.spine.use import Use
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
    if not in_force(CASES.get(connection, monitor.rollback_case), change.today):
        return None
    to = approved_version(connection, use, change.today)
    told = _people(connection, use, monitor)
    state = "confirmed" if monitor.rollback_unattended else "proposed"
    then = _what_runs(connection, use) if monitor.rollback_unattended else {}
    fields = WatchStepFields(
        incident=one.id,
        use=use.id,
        kind=StepTaken.ROLLBACK,
        to_version=to,
        instead_of=then,
        state=state,
        told=told,
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
        BadField: The version is approved no more, no decision allows it any more, or no reason is given.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request), why) as change:
        connection = change.connection
        one = _step(change, reader, step, revision, why, "proposed")
        use = USES.get(connection, one.use)
        _require_allowed(connection, use, one, change.today)
        patch = {
            "state": "confirmed",
            "decided_by": reader.person,
            "reason": why.strip(),
            "instead_of": _what_runs(connection, use),
        }
        done: WatchStep = WATCH_STEPS.change(change, step, patch, revision)
        _order(change, house, use, INCIDENTS.get(connection, one.incident), done)
        return done


def decline_rollback(
    house: House, reader: Reader, step: str, revision: int, why: str, *, request: str | None = None
) -> WatchStep:
    """Stay with the version that runs, with a reason; what was ordered and not carried out is taken back.

    Raises:
        NoSuchRecord: There is no such step within their reach.
        NotAllowed: They may not, for this use.
        StepSettled: It is declined or done.
        BadField: No reason is given.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = _step(change, reader, step, revision, why, "proposed", "confirmed")
        patch = {"state": "declined", "decided_by": reader.person, "reason": why.strip()}
        done: WatchStep = WATCH_STEPS.change(change, step, patch, revision)
        if one.state == "confirmed":
            _take_back(change, house, done)
        return done


def finish_rollback(
    house: House, reader: Reader, step: str, revision: int, why: str, *, request: str | None = None
) -> WatchStep:
    """Say that it was carried out: what runs says the earlier version from now on.

    Raises:
        StepSettled: It was not ordered, or is done.
        BadField: The version is approved no more, no decision allows it any more, another version went live since it
            was ordered, or no reason is given.
        The rest as for `confirm_rollback`.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = _step(change, reader, step, revision, why, "confirmed")
        _require_allowed(change.connection, USES.get(change.connection, one.use), one, change.today)
        if one.to_version is not None:
            # its clinician accepted another version: that is asked anew
            patch = {"version": one.to_version, "since": change.today, "accepted_at": None}
            runs = [run for run in running(change.connection, one.use) if run.id in one.instead_of]
            DEPLOYMENTS.change_many(change, [(run, patch) for run in runs if run.version != one.to_version])
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
        order_aliases(change, house, running(change.connection, use.id), step, order)


def _take_back(change: Change, house: House, step: WatchStep) -> None:
    """Tell everybody who heard the order that it holds no more; an alias that has not moved is not moved any more."""
    use, one = USES.get(change.connection, step.use), INCIDENTS.get(change.connection, step.incident)
    text = f"The order to go back to {_where(change.connection, step)} is taken back: what runs stays."
    said = notice(house, use, one, "rollback.taken_back", "A rollback is taken back", text)
    tell(change, house, one, said, "rollback-taken-back", *step.told)
    if WEBHOOK in house.notifiers:
        back = said.model_copy(update={"about": step.id})
        enqueue(change.connection, WEBHOOK, "rollback", back, f"rollback/{step.id}/taken-back", at=change.at)


def _require_allowed(connection: Connection, use: Use, step: WatchStep, day: str) -> None:
    if (why := why_not(connection, use, step, day)) is not None:
        raise BadField("watch_step", "to_version", why, fix="refuse the step, or have the version decided on first")


def _what_runs(connection: Connection, use: Use) -> dict[str, str | None]:
    return {one.id: one.version for one in running(connection, use.id)}


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
    named = [monitor.owner, use.owner, *(run.clinician for run in running(connection, use.id))]
    return list(dict.fromkeys(one for one in named if one is not None))[:50]


def _step(change: Change, reader: Reader, name: str, revision: int, why: str, *states: str) -> WatchStep:
    one: WatchStep = governance.get(change.connection, "watch_step", name, paths_for(reader, "incident.read"))
    require(reader, CONFIRM, paths_of(change.connection, USES.get(change.connection, one.use)))
    if one.revision != revision:
        raise Stale("watch_step", name, revision, one.revision)
    if one.kind is not StepTaken.ROLLBACK or one.state not in states:
        raise StepSettled(one.state)
    if not why.strip():
        raise BadField("watch_step", "why", "say why")
    return one
