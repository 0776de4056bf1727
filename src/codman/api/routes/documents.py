"""Documents: files about a product, a version or a use, kept by their digest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, asked, list_of
from codman.api.routes.records import listed, read
from codman.flows.papers import file_paper, read_paper
from codman.flows.record_rules import KINDS
from codman.registry.documents import Document
from codman.spine.record import Id, Line


class NewDocument(BaseModel):
    """What a file is, and what it is about."""

    model_config = CONFIG

    about_kind: Literal["product", "version", "use"] = Field(description="What sort of thing it is about")
    about: Id = Field(description="Which one")
    type: Line = Field(description="What sort of document, e.g. model-card, contract")
    title: Line = Field(description="What people call it")


def operations() -> Iterator[Operation]:
    """What can be done with documents."""
    yield Operation(
        method="GET",
        path="/documents",
        name="list_documents",
        tag="documents",
        action="document.read",
        summary="List documents",
        description="The documents within the reader's reach, a page at a time.",
        do=lambda call: listed(call, "document"),
        query=asked(
            "DocumentQuestion",
            filters=KINDS["document"].filters,
            orders=("id", "title", "type", "updated_at"),
            words=True,
            first="title",
        ),
        answers=(Answer(200, "A page of them", list_of(Document, "DocumentList")),),
    )
    yield Operation(
        method="POST",
        path="/documents",
        name="create_document",
        tag="documents",
        action="document.create",
        summary="File a document",
        description="The body is the file as it is; its Content-Type is kept with it.",
        do=_file,
        query=NewDocument,
        body=Body({"type": "string", "format": "binary"}, "The file", ("*/*",)),
        once=True,
        answers=(Answer(201, "It is filed", Document, headers=("ETag", "Location")),),
    )
    where = {"id": "The document's id"}
    yield Operation(
        method="GET",
        path="/documents/{id}",
        name="get_document",
        tag="documents",
        action="document.read",
        summary="Read about a document",
        description="Its title, its digest, what it is about.",
        do=lambda call: read(call, "document"),
        parameters=where,
        answers=(Answer(200, "The document's record", Document),),
    )
    yield Operation(
        method="GET",
        path="/documents/{id}/content",
        name="download_document",
        tag="documents",
        action="document.read",
        summary="Download a document",
        description="The file, checked against its digest; always as a download, never shown by the browser.",
        do=_content,
        parameters=where,
        answers=(Answer(200, "The file", {"type": "string"}, "application/octet-stream", ("Content-Disposition",)),),
    )


def _file(call: Call) -> Reply:
    asked_for: NewDocument = call.query
    made = file_paper(
        call.house,
        call.reader,
        call.body,
        about_kind=asked_for.about_kind,
        about=asked_for.about,
        type=asked_for.type,
        title=asked_for.title,
        media_type=call.media_type,
        why=call.reason(),
        request=call.request,
        once=call.once(),
    )
    return replies.record(made, status=201, location=f"/api/v1/documents/{made.id}")


def _content(call: Call) -> Reply:
    paper = read_paper(call.house, call.reader, call.id("document"))
    # the type it came with is the sender's word: a browser must not act on it
    headers = {
        "Content-Disposition": f'attachment; filename="{paper.document.digest[:16]}"',
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
    return Reply(body=paper.data, media_type="application/octet-stream", headers=headers)
