"""A message on its way out, for the tests of those that carry it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from codman.jobs.notice import Item, Notice
from codman.jobs.notifier import Message

NOTICE = Notice(
    event="condition.due",
    title="Two conditions are due <soon> & one lapsed",
    text="They hang on the decision about a use.\nLook at them.\n\nNobody else is told.",
    items=(
        Item(text="Measure again by race", due="2026-12-01", link="https://codman.example.org/uses/u-1"),
        Item(text="Name a downtime procedure"),
    ),
    link="https://codman.example.org/",
    about="c-1",
    urgency="high",
)
MESSAGE = Message(
    id="msg_00112233445566778899aabbccddeeff",
    kind="mail",
    to="ann@example.org",
    notice=NOTICE,
    queued_at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    attempt=1,
    token=1,
)


def message(**more: object) -> Message:
    return replace(MESSAGE, **more)  # type: ignore[arg-type]
