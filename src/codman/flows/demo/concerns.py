"""Concerns of the demo hospital: one that is grave and in hand, one that was found out and closed, two that wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.flows.concerns.actions import add_action, close
from codman.flows.concerns.following import acknowledge
from codman.flows.concerns.raising import Place, Said, raise_concern
from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.interests import hand_in
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema import deployments, grants, people, uses
from codman.spine.concern import ActionKind, ConcernCategory, ConcernSeverity
from codman.spine.person import Role
from codman.spine.site import Mode
from codman.spine.use import Stage

_GRAVE: Final = Said(
    category=ConcernCategory.MISSED,
    severity=ConcernSeverity.SERIOUS,
    words="The patient was very ill for two hours before anything showed. Another ward saw the same last week.",
    event_reference="EV-20931",
)
_CAUGHT: Final = Said(
    category=ConcernCategory.WRONG_OUTPUT,
    severity=ConcernSeverity.NEAR_MISS,
    words="It called a normal film urgent; the radiologist saw it at once.",
)
_WAITING: Final = (
    Said(
        category=ConcernCategory.TOO_MANY,
        severity=ConcernSeverity.NO_HARM,
        words="Fourteen alerts in one night shift, two of them of use.",
    ),
    Said(category=ConcernCategory.NOT_WORKING, words="The tile on the worklist has been grey since noon."),
)
_DAYS: Final = 21  # until the action of the grave one is due


def add_concerns(house: House) -> int:
    """Have staff of the demo hospital say what is wrong, and the office see to some of it.

    Returns:
        How many concerns were raised.
    """
    with house.database.reading() as connection:
        officer, running = _officer(connection), _running(connection)
        hands = _hands(connection, [row.use for row in running])
    if officer is None or len(running) < len(_WAITING):
        return 0
    places = [Place(row.use, row.site) for row in running]
    grave = raise_concern(house, _GRAVE, places[0]).concern
    acknowledge(house, officer, grave.id)
    if running[0].owner is not None:
        due = (house.database.clock() + timedelta(days=_DAYS)).date().isoformat()
        text = "Have the laboratory's feed watched, and the wards called when it is late"
        add_action(house, officer, grave.id, ActionKind.CORRECTIVE, text, running[0].owner, due)
    caught = raise_concern(house, _CAUGHT, places[1]).concern
    caught = acknowledge(house, officer, caught.id)
    if officer.person not in hands[running[1].use]:
        close(house, officer, caught.id, caught.revision, "One film in 400; the reading was right, and stays first.")
    for number, said in enumerate(_WAITING):
        raise_concern(house, said, places[(number + 2) % len(places)])
    return 2 + len(_WAITING)


def _officer(connection: Connection) -> Reader | None:
    row = connection.execute(
        select(people.c.id, people.c.name)
        .join(grants, grants.c.person == people.c.id)
        .where(grants.c.role == Role.OFFICER.value, grants.c.site.is_(None), people.c.active)
        .order_by(people.c.id)
    ).first()
    return None if row is None else Reader(row.id, row.name, (Held(Role.OFFICER),))


def _running(connection: Connection) -> list[Any]:
    """One site of each of the first uses that are live, with the use's owner."""
    rows = connection.execute(
        select(deployments.c.use, deployments.c.site, uses.c.owner)
        .join(uses, uses.c.id == deployments.c.use)
        .where(uses.c.stage == Stage.LIVE.value, deployments.c.mode == Mode.LIVE.value)
        .order_by(deployments.c.use, deployments.c.site)
    )
    first: dict[str, Any] = {}
    for row in rows:
        first.setdefault(row.use, row)
    return list(first.values())[: 2 + len(_WAITING)]


def _hands(connection: Connection, names: list[str]) -> dict[str, dict[str, str]]:
    found = USES.get_many(connection, names)
    return {name: hand_in(connection, use, PRODUCTS.get(connection, use.product)) for name, use in found.items()}
