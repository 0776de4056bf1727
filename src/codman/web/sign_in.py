"""The pages at the door: signing in and out, one-time links, the provider, a fresh proof, one's own account."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Connection
from starlette.responses import Response

from codman.errors import CodmanError
from codman.flows import sign_in as provider_flow
from codman.flows.digest import choose
from codman.registry import accounts_sign_in as door
from codman.registry.access import NotAllowed, Reader
from codman.registry.accounts import demo_session
from codman.registry.accounts_demo import NotADemoHouse, demo_person, is_demo
from codman.registry.accounts_invitations import LinkSpent, find_invitation
from codman.registry.accounts_passwords import SHORTEST, Busy, WeakPassword
from codman.registry.accounts_provider import Provider, ProviderRefused
from codman.registry.accounts_sessions import Opened, end_session, end_sessions
from codman.registry.accounts_throttle import TooManyAttempts
from codman.registry.nouns import PEOPLE
from codman.registry.records import AlreadyThere, BadField
from codman.spine.person import Role
from codman.web.session import browser_of, drop_session, drop_visit, set_session, set_visit, visit_cookie, visitor_of
from codman.web.topic import Topic
from codman.web.views import sign_in as views
from codman.web.views.frame import ROLES
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_BACK: Final = "/sign-in/back"
_LONGEST_ONWARD: Final = 1000
_HINT: Final = f"At least {SHORTEST} characters; several words that nobody would guess do well."


@topic.get("/sign-in")
def sign_in_page(visit: VisitDep) -> Response:
    """The door: password, provider, or a look around a demo house."""
    return _entrance(visit, "", visit.request.query_params.get("next"), {}, "", 200)


@topic.post("/sign-in")
def sign_in(visit: VisitDep, form: FormDep) -> Response:
    """Sign in with e-mail and password."""
    email, onward = form.get("email") or "", onward_of(form.get("next"))
    house = visit.house
    try:
        opened = door.sign_in(
            house.database, email, form.values.get("password", ""), browser_of(visit.request), house.settings
        )
    except (door.SignInRefused, TooManyAttempts, Busy) as error:
        return _retry_after(_entrance(visit, email, onward, {}, _said(error), _status(error)), error)
    return _signed_in(visit, opened, onward)


@topic.post("/sign-out")
def sign_out(visit: VisitDep) -> Response:
    """End this session."""
    token = visitor_of(visit.request).token
    if token is not None:
        end_session(visit.house.database, token)
    answer = visit.go("/sign-in")
    drop_session(answer, visit.house.settings)
    answer.headers["Clear-Site-Data"] = '"cache"'  # what was seen here is not shown to the next at this desk
    return answer


@topic.post("/sign-in/demo")
def look_around(visit: VisitDep, form: FormDep) -> Response:
    """Look around a demo house in one role."""
    try:
        role = Role(form.get("role") or "")
    except ValueError:
        raise BadField("sign-in", "role", "it is none of the roles") from None
    house = visit.house
    opened = demo_session(house.database, role, house.settings, browser_of(visit.request))
    return _signed_in(visit, opened, onward_of(form.get("next")))


@topic.get("/sign-in/again")
def prove_page(visit: VisitDep) -> Response:
    """Prove once more who one is, before a signature."""
    return _again(visit, visit.request.query_params.get("next"), {}, "", 200)


@topic.post("/sign-in/again")
def prove(visit: VisitDep, form: FormDep) -> Response:
    """Prove it by password."""
    house, onward = visit.house, onward_of(form.get("next"))
    try:
        opened = door.prove_again(
            house.database, visit.reader, form.values.get("password", ""), browser_of(visit.request), house.settings
        )
    except door.SignInRefused as error:
        return _again(visit, onward, {"password": "this is not your password"}, "", _status(error))
    except (TooManyAttempts, Busy) as error:
        return _retry_after(_again(visit, onward, {}, _said(error), _status(error)), error)
    return _signed_in(visit, opened, onward)


@topic.get("/sign-in/provider")
def to_provider(visit: VisitDep) -> Response:
    """Go to the provider; with `again`, to prove once more who one is. A link, not a form: forms stay in this house."""
    house, asked = visit.house, visit.request.query_params
    away = provider_flow.leave(
        house.database,
        _provider(visit),
        house.settings.address + _BACK,
        onward_of(asked.get("next")),
        visit.reader if "again" in asked else None,
    )
    answer = visit.go(away.address)
    set_visit(answer, away.token, house.settings)
    return answer


@topic.get(_BACK)
def from_provider(visit: VisitDep) -> Response:
    """Come back from the provider."""
    house = visit.house
    token = visit.request.cookies.get(visit_cookie(house.settings))
    answer = dict(visit.request.query_params)
    try:
        back = provider_flow.come_back(
            house.database,
            _provider(visit),
            house.settings.address + _BACK,
            token,
            answer,
            browser_of(visit.request),
            house.settings,
        )
    except (ProviderRefused, door.NobodyHere) as error:
        refused = _entrance(visit, "", None, {}, _said(error), 403)
        drop_visit(refused, house.settings)
        return refused
    signed_in = _signed_in(visit, back.session, back.onward)
    drop_visit(signed_in, house.settings)
    return signed_in


@topic.get("/join/{token}")
def join_page(visit: VisitDep, token: str) -> Response:
    """Where a one-time link leads. Looking does not use it up: mail programs look."""
    return _join(visit, token, {}, {}, "", 200)


@topic.post("/join/{token}")
def join(visit: VisitDep, form: FormDep, token: str) -> Response:
    """Take a one-time link."""
    house = visit.house
    said = {name: form.get(name) or "" for name in ("name", "email")}
    if form.values.get("password", "") != form.values.get("repeated", ""):
        return _join(visit, token, said, {"repeated": "the two are not the same"}, "", 422)
    try:
        opened = door.join(
            house.database,
            token,
            name=said["name"],
            email=said["email"],
            password=form.values.get("password", ""),
            browser=browser_of(visit.request),
            settings=house.settings,
        )
    except WeakPassword as error:
        return _join(visit, token, said, {"password": f"{error.why}; {error.fix}"}, "", 422)
    except BadField as error:
        return _join(visit, token, said, {error.field: error.why}, "" if error.field in said else error.why, 422)
    except (AlreadyThere, Busy) as error:
        return _retry_after(_join(visit, token, said, {}, _said(error), _status(error)), error)
    except LinkSpent as error:
        return _entrance(visit, "", None, {}, _said(error), 410)
    return _signed_in(visit, opened, "/")


@topic.get("/account")
def account_page(visit: VisitDep) -> Response:
    """One's own account: roles, sessions, tokens."""
    house, reader = visit.house, visit.reader
    with house.database.reading() as connection:
        email = PEOPLE.get(connection, reader.person).email
        view = views.account(connection, reader, email, house.settings, house.database.clock())
    return visit.show("sign_in_account.html", view)


@topic.post("/account/sessions/{name}/end")
def end_one_session(visit: VisitDep, name: str) -> Response:
    """End one of one's own sessions; `others` ends all but this one."""
    reader = _own(visit)
    others = name == "others"
    end_sessions(
        visit.house.database,
        reader.author(),
        reader.person,
        name=None if others else name,
        but=reader.via_id if others else None,
    )
    return visit.go("/account" if name != reader.via_id else "/sign-in")


@topic.post("/account/digest")
def choose_digest(visit: VisitDep, form: FormDep) -> Response:
    """Have the daily mail, or do without it."""
    choose(visit.house, _own(visit), form.get("wanted") == "yes")
    return visit.go("/account#mail")


@topic.get("/account/password")
def password_page(visit: VisitDep) -> Response:
    """Change one's own password."""
    _own(visit)
    return _password(visit, {}, "", 200)


@topic.post("/account/password")
def change_password(visit: VisitDep, form: FormDep) -> Response:
    """Change it; every other session of one's own ends."""
    reader = _own(visit)
    old, new = form.values.get("password", ""), form.values.get("new", "")
    if new != form.values.get("repeated", ""):
        return _password(visit, {"repeated": "the two are not the same"}, "", 422)
    try:
        door.change_password(visit.house.database, reader, old, new, browser_of(visit.request))
    except WeakPassword as error:
        return _password(visit, {"new": f"{error.why}; {error.fix}"}, "", 422)
    except door.SignInRefused:
        return _password(visit, {"password": "this is not your password"}, "", 422)
    except (TooManyAttempts, Busy) as error:
        return _retry_after(_password(visit, {}, _said(error), _status(error)), error)
    return visit.go("/account")


def onward_of(wanted: str | None) -> str:
    """Where to go after signing in: a path of this house, whatever the link asked for."""
    if wanted is None or len(wanted) > _LONGEST_ONWARD or not wanted.startswith("/"):
        return "/"
    if wanted.startswith("//") or any(c == "\\" or ord(c) < 0x21 or ord(c) == 0x7F for c in wanted):
        return "/"  # browsers read `/\host` and `/<tab>/host` as another host
    parts = urlsplit(wanted)
    return "/" if parts.netloc or parts.scheme or parts.path.startswith(("/sign-in", "/join/")) else wanted


def _signed_in(visit: Visit, opened: Opened, onward: str) -> Response:
    answer = visit.go(onward)
    set_session(answer, opened, visit.house.settings)
    return answer


def _own(visit: Visit) -> Reader:
    """Who is signed in with an account of their own: a demo sign-in is somebody else's."""
    if visit.reader.read_only:
        raise NotAllowed("account.change", "by a read-only sign-in")
    return visit.reader


def _provider(visit: Visit) -> Provider:
    if visit.house.provider is None:
        raise ProviderRefused("this house has no sign-in provider")
    return visit.house.provider


def _entrance(
    visit: Visit, email: str, onward: str | None, errors: views.Errors, general: str, status: int
) -> Response:
    onward = onward_of(onward)
    with visit.house.database.reading() as connection:
        roles = list(Role) if is_demo(connection) else []
        demo = [role for role in roles if _has_demo(connection, role)]
    query = urlencode({"next": onward})
    view = views.Entrance(
        asked=(
            views.line("email", "E-mail address", email, errors, kind="email", autocomplete="username"),
            views.secret("password", "Password", errors),
        ),
        general=general,
        onward=onward,
        provider=f"/sign-in/provider?{query}" if visit.house.provider is not None else "",
        demo=views.role_words(demo),
    )
    return visit.show("sign_in.html", view, status=status)


def _has_demo(connection: Connection, role: Role) -> bool:
    try:
        demo_person(connection, role)
    except NotADemoHouse:
        return False
    return True


def _again(visit: Visit, onward: str | None, errors: views.Errors, general: str, status: int) -> Response:
    onward = onward_of(onward)
    query = urlencode({"next": onward, "again": "1"})
    view = views.Entrance(
        asked=(views.secret("password", "Password", errors),),
        general=general,
        onward=onward,
        provider=f"/sign-in/provider?{query}" if visit.house.provider is not None else "",
        password=not visit.reader.read_only,
    )
    return visit.show("sign_in_again.html", view, status=status)


def _join(visit: Visit, token: str, said: dict[str, str], errors: views.Errors, general: str, status: int) -> Response:
    with visit.house.database.reading() as connection:
        try:
            invited = find_invitation(connection, token, visit.house.database.clock())
        except LinkSpent as error:
            return _entrance(visit, "", None, {}, _said(error), 410)
    view = views.Entrance(
        asked=(
            views.line("name", "Your name", said.get("name", ""), errors, autocomplete="name"),
            views.line(
                "email",
                "E-mail address",
                said.get("email", invited.email or ""),
                errors,
                kind="email",
                autocomplete="username",
            ),
            views.secret("password", "Password", errors, new=True, hint=_HINT),
            views.secret("repeated", "Password once more", errors, new=True),
        ),
        general=general,
        role=ROLES[invited.role],
    )
    return visit.show("sign_in_join.html", view, status=status)


def _password(visit: Visit, errors: views.Errors, general: str, status: int) -> Response:
    view = views.Entrance(
        asked=(
            views.secret("password", "Password now", errors),
            views.secret("new", "New password", errors, new=True, hint=_HINT),
            views.secret("repeated", "New password once more", errors, new=True),
        ),
        general=general,
    )
    return visit.show("sign_in_password.html", view, status=status)


def _said(error: CodmanError) -> str:
    return f"{error.why[:1].upper()}{error.why[1:]}: {error.fix}."


def _status(error: CodmanError) -> int:
    return 429 if isinstance(error, TooManyAttempts | Busy) else 409 if isinstance(error, AlreadyThere) else 401


def _retry_after(answer: Response, error: CodmanError) -> Response:
    if isinstance(error, TooManyAttempts | Busy):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer
