"""Whoever owes a condition says that it is done, and what shows it; closing it is somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from codman.flows.house import House
from codman.flows.review.said_done import own_condition, say_done, shown_for
from codman.registry.access import NotAllowed, Reader, may
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.nouns import USES
from codman.registry.records import BadField, Stale
from codman.spine.review import Condition
from codman.web.pages.errors import status_of
from codman.web.pages.review_steps import revision_in
from codman.web.render import day, moment
from codman.web.topic import Topic
from codman.web.views.forms import Ask, Option, unanswered
from codman.web.views.marks import Fact
from codman.web.views.step import Refused, refused_by, step_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_SAID: Final = Ask(
    name="said_done", label="What was done", kind="prose", needed=True, hint="A few words. Leave patients out of it."
)


@topic.get("/conditions/{name}/done")
def done_page(visit: VisitDep, name: str) -> Response:
    """The form on which its owner says that a condition is done."""
    one = _own(visit, name)
    return _shown(visit, one, {"said_done": one.said_done or "", "shown_by": one.shown_by or ""})


@topic.post("/conditions/{name}/done")
def done(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Say that it is done."""
    one = _own(visit, name)
    errors = unanswered((_SAID,), form.values)
    refused: Refused | None = None
    status = 422
    if not errors:
        try:
            said, shown_by = form.get("said_done") or "", form.get("shown_by")
            say_done(visit.house, visit.reader, name, revision_in(form), said, shown_by)
            return visit.go(_back(visit.house, visit.reader, one)[0])
        except BadField as error:
            errors = {error.field: error.why}
        except (NotAllowed, Stale) as error:
            refused, status = refused_by(error), status_of(error)
            one = _own(visit, name)
    return _shown(visit, one, form.values, errors, refused, status=status)


def _own(visit: Visit, name: str) -> Condition:
    with visit.house.database.reading() as connection:
        return own_condition(connection, visit.reader, name)


def _shown(
    visit: Visit,
    one: Condition,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    with visit.house.database.reading() as connection:
        named = names_of(connection, [one.use])
    options = tuple(Option(each.digest, each.called) for each in shown_for(visit.house, visit.reader, one))
    asks = [_SAID]
    if options:
        hint = "A document or evidence of this use. File it first, if it is not there."
        unsaid = "nothing that is filed"
        asks.append(
            Ask(name="shown_by", label="What shows it", kind="choice", options=options, unsaid=unsaid, hint=hint)
        )
    view = step_view(
        title="Say that a condition of yours is done",
        lead=f"“{one.sentence}”",
        back=_back(visit.house, visit.reader, one),
        action=f"/conditions/{one.id}/done",
        submit="It is done",
        asks=asks,
        values=values,
        errors=errors,
        hidden={"revision": str(one.revision)},
        facts=(
            Fact("Use", named.get(one.use, one.use)),
            Fact("Due", day(one.due_on), "It is closed by who presides; until then it is open, and its day stands"),
            *_before(one),
        ),
        refused=refused,
    )
    return visit.show("step.html", view, status=status)


def _before(one: Condition) -> tuple[Fact, ...]:
    """What was said of it before, or why it came back."""
    if one.said_done_at is not None:
        return (Fact("You said so", moment(one.said_done_at), "what you send now takes its place"),)
    if one.returned_at is not None:
        return (Fact("It came back to you", day(one.returned_at), one.note or ""),)
    return ()


def _back(house: House, reader: Reader, one: Condition) -> tuple[str, str]:
    """The case, for an owner who may read it; else their own work."""
    with house.database.reading() as connection:
        places = paths_of(connection, USES.get(connection, one.use))
    if may(reader, "review.read", places):
        return f"/reviews/{one.case}#conditions", "Back to the case"
    return "/", "Back to your work"
