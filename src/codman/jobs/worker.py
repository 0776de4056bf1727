"""The worker: takes what is due, sends it outside any transaction, and notes what became of it.

It can be killed at any point. Before it sent: the lease ends, and another sends. After it sent and before that was
noted: another sends the same id again, and the receiver knows it.
"""

from __future__ import annotations

import logging
import os
import platform
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from codman.errors import CodmanError
from codman.jobs.leases import Begin
from codman.jobs.notifier import Message, NotAccepted, NotDelivered, Notifier, ReceiverAway
from codman.jobs.outbox import anything_due, claim, mark_failed, mark_sent
from codman.jobs.times import Clock
from codman.telemetry import MESSAGES, tracer

log: Final = logging.getLogger("codman.outbox")

LEASE_S: Final = 120.0  # longer than any notifier takes: two calls of 30 seconds
_MOST: Final = 500  # of one go, so that who asked for it hears of it

Look = Callable[[], AbstractContextManager[Connection]]


def this_worker() -> str:
    """A name that no other worker has, and that says where it runs."""
    return f"{platform.node()[:60]}/{os.getpid()}/{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one go brought."""

    sent: int = 0
    failed: int = 0  # to be tried again, or parked
    overtaken: int = 0  # sent by us and by another, who notes it; the receiver knows it


@dataclass(frozen=True, slots=True)
class Worker:
    """Sends what the outbox holds.

    Args:
        begin: Opens a write.
        look: Opens a reading.
        notifiers: By kind of message; others wait until theirs is set up.
        clock: Gives the time.
        lease_s: For how long a message is ours; longer than a notifier may take.
        name: Nobody else's.
        chance: Random numbers in [0, 1).
    """

    begin: Begin
    look: Look
    notifiers: Mapping[str, Notifier]
    clock: Clock
    lease_s: float = LEASE_S
    name: str = field(default_factory=this_worker)
    chance: Callable[[], float] = secrets.SystemRandom().random

    def deliver(self, ended: Callable[[], bool] = lambda: False, most: int = _MOST) -> Delivered:
        """Send what is due, oldest first.

        A receiver that does not answer is left alone until the next go: what waits for it must not hold up the rest.

        Args:
            ended: Asked before each message; no further one is taken once it says so.
            most: How many at most.

        Raises:
            Unreachable: The database does not answer; what is sent and not noted is sent again, under its id.
        """
        counts = {"sent": 0, "failed": 0, "overtaken": 0}
        kinds = set(self.notifiers)
        for _ in range(most):
            if ended() or not kinds:
                break
            with self.look() as connection:
                if not anything_due(connection, kinds, self.clock()):
                    break
            with self.begin() as connection:
                message = claim(connection, kinds, self.name, self.clock(), self.lease_s)
            if message is None:
                break
            with tracer().span(f"send {message.kind}", "producer") as span:
                outcome, away = self._deliver_one(message)
                if outcome == "failed":
                    span.failed(outcome)
            counts[outcome] += 1
            MESSAGES.add(message.kind, outcome)
            if away:
                kinds.discard(message.kind)
        return Delivered(**counts)

    def _deliver_one(self, message: Message) -> tuple[str, bool]:
        try:
            reference = self.notifiers[message.kind].send(message)
        except NotDelivered as error:
            return self._failed(message, error.why, again_in=error.again_in), isinstance(error, ReceiverAway)
        except NotAccepted as error:
            return self._failed(message, error.why, for_good=True), False
        except CodmanError as error:
            return self._failed(message, f"{error.what}: {error.why}"), True
        except Exception as error:  # noqa: BLE001 - a fault in one adapter must not stop all the others
            return self._failed(message, f"a fault of our own: {type(error).__name__}"), True
        with self.begin() as connection:
            ours = mark_sent(connection, message, self.clock(), reference)
        log.info("sent %s %s at attempt %d", message.kind, message.id, message.attempt)
        return ("sent" if ours else "overtaken"), False

    def _failed(self, message: Message, why: str, again_in: float | None = None, *, for_good: bool = False) -> str:
        with self.begin() as connection:
            ours = mark_failed(
                connection, message, self.clock(), why, self.chance(), again_in=again_in, for_good=for_good
            )
        # without the reason: it can hold an address, and the list of messages holds it too
        log.warning("did not send %s %s at attempt %d", message.kind, message.id, message.attempt)
        return "failed" if ours else "overtaken"
