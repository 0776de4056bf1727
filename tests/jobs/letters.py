"""What the tests of the outbox share: a notice, a queue with messages in it, and receivers that fail as told."""

from __future__ import annotations

from codman.jobs.notice import Notice
from codman.jobs.notifier import Message
from codman.jobs.outbox import enqueue
from codman.jobs.times import instant
from codman.jobs.worker import Worker
from codman.registry.database import Database

NOTICE = Notice(event="condition.due", title="A condition is due", text="It is due on Friday.", about="c-1")


def queue_up(book: Database, *keys: str, kind: str = "mail", to: str = "ann@example.org") -> None:
    """Write a message under each key."""
    with book.unrecorded() as connection:
        for key in keys:
            enqueue(connection, kind, to, NOTICE, key, at=instant(book.clock()))


class FakeReceiver:
    """Takes each message once by its id; fails first as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked: list[Message] = []
        self.taken: dict[str, int] = {}  # id: how often it came

    def send(self, message: Message) -> str | None:
        self.asked.append(message)
        if self.failures:
            raise self.failures.pop(0)
        self.taken[message.id] = self.taken.get(message.id, 0) + 1
        return f"T{len(self.taken)}"


def worker(book: Database, name: str = "one", lease_s: float = 60.0, **receivers: FakeReceiver) -> Worker:
    """A worker whose waits are the longest there are, so that tests can say when they end."""
    return Worker(book.unrecorded, book.reading, receivers, book.clock, lease_s, name, lambda: 1.0)
