"""Events: what models said, what then happened, and what was done; taken as CloudEvents or as an Arrow stream."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import JSON, Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG
from codman.spine.event import ARROW, BATCH, MOST_A_BATCH, MOST_ROWS, STRUCTURED

_EXAMPLE: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "type": "dev.codman.prediction.v1",
    "source": "sepsis-pipeline",
    "id": "run-7/12",
    "data": {
        "prediction_id": "run-7/12",
        "use": "sepsis-icu",
        "version": "1.2.0",
        "subject": "s-9f31c2",
        "predicted_at": "2026-11-20T08:00:00Z",
        "score": 0.31,
    },
}


class RefusedItem(BaseModel):
    """One event that was not taken."""

    model_config = CONFIG

    index: int = Field(ge=0, description="Its place in the batch or the table, from 0")
    why: str = Field(description="Why; no value of it is repeated")


class EventsReply(BaseModel):
    """What became of the events; those accepted are on the disk."""

    model_config = CONFIG

    accepted: int = Field(description="Taken now")
    repeated: int = Field(description="Taken before with the same body, and ignored")
    refused: list[RefusedItem] = Field(description="Not taken; the others are")


def operations() -> Iterator[Operation]:
    """What can be done with events."""
    yield Operation(
        method="POST",
        path="/events",
        name="send_events",
        tag="events",
        action="event.send",
        summary="Send events",
        description="Predictions, outcomes and actions as CloudEvents 1.0: one as a structured event "
        f"({STRUCTURED}) or in binary mode (ce- headers), a batch of at most {MOST_A_BATCH:,} ({BATCH}), or rows of "
        f"one type as an Arrow IPC stream of at most {MOST_ROWS:,} rows ({ARROW}). What is answered as accepted is on "
        "the disk. `source` and `id` name an event: the same again is ignored, another body under them is refused "
        "(409 for a single event). A correction is a new event with `replaces`. A row that is refused keeps no other "
        "out.",
        do=_send,
        body=Body(_body_schema(), "The events", (STRUCTURED, BATCH, JSON, ARROW), {"prediction": _EXAMPLE}),
        problems=(409,),
        answers=(Answer(202, "What became of them", EventsReply),),
        waits="events",
    )


def _send(call: Call) -> Reply:
    # loaded now: Arrow would hold the server's start up
    sending: Any = importlib.import_module("codman.flows.events.sending")
    taken = sending.send_request(call.house, call.headers, call.body, call.reader)
    refused = [RefusedItem(**asdict(one)) for one in taken.refused]
    reply = EventsReply(accepted=taken.accepted, repeated=taken.repeated, refused=refused)
    return replies.plain(reply, status=202)


def _body_schema() -> dict[str, Any]:
    return {"type": ["object", "array"], "description": "An event, a batch of events, or the data of one"}
