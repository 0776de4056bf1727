"""The page of emergency access: take a right at once, for a reason; review what others took."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select
from starlette.responses import Response

from codman.registry.access import NotAllowed, Reader, paths_for
from codman.registry.accounts_emergency import LENDABLE, LONGEST_MINUTES, USUAL_MINUTES, NotYet, review, take
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.schema import sites
from codman.spine.person import Role
from codman.web.topic import Topic
from codman.web.views import sign_in as views
from codman.web.views.forms import Ask, Option, shown
from codman.web.views.frame import ROLES
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_WHOLE: Final = "/"


@topic.get("/emergency")
def emergency_page(visit: VisitDep) -> Response:
    """Take a right in an emergency; review those that were taken."""
    return _page(visit, {"minutes": str(USUAL_MINUTES)}, {}, "", 200)


@topic.post("/emergency")
def take_right(visit: VisitDep, form: FormDep) -> Response:
    """Take one."""
    said = {name: form.get(name) or "" for name in ("role", "site", "reason", "minutes")}
    if open_ones := {name: "this is needed" for name, value in said.items() if not value}:
        return _page(visit, said, open_ones, "", 422)
    try:
        role = Role(said["role"]) if said["role"] in LENDABLE else Role.VIEWER
        minutes = int(said["minutes"]) if said["minutes"].isdecimal() and len(said["minutes"]) < 6 else 0
        site = None if said["site"] == _WHOLE else said["site"]
        _own(visit)
        with visit.house.database.changing(visit.reader.author()) as change:
            take(change, visit.reader, role, site, said["reason"], minutes)
    except BadField as error:
        return _page(visit, said, {error.field: error.why}, "", 422)
    except NoSuchRecord:
        return _page(visit, said, {"site": "choose one of the list"}, "", 422)
    except NotYet as error:
        return _page(visit, said, {}, f"{error.why[:1].upper()}{error.why[1:]}: {error.fix}.", 409)
    return visit.go("/emergency")


@topic.post("/emergency/{name}/review")
def review_right(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Say what was found."""
    _own(visit)
    try:
        with visit.house.database.changing(visit.reader.author()) as change:
            review(change, visit.reader, name, form.get("finding") or "")
    except (BadField, NotYet) as error:
        return _page(visit, {"minutes": str(USUAL_MINUTES)}, {}, f"{error.why[:1].upper()}{error.why[1:]}.", 422)
    return visit.go("/emergency")


def _own(visit: Visit) -> None:
    if visit.reader.read_only:
        raise NotAllowed("emergency.create", "by a read-only sign-in")


def _page(visit: Visit, said: dict[str, str], errors: views.Errors, general: str, status: int) -> Response:
    with visit.house.database.reading() as connection:
        asks = (
            Ask(
                name="role",
                label="The right",
                kind="choice",
                options=tuple(Option(role.value, ROLES[role]) for role in sorted(LENDABLE)),
                needed=True,
            ),
            Ask(name="site", label="Where", kind="choice", options=_sites(connection, visit.reader), needed=True),
            Ask(name="reason", label="Why at once", kind="prose", hint="Leave patients' names out of it.", needed=True),
            Ask(name="minutes", label=f"For how many minutes, at most {LONGEST_MINUTES}", kind="amount", needed=True),
        )
        view = views.emergencies(connection, visit.reader, shown(asks, said, errors), general)
    return visit.show("sign_in_emergency.html", view, status=status)


def _sites(connection: Connection, reader: Reader) -> tuple[Option, ...]:
    """The places where somebody could take a right: those where they already have a role."""
    within = paths_for(reader, "emergency.create")
    whole = (Option(_WHOLE, "the whole house"),) if "/" in within else ()
    rows = connection.execute(select(sites.c.id, sites.c.name, sites.c.path).order_by(sites.c.path))
    return whole + tuple(Option(row.id, row.name) for row in rows if any(row.path.startswith(path) for path in within))
