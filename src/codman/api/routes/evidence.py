"""Evidence: sent as a statement, an envelope or CloudEvents; listed, read, downloaded and verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from codman.api import problems, replies
from codman.api.call import Call
from codman.api.operation import JSON, Answer, Body, Operation
from codman.api.problems import Problem
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, Asked, Values, list_of
from codman.errors import CodmanError
from codman.evidence.canonical import parse
from codman.evidence.receipt import Receipt
from codman.evidence.store import NotInStore
from codman.flows.cloud_events import MOST_A_BATCH, file_request
from codman.flows.cloud_events import Answer as Outcome
from codman.flows.filed import Filed, list_evidence, read_evidence
from codman.flows.receipts import receipt_for
from codman.flows.settling import settle, to_settle
from codman.spine.record import Id
from codman.spine.statement import Kind, Origin

_EVENT: Final = "application/cloudevents+json"
_BATCH: Final = "application/cloudevents-batch+json"
_STATEMENT: Final = "application/vnd.in-toto+json"
_ENVELOPE: Final = "application/vnd.dsse+json"
_FILTERS: Final = ("kind", "product", "version", "use", "origin", "standing")
_DIGEST: Final = {"digest": "The statement's sha256, 64 hexadecimal digits"}


class EvidenceQuestion(Asked):
    """Which statements."""

    kind: list[Kind] = Field(default_factory=list, description="Only these kinds")
    origin: list[Origin] = Field(default_factory=list, description="Only what these vouch for")
    standing: list[Literal["verified", "claim"]] = Field(default_factory=list, description="As it was when filed")
    product: Values = Field(default_factory=list, description="By the name in the statement, or the book's id")
    version: Values = Field(default_factory=list, description="By the name in the statement, or the book's id")
    use: Values = Field(default_factory=list, description="By the name in the statement, or the book's id")
    order: Literal["filed", "-filed"] = Field(default="-filed", description="With - in front, the last filed first")


class Verification(BaseModel):
    """What a statement is worth now, and who says so."""

    model_config = CONFIG

    digest: str
    standing: Literal["verified", "claim", "revoked"]
    why: str
    bytes_match: bool = Field(description="The stored bytes have this digest; else the reply is a problem")
    receipt: Receipt = Field(description="The log's proof that it took the statement")


class Item(BaseModel):
    """What became of one event of a batch."""

    model_config = CONFIG

    index: Annotated[int, Field(ge=0, description="Its place in the batch")]
    source: str | None
    id: str | None
    receipt: Receipt | None = Field(description="The log's proof; null where it was refused")
    problem: Problem | None = Field(description="Why it was refused; null where it was filed")


class BatchReply(BaseModel):
    """What became of each event of a batch."""

    model_config = CONFIG

    items: list[Item]
    filed: int = Field(description="How many were filed, now or before")
    refused: int = Field(description="How many were refused")


class EvidenceRecord(Filed):
    """A statement with what it says."""

    statement: dict[str, Any] = Field(description="The in-toto statement")
    envelopes: list[dict[str, Any]] = Field(description="The DSSE envelopes it came in")


class Doubt(BaseModel):
    """A statement whose product or use nobody can tell, because several have the name it gives."""

    model_config = CONFIG

    digest: str
    product: str = Field(description="As the statement names it")
    version: str | None
    use: str | None
    filed_at: str
    products: list[str] = Field(description="Ids of those it may mean; one where only the use is in doubt")
    uses: list[str] = Field(description="Ids of the uses it may mean, where the product is clear")


class Meaning(BaseModel):
    """Which of them it means."""

    model_config = CONFIG

    product: Id = Field(description="One of those it may mean")
    use: Id | None = Field(default=None, description="Which use, where it names one that several are called")


def operations() -> Iterator[Operation]:
    """What can be done with evidence."""
    yield Operation(
        method="POST",
        path="/evidence",
        name="submit_evidence",
        tag="evidence",
        action="evidence.submit",
        summary="Send evidence",
        description="A DSSE envelope or a bare statement as it is; or as the data of a CloudEvents 1.0 event: "
        f"structured ({_EVENT}), binary (ce- headers), or a batch ({_BATCH}, at most {MOST_A_BATCH} events), in which "
        "each event is filed or refused by itself. A statement is stored once: the same again gives the same receipt. "
        "An event's source and id name it; another body under them is 409.",
        do=_submit,
        body=Body(
            {"type": ["object", "array"], "description": "A statement, an envelope, an event, or a batch of events"},
            "The evidence",
            (JSON, _STATEMENT, _ENVELOPE, _EVENT, _BATCH),
        ),
        problems=(409,),
        answers=(
            Answer(201, "It is filed", Receipt, headers=("Location",)),
            Answer(202, "Each event of the batch was filed or refused", BatchReply),
        ),
    )
    yield Operation(
        method="GET",
        path="/evidence",
        name="list_evidence",
        tag="evidence",
        action="evidence.read",
        summary="List evidence",
        description="The statements within the reader's reach, each with what it is worth now.",
        do=_list,
        query=EvidenceQuestion,
        answers=(Answer(200, "A page of them", list_of(Filed, "EvidenceList")),),
    )
    yield Operation(
        method="GET",
        path="/doubts",
        name="list_doubts",
        tag="evidence",
        action="evidence.settle",
        summary="List evidence of which a person must say what it means",
        description="Statements whose product or use has a namesake, where neither the artefact, the version, the use "
        "nor who signed tells them apart; the oldest first, at most 200.",
        do=lambda call: replies.plain(
            {"items": [Doubt(**asdict(one)).model_dump() for one in to_settle(call.house, call.reader)], "next": None}
        ),
        answers=(Answer(200, "They wait", list_of(Doubt, "DoubtList")),),
    )
    yield Operation(
        method="POST",
        path="/evidence/{digest}/meaning",
        name="settle_evidence",
        tag="evidence",
        action="evidence.settle",
        summary="Say what a statement means",
        description="Links a statement that is in doubt to one of the products, and uses, that it may mean. What is "
        "linked already stays.",
        do=_settle,
        parameters=_DIGEST,
        body=Body(Meaning, "What it means"),
        answers=(Answer(200, "The statement, linked", EvidenceRecord),),
    )
    yield Operation(
        method="GET",
        path="/evidence/{digest}",
        name="get_evidence",
        tag="evidence",
        action="evidence.read",
        summary="Read a statement",
        description="What it says, the envelopes it came in, and what it is worth now.",
        do=_read,
        parameters=_DIGEST,
        answers=(Answer(200, "The statement", EvidenceRecord),),
    )
    yield Operation(
        method="GET",
        path="/evidence/{digest}/statement",
        name="download_statement",
        tag="evidence",
        action="evidence.read",
        summary="Download a statement",
        description="Its canonical bytes, whose sha256 is the digest.",
        do=_statement,
        parameters=_DIGEST,
        answers=(Answer(200, "The statement", {"type": "object"}, _STATEMENT, ("Content-Disposition",)),),
    )
    yield Operation(
        method="GET",
        path="/evidence/{digest}/envelope",
        name="download_envelope",
        tag="evidence",
        action="evidence.read",
        summary="Download an envelope",
        description="The first DSSE envelope it was signed in; 404 for a statement nobody signed.",
        do=_envelope,
        parameters=_DIGEST,
        answers=(Answer(200, "The envelope", {"type": "object"}, _ENVELOPE, ("Content-Disposition",)),),
    )
    yield Operation(
        method="GET",
        path="/evidence/{digest}/verification",
        name="verify_evidence",
        tag="evidence",
        action="evidence.read",
        summary="Verify a statement",
        description="Whether the stored bytes have the digest still, whose signature counts, and the log's receipt.",
        do=_verify,
        parameters=_DIGEST,
        answers=(Answer(200, "What it is worth", Verification),),
    )


def _submit(call: Call) -> Reply:
    outcomes = file_request(call.house, call.headers, call.body, call.reader, request=call.request)
    if call.media_type == _BATCH:
        items = [_item(index, outcome, call.request) for index, outcome in enumerate(outcomes)]
        refused = sum(item.problem is not None for item in items)
        return replies.plain(BatchReply(items=items, filed=len(items) - refused, refused=refused), status=202)
    (one,) = outcomes
    if one.receipt is None:
        raise _error(one)
    return replies.plain(one.receipt, status=201, headers={"Location": f"/api/v1/evidence/{one.receipt.digest}"})


def _item(index: int, outcome: Outcome, request: str) -> Item:
    problem = None
    if outcome.receipt is None:
        problem = problems.problem_of(_error(outcome)).model_copy(update={"instance": request})
    return Item(
        index=index,
        source=outcome.incoming.source,
        id=outcome.incoming.id,
        receipt=outcome.receipt,
        problem=problem,
    )


def _error(outcome: Outcome) -> CodmanError:
    assert outcome.error is not None  # noqa: S101 - an outcome is a receipt or an error
    return outcome.error


def _list(call: Call) -> Reply:
    given = {field: [str(value) for value in getattr(call.query, field)] for field in _FILTERS}
    found = list_evidence(
        call.house,
        call.reader,
        where={field: values for field, values in given.items() if values},
        limit=call.query.limit,
        cursor=call.query.cursor,
        oldest_first=call.query.order == "filed",
    )
    return replies.listed(found.items, found.next)


def _read(call: Call) -> Reply:
    held = read_evidence(call.house, call.reader, call.path["digest"])
    envelopes = [_plain(envelope.to_bytes()) for envelope in held.envelopes]
    statement = held.read.statement.model_dump(mode="json", by_alias=True)
    return replies.plain({**held.filed.model_dump(), "statement": statement, "envelopes": envelopes})


def _settle(call: Call) -> Reply:
    asked = call.fields(Meaning)
    digest = call.path["digest"]
    settle(call.house, call.reader, digest, asked.product, asked.use, why=call.reason(), request=call.request)
    return _read(call)


def _plain(data: bytes) -> Any:
    return parse(data, name="the envelope")


def _statement(call: Call) -> Reply:
    held = read_evidence(call.house, call.reader, call.path["digest"])
    return _file(held.read.body, _STATEMENT, f"{held.filed.digest[:16]}.json")


def _envelope(call: Call) -> Reply:
    held = read_evidence(call.house, call.reader, call.path["digest"])
    if not held.envelopes:
        raise NotInStore(held.filed.digest)
    return _file(held.envelopes[0].to_bytes(), _ENVELOPE, f"{held.filed.digest[:16]}.dsse.json")


def _file(data: bytes, media_type: str, name: str) -> Reply:
    return Reply(body=data, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _verify(call: Call) -> Reply:
    held = read_evidence(call.house, call.reader, call.path["digest"])
    receipt = receipt_for(call.house, held.filed.digest)
    return replies.plain(
        Verification(
            digest=held.filed.digest,
            standing=held.filed.standing,
            why=held.filed.why,
            bytes_match=held.read.digest == held.filed.digest,
            receipt=receipt,
        )
    )
