"""Workers that are killed one after the other: by a timer, or by themselves just before or just after they sent.

Run: python killed_workers.py DATABASE_URL HOOK SERVICENOW KILLS SEED. Prints how many died; the last finishes the work.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from codman.egress.policy import EgressPolicy
from codman.integrations.servicenow import ServiceNow
from codman.integrations.webhook import Webhook
from codman.jobs.notifier import Message, Notifier
from codman.jobs.outbox import queue
from codman.jobs.worker import Worker
from codman.registry.database import Database
from waiting import until

SECRET = "whsec_" + "A" * 40
FASTER = 20  # a lease of a minute is over in three seconds
LEASE_S = 60.0


def fast_clock() -> datetime:
    """A clock that all processes share and that runs faster than the sun."""
    return datetime.fromtimestamp(1_800_000_000 + (time.time() - 1_800_000_000) * FASTER, UTC)


class Deadly:
    """Sends, and ends the process at the worst moments there are."""

    def __init__(self, real: Notifier, chances: random.Random) -> None:
        self._real, self._chances = real, chances

    def send(self, message: Message) -> str | None:
        chance = self._chances.random()
        if chance < 0.15:
            os.kill(os.getpid(), signal.SIGKILL)
        reference = self._real.send(message)
        if chance > 0.85:
            os.kill(os.getpid(), signal.SIGKILL)
        return reference


def _work(url: str, notifiers: dict[str, Notifier]) -> None:
    database = Database(url, fast_clock)
    worker = Worker(database.unrecorded, database.reading, notifiers, fast_clock, LEASE_S)

    def all_is_sent() -> bool:
        worker.deliver()
        with database.reading() as connection:
            return queue(connection, notifiers, fast_clock()).waiting == 0

    until(all_is_sent, within=600)


def main() -> None:
    """Fork, wait for the death, fork again."""
    url, hook, servicenow, kills, seed = sys.argv[1:]
    notifiers: dict[str, Notifier] = {
        "webhook": Webhook(f"{hook}/hook", SECRET, EgressPolicy(), fast_clock),
        "servicenow": ServiceNow(servicenow, "codman", "correct horse", EgressPolicy()),
    }
    died = 0
    for number in range(int(kills)):
        if (child := os.fork()) == 0:
            chances = random.Random(f"{seed}/{number}")
            signal.setitimer(signal.ITIMER_REAL, chances.uniform(0.02, 2))  # its signal ends the process at once
            _work(url, {kind: Deadly(one, chances) for kind, one in notifiers.items()})
            os._exit(0)
        died += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    _work(url, notifiers)
    sys.stdout.write(f"{died}\n")


if __name__ == "__main__":
    main()
