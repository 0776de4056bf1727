"""When a job is due: once in each slot of its period. A slot that passed unseen is not made up for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final, Protocol

from codman.jobs.times import instant

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Period(Protocol):
    """Cuts time into slots."""

    def slot(self, now: datetime) -> str:
        """The slot a time is in; later ones sort later."""


@dataclass(frozen=True, slots=True)
class Every:
    """Slots of one length, counted from 1970 in UTC, so that no change of the clocks' hour touches them."""

    length: timedelta

    def slot(self, now: datetime) -> str:
        """The moment the slot began."""
        return instant(now - (now - _EPOCH) % self.length)


@dataclass(frozen=True, slots=True)
class Daily:
    """Once each local day, from a time of day on.

    Its day names a slot: an hour that comes twice runs nothing twice, and a time that the clocks leap over is kept as
    soon as they have.
    """

    at: time
    zone: tzinfo

    def slot(self, now: datetime) -> str:
        """The local day it is done for."""
        there = now.astimezone(self.zone)
        day = there.date()
        return (day if there.time() >= self.at else day - timedelta(days=1)).isoformat()
