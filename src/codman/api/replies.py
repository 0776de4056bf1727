"""Replies: what an operation gives back, with its ETag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from codman.evidence.canonical import sha256
from codman.spine.record import Record

JSON: Final = "application/json"
_PLAIN: Final = TypeAdapter(Any)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A status, a body, and headers beside the ones that every reply has."""

    status: int = 200
    body: bytes = b""
    media_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def plain(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Plain JSON types or models, as JSON."""
    return Reply(status=status, body=_PLAIN.dump_json(value), headers=headers or {})


def record(one: Record, *, status: int = 200, location: str | None = None) -> Reply:
    """A record, with its revision as its ETag."""
    headers = {"ETag": revision_tag(one.revision)} | ({} if location is None else {"Location": location})
    return Reply(status=status, body=one.model_dump_json().encode(), headers=headers)


def listed(items: Sequence[BaseModel], following: str | None) -> Reply:
    """A page of a list."""
    inner = b",".join(item.model_dump_json().encode() for item in items)
    return Reply(body=b'{"items":[' + inner + b'],"next":' + _PLAIN.dump_json(following) + b"}")


def nothing() -> Reply:
    """Done, and nothing to say about it."""
    return Reply(status=204, media_type=None)


def revision_tag(revision: int) -> str:
    """The strong ETag of a revision."""
    return f'"{revision}"'


def content_tag(body: bytes) -> str:
    """The strong ETag of what has no revision: its bytes."""
    return f'"{sha256(body)[:32]}"'


def is_unchanged(if_none_match: str | None, tag: str) -> bool:
    """Whether the sender has it already (RFC 9110 section 13.1.2: weak comparison)."""
    if not if_none_match:
        return False
    given = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in given or tag in given
