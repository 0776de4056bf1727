"""Reviews: a use before a checkpoint, what the evidence says to each requirement, who asks, votes and decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from pydantic import BaseModel

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.edits import edit
from codman.api.routes.lists import listing
from codman.api.routes.review_bodies import (
    Closing,
    Delegation,
    Interest,
    NewAcceptance,
    NewCondition,
    NewRemark,
    NewReview,
    NewReviewer,
    NewVote,
    Replanned,
)
from codman.flows.review import before_the_decision, cases, deciding, remarks, seats, voting
from codman.flows.review.minutes import Minutes, minutes
from codman.flows.review.opening import open_for
from codman.flows.review.planned import replan
from codman.flows.review.reading import CaseRead, list_cases, read_case
from codman.spine.review import (
    Acceptance,
    Case,
    Condition,
    Remark,
    Reviewer,
    Vote,
)

FILTERS: Final = ("use", "checkpoint", "state", "procedure", "outcome")


def operations() -> Iterator[Operation]:
    """What can be done with reviews."""
    where = {"id": "The review's id"}
    yield listing(
        "/reviews",
        "List reviews",
        "Cases of the uses within the reader's reach, a page at a time.",
        list_cases,
        tag="reviews",
        action="review.read",
        of=Case,
        called="Review",
        filters=FILTERS,
        orders=("created_at", "due_on", "decided_at"),
    )
    yield Operation(
        method="POST",
        path="/reviews",
        name="create_review",
        tag="reviews",
        action="case.create",
        summary="Bring a use before a checkpoint",
        description="The policy is the most specific that is meant for the use today; the case keeps it word for word.",
        do=_open,
        body=Body(NewReview, "The use, the checkpoint, and who is to decide"),
        problems=(404, 409),
        once=True,
        answers=(Answer(201, "The case is open", Case, headers=("ETag", "Location")),),
    )
    yield Operation(
        method="GET",
        path="/reviews/{id}",
        name="get_review",
        tag="reviews",
        action="review.read",
        summary="Read a review",
        description="The case with each requirement beside the evidence that meets it, its people, questions, votes "
        "and conditions, and what is still lacking.",
        do=_read,
        parameters=where,
        answers=(Answer(200, "The case", CaseRead, headers=("ETag",)),),
    )
    yield Operation(
        method="GET",
        path="/reviews/{id}/minutes",
        name="get_minutes",
        tag="reviews",
        action="review.read",
        summary="Read a review's minutes",
        description="Written from the records: what is not known first, then what was asked, voted and decided.",
        do=lambda call: replies.plain(minutes(call.house, call.reader, call.id("case"))),
        parameters=where,
        answers=(Answer(200, "The minutes", Minutes),),
    )
    yield from _steps(where)


def _steps(where: dict[str, str]) -> Iterator[Operation]:
    for step in _STEPS:
        yield Operation(
            method="POST",
            path=f"/reviews/{{id}}/{step.word}",
            name=step.name,
            tag="reviews",
            action=step.action,
            summary=step.summary,
            description=step.description,
            do=step.do,
            parameters=where,
            body=Body(step.body, step.summary),
            problems=(409, 412) if step.word == "votes" else (409,),
            answers=(Answer(200, "It stands", step.model, headers=("ETag",)),),
        )
    yield Operation(
        method="POST",
        path="/reviews/{id}/withdrawal",
        name="withdraw_review",
        tag="reviews",
        action="review.open",
        summary="Withdraw a review",
        description="By who submitted it, or who presides; once somebody voted, only by who presides without a hand in "
        "the use. Say why in the header Codman-Reason.",
        do=_withdraw,
        parameters=where,
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is withdrawn", Case, headers=("ETag",)),),
    )
    yield edit(
        "/reviews/{id}/planned",
        "case",
        "plan_review_sites",
        "Change the planned sites of a review",
        "Before it is decided, by who submitted it or, once somebody voted, by who presides without a hand in the use. "
        "Votes that were cast do not count until they are cast again.",
        replan,
        tag="reviews",
        action="review.open",
        parameter="The review's id",
        body=Body(Replanned, "The mode meant, by site"),
        answer=Answer(200, "It stands", Case, headers=("ETag",)),
    )
    yield Operation(
        method="POST",
        path="/reviews/{id}/decision",
        name="decide_review",
        tag="reviews",
        action="case.decide",
        summary="Close a review",
        description="The votes and the evidence must carry the outcome. It is signed in the closer's name through the "
        "notary key, which asks for a person who has just signed in: a token is refused.",
        do=_decide,
        parameters=where,
        body=Body(Closing, "How it ends, and why"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is decided and signed", Case, headers=("ETag",)),),
    )


def _open(call: Call) -> Reply:
    new = call.fields(NewReview)
    case = open_for(
        call.house,
        call.reader,
        new.use,
        new.checkpoint,
        leads_to=new.leads_to,
        sites=new.sites,
        planned=new.planned,
        version=new.version,
        procedure=new.procedure,
        quorum=new.quorum,
        disciplines=new.disciplines,
        chair=new.chair,
        due_on=new.due_on,
        why=call.reason(),
        request=call.request,
        once=call.once(),
    )
    return replies.record(case, status=201, location=f"/api/v1/reviews/{case.id}")


def _read(call: Call) -> Reply:
    found = read_case(call.house, call.reader, call.id("case"))
    return replies.plain(found, headers={"ETag": replies.revision_tag(found.case.revision)})


def _name(call: Call) -> Reply:
    new = call.fields(NewReviewer)
    return replies.record(
        seats.name_reviewer(call.house, call.reader, call.id("case"), new.person, new.discipline, request=call.request)
    )


def _interest(call: Call) -> Reply:
    said = call.fields(Interest)
    return replies.record(
        seats.state_interest(call.house, call.reader, call.id("case"), said.conflict, said.note, request=call.request)
    )


def _delegate(call: Call) -> Reply:
    to = call.fields(Delegation).to
    return replies.record(seats.delegate(call.house, call.reader, call.id("case"), to, request=call.request))


def _vote(call: Call) -> Reply:
    new = call.fields(NewVote)
    return replies.record(
        voting.cast(
            call.house,
            call.reader,
            call.id("case"),
            new.choice,
            on=new.on,
            reason=new.reason,
            of=new.of,
            request=call.request,
        )
    )


def _remark(call: Call) -> Reply:
    new = call.fields(NewRemark)
    return replies.record(
        remarks.remark(
            call.house,
            call.reader,
            call.id("case"),
            new.text,
            requirement=new.requirement,
            answers=new.answers,
            request=call.request,
        )
    )


def _condition(call: Call) -> Reply:
    new = call.fields(NewCondition)
    return replies.record(
        before_the_decision.add_condition(
            call.house, call.reader, call.id("case"), new.model_dump(), request=call.request
        )
    )


def _accept(call: Call) -> Reply:
    new = call.fields(NewAcceptance)
    return replies.record(
        before_the_decision.accept_inconclusive(
            call.house,
            call.reader,
            call.id("case"),
            new.requirement,
            new.reason,
            new.condition.model_dump(),
            request=call.request,
        )
    )


def _withdraw(call: Call) -> Reply:
    why = call.reason() or ""
    return replies.record(
        cases.withdraw(call.house, call.reader, call.id("case"), call.revision(), why=why, request=call.request)
    )


def _decide(call: Call) -> Reply:
    asked_for = call.fields(Closing)
    return replies.record(
        deciding.decide(
            call.house,
            call.reader,
            call.id("case"),
            call.revision(),
            asked_for.outcome,
            asked_for.reasons,
            on=asked_for.on,
            expires_on=asked_for.expires_on,
            request=call.request,
        )
    )


class _Step(NamedTuple):
    """One thing people do in a case."""

    word: str
    name: str
    action: str
    summary: str
    description: str
    body: type[BaseModel]
    model: type[BaseModel]
    do: Callable[[Call], Reply]


_STEPS: Final = (
    _Step(
        "reviewers",
        "name_reviewer",
        "case.change",
        "Name a reviewer",
        "Nobody who built the product, submitted the case or answers for the use.",
        NewReviewer,
        Reviewer,
        _name,
    ),
    _Step(
        "interest",
        "state_interest",
        "case.vote",
        "State one's interest",
        "A conflict takes the vote, not the voice.",
        Interest,
        Reviewer,
        _interest,
    ),
    _Step(
        "delegation",
        "delegate_vote",
        "case.vote",
        "Name a delegate",
        "Somebody without a vote of their own in this case.",
        Delegation,
        Reviewer,
        _delegate,
    ),
    _Step(
        "votes",
        "cast_vote",
        "case.vote",
        "Vote",
        "On what was read: `on` is the case's `table`, and the answer is 412 once that is another. A second time "
        "changes the vote; after the close it stands.",
        NewVote,
        Vote,
        _vote,
    ),
    _Step(
        "remarks",
        "add_remark",
        "case.remark",
        "Ask or answer",
        "Everybody who works on uses may.",
        NewRemark,
        Remark,
        _remark,
    ),
    _Step(
        "conditions",
        "add_condition",
        "case.change",
        "Add a condition",
        "What an approval will ask for, of whom, by when.",
        NewCondition,
        Condition,
        _condition,
    ),
    _Step(
        "acceptances",
        "accept_inconclusive",
        "case.accept",
        "Accept what is inconclusive",
        "In writing, and only under a condition that will decide it.",
        NewAcceptance,
        Acceptance,
        _accept,
    ),
)
