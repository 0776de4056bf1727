"""Aliases: where MLflow says which version is served, a rollback that is ordered moves its alias and is then done.

The order waits in the outbox with the decision that made it, is sent again until the server takes it, and has no second
effect there. That it was carried out is written down afterwards, in the log too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.jobs.notice import Notice
from codman.jobs.outbox import SENT, enqueue
from codman.jobs.tables import outbox
from codman.registry import governance
from codman.registry.database import Change
from codman.registry.governance import WATCH_STEPS
from codman.registry.log import SYSTEM, Entry
from codman.registry.nouns import DEPLOYMENTS
from codman.registry.schema import deployments
from codman.registry.schema_watch import watch_steps
from codman.spine.site import Deployment, Mode
from codman.spine.watching import StepTaken, WatchStep

MLFLOW: Final = "mlflow"
_RUNS: Final = (Mode.SILENT.value, Mode.PILOT.value, Mode.LIVE.value)


def order_aliases(change: Change, house: House, running: Sequence[Deployment], step: WatchStep, order: Notice) -> None:
    """Order that the aliases of what runs are moved, each once; where no MLflow server is set up, nothing is."""
    if MLFLOW not in house.notifiers:
        return
    for alias in sorted({run.serves for run in running if run.serves is not None}):
        enqueue(change.connection, MLFLOW, alias, order, _key(step, alias), at=change.at)


def keep_aliases(house: House) -> int:
    """Write down which aliases were moved: what they serve says the other version, and the rollback is done with them.

    Returns:
        How many deployments say another version now.

    Raises:
        DatabaseAway: It does not answer.
    """
    if MLFLOW not in house.notifiers:
        return 0
    with house.database.reading() as connection:
        if not any(_moved(connection, step) for step in _ordered(connection)):
            return 0
    changed = 0
    with house.database.changing(SYSTEM, "an alias was moved") as change:
        for step in _ordered(change.connection):
            moved = _moved(change.connection, step)
            # its clinician accepted another version: that is asked anew
            patch = {"version": step.to_version, "since": change.today, "accepted_at": None}
            DEPLOYMENTS.change_many(change, [(run, patch) for run, _ in moved])
            for alias, said in sorted({(str(run.serves), said) for run, said in moved}):
                after = {"alias": alias, "points_at": said, "version": step.to_version}
                change.record(Entry("rollback.alias", "alias", step.id, after=after))
            changed += len(moved)
            left = [run for run in _running(change.connection, step.use) if run.version != step.to_version]
            if moved and not left:
                WATCH_STEPS.change(change, step.id, {"state": "done", "done_at": change.at}, None)
    return changed


def _ordered(connection: Connection) -> list[WatchStep]:
    return governance.every(
        connection,
        "watch_step",
        watch_steps.c.kind == StepTaken.ROLLBACK.value,
        watch_steps.c.state == "confirmed",
        watch_steps.c.to_version.is_not(None),
    )


def _moved(connection: Connection, step: WatchStep) -> list[tuple[Deployment, str]]:
    """Deployments whose alias was moved and that do not say so yet, with what the server said."""
    running = [run for run in _running(connection, step.use) if run.version != step.to_version]
    keys = {_key(step, run.serves): run.serves for run in running if run.serves is not None}
    sent = select(outbox.c.key, outbox.c.reference).where(
        outbox.c.kind == MLFLOW, outbox.c.state == SENT, outbox.c.key.in_(sorted(keys))
    )
    said = {keys[row.key]: row.reference or "" for row in connection.execute(sent)}
    return [(run, said[run.serves]) for run in running if run.serves in said]


def _running(connection: Connection, use: str) -> list[Deployment]:
    rows = select(deployments).where(deployments.c.use == use, deployments.c.mode.in_(_RUNS)).order_by(deployments.c.id)
    return [DEPLOYMENTS.read(row) for row in connection.execute(rows)]


def _key(step: WatchStep, alias: str) -> str:
    return f"rollback/{step.id}/alias/{hashlib.sha256(alias.encode()).hexdigest()[:16]}"
