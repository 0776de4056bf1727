"""Why events cannot be taken or read now; what was not acknowledged is sent again safely."""

from __future__ import annotations

from codman.errors import CodmanError, Unreachable


class EventsCrowded(Unreachable):
    """More events wait than there is room for."""

    def __init__(self, why: str) -> None:
        super().__init__(what="the events were not taken", why=why, fix="send them again in a moment")


class EventsAway(Unreachable):
    """The store cannot write."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="the events were not taken",
            why=why,
            fix="see the server's disk and log, then send them again: what was taken already is not taken twice",
        )


class EventsElsewhere(Unreachable):
    """Another process has the store."""

    def __init__(self) -> None:
        super().__init__(
            what="the events of this workspace are taken by another process",
            why="one process at a time keeps their order",
            fix="send them to the server that runs on this workspace, or stop it first",
        )


class EventsDamaged(CodmanError):
    """A segment that was whole is not any more: the disk changed what it had."""

    exit_code = 1

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            what=f"the segment {name} of events is damaged",
            why=why,
            fix="look at the disk, restore the workspace's events folder from a backup, and have senders send again",
        )
