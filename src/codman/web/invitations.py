"""The page of invitations: a one-time link for somebody new, shown once; and taking one back."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from starlette.responses import Response

from codman.flows.address import address_of
from codman.registry.access import paths_for, require
from codman.registry.accounts_invitations import Invitation, invite, open_invitations, withdraw
from codman.registry.nouns import PEOPLE, SITES
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.schema import sites
from codman.spine.person import Role
from codman.web.topic import Topic
from codman.web.views.forms import Ask, Asked, Option, shown
from codman.web.views.frame import ROLES
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitations:
    """The page."""

    asked: tuple[Asked, ...]
    link: str  # just made: the one time it is shown
    lines: tuple[tuple[Invitation, str], ...]  # each with where its role begins


@topic.get("/invitations")
def invitations_page(visit: VisitDep) -> Response:
    """Links that can still be used, and the form for another."""
    return _page(visit, {}, {}, "", 200)


@topic.post("/invitations")
def make_invitation(visit: VisitDep, form: FormDep) -> Response:
    """Make a link; it is shown on this page and never again."""
    said = {name: form.get(name) or "" for name in ("email", "role", "site")}
    try:
        if said["role"] not in ROLES:
            raise BadField("invitation", "role", "choose one of the list")
        PEOPLE.validated({"name": "somebody new", "email": said["email"]})
        site = None if said["site"] == "/" else said["site"]
        house = visit.house
        with house.database.changing(visit.reader.author()) as change:
            path = "/" if site is None else SITES.get(change.connection, site).path
            require(visit.reader, "invitation.create", [path])
            token = invite(
                change,
                Role(said["role"]),
                house.database.clock(),
                invited_by=visit.reader.person,
                email=said["email"],
                site=site,
            )
    except BadField as error:
        return _page(visit, said, {error.field: error.why}, "", 422)
    except NoSuchRecord:
        return _page(visit, said, {"site": "choose one of the list"}, "", 422)
    return _page(visit, {}, {}, f"{address_of(visit.house.settings)}/join/{token}", 200)


@topic.post("/invitations/{name}/withdraw")
def withdraw_invitation(visit: VisitDep, name: str) -> Response:
    """Make a link worthless."""
    with visit.house.database.changing(visit.reader.author()) as change:
        found = {one.name: path for one, path in _open(visit)}
        if name not in found:
            raise NoSuchRecord("invitation", name)
        require(visit.reader, "invitation.remove", [found[name]])
        withdraw(change, name)
    return visit.go("/invitations")


def _open(visit: Visit) -> list[tuple[Invitation, str]]:
    """Links that can still be used, within this reader's reach, each with the path its role begins at."""
    within = paths_for(visit.reader, "invitation.read")
    with visit.house.database.reading() as connection:
        paths = {row.id: row.path for row in connection.execute(select(sites.c.id, sites.c.path))}
        found = open_invitations(connection, visit.house.database.clock())
    placed = [(one, "/" if one.site is None else paths[one.site]) for one in found]
    return [(one, path) for one, path in placed if any(path.startswith(reach) for reach in within)]


def _page(visit: Visit, said: dict[str, str], errors: dict[str, str], link: str, status: int) -> Response:
    within = paths_for(visit.reader, "invitation.create")
    with visit.house.database.reading() as connection:
        rows = connection.execute(select(sites.c.id, sites.c.name, sites.c.path).order_by(sites.c.path)).all()
    whole = (Option("/", "the whole house"),) if "/" in within else ()
    places = whole + tuple(
        Option(row.id, row.name) for row in rows if any(row.path.startswith(path) for path in within)
    )
    asks = (
        Ask(name="email", label="E-mail address", kind="email", needed=True),
        Ask(
            name="role",
            label="Role",
            kind="choice",
            options=tuple(Option(role, words) for role, words in ROLES.items()),
            needed=True,
        ),
        Ask(name="site", label="Where the role begins", kind="choice", options=places, needed=True),
    )
    named = {row.id: row.name for row in rows}
    lines = tuple((one, named.get(one.site or "", "the whole house")) for one, _ in _open(visit))
    view = Invitations(asked=shown(asks, said, errors), link=link, lines=lines)
    return visit.show("sign_in_invitations.html", view, status=status)
