"""Budgets: how many incidents a month an owner is told of at once; the rest come in a digest, none is dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from codman.monitor.alarms.stream import WatchImpossible

MONTH: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An incident that its owner has yet to be told of."""

    incident: str
    owner: str
    at: datetime
    severe: bool = False
    strength: float = 0.0  # which go first: how far beyond the limit, or the evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One that was told at once."""

    owner: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What goes out now. Every notice is in exactly one of the two."""

    at_once: tuple[Notice, ...]  # strongest first
    digest: tuple[Notice, ...]  # for the owner's next digest, strongest first


def deliver(
    waiting: Sequence[Notice], already: Sequence[Sent], budgets: Mapping[str, int], *, otherwise: int = 4
) -> Delivery:
    """Divide notices into those told at once and those for the digest.

    An owner is told of at most so many in any 30 days, in order of time and, within one moment, of strength. Severe
    ones always pass; they use the budget up all the same.

    Args:
        waiting: Notices not yet given.
        already: What was told at once before.
        budgets: Owner to incidents a month, at least 0.
        otherwise: The budget of owners not named.

    Raises:
        WatchImpossible: A budget below 0.
    """
    if otherwise < 0 or any(budget < 0 for budget in budgets.values()):
        raise WatchImpossible(what="a budget is below 0", why="an owner cannot be told less than nothing", fix="say 0")
    told = list(already)
    at_once, digest = [], []
    for notice in sorted(waiting, key=lambda one: (one.at, not one.severe, -one.strength)):
        lately = sum(one.owner == notice.owner and notice.at - MONTH < one.at <= notice.at for one in told)
        if notice.severe or lately < budgets.get(notice.owner, otherwise):
            at_once.append(notice)
            told.append(Sent(owner=notice.owner, at=notice.at))
        else:
            digest.append(notice)
    return Delivery(at_once=_strongest(at_once), digest=_strongest(digest))


def _strongest(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    return tuple(sorted(notices, key=lambda one: (not one.severe, -one.strength, one.at)))
