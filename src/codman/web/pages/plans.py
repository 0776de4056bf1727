"""Change plans (FDA PCCP): written in their three parts, read, laid before a case that approves them or does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from codman.flows import records
from codman.flows.review.cases import CaseClosed
from codman.flows.review.plans import approved, approves_plans, draft_plan, put_before, requirements_to_plan
from codman.flows.review.reading import list_cases
from codman.registry import governance
from codman.registry.access import NotAllowed, may, paths_for, require
from codman.registry.inventory import paths_of
from codman.registry.nouns import USES
from codman.registry.records import BadField, Stale
from codman.spine.reopening import ChangePlan
from codman.spine.review import Case, CaseState
from codman.spine.use import Use
from codman.web.pages.errors import status_of
from codman.web.pages.review_steps import revision_in
from codman.web.render import day
from codman.web.topic import Topic
from codman.web.views.forms import Ask, Option, answers, unanswered
from codman.web.views.marks import Fact
from codman.web.views.plans import plan_asks, plan_fields, plan_view, wrong_requirements
from codman.web.views.step import Picks, Refused, refused_by, step_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_LEAD: Final = (
    "What is said here may change without a new decision, if evidence meets the requirements again. "
    "Part 1 is what may change: leave open what may not. Nothing is allowed until a case approves it."
)


@topic.get("/uses/{use_id}/plans/new")
def new_plan_page(visit: VisitDep, use_id: str) -> Response:
    """The form of a plan."""
    use = _use(visit, use_id)
    return _form(visit, use, {}, set())


@topic.post("/uses/{use_id}/plans/new")
def make_plan(visit: VisitDep, form: FormDep, use_id: str) -> Response:
    """Keep a plan as a draft."""
    use = _use(visit, use_id)
    offered = requirements_to_plan(visit.house, visit.reader, use.id)
    asks = plan_asks(requirements=not offered)
    said = {name: value for name, value in answers(asks, form).items() if value is not None}
    chosen = form.every.get("requirements", []) if offered else said.get("requirements", [])
    errors = unanswered(asks, form.values)
    if why := wrong_requirements(chosen, list(offered)):
        errors["requirements"] = why
    first = plan_fields(said)
    if not first["modifications"]:
        errors["part 1"] = "say of at least one thing what it may become: that is the plan's first part"
    if not errors:
        fields = {
            **first,
            "use": use.id,
            "protocol": said["protocol"],
            "impact": said["impact"],
            "requirements": chosen,
            "valid_to": said.get("valid_to"),
        }
        try:
            made = draft_plan(visit.house, visit.reader, fields)
            return visit.go(f"/plans/{made.id}")
        except BadField as error:
            errors[error.field] = error.why
    return _form(visit, use, form.values, set(chosen), errors, status=422)


@topic.get("/plans/{name}")
def plan_page(visit: VisitDep, name: str) -> Response:
    """One plan in its three parts."""
    plan, use = _plan(visit, name)
    with visit.house.database.reading() as connection:
        holds = approved(connection, plan, visit.today())
        may_lay = plan.case is None and may(visit.reader, "plan.create", paths_of(connection, use))
    titles = requirements_to_plan(visit.house, visit.reader, use.id)
    return visit.show("plan.html", plan_view(plan, use, titles, holds=holds), may_lay=may_lay)


@topic.get("/plans/{name}/case")
def lay_page(visit: VisitDep, name: str) -> Response:
    """The form that lays a draft before a case."""
    plan, use = _plan(visit, name)
    _may_lay(visit, use)
    return _lay(visit, plan, use, {})


@topic.post("/plans/{name}/case")
def lay(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Lay a draft before a case."""
    plan, use = _plan(visit, name)
    _may_lay(visit, use)
    cases = _open_cases(visit, use)
    errors = unanswered((_case_ask(cases),), form.values)
    refused: Refused | None = None
    status = 422
    if not errors:
        try:
            put_before(visit.house, visit.reader, name, form.get("case") or "", revision_in(form))
            return visit.go(f"/plans/{name}")
        except BadField as error:
            errors = {error.field: error.why}
        except (CaseClosed, NotAllowed, Stale) as error:
            refused, status = refused_by(error), status_of(error)
            plan, _ = _plan(visit, name)
    return _lay(visit, plan, use, form.values, errors, refused, status=status)


def _use(visit: Visit, name: str) -> Use:
    use: Use = records.get(visit.house, visit.reader, "use", name)
    _may_lay(visit, use)
    return use


def _may_lay(visit: Visit, use: Use) -> None:
    with visit.house.database.reading() as connection:
        require(visit.reader, "plan.create", paths_of(connection, use))


def _plan(visit: Visit, name: str) -> tuple[ChangePlan, Use]:
    with visit.house.database.reading() as connection:
        plan: ChangePlan = governance.get(connection, "change_plan", name, paths_for(visit.reader, "review.read"))
        return plan, USES.get(connection, plan.use)


def _form(
    visit: Visit,
    use: Use,
    values: Mapping[str, str],
    chosen: set[str],
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    offered = requirements_to_plan(visit.house, visit.reader, use.id)
    picks = Picks(
        name="requirements",
        title="What evidence must meet again",
        hint="After each change of the plan, new evidence must meet these; until it does, they stand open.",
        options=tuple((one, title, one in chosen) for one, title in offered.items()),
    )
    view = step_view(
        title="Write a change plan",
        lead=_LEAD,
        back=(f"/uses/{use.id}/changes#plans", "Back to the changes"),
        action=f"/uses/{use.id}/plans/new",
        submit="Keep it as a draft",
        asks=plan_asks(requirements=not offered),
        values=values,
        errors=errors,
        facts=(Fact("Use", use.name, href=f"/uses/{use.id}"),),
        picks=picks if offered else None,
    )
    return visit.show("step.html", view, status=status)


def _open_cases(visit: Visit, use: Use) -> list[Case]:
    where = {"use": [use.id], "state": [CaseState.OPEN.value]}
    return [one for one in list_cases(visit.house, visit.reader, where=where, limit=50).items if approves_plans(one)]


def _case_ask(cases: list[Case]) -> Ask:
    options = tuple(Option(one.id, f"{one.checkpoint.value}, opened {day(one.created_at)}") for one in cases)
    none = "No case of this use is open: open a review first." if not cases else ""
    return Ask(name="case", label="Which case", kind="choice", options=options, needed=True, hint=none)


def _lay(
    visit: Visit,
    plan: ChangePlan,
    use: Use,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    view = step_view(
        title="Lay a change plan before a case",
        lead="Before its reviewers vote. If the case is granted, the plan is approved with it.",
        back=(f"/plans/{plan.id}", "Back to the plan"),
        action=f"/plans/{plan.id}/case",
        submit="Lay it before the case",
        asks=(_case_ask(_open_cases(visit, use)),),
        values=values,
        errors=errors,
        hidden={"revision": str(plan.revision)},
        facts=(Fact("Use", use.name, href=f"/uses/{use.id}"),),
        refused=refused,
    )
    return visit.show("step.html", view, status=status)
