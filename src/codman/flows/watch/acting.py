"""act: what follows from an incident, as its plan says: a pause, a way back; each thing once, and each in the log."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.watch.rolling_back import roll_back
from codman.flows.watch.steps import step_name, taken
from codman.registry.database import Change
from codman.registry.governance import PAUSE_PROPOSALS, WATCH_STEPS
from codman.registry.schema_review import pause_proposals
from codman.registry.schema_watch import signals
from codman.spine.monitor_plan import MonitorPlan, WatchAction
from codman.spine.pausing import PauseCause, PauseProposalFields
from codman.spine.use import RUNNING, Use
from codman.spine.watching import Incident, Monitor, StepTaken, WatchStepFields

_SAID: Final = 280


def act(change: Change, house: House, use: Use, monitor: Monitor, plan: MonitorPlan, one: Incident) -> None:
    """What an incident's requirements ask for beyond telling; made again, nothing more happens.

    Args:
        change: The open change, in which the incident stands.
        house: The open house.
        use: Its use.
        monitor: Its monitor.
        plan: The monitor's plan.
        one: The incident.
    """
    wanted = asked_for(change.connection, plan, one)
    if WatchAction.PROPOSE_PAUSE in wanted and use.stage in RUNNING:
        _propose_pause(change, use, one)
    if WatchAction.ROLL_BACK in wanted and use.stage in RUNNING:
        roll_back(change, house, use, monitor, one)


def asked_for(connection: Connection, plan: MonitorPlan, one: Incident) -> frozenset[WatchAction]:
    """The actions of the requirements whose signals stand in an incident."""
    asked = select(signals.c.requirement).where(signals.c.incident == one.id)
    named = set(connection.execute(asked).scalars())
    return frozenset(action for w in plan.requires if w.requirement.id in named for action in w.watch.actions)


def _propose_pause(change: Change, use: Use, one: Incident) -> None:
    if taken(change.connection, one, StepTaken.PAUSE):
        return
    # one for each incident: another's that is open says nothing of this one, and may be declined for its own reasons
    already = select(pause_proposals.c.id).where(pause_proposals.c.incident == one.id)
    if change.connection.execute(already).first() is None:
        PAUSE_PROPOSALS.add(
            change,
            PauseProposalFields(
                use=use.id, cause=PauseCause.MONITORING, because=f"its monitor: {one.title}"[:_SAID], incident=one.id
            ),
        )
    step = WatchStepFields(incident=one.id, use=use.id, kind=StepTaken.PAUSE, state="proposed")
    WATCH_STEPS.add(change, step, step_name(one, StepTaken.PAUSE))
