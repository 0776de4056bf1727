"""Which tools somebody without an account may say a concern is about: what runs on wards now, by its plain name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from codman.flows.concerns.raising import Place
from codman.flows.house import House
from codman.registry.names import told_apart
from codman.registry.schema import deployments, sites, uses
from codman.spine.site import Mode, SiteLevel

_ON_WARDS: Final = (Mode.LIVE.value, Mode.PILOT.value)  # nobody on a ward sees what runs silently
_above: Final = sites.alias("above")


@dataclass(frozen=True, slots=True)
class Tool:
    """A use where people meet it."""

    id: str  # of its deployment
    name: str
    site: str  # a unit with its hospital before it


def tools_on_wards(house: House, *, words: str = "", only: str | None = None, limit: int) -> list[Tool]:
    """What runs on wards now, site by site.

    Args:
        house: The open house.
        words: Looked for in the names of uses and sites; all of them must be found.
        only: The one of this id.
        limit: How many.
    """
    query = (
        select(deployments.c.id, uses.c.id, uses.c.name, sites.c.name, sites.c.level, _above.c.name)
        .join(uses, uses.c.id == deployments.c.use)
        .join(sites, sites.c.id == deployments.c.site)
        .outerjoin(_above, _above.c.id == sites.c.parent)
        .where(deployments.c.mode.in_(_ON_WARDS))
    )
    for word in words.split()[:8]:
        query = query.where((uses.c.name + " " + sites.c.name).icontains(word, autoescape=True))
    if only is not None:
        query = query.where(deployments.c.id == only)
    query = query.order_by(sites.c.path, uses.c.name, deployments.c.id).limit(limit)
    with house.database.reading() as connection:
        found = connection.execute(query).all()
        called = told_apart(connection, {use: name for _, use, name, *_ in found})
    return [
        Tool(name, called[use], _called(site, above if level == SiteLevel.UNIT.value else None))
        for name, use, _, site, level, above in found
    ]


def _called(site: str, hospital: str | None) -> str:
    return site if hospital is None or site.startswith(hospital) else f"{hospital}, {site}"


def place_of_tool(house: House, name: str) -> Place | None:
    """The use and the site of one of these tools; None where it runs on no ward now."""
    query = select(deployments.c.use, deployments.c.site).where(
        deployments.c.id == name, deployments.c.mode.in_(_ON_WARDS)
    )
    with house.database.reading() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Place(row.use, row.site)
