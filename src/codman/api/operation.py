"""Operation: one thing the API does, declared once: who may, what goes in, what comes out, what can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel

from codman.api.call import Call
from codman.api.replies import Reply

JSON: Final = "application/json"
YAML: Final = "application/yaml"
MERGE_PATCH: Final = "application/merge-patch+json"
OPEN: Final = "open"  # the action of what needs no sign-in: says only that the server is there and how to talk to it

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Waits = Literal["in line", "apart", "events", "never"]  # never: it neither computes nor asks anybody


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries."""

    schema: Any  # a model, or a JSON Schema by itself
    description: str
    media_types: tuple[str, ...] = (JSON,)
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back when it went well."""

    status: int
    description: str
    model: Any = None  # a model, a JSON Schema, or None where there is no body
    media_type: str = JSON
    headers: tuple[str, ...] = ()  # names in openapi.HEADERS
    others: Mapping[str, Any] = field(default_factory=dict)  # other media types it may come as, and their schemas


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: Method
    path: str  # after /api/v1, e.g. /uses/{id}
    name: str  # its operationId
    tag: str
    action: str  # a key of registry.access.ACTIONS, or OPEN
    summary: str
    description: str
    do: Callable[[Call], Reply]
    answers: tuple[Answer, ...]
    query: type[BaseModel] | None = None
    body: Body | None = None
    problems: tuple[int, ...] = ()  # beside those every operation has
    parameters: Mapping[str, str] = field(default_factory=dict)  # what each word of the path means
    edits: bool = False  # needs If-Match
    replaces: bool = False  # needs If-Match where there is one already
    once: bool = False  # takes Idempotency-Key
    at_root: bool = False  # not under /api/v1
    waits: Waits = "in line"  # apart: it answers while all the others are waiting; events: in a line of their own
    on_this_machine: bool = False  # also without a token from the server's own machine, where a setting allows it
