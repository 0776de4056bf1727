"""Why a single event is not taken; apart from what takes events, which is slow to load."""

from __future__ import annotations

from codman.errors import BadInput


class EventReused(BadInput):
    """One event whose source and id were taken with another body."""

    def __init__(self) -> None:
        super().__init__(
            what="this event was taken with another body",
            why="its source and id name one that says something else",
            fix="send a correction as a new event whose `replaces` is this one's id",
        )


class EventRefused(BadInput):
    """One event that cannot be taken."""

    def __init__(self, why: str) -> None:
        super().__init__(what="the event was not taken", why=why, fix="see docs/events.md for what each field may hold")
