"""make_hospital: a seeded health system with its AI, its people and two years of its history. Start here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from codman.simulate.answers import answers
from codman.simulate.catalogue import read_catalogue
from codman.simulate.history import Added, Changed, Event, Kind, Measured, Step
from codman.simulate.lives import HOURS, Calendar, Lives
from codman.simulate.places import make_places, make_staff
from codman.simulate.plans import DAYS, WEEK, Plan, make_plans
from codman.simulate.supply import Edition, Offer, editions, make_supply
from codman.simulate.trials import trials
from codman.spine.person import Role
from codman.spine.record import Fields

HISTORY_ENDS: Final = date(2026, 11, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """An invented health system: everything that happened in it, in order, and so everything that stands in its book.

    Made by `make_hospital`; read by flows/demo, and by tests of every room that need a house with something in it.
    """

    seed: int
    first: date  # the history's first day
    until: date  # and its last
    history: tuple[Event, ...]

    def steps(self, kind: type[Step]) -> list[Any]:
        """The steps of one sort, in order."""
        return [event.step for event in self.history if isinstance(event.step, kind)]

    def standing(self, kind: Kind) -> dict[str, Mapping[str, Any]]:
        """The records of a kind as they stand at the end: identifier to fields, as plain values."""
        found: dict[str, dict[str, Any]] = {}
        models: dict[str, type[Fields]] = {}
        for event in self.history:
            step = event.step
            if isinstance(step, Added) and step.kind == kind:
                found[step.id] = step.fields.model_dump()
                models[step.id] = type(step.fields)
            elif isinstance(step, Changed) and step.kind == kind:
                found[step.id] |= step.patch
        return {name: models[name].model_validate(values).model_dump(mode="json") for name, values in found.items()}


def make_hospital(seed: int, *, small: bool = False, until: date = HISTORY_ENDS) -> Hospital:
    """Invent a health system.

    Args:
        seed: The same seed gives the same hospital, to the last word and number.
        small: Two hospitals, twelve uses and three evaluations, for tests; else twelve hospitals and 140 uses.
        until: The history's last day; it begins two years before.
    """
    random = Random(seed)  # noqa: S311 (inventing, not guarding)
    calendar = Calendar(until - timedelta(days=DAYS))
    places = make_places(small=small)
    staff = make_staff(places, small=small)
    officer = staff.by_role[Role.OFFICER][0]
    supply = make_supply(random, read_catalogue(), calendar.first, small=small)
    plans = make_plans(random, supply.offers, places, small=small)
    registered = _registered(plans)
    known = {
        offer.id: tuple(editions(random, offer, calendar.day(registered[offer.id]), calendar.first, until))
        for offer in supply.offers
    }
    lives = Lives(random, calendar, staff, known)
    happened = [Event(calendar.at(0, 8), None, "the house is set up", step) for step in places.sites]
    happened += [Event(calendar.at(0, 8), None, "the house is set up", s) for s in (*staff.people, *staff.grants)]
    bought = "contracts and platforms on file"
    happened += [
        Event(calendar.at(0, HOURS["books"]), officer, bought, s) for s in (*supply.vendors, *supply.platforms)
    ]
    happened += _books(supply.offers, known, registered, calendar, officer)
    happened += [event for plan in plans for event in lives.of(plan)]
    measured = list(trials(random, seed, calendar, staff, plans, known, small=small))
    happened += measured
    shown = [event.step for event in measured if isinstance(event.step, Measured)]
    happened += answers(random, calendar, staff, plans, known, shown, small=small)
    # Python's sort is stable: what must come first at one moment stands first above
    happened.sort(key=lambda event: (event.at, event.author or "", event.why or ""))
    return Hospital(seed=seed, first=calendar.first, until=until, history=tuple(happened))


def _registered(plans: tuple[Plan, ...]) -> dict[str, int]:
    """The day each product came into the book: the week before its first use did."""
    first: dict[str, int] = {}
    for plan in plans:
        first[plan.offer.id] = min(plan.first_day, first.get(plan.offer.id, DAYS))
    return {name: max(1, day - WEEK) for name, day in first.items()}


def _books(
    offers: tuple[Offer, ...],
    known: Mapping[str, tuple[Edition, ...]],
    registered: Mapping[str, int],
    calendar: Calendar,
    officer: str,
) -> Iterator[Event]:
    for offer in offers:
        at = calendar.at(registered[offer.id], HOURS["books"])
        yield Event(at, officer, "inventory", Added("product", offer.id, offer.fields))
        for edition in known[offer.id]:
            on = calendar.at((edition.known_on - calendar.first).days, HOURS["books"])
            why = "inventory" if on == at else "a new version was seen"
            yield Event(on, officer, why, Added("version", edition.id, edition.fields))
