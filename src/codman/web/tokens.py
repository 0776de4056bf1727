"""A token of one's own: made after a fresh proof of who one is, shown once; revoked at once."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from codman.flows.tokens import create_token
from codman.registry.access import NotAllowed, Reader
from codman.registry.accounts_tokens import LONGEST_DAYS, USUAL_DAYS, BadDays, BadScope, revoke, token_named
from codman.registry.database import instant
from codman.registry.records import BadField, NoSuchRecord
from codman.web.topic import Topic
from codman.web.views.forms import Ask, Option, shown
from codman.web.views.tokens import PURPOSES, NewToken, TokenForm
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_PROVE: Final = "/sign-in/again?next=/account/tokens/new"


@topic.get("/account/tokens/new")
def new_token_page(visit: VisitDep) -> Response:
    """The form for a token; who signed in too long ago proves first who they are."""
    if not _is_fresh(visit, _own(visit)):
        return visit.go(_PROVE)
    return _form(visit, {"days": str(USUAL_DAYS)}, {}, (), status=200)


@topic.post("/account/tokens/new")
def make_token(visit: VisitDep, form: FormDep) -> Response:
    """Make it, and show its secret this one time."""
    reader = _own(visit)
    if not _is_fresh(visit, reader):
        return visit.go(_PROVE)
    said = {name: form.get(name) or "" for name in ("name", "days", "other")}
    chosen = tuple(scope for scope in form.every.get("scope", []) if scope in PURPOSES)
    written = (part.strip() for part in said["other"].replace("\n", ",").split(","))
    scopes = sorted({*chosen, *(part for part in written if part)})
    days = int(said["days"]) if said["days"].isdecimal() and len(said["days"]) < 6 else 0
    errors = {}
    if not said["name"]:
        errors["name"] = "say what it is for, so that you know later which to revoke"
    if not scopes:
        errors["scope"] = "choose at least one thing it may do"
    if not errors:
        try:
            issued = create_token(visit.house, reader, reader.person, scopes, name=said["name"], days=days)
        except BadDays as error:
            errors["days"] = error.fix
        except BadScope as error:
            errors["other"] = f"{error.what}: {error.fix}"
        except BadField as error:
            errors["scope"] = error.why
        else:
            return visit.show("token_made.html", NewToken(issued.secret, issued.token.name, issued.token.ends_at))
    return _form(visit, said, errors, chosen, status=422)


@topic.post("/account/tokens/{name}/revoke")
def revoke_token(visit: VisitDep, name: str) -> Response:
    """Revoke one of one's own; no fresh proof is asked, for a lost one must stop at once."""
    reader = _own(visit)
    # not the flow, which asks for a role: who has lost theirs may still stop their own token
    with visit.house.database.changing(reader.author()) as change:
        if token_named(change.connection, name).person != reader.person:
            raise NoSuchRecord("token", name)
        revoke(change, name)
    return visit.go("/account#tokens")


def _own(visit: Visit) -> Reader:
    """Who is signed in with an account of their own: a demo sign-in is somebody else's."""
    if visit.reader.read_only:
        raise NotAllowed("token.create", "by a read-only sign-in")
    return visit.reader


def _is_fresh(visit: Visit, reader: Reader) -> bool:
    return reader.fresh_until is not None and reader.fresh_until > instant(visit.house.database.clock())


def _form(
    visit: Visit, said: dict[str, str], errors: dict[str, str], chosen: tuple[str, ...], *, status: int
) -> Response:
    asks = (
        Ask(name="name", label="What it is for", needed=True, hint="e.g. nightly evaluation of the sepsis model"),
        Ask(name="days", label=f"For how many days, at most {LONGEST_DAYS}", kind="amount", needed=True),
        Ask(
            name="other",
            label="Other actions",
            hint="As the API's description names them, with commas between, e.g. deployment.change",
        ),
    )
    view = TokenForm(
        asked=shown(asks, said, errors),
        every=shown((Ask(name="scope", label="What it may do"), *asks), said, errors),
        scopes=tuple(Option(scope, words) for scope, words in PURPOSES.items()),
        chosen=chosen,
        scope_error=errors.get("scope", ""),
    )
    return visit.show("token_form.html", view, status=status)
