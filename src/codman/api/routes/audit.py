"""The audit log: its entries, its signed checkpoint, its proofs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, Asked, Values, filters_of, list_of
from codman.flows.audit_pages import (
    FILTERS,
    Consistency,
    Inclusion,
    LogEntry,
    consistency_of,
    inclusion_of,
    list_entries,
    read_entry,
)
from codman.flows.receipts import checkpoint
from codman.registry.access import require

_MOST: Final = 2**53
_TIME: Final = r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z)?$"
_reading: Final = partial(Operation, method="GET", tag="audit", action="audit.read")
Index = Annotated[int, Field(ge=0, le=_MOST)]


class LogQuestion(Asked):
    """Which entries."""

    actor: Values = Field(default_factory=list, description="Only by these people, keys or programs")
    action: Values = Field(default_factory=list, description="Only these actions, e.g. use.change")
    about_kind: Values = Field(default_factory=list, description="Only about these kinds, e.g. use")
    about: Values = Field(default_factory=list, description="Only about these records, by id or digest")
    since: Annotated[str, Field(pattern=_TIME)] | None = Field(default=None, description="From this time on, UTC")
    until: Annotated[str, Field(pattern=_TIME)] | None = Field(default=None, description="Before this time, UTC")
    order: Literal["index", "-index"] = Field(default="-index", description="With - in front, the newest first")


class ProofQuestion(BaseModel):
    """Which entry, in the log at which size."""

    model_config = CONFIG

    index: Index = Field(description="The entry, counted from 0")
    size: Index | None = Field(default=None, description="The log's size; as it is now where left out")


class ConsistencyQuestion(BaseModel):
    """Which two sizes of the log."""

    model_config = CONFIG

    older: Index = Field(description="The smaller size")
    newer: Index | None = Field(default=None, description="The larger size; as it is now where left out")


def operations() -> Iterator[Operation]:
    """What can be asked of the log."""
    yield _reading(
        path="/audit",
        name="list_audit",
        summary="List the log's entries",
        description="Who changed what, when, from what to what, and why; for the whole house only.",
        do=_list,
        query=LogQuestion,
        answers=(Answer(200, "A page of them", list_of(LogEntry, "LogEntryList")),),
    )
    yield _reading(
        path="/audit/checkpoint",
        name="get_checkpoint",
        summary="The log's signed state",
        description="A C2SP checkpoint: the log's name, size and root, signed. Keep it elsewhere: only against it "
        "does a log that was cut short or rolled back show.",
        do=_checkpoint,
        answers=(Answer(200, "The checkpoint", {"type": "string"}, media_type="text/plain"),),
    )
    yield _reading(
        path="/audit/proof",
        name="get_inclusion_proof",
        summary="That an entry is in the log",
        description="The RFC 9162 inclusion proof of an entry.",
        do=lambda call: replies.plain(inclusion_of(call.house, call.reader, call.query.index, call.query.size)),
        query=ProofQuestion,
        answers=(Answer(200, "The proof", Inclusion),),
    )
    yield _reading(
        path="/audit/consistency",
        name="get_consistency_proof",
        summary="That nothing was taken back",
        description="The RFC 9162 consistency proof between two sizes of the log.",
        do=lambda call: replies.plain(consistency_of(call.house, call.reader, call.query.older, call.query.newer)),
        query=ConsistencyQuestion,
        answers=(Answer(200, "The proof", Consistency),),
    )
    yield _reading(
        path="/audit/{index}",
        name="get_audit_entry",
        summary="Read an entry",
        description="One entry of the log, with people's own words that are neither erased nor privileged.",
        do=_read,
        parameters={"index": "The entry's place in the log, counted from 0"},
        answers=(Answer(200, "The entry", LogEntry),),
    )


def _list(call: Call) -> Reply:
    query: Any = call.query
    found = list_entries(
        call.house,
        call.reader,
        where=filters_of(query, FILTERS),
        since=query.since,
        until=query.until,
        limit=query.limit,
        cursor=query.cursor,
        oldest_first=query.order == "index",
    )
    return replies.listed(found.items, found.next)


def _checkpoint(call: Call) -> Reply:
    require(call.reader, "audit.read", ["/"])
    return Reply(body=checkpoint(call.house).encode(), media_type="text/plain; charset=utf-8")


def _read(call: Call) -> Reply:
    given = call.path["index"]
    index = int(given) if given.isascii() and given.isdecimal() and len(given) <= 15 else -1
    return replies.plain(read_entry(call.house, call.reader, index))
