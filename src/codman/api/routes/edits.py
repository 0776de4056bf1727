"""What changes one record: the one its path names, at the revision that was read, by what the body says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG
from codman.spine.record import Prose


class Because(BaseModel):
    """Why."""

    model_config = CONFIG

    why: Prose


def edit(
    path: str,
    kind: str,
    name: str,
    summary: str,
    description: str,
    do: Callable[..., Any],
    *,
    tag: str,
    action: str,
    parameter: str,
    answer: Answer,
    body: Body | None = None,
) -> Operation:
    """The operation that changes a record.

    Args:
        path: With the record's id as {id}.
        kind: What the record is, e.g. incident.
        name: What it is called in the OpenAPI document.
        summary: What it does, in a few words.
        description: Who may, and what follows.
        do: Changes it: takes the house, the reader, the id, the revision, the body's fields by name, and the request.
        tag: The part of the document it stands in.
        action: What the reader must be allowed to do.
        parameter: What {id} means.
        answer: What comes back.
        body: What the request carries, a model; nothing without.
    """

    def change(call: Call) -> Reply:
        said = {} if body is None else dict(call.fields(body.schema))
        return replies.record(do(call.house, call.reader, call.id(kind), call.revision(), **said, request=call.request))

    return Operation(
        method="POST",
        path=path,
        name=name,
        tag=tag,
        action=action,
        summary=summary,
        description=description,
        do=change,
        parameters={"id": parameter},
        body=body,
        edits=True,
        problems=(409,),
        answers=(answer,),
    )
