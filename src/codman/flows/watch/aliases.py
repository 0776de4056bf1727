"""Aliases: where MLflow says which version is served, a rollback that is ordered moves its alias and is then done.

The order waits in the outbox with the decision that made it, is sent again until the server takes it, and has no second
effect there. That it was carried out is written down afterwards, in the log too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.watch.going_back import running, why_not
from codman.jobs.notice import Notice
from codman.jobs.notifier import Message, NotAccepted, Notifier
from codman.jobs.outbox import SENT, enqueue
from codman.jobs.tables import outbox
from codman.registry import governance
from codman.registry.database import Change, Database
from codman.registry.governance import WATCH_STEPS
from codman.registry.log import SYSTEM, Entry
from codman.registry.nouns import DEPLOYMENTS, USES
from codman.registry.schema_watch import watch_steps
from codman.spine.site import Deployment
from codman.spine.watching import StepTaken, WatchStep

MLFLOW: Final = "mlflow"


def order_aliases(change: Change, house: House, running: Sequence[Deployment], step: WatchStep, order: Notice) -> None:
    """Order that the aliases of what runs are moved, each once; where no MLflow server is set up, nothing is."""
    if MLFLOW not in house.notifiers:
        return
    for alias in sorted({run.serves for run in running if run.serves is not None}):
        enqueue(change.connection, MLFLOW, alias, order, _key(step, alias), at=change.at)


@dataclass(frozen=True, slots=True)
class LooksFirst:
    """A way to move aliases that looks, as an order goes out, whether it still holds.

    An order may wait for days until the server takes it: by then its version may be rejected, the order taken back, or
    another version live.
    """

    way: Notifier
    database: Database

    def send(self, message: Message) -> str | None:
        """Bring an order to its receiver.

        Raises:
            NotAccepted: It holds no more; a person looks.
        """
        with self.database.reading() as connection:
            rows = select(watch_steps).where(watch_steps.c.id == message.notice.about)
            row = connection.execute(rows).one_or_none()
            step = None if row is None else WATCH_STEPS.read(row)
            if step is None or step.state not in ("confirmed", "done"):
                raise NotAccepted("it was taken back")
            use = USES.get(connection, step.use)
            if (why := why_not(connection, use, step, self.database.today().isoformat())) is not None:
                raise NotAccepted(why)
        return self.way.send(message)


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
            left = [run for run in _still(change.connection, step) if run.version != step.to_version]
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
    running = [run for run in _still(connection, step) if run.version != step.to_version]
    keys = {_key(step, run.serves): run.serves for run in running if run.serves is not None}
    sent = select(outbox.c.key, outbox.c.reference).where(
        outbox.c.kind == MLFLOW, outbox.c.state == SENT, outbox.c.key.in_(sorted(keys))
    )
    said = {keys[row.key]: row.reference or "" for row in connection.execute(sent)}
    return [(run, said[run.serves]) for run in running if run.serves in said]


def _still(connection: Connection, step: WatchStep) -> list[Deployment]:
    """Where what ran when it was ordered runs still, or the other version already."""
    return [
        run
        for run in running(connection, step.use)
        if run.id in step.instead_of and run.version in (step.to_version, step.instead_of[run.id])
    ]


def _key(step: WatchStep, alias: str) -> str:
    return f"rollback/{step.id}/alias/{hashlib.sha256(alias.encode()).hexdigest()[:16]}"
