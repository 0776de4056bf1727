"""When a job is due: once in each slot of its period. A slot that passed unseen is not made up for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Protocol

from codman.jobs.times import instant

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Period(Protocol):
    """Cuts time into slots."""

    def slot(self, now: datetime) -> str:
        """The slot a time is in; later ones sort later."""

    def began(self, now: datetime) -> datetime:
        """When the slot a time is in began."""


@dataclass(frozen=True, slots=True)
class Every:
    """Slots of one length, counted from 1970 in UTC, so that no change of the clocks' hour touches them."""

    length: timedelta

    def slot(self, now: datetime) -> str:
        """The moment the slot began."""
        return instant(self.began(now))

    def began(self, now: datetime) -> datetime:
        """That moment."""
        return now - (now - _EPOCH) % self.length


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
        return self._day(now).isoformat()

    def began(self, now: datetime) -> datetime:
        """Its day's time of day."""
        return datetime.combine(self._day(now), self.at, self.zone)

    def _day(self, now: datetime) -> date:
        there = now.astimezone(self.zone)
        return there.date() if there.time() >= self.at else there.date() - timedelta(days=1)
