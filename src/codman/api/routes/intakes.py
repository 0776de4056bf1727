"""Intakes: a use is proposed by answers, kept as given, looked at as often as one likes, and sent in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, StrictBool

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, listing
from codman.flows import intake as intaking
from codman.flows.intake import begin
from codman.flows.intake_sources import begin_from_file, begin_from_use
from codman.flows.intake_submit import submit
from codman.flows.intake_withdrawn import take_up, withdraw
from codman.review.intake.question import Question, form_of
from codman.spine.intake import Intake, TriageRecord
from codman.spine.record import Id
from codman.spine.use import Use

_FILE: Final = Body(
    {"type": "string", "format": "binary"}, "The file; its bytes tell which kind it is of", media_types=("*/*",)
)
_TEXT = Annotated[str, Field(max_length=300)]
Answers = Annotated[
    dict[str, Any],
    Field(description="By question: text, a list of texts, a number, yes or no; `not known` where offered"),
]


class NewIntake(BaseModel):
    """What a proposal is begun from."""

    model_config = CONFIG

    use: Id | None = Field(default=None, description="A use of the book: what the book says of it is answered already")
    answers: Answers = Field(default_factory=dict)


class FileQuery(BaseModel):
    """Which of a file's uses a proposal is begun from."""

    model_config = CONFIG

    row: _TEXT | None = Field(default=None, description="The name of the use or model, where the file has several")
    mapping: _TEXT | None = Field(default=None, description="The mapping to read it by; the one that fits without")


class Sending(BaseModel):
    """What is confirmed when a proposal is sent in."""

    model_config = CONFIG

    another_use: StrictBool = Field(default=False, description="It is another use, although the book has likely ones")
    another_product: StrictBool = Field(
        default=False, description="Its product is another one than its namesake in the book"
    )


class AskedNow(BaseModel):
    """A question that is asked now."""

    model_config = CONFIG

    id: str
    page: str
    ask: str
    help: str | None
    kind: str
    choices: dict[str, str] = Field(description="Each answer that may be given, and what it says")
    required: bool


class AnswerFault(BaseModel):
    """Something wrong with an answer."""

    model_config = CONFIG

    question: str
    message: str
    with_question: str | None = Field(description="The other question, where two answers contradict each other")
    missing: bool


class LikelyUse(BaseModel):
    """A use of the book that the proposed one may be."""

    model_config = CONFIG

    use: str
    name: str
    score: float = Field(description="0 to 1")
    reasons: list[str]


class IntakeRead(BaseModel):
    """A proposal, what it asks now, and what the book has to say of it."""

    model_config = CONFIG

    intake: Intake
    complete: bool = Field(description="Whether it can be sent in")
    asked: list[AskedNow] = Field(description="In order; later questions depend on earlier answers")
    faults: list[AnswerFault]
    aside: list[str] = Field(
        description="Answered questions that are not asked any more: kept, and counted for nothing"
    )
    known: dict[str, Any] = Field(description="What the book says of the chosen product, and so is not asked")
    duplicates: list[LikelyUse]


class IntakeSent(BaseModel):
    """What a proposal became."""

    model_config = CONFIG

    intake: Intake
    use: Use
    triage: TriageRecord


def operations() -> Iterator[Operation]:
    """What can be done with proposals."""
    where = {"id": "The proposal's id"}
    yield listing(
        "/intakes",
        "List proposals",
        "One's own, and others' where one sees the whole house.",
        intaking.list_intakes,
        tag="intakes",
        action="intake.read",
        of=Intake,
        filters=("state", "source", "use"),
        orders=("updated_at", "created_at"),
        first="-updated_at",
    )
    yield Operation(
        method="POST",
        path="/intakes",
        name="create_intake",
        tag="intakes",
        action="intake.create",
        summary="Begin a proposal",
        description="Under the current edition of the questions; it ends under the edition it began with.",
        do=_begin,
        body=Body(NewIntake, "A use of the book, or first answers, or nothing"),
        problems=(404,),
        once=True,
        answers=(Answer(201, "It is begun", Intake, headers=("ETag", "Location")),),
    )
    yield Operation(
        method="POST",
        path="/intakes/from-file",
        name="create_intake_from_file",
        tag="intakes",
        action="intake.create",
        summary="Begin a proposal from a file",
        description="A CHAI model card, an answer of MLflow's model registry, a CycloneDX bill of materials, a list. "
        "Each answer keeps whose word it is; what no question takes is kept as facts.",
        do=_begin_from_file,
        query=FileQuery,
        body=_FILE,
        once=True,
        answers=(Answer(201, "It is begun", Intake, headers=("ETag", "Location")),),
    )
    yield Operation(
        method="GET",
        path="/intakes/{id}",
        name="get_intake",
        tag="intakes",
        action="intake.read",
        summary="Read a proposal",
        description="Its answers as given, what it asks now, what is wrong or missing, and likely duplicates.",
        do=_read,
        parameters=where,
        answers=(Answer(200, "The proposal", IntakeRead, headers=("ETag",)),),
    )
    yield Operation(
        method="PUT",
        path="/intakes/{id}/answers",
        name="put_intake_answers",
        tag="intakes",
        action="intake.change",
        summary="Give all answers of a proposal",
        description="They take the place of all that was given before, and are kept right or wrong; read the proposal "
        "to see what is asked now. A record is named by its id, its exact name, or a person's e-mail address.",
        do=_answer,
        parameters=where,
        body=Body({"type": "object"}, "Each answer by its question"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "They are kept", IntakeRead, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/intakes/{id}/submission",
        name="submit_intake",
        tag="intakes",
        action="intake.change",
        summary="Send a proposal in",
        description="It becomes a product or joins the one it names, a use, facts and a tier, in one change. It opens "
        "no review.",
        do=_submit,
        parameters=where,
        body=Body(Sending, "What is confirmed"),
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It was sent in", IntakeSent, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/intakes/{id}/withdrawal",
        name="withdraw_intake",
        tag="intakes",
        action="intake.change",
        summary="Withdraw a proposal",
        description="Before it is sent in; it stays in the book, with the reason that the header Codman-Reason gives.",
        do=_withdraw,
        parameters=where,
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is withdrawn", Intake, headers=("ETag",)),),
    )
    yield Operation(
        method="POST",
        path="/intakes/{id}/resumption",
        name="take_up_intake",
        tag="intakes",
        action="intake.change",
        summary="Take up a withdrawn proposal",
        description="It is a draft again, with its answers as they were.",
        do=_take_up,
        parameters=where,
        edits=True,
        problems=(409,),
        answers=(Answer(200, "It is a draft again", Intake, headers=("ETag",)),),
    )
    yield Operation(
        method="GET",
        path="/intake-questions/{edition}",
        name="get_intake_questions",
        tag="intakes",
        action="intake.read",
        summary="Read an edition of the questions",
        description="Every question of it, in order, whether or not it would be asked.",
        do=_questions,
        parameters={"edition": "The edition, e.g. 2026-11"},
        answers=(Answer(200, "The questions", {"type": "array", "items": {"$ref": "#/components/schemas/AskedNow"}}),),
    )


def _begin(call: Call) -> Reply:
    new = call.fields(NewIntake)
    if new.use is None:
        made = begin(call.house, call.reader, new.answers, source="api", request=call.request, once=call.once())
    else:
        made = begin_from_use(
            call.house, call.reader, new.use, answers=new.answers, request=call.request, once=call.once()
        )
    return _begun(made)


def _begin_from_file(call: Call) -> Reply:
    made = begin_from_file(
        call.house,
        call.reader,
        call.body,
        row=call.query.row,
        mapping=call.query.mapping,
        request=call.request,
        once=call.once(),
    )
    return _begun(made)


def _begun(made: Intake) -> Reply:
    return replies.record(made, status=201, location=f"/api/v1/intakes/{made.id}")


def _read(call: Call) -> Reply:
    found = intaking.open_intake(call.house, call.reader, call.id("intake"))
    filled = found.filled
    read = IntakeRead(
        intake=found.intake,
        complete=filled.complete,
        asked=[_asked(question, filled.form.page_of[question.id].id) for question in filled.asked],
        faults=[
            AnswerFault(question=f.question, message=f.message, with_question=f.with_question, missing=f.missing)
            for f in filled.faults
        ],
        aside=sorted(filled.aside),
        known=dict(found.known.typed),
        duplicates=[
            LikelyUse(use=d.use, name=d.name, score=d.score, reasons=list(d.reasons)) for d in found.duplicates
        ],
    )
    return replies.plain(read, headers={"ETag": replies.revision_tag(found.intake.revision)})


def _answer(call: Call) -> Reply:
    name = call.id("intake")
    intaking.keep(call.house, call.reader, name, call.patch(), call.revision(), whole=True, request=call.request)
    return _read(call)


def _submit(call: Call) -> Reply:
    said = call.fields(Sending)
    done = submit(
        call.house,
        call.reader,
        call.id("intake"),
        call.revision(),
        another_use=said.another_use,
        another_product=said.another_product,
        why=call.reason(),
        request=call.request,
    )
    sent = IntakeSent(intake=done.intake, use=done.use, triage=done.triage)
    return replies.plain(sent, headers={"ETag": replies.revision_tag(done.intake.revision)})


def _withdraw(call: Call) -> Reply:
    return replies.record(
        withdraw(call.house, call.reader, call.id("intake"), call.revision(), why=call.reason(), request=call.request)
    )


def _take_up(call: Call) -> Reply:
    return replies.record(take_up(call.house, call.reader, call.id("intake"), call.revision(), request=call.request))


def _questions(call: Call) -> Reply:
    form = form_of(call.path["edition"])
    return replies.plain([_asked(question, form.page_of[question.id].id) for question in form.questions])


def _asked(question: Question, page: str) -> AskedNow:
    choices = {choice.id: choice.says for choice in question.choices}
    if question.none_of_these is not None:
        choices["none"] = question.none_of_these
    if question.not_known:
        choices["not known"] = "Not known"
    return AskedNow(
        id=question.id,
        page=page,
        ask=question.ask,
        help=question.help,
        kind=question.kind.value,
        choices=choices,
        required=question.required,
    )
