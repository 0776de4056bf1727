"""What evidence is about that names a use or a version which the book does not know: somebody says it, with why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from codman.errors import CodmanError
from codman.flows.filed import read_evidence
from codman.flows.settling import SETTLE, NotTheirsToSay, Unknown, may_be_about, names_unknown, say_about
from codman.registry.about import SubjectMismatch
from codman.registry.access import require
from codman.registry.names import names_of
from codman.registry.records import BadField, NoSuchRecord
from codman.web.pages.errors import status_of
from codman.web.topic import Topic
from codman.web.views.forms import Ask, Option, unanswered
from codman.web.views.marks import Fact
from codman.web.views.step import refused_by, step_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_NONE: Final = "none that the book has"
_WHY: Final = Ask(
    name="why",
    label="What shows it",
    kind="prose",
    needed=True,
    hint="Kept in the audit log. Leave patients out of it.",
)


@topic.get("/evidence/{digest}/meaning")
def meaning_page(visit: VisitDep, digest: str) -> Response:
    """The form on which somebody says what a statement is about."""
    return _shown(visit, _waiting(visit, digest), {})


@topic.post("/evidence/{digest}/meaning")
def say_meaning(visit: VisitDep, form: FormDep, digest: str) -> Response:
    """Say which use or version a statement is about, or that it is about none."""
    one = _waiting(visit, digest)
    errors = unanswered((_WHY,), form.values)
    refused: CodmanError | None = None
    if not errors:
        use, version = form.get("use"), form.get("version")
        try:
            say_about(visit.house, visit.reader, digest, use=use, version=version, why=form.get("why") or "")
            return visit.go(f"/evidence/{digest}")
        except BadField as error:
            errors = {error.field: error.why}
        except (NotTheirsToSay, SubjectMismatch) as error:
            refused = error
    return _shown(visit, one, form.values, errors, refused, status=422 if refused is None else status_of(refused))


def _waiting(visit: Visit, digest: str) -> Unknown:
    require(visit.reader, SETTLE)
    read_evidence(visit.house, visit.reader, digest)
    with visit.house.database.reading() as connection:
        found = names_unknown(connection, digest)
    if not found:
        raise NoSuchRecord("statement", digest)
    return found[0]


def _shown(
    visit: Visit,
    one: Unknown,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: CodmanError | None = None,
    *,
    status: int = 200,
) -> Response:
    with visit.house.database.reading() as connection:
        uses, labels = may_be_about(connection, one)
        product = names_of(connection, [one.product]).get(one.product, one.product)
    asks = []
    for name, label, found in (("use", "The use that it is about", uses), ("version", "The version", labels)):
        if found:
            options = tuple(Option(each, called) for each, called in found.items())
            asks.append(Ask(name=name, label=label, kind="choice", options=options, unsaid=_NONE))
    view = step_view(
        title="Say what this evidence is about",
        lead="What was signed stays as it is. What the book says of it is your word, and its reason stays in the log.",
        back=(f"/evidence/{one.digest}", "The evidence"),
        action=f"/evidence/{one.digest}/meaning",
        submit="Say what it is about",
        asks=[*asks, _WHY],
        values=values,
        errors=errors,
        facts=(
            Fact("Product", product, href=f"/products/{one.product}"),
            *((Fact("It names the use", one.use, "not in the book"),) if one.use is not None else ()),
            *((Fact("It names the version", one.version, "not in the book"),) if one.version is not None else ()),
        ),
        refused=None if refused is None else refused_by(refused),
    )
    return visit.show("step.html", view, status=status)
