"""Say that something is wrong: a form for anybody on a ward, by a poster's code or without one, with no account."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from pydantic import ValidationError
from starlette.responses import Response

from codman.errors import CodmanError
from codman.evidence.canonical import canonical, sha256
from codman.flows.concerns.people import Circle
from codman.flows.concerns.posters import Posted, posted_at, poster
from codman.flows.concerns.raising import Place, Said, may_identify, place_within, raise_concern
from codman.flows.concerns.reading import sent_receipt
from codman.flows.concerns.telling import GRAVE, MAIL, spoken
from codman.flows.concerns.throttle import COMMON, Throttle, TooManyConcerns, person_door, poster_door
from codman.flows.concerns.tools import place_of_tool, tools_on_wards
from codman.registry.accounts_throttle import network_of
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.requests import KeyReused, Once
from codman.web.pages.errors import status_of
from codman.web.topic import Topic
from codman.web.views.concern import Sent, concern_form, poster_view, reaches
from codman.web.views.forms import Ask, Option
from codman.web.views.lists import FEW, Lists, found_by, is_search, searched
from codman.web.views.sent import Form
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_ASKED: Final = ("category", "severity", "ward", "words", "contact", "happened_on")
_NOT_KEPT: Final = {
    "category": "choose one",
    "severity": "choose one",
    "happened_on": "give a day, today at the latest",
}
_KEY_LENGTHS: Final = range(16, 65)


@topic.get("/concern")
def form_page(visit: VisitDep) -> Response:
    """The form, about whatever they name."""
    return _shown(visit, "", {}, {}, status=200)


@topic.get("/concern/sent/{name}")
def sent_page(visit: VisitDep, name: str) -> Response:
    """What somebody sees who sent one: its number, who has it, by when."""
    receipt = sent_receipt(visit.house, name)
    view = Sent(
        number=receipt.number,
        reaches=reaches(receipt.circle),
        see_by=spoken(receipt.see_by, visit.house.settings.zone),
        mailed=receipt.by_mail and MAIL in visit.house.notifiers,
        ask=reaches(Circle.OFFICERS.value),
    )
    return visit.show("concern_sent.html", view)


@topic.get("/concern/{token}")
def posted_page(visit: VisitDep, token: str) -> Response:
    """The form behind a poster's code; a link that is none of ours gives the form all the same."""
    return _shown(visit, token, {}, {}, status=200)


@topic.get("/concern/{token}/poster")
def poster_page(visit: VisitDep, token: str) -> Response:
    """The sheet for the wall; whoever has the link may print it again."""
    found = poster(visit.house, token)
    if found is None:
        raise NoSuchRecord("poster", "of this link")
    return visit.show("poster.html", poster_view(found))


@topic.post("/concern")
def send(visit: VisitDep, form: FormDep) -> Response:
    """Take a concern about whatever they name."""
    return _take(visit, form, "")


@topic.post("/concern/{token}")
def send_by_link(visit: VisitDep, form: FormDep, token: str) -> Response:
    """Take a concern that came by a poster's code."""
    return _take(visit, form, token)


def _take(visit: Visit, form: Form, token: str) -> Response:
    if is_search(form):
        return _shown(visit, token, form.values, {}, status=200)
    posted = posted_at(visit.house, token) if token else None
    said, errors = _said(form)
    if said is None:
        return _shown(visit, token, form.values, errors, status=422)
    if (may_identify(said.words) or may_identify(said.ward)) and form.get("sure") != "yes":
        return _shown(visit, token, form.values, {}, status=422, looks=True)
    try:
        place = _place(visit, form, posted)
        raised = raise_concern(
            visit.house,
            said,
            place,
            reader=visit.who if visit.may("concern.create") else None,
            named=form.get("named") == "yes",
            once=_once(form, said),
            in_flood=_passes(visit, said, token if posted is not None else ""),
        )
    except BadField as error:
        return _shown(visit, token, form.values, {error.field: error.why}, status=422)
    except TooManyConcerns as error:
        answer = _refused(visit, token, form, error, 429)
        answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    except KeyReused:  # the same page, sent before with other words: it is another concern now
        return _shown(visit, token, form.values, {}, status=409, refused="It was sent before with other words.")
    except CodmanError as error:
        return _refused(visit, token, form, error, status_of(error))
    return visit.go(f"/concern/sent/{raised.concern.id}")


def _refused(visit: Visit, token: str, form: Form, error: CodmanError, status: int) -> Response:
    refused = f"{error.why[:1].upper()}{error.why[1:]}. What to do: {error.fix}."
    return _shown(visit, token, form.values, {}, status=status, refused=refused)


def _said(form: Form) -> tuple[Said | None, dict[str, str]]:
    """What a form says, or what of it cannot be kept."""
    told: dict[str, Any] = {name: form.get(name) for name in _ASKED if form.get(name) is not None}
    missing = {name: "choose one" for name in ("category", "severity") if name not in told}
    if missing:
        return None, missing
    try:
        return Said.model_validate(told), {}
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)
        wrong = {
            str(one["loc"][0]): str(one["msg"])
            .replace("String should have", "this has to have")
            .removeprefix("Value error, ")
            for one in first
        }
        return None, {name: _NOT_KEPT.get(name, why) for name, why in wrong.items()}


def _place(visit: Visit, form: Form, posted: Posted | None) -> Place:
    if posted is not None:
        return posted.place
    if not visit.may("inventory.read"):
        tool = form.get("tool")
        place = Place() if tool is None else place_of_tool(visit.house, tool)
        if place is None:
            raise BadField("concern", "tool", "choose one of the list, or say that you do not know")
        return place
    return place_within(visit.house, visit.reader, form.get("use"), form.get("site"))


def _once(form: Form, said: Said) -> Once | None:
    """A form sent twice is one concern: by the key it came with, and only with the same words."""
    key = form.get("once") or ""
    if len(key) not in _KEY_LENGTHS or not key.isalnum():
        return None
    return Once(source="web:concern", key=key, body_digest=sha256(canonical(said.model_dump(mode="json"))))


def _passes(visit: Visit, said: Said, token: str) -> bool:
    """Count it by the way it came; whether it came in a flood."""
    door = COMMON
    if token:
        door = poster_door(token)
    elif visit.who is not None and visit.may("concern.create"):
        door = person_door(visit.who.person)
    address = network_of(visit.request.client.host if visit.request.client else "")
    return _throttle(visit.request).pass_one(address, door, harm=said.severity in GRAVE)


def _throttle(request: Request) -> Throttle:
    throttle: Throttle = request.app.state.concerns
    return throttle


def _shown(
    visit: Visit,
    token: str,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    status: int,
    refused: str = "",
    looks: bool = False,
) -> Response:
    posted = posted_at(visit.house, token) if token else None
    today = visit.house.database.today().isoformat()
    key = values.get("once", "")
    # other words under an old key would be refused for ever
    once = key if key and status != 409 else secrets.token_hex(16)
    view = concern_form(
        action=f"/concern/{token}" if token else "/concern",
        posted=posted,
        lost_link=bool(token) and posted is None,
        values=values,
        errors=errors,
        asks=_which(visit, values) if posted is None else (),
        today=today,
        once=once[:64],
        signed_in=visit.may("concern.create"),
        refused=refused,
        looks=looks,
    )
    return visit.show("concern.html", view, status=status)


def _which(visit: Visit, values: Mapping[str, str]) -> tuple[Ask, ...]:
    """Which tool and where: of what they may look up, or, without an account, of what runs on wards now."""
    ward = Ask(name="ward", label="Which ward or unit", hint="As you call it.")
    if not visit.may("inventory.read"):
        return (_tools(visit, values), ward)
    lists = Lists(house=visit.house, reader=visit.reader, values=values, words=searched(values))
    return (
        lists.ask("use", name="use", label="Which tool", unsaid="I cannot say"),
        lists.ask("site", name="site", label="Where", unsaid="I cannot say"),
        ward,
    )


def _tools(visit: Visit, values: Mapping[str, str]) -> Ask:
    words = searched(values).get("tool", "").strip()
    found = tools_on_wards(visit.house, words=words, limit=FEW + 1)
    many = bool(words) or len(found) > FEW
    shown = found[:FEW] if words or not many else []
    chosen = values.get("tool", "")
    if chosen and chosen not in {one.id for one in shown}:
        shown = [*tools_on_wards(visit.house, only=chosen, limit=1), *shown]
    options = [Option(one.id, one.name, one.site) for one in shown]
    return Ask(
        name="tool",
        label="Which tool",
        kind="choice",
        hint=found_by(words, len(found)) if many else "",
        options=tuple(options),
        unsaid="I do not know",
        search=words if many else None,
    )
