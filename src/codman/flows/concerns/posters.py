"""Posters: one link for each use and site, behind a QR code on the ward; whoever follows it needs no account.

A link names its place and no more. It works until it is taken back; the house keeps its hash alone, so a poster is
printed when its link is made, and a new one is made for a new poster.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import segno
from sqlalchemy import Connection, insert, select

from codman.flows import records
from codman.flows.concerns.people import who_sees
from codman.flows.concerns.raising import Place
from codman.flows.concerns.telling import MAIL
from codman.flows.house import House
from codman.registry.access import Reader, require
from codman.registry.accounts_throttle import digest_of
from codman.registry.database import instant
from codman.registry.inventory import paths_of
from codman.registry.links import LinkSpent, find_link, revoke_links
from codman.registry.log import Entry
from codman.registry.names import told_apart
from codman.registry.nouns import DEPLOYMENTS, SITES, USES
from codman.registry.schema_review import links
from codman.review.clocks import clocks
from codman.spine.concern import ConcernCategory, ConcernFields, ConcernSeverity
from codman.spine.site import Deployment, Mode

PURPOSE: Final = "concern"
MAKE: Final = "deployment.change"
_SECRET_BYTES: Final = 16  # 128 bits: 22 letters, a code that a phone reads from two metres


@dataclass(frozen=True, slots=True)
class Posted:
    """What a poster's link is about, by name."""

    place: Place
    use: str
    site: str


@dataclass(frozen=True, slots=True)
class Poster:
    """What a poster says."""

    posted: Posted
    address: str  # where its code leads
    reaches: str  # who sees a concern first: accountable clinician, owner of the use, governance office
    mailed: bool  # a mail goes to them; without one they see it when they next look
    within_hours: Mapping[ConcernSeverity, float]  # by when, by how bad it is
    public: bool  # a browser on the ward can reach the address


def make_poster(house: House, reader: Reader, deployment: str, *, request: str | None = None) -> str:
    """Make a link for the poster of a use at one site.

    Returns:
        The link's secret part; nobody can read it again from the book.

    Raises:
        NoSuchRecord: They see no such deployment.
        NotAllowed: They may not change it.
    """
    with house.database.changing(reader.author(request)) as change:
        _their_own(change.connection, house, reader, deployment)
        token = secrets.token_urlsafe(_SECRET_BYTES)
        row = {
            "digest": digest_of(token),
            "purpose": PURPOSE,
            "about": deployment,
            "made_at": change.at,
            "made_by": reader.person,
        }
        change.connection.execute(insert(links).values(row))
        told = {"purpose": PURPOSE, "digest": row["digest"]}
        change.record(Entry("link.create", PURPOSE, deployment, after=told))
        return token


def take_back_posters(house: House, reader: Reader, deployment: str, *, request: str | None = None) -> int:
    """Make every poster of a use at one site worthless: what is sent through one then names no use.

    Returns:
        How many there were.

    Raises:
        NoSuchRecord: They see no such deployment.
        NotAllowed: They may not change it.
    """
    with house.database.changing(reader.author(request)) as change:
        _their_own(change.connection, house, reader, deployment)
        return revoke_links(change, PURPOSE, deployment)


def posted_at(house: House, token: str) -> Posted | None:
    """What a link is about; None where it is none of ours, or none any more."""
    with house.database.reading() as connection:
        return _posted(connection, token, house.database.clock())


def poster(house: House, token: str) -> Poster | None:
    """What the poster of a link says; None where it is none of ours, or none any more."""
    with house.database.reading() as connection:
        posted = _posted(connection, token, house.database.clock())
        if posted is None:
            return None
        now = instant(house.database.clock())
        asked = ConcernFields(
            use=posted.place.use,
            site=posted.place.site,
            category=ConcernCategory.OTHER,
            severity=ConcernSeverity.UNKNOWN,
            raised_at=now,
            see_by=now,
        )
        told = who_sees(connection, asked)
    return Poster(
        posted=posted,
        address=f"{house.settings.address}/concern/{token}",
        reaches=told.circle.value,
        mailed=bool(told.by_mail) and MAIL in house.notifiers,
        within_hours=clocks(house.settings.concern_clocks).seen_within_hours,
        public=house.settings.public_url is not None,
    )


def made_for(house: House, deployments: list[str]) -> dict[str, int]:
    """How many posters' links work, by deployment."""
    with house.database.reading() as connection:
        rows = connection.execute(
            select(links.c.about).where(
                links.c.purpose == PURPOSE, links.c.about.in_(deployments), links.c.revoked_at.is_(None)
            )
        ).scalars()
        counted: dict[str, int] = {}
        for about in rows:
            counted[about] = counted.get(about, 0) + 1
        return counted


def qr_code(address: str) -> str:
    """A QR code of an address as an SVG drawing, ISO/IEC 18004, error correction Q: a quarter may be hidden."""
    out = io.BytesIO()
    segno.make(address, error="q", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, border=4, scale=1, omitsize=True, dark="#000", light="#fff"
    )
    return out.getvalue().decode().strip()


def _posted(connection: Connection, token: str, now: datetime) -> Posted | None:
    try:
        link = find_link(connection, PURPOSE, token, now)
    except LinkSpent:
        return None
    found = DEPLOYMENTS.get_many(connection, [link.about]).get(link.about)
    if found is None or found.mode is Mode.ENDED:
        return None
    use, site = USES.get(connection, found.use), SITES.get(connection, found.site)
    return Posted(Place(use.id, site.id), told_apart(connection, {use.id: use.name})[use.id], site.name)


def _their_own(connection: Connection, house: House, reader: Reader, name: str) -> Deployment:
    found: Deployment = records.get(house, reader, "deployment", name)
    path = SITES.get(connection, found.site).path
    require(reader, MAKE, [path, *paths_of(connection, USES.get(connection, found.use))])
    return found
