"""As what a reviewer judges a case, put right before anybody has voted."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from codman.flows.review.cases import CaseClosed, Docket, docket
from codman.flows.review.seats import correct_discipline
from codman.registry import governance
from codman.registry.access import NotAllowed, paths_for
from codman.registry.names import names_of
from codman.registry.records import AlreadyThere, BadField, Stale
from codman.spine.review import Reviewer
from codman.web.pages.errors import status_of
from codman.web.pages.review_steps import discipline_in, revision_in
from codman.web.topic import Topic
from codman.web.views.marks import Fact
from codman.web.views.review_forms import discipline_asks
from codman.web.views.step import Refused, refused_by, step_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()


@topic.get("/reviewers/{name}/discipline")
def discipline_page(visit: VisitDep, name: str) -> Response:
    """The form that corrects as what a reviewer judges a case."""
    one, found = _named(visit, name)
    return _shown(visit, one, found, {"discipline": one.discipline})


@topic.post("/reviewers/{name}/discipline")
def correct(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Correct it."""
    one, found = _named(visit, name)
    try:
        correct_discipline(visit.house, visit.reader, name, revision_in(form), discipline_in(form))
        return visit.go(f"/reviews/{one.case}#people")
    except BadField as error:
        return _shown(visit, one, found, form.values, {error.field: error.why}, status=422)
    except (NotAllowed, AlreadyThere, Stale, CaseClosed) as error:
        one, found = _named(visit, name)  # as somebody else left it
        return _shown(visit, one, found, form.values, refused=refused_by(error), status=status_of(error))


def _named(visit: Visit, name: str) -> tuple[Reviewer, Docket]:
    with visit.house.database.reading() as connection:
        one: Reviewer = governance.get(connection, "reviewer", name, paths_for(visit.reader, "review.read"))
    return one, docket(visit.house, visit.reader, one.case)


def _shown(
    visit: Visit,
    one: Reviewer,
    found: Docket,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    with visit.house.database.reading() as connection:
        named = names_of(connection, [one.person])
    view = step_view(
        title="Correct what a reviewer judges it as",
        lead="Votes from some disciplines are needed. Once somebody has voted, this stays as it is.",
        back=(f"/reviews/{one.case}#people", "Back to the case"),
        action=f"/reviewers/{one.id}/discipline",
        submit="Correct it",
        asks=discipline_asks(found, named=one.discipline),
        values=values,
        errors=errors,
        hidden={"revision": str(one.revision)},
        facts=(Fact("Reviewer", named.get(one.person, one.person)), Fact("Named as", one.discipline)),
        refused=refused,
    )
    return visit.show("step.html", view, status=status)
