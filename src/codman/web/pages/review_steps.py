"""Steps in a case: name, state, delegate, vote, ask, add a condition, accept, hand on, withdraw, sign. One form each.

A refusal shows the form again with what was typed: a stale page, a vote after the close, a sign-in that is too old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import Response

from codman.flows.fresh import NotFresh, require_fresh
from codman.flows.review import before_the_decision, cases, chairing, deciding, excluding, remarks, seats, voting
from codman.flows.review.beside import LaidOut, lay_out
from codman.registry.access import NotAllowed, require
from codman.registry.records import AlreadyThere, BadField, Stale
from codman.spine.review import CaseOutcome, CaseState, Choice, Conflict
from codman.web.pages.errors import status_of
from codman.web.topic import Topic
from codman.web.views.forms import unanswered
from codman.web.views.lists import Lists, is_search, searched
from codman.web.views.marks import Fact
from codman.web.views.review_facts import stops, votes_say, what_is_signed
from codman.web.views.review_forms import STEPS, Step
from codman.web.views.sent import Form
from codman.web.views.step import Refused, refused_by, step_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_REFUSALS: Final = (NotAllowed, AlreadyThere, Stale, cases.CaseClosed, deciding.CannotDecide, excluding.MustApply)
_FORM_ONLY: Final = frozenset({"find", "revision"})


def revision_in(form: Form) -> int:
    """The revision that the sender had read.

    Raises:
        BadField: The form does not say it.
    """
    text = form.get("revision") or ""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadField("case", "revision", "the form does not say which revision was read: open the page again")
    return int(text)


def _page(step: Step) -> Callable[[VisitDep, str], Response]:
    def step_page(visit: VisitDep, name: str) -> Response:
        found = lay_out(visit.house, visit.reader, name)
        _may_begin(visit, found, step)
        if step.name == "decide":
            try:
                require_fresh(visit.house, visit.reader, "sign a decision")
            except NotFresh:  # before anything is typed
                return visit.go(f"/sign-in/again?next=/reviews/{found.docket.case.id}/decide")
        sent = {key: value[:2000] for key, value in visit.request.query_params.items() if key not in _FORM_ONLY}
        return _shown(visit, found, step, {**_at_first(found, step, visit, sent), **sent})

    step_page.__doc__ = f"{step.title}: its form."
    return step_page


def _take(step: Step) -> Callable[[VisitDep, FormDep, str], Response]:
    def take(visit: VisitDep, form: FormDep, name: str) -> Response:
        found = lay_out(visit.house, visit.reader, name)
        if is_search(form):
            return _shown(visit, found, step, form.values)
        errors = unanswered(step.asks(found, _lists(visit, form.values)), form.values)
        refused: Refused | None = None
        status = 422
        if not errors:
            try:
                _DO[step.name](visit, form, found)
                there = f"/reviews/{found.docket.case.id}"
                return visit.go(f"{there}/decision" if step.name == "decide" else f"{there}{step.back}")
            except BadField as error:
                errors = {error.field: error.why}
            except _REFUSALS as error:
                again = f"/sign-in/again?next=/reviews/{found.docket.case.id}" if isinstance(error, NotFresh) else ""
                refused, status = refused_by(error, again), status_of(error)
                found = lay_out(visit.house, visit.reader, name)  # as somebody else left it
        return _shown(visit, found, step, form.values, errors, refused, status=status)

    take.__doc__ = f"{step.title}."
    return take


def _may_begin(visit: Visit, found: LaidOut, step: Step) -> None:
    """Refuse the form as the step itself would be refused: nobody fills in what cannot be kept."""
    if not found.working:
        raise cases.CaseClosed(found.docket.case.state)
    voted = found.docket.case.state is CaseState.VOTING
    theirs = found.docket.case.proposed_by == visit.reader.person and not voted
    require(visit.reader, "case.change" if step.name == "withdrawal" and not theirs else step.action, found.places)
    if step.name in ("interest", "delegation") and found.own is None and (step.name != "interest" or not found.hand_of):
        raise cases.NotYours("you are not named as a reviewer of this case", "ask the chair to name you")
    if step.name == "delegation" and not found.impartial(visit.reader):
        raise cases.NotYours("you have no vote to hand on in this case")
    if step.name == "votes" and not found.hand_of and found.why_no_vote is not None:
        raise cases.NotYours(found.why_no_vote)
    if step.name == "decide" and (why := found.why_no_decision(visit.reader)) is not None:
        raise cases.NotYours(why[:1].lower() + why[1:])
    judges = step.name in ("acceptances", "chair", "conditions", "reviewers") or (voted and step.name == "withdrawal")
    if judges and (why := found.docket.interested.get(visit.reader.person)) is not None:
        raise cases.NotYours(f"you {why}: others decide")
    if judges and not found.impartial(visit.reader):
        raise cases.NotYours("you declared a conflict of interest in this case")
    if step.name == "chair" and (why := chairing.why_not_named_by(found.docket, visit.reader)) is not None:
        raise cases.NotYours(why)


def _shown(
    visit: Visit,
    found: LaidOut,
    step: Step,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    case = found.docket.case
    hidden: dict[str, str] = {}
    if "revision" in step.hidden:
        mine = next((one for one in found.docket.votes if one.person == visit.reader.person), None)
        revision = (None if mine is None else mine.revision) if step.name == "votes" else case.revision
        hidden |= {} if revision is None else {"revision": str(revision)}
    if "on" in step.hidden:
        hidden["on"] = found.table
    if "answers" in step.hidden and values.get("answers"):
        hidden["answers"] = values["answers"][:64]
    view = step_view(
        title=step.title,
        lead=step.lead,
        back=(f"/reviews/{case.id}{step.back}", "Back to the case"),
        action=f"/reviews/{case.id}/{step.name}",
        submit=step.submit,
        asks=step.asks(found, _lists(visit, values)),
        values=values,
        errors=errors,
        hidden=hidden,
        facts=_about(found, step, values),
        refused=refused,
    )
    return visit.show("step.html", view, status=status)


def _lists(visit: Visit, values: Mapping[str, str]) -> Lists:
    return Lists(house=visit.house, reader=visit.reader, values=values, words=searched(values))


def _at_first(found: LaidOut, step: Step, visit: Visit, sent: Mapping[str, str]) -> dict[str, str]:
    """What a form says before anybody wrote in it."""
    if step.name == "interest" and found.own is not None:
        stated = "" if found.own.conflict is Conflict.NOT_STATED else found.own.conflict.value
        return {"conflict": stated, "note": found.own.conflict_note or ""}
    if step.name == "delegation" and found.own is not None:
        return {"to": found.own.delegate or ""}
    if step.name == "votes":
        mine = next((one for one in found.docket.votes if one.person == visit.reader.person), None)
        return {} if mine is None else {"choice": mine.choice.value, "reason": mine.reason or ""}
    if step.name == "acceptances":
        one = next((one for one in found.requirements if one.id == sent.get("requirement")), None)
        if one is not None:
            said = {"sentence": f"Measure “{one.title}” again on more patients and show that it holds."}
            return said | ({} if one.patients_needed is None else {"patients_needed": str(one.patients_needed)})
    return {}


def _about(found: LaidOut, step: Step, values: Mapping[str, str]) -> list[Fact]:
    case = found.docket.case
    about = [Fact("Case", found.docket.use.name, detail=f"{case.checkpoint.value}, {case.state.value}")]
    if step.name == "decide":
        about += [votes_say(found), stops(found)]
        about += what_is_signed(found)
        if case.plans:
            about.append(
                Fact("Change plans", str(len(case.plans)), detail="approved with it, if it grants what it asks")
            )
    if step.name == "remarks" and (asked := _question(found, values.get("answers"))):
        about.append(Fact("Answers", asked))
    if step.name in ("acceptances", "exclusions", "remarks"):
        one = next((one for one in found.requirements if one.id == values.get("requirement")), None)
        if one is not None:
            about.append(Fact(one.title, one.sentence))
    return about


def _question(found: LaidOut, name: str | None) -> str:
    return next((one.text for one in found.docket.remarks if one.id == name), "")


def discipline_in(form: Form) -> str:
    """As what somebody judges it: chosen from the list, or another in words; one of them and not both."""
    chosen, written = (form.get("discipline") or "").strip(), (form.get("another") or "").strip()
    if bool(chosen) == bool(written):
        why = "choose one of the list, or write another; not both" if chosen else "choose one, or write another below"
        raise BadField("reviewer", "discipline", why)
    return chosen or written


def _name(visit: Visit, form: Form, found: LaidOut) -> None:
    person, discipline = form.get("person") or "", discipline_in(form)
    seats.name_reviewer(visit.house, visit.reader, found.docket.case.id, person, discipline)


def _state(visit: Visit, form: Form, found: LaidOut) -> None:
    said = _one_of(Conflict, form.get("conflict"), "conflict")
    seats.state_interest(visit.house, visit.reader, found.docket.case.id, said, form.get("note"))


def _delegate(visit: Visit, form: Form, found: LaidOut) -> None:
    seats.delegate(visit.house, visit.reader, found.docket.case.id, form.get("to"))


def _vote(visit: Visit, form: Form, found: LaidOut) -> None:
    of = form.get("of")
    voting.cast(
        visit.house,
        visit.reader,
        found.docket.case.id,
        _one_of(Choice, form.get("choice"), "choice"),
        on=form.get("on") or "",
        reason=form.get("reason"),
        of=of,
        revision=revision_in(form) if form.get("revision") is not None and of is None else None,
    )


def _remark(visit: Visit, form: Form, found: LaidOut) -> None:
    answers, text = form.get("answers"), form.get("text") or ""
    requirement = form.get("requirement")
    if requirement is None and answers is not None:  # an answer is about what was asked
        requirement = next((one.requirement for one in found.docket.remarks if one.id == answers), None)
    case = found.docket.case.id
    remarks.remark(visit.house, visit.reader, case, text, requirement=requirement, answers=answers)


def _condition(visit: Visit, form: Form, found: LaidOut) -> None:
    fields = {key: form.get(key) for key in ("sentence", "owner", "due_on", "requirement", "document")}
    before_the_decision.add_condition(visit.house, visit.reader, found.docket.case.id, fields)


def _accept(visit: Visit, form: Form, found: LaidOut) -> None:
    asked: dict[str, Any] = {key: form.get(key) for key in ("sentence", "owner", "due_on")}
    asked["patients_needed"] = form.get("patients_needed")
    before_the_decision.accept_inconclusive(
        visit.house,
        visit.reader,
        found.docket.case.id,
        form.get("requirement") or "",
        form.get("reason") or "",
        asked,
    )


def _exclude(visit: Visit, form: Form, found: LaidOut) -> None:
    requirement, why = form.get("requirement") or "", form.get("why") or ""
    excluding.say_not_applicable(visit.house, visit.reader, found.docket.case.id, requirement, why)


def _name_chair(visit: Visit, form: Form, found: LaidOut) -> None:
    chair, why = form.get("chair") or "", form.get("why") or ""
    chairing.name_chair(visit.house, visit.reader, found.docket.case.id, revision_in(form), chair, why)


def _withdraw(visit: Visit, form: Form, found: LaidOut) -> None:
    cases.withdraw(visit.house, visit.reader, found.docket.case.id, revision_in(form), why=form.get("why") or "")


def _decide(visit: Visit, form: Form, found: LaidOut) -> None:
    deciding.decide(
        visit.house,
        visit.reader,
        found.docket.case.id,
        revision_in(form),
        _one_of(CaseOutcome, form.get("outcome"), "outcome"),
        form.get("reasons") or "",
        on=form.get("on"),
        expires_on=form.get("expires_on"),
    )


def _one_of(words: Any, said: str | None, field: str) -> Any:
    if said not in [one.value for one in words]:
        raise BadField("case", field, "choose one of the list")
    return words(said)


_DO: Final[Mapping[str, Callable[[Visit, Form, LaidOut], None]]] = {
    "reviewers": _name,
    "interest": _state,
    "delegation": _delegate,
    "votes": _vote,
    "remarks": _remark,
    "conditions": _condition,
    "acceptances": _accept,
    "exclusions": _exclude,
    "chair": _name_chair,
    "withdrawal": _withdraw,
    "decide": _decide,
}


@topic.post("/reviewers/{name}/lift")
def lift(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Lift the conflict of interest that a reviewer stated, with a reason."""
    one = seats.lift_conflict(visit.house, visit.reader, name, revision_in(form), form.get("why") or "")
    return visit.go(f"/reviews/{one.case}#people")


@topic.post("/exclusions/{name}/agree")
def agree_to_exclusion(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Agree, as the second person, that a requirement does not apply."""
    one = excluding.agree(visit.house, visit.reader, name, revision_in(form))
    return visit.go(f"/reviews/{one.case}#r-{one.requirement}")


@topic.post("/exclusions/{name}/refuse")
def refuse_exclusion(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Say that a requirement does apply."""
    one = excluding.refuse(visit.house, visit.reader, name, revision_in(form), form.get("why") or "")
    return visit.go(f"/reviews/{one.case}#r-{one.requirement}")


@topic.post("/reviewers/{name}/excuse")
def excuse(visit: VisitDep, form: FormDep, name: str) -> Response:
    """Take a reviewer off a case."""
    case = seats.excuse_reviewer(visit.house, visit.reader, name, revision_in(form))
    return visit.go(f"/reviews/{case}#people")


for _step in STEPS.values():
    topic.add("GET", f"/reviews/{{name}}/{_step.name}", _page(_step))
    topic.add("POST", f"/reviews/{{name}}/{_step.name}", _take(_step))
