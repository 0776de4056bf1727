"""Proposals of the demo hospital: one that is half written, one begun from a use that ran before anybody asked."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.intake import begin
from codman.flows.intake_sources import begin_from_use
from codman.flows.triage import set_tier, triage_again
from codman.registry.access import Held, Reader
from codman.registry.schema import grants, people, uses
from codman.spine.person import Role
from codman.spine.use import Decision, Tier

_HALF: Final = {
    "name": "Discharge letters, drafted",
    "purpose": "Drafts the letter to the family doctor from the notes of the stay; a physician corrects and signs it.",
    "product_name": "Letter drafts",
    "kind": "built",
    "generative": "yes",
    "reviewed_before": "yes",
    "users": "ward physician",
    "patient_facing": "no",
    "clinical": "yes",
    "patients_a_year": "about 4 000",  # no number yet: it is kept as typed, and said
}
_WHY: Final = "A nurse screens every patient by the paper score anyway, and the alert comes beside it."


def add_proposals(house: House) -> int:
    """Have people of the demo hospital propose uses, and one ask for a lower tier that another has to agree to.

    Returns:
        How many proposals were begun.
    """
    with house.database.reading() as connection:
        owner, officer = _somebody(connection, Role.OWNER), _somebody(connection, Role.OFFICER)
        legacy = select(uses.c.id).where(uses.c.decision == Decision.LEGACY.value).order_by(uses.c.id)
        found = connection.execute(legacy).scalars().first()
        high = select(uses.c.id).where(uses.c.tier == Tier.HIGH.value).order_by(uses.c.id)
        triaged = connection.execute(high).scalars().first()
    if owner is None or officer is None:
        return 0
    begin(house, owner, _HALF)
    if triaged is not None:
        triage_again(house, officer, triaged)  # little of it is known, so it stays high
        set_tier(house, officer, triaged, Tier.MEDIUM, why=_WHY)
    if found is None:
        return 1
    begin_from_use(house, officer, found)
    return 2


def _somebody(connection: Connection, role: Role) -> Reader | None:
    row = connection.execute(
        select(people.c.id, people.c.name)
        .join(grants, grants.c.person == people.c.id)
        .where(grants.c.role == role.value, people.c.active)
        .order_by(grants.c.site.is_not(None), people.c.id)
    ).first()
    return None if row is None else Reader(row.id, row.name, (Held(role),))
