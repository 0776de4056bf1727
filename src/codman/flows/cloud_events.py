"""Evidence as it comes over the wire: by itself, or as the data of CloudEvents; each is filed and answered by itself.

Source: CloudEvents 1.0.2, JSON format and HTTP binding (structured, binary and batched content modes).
"""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from codman.errors import BadInput, CodmanError
from codman.evidence.canonical import canonical, parse, sha256
from codman.evidence.receipt import Receipt
from codman.flows.filing import TooLarge, file_evidence
from codman.flows.house import House
from codman.registry.access import Reader
from codman.registry.requests import Once
from codman.spine.event import BATCH, STRUCTURED

MOST_A_BATCH: Final = 1000
_JSON: Final = re.compile(r"(application|text)/([a-z0-9.+-]+\+)?json")
_LONGEST: Final = 500  # of a source or an id


class BadEvent(BadInput):
    """A body that is meant as a CloudEvent and is none."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="this is no CloudEvent that carries evidence",
            why=why,
            fix="send CloudEvents 1.0 with specversion, id, source and type, and a statement or its envelope as data",
        )


@dataclass(frozen=True, slots=True)
class Incoming:
    """One statement as it came; of an event, its name too."""

    body: bytes
    source: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one of them: its receipt, or why it was refused."""

    incoming: Incoming
    receipt: Receipt | None = None
    error: CodmanError | None = None


def is_batch(headers: Mapping[str, str]) -> bool:
    """Whether a request carries several events, each of which gets its own answer."""
    return _media_type(headers) == BATCH


def open_event(headers: Mapping[str, str], body: bytes) -> list[Incoming]:
    """What a request carries: a statement as it is, one event in either mode, or a batch of them.

    Args:
        headers: The request's, with names in any case.
        body: Its bytes.

    Raises:
        BadEvent: It is meant as an event and is none.
        NotJson: An event is not JSON.
    """
    named = {name.lower(): value for name, value in headers.items()}
    kind = _media_type(headers)
    if kind == BATCH:
        events = parse(body, name="the batch")
        if not isinstance(events, list) or len(events) > MOST_A_BATCH:
            raise BadEvent(f"a batch is a list of at most {MOST_A_BATCH} events")
        return [_structured(event) for event in events]
    if kind == STRUCTURED:
        return [_structured(parse(body, name="the event"))]
    if "ce-specversion" in named:
        attributes = {
            name.removeprefix("ce-"): urllib.parse.unquote(value)
            for name, value in named.items()
            if name.startswith("ce-")
        }
        _refuse_other_media(kind or None)
        return [Incoming(body, *_name(attributes))]
    return [Incoming(body)]


def file_request(
    house: House, headers: Mapping[str, str], body: bytes, reader: Reader, *, request: str | None = None
) -> list[Answer]:
    """File everything a request carries; one that is refused does not keep the others out.

    Raises:
        BadEvent: The request is meant as events and is none.
        NotJson: The same.
        TooLarge: It is beyond the limit.
        Unreachable: The database does not answer: nothing can be said about any of them.
    """
    if len(body) > house.settings.max_body_mb * 1024 * 1024:
        raise TooLarge(house.settings.max_body_mb)
    answers = []
    for one in open_event(headers, body):
        once = None if one.id is None else _once(reader, one, one.id)
        try:
            receipt = file_evidence(house, one.body, reader, source=one.source, request=request, once=once)
            answers.append(Answer(one, receipt))
        except CodmanError as error:
            if error.exit_code == _OUR_FAULT:
                raise
            answers.append(Answer(one, error=error))
    return answers


_OUR_FAULT: Final = 4


def _once(reader: Reader, one: Incoming, name: str) -> Once:
    """An event by its name and its sender: who calls himself another's source must not take that one's ids."""
    return Once(f"event:{reader.person}:{sha256((one.source or '').encode())}", name, sha256(one.body))


def _structured(event: Any) -> Incoming:
    if not isinstance(event, dict):
        raise BadEvent("an event is not an object")
    source, name = _name(event)
    _refuse_other_media(event.get("datacontenttype"))
    if ("data" in event) == ("data_base64" in event):
        raise BadEvent(f"event {name[:80]!r} carries no data, or two")
    if "data" in event:
        # the signature is inside it, over bytes of its own: how the event's JSON was written does not matter
        return Incoming(canonical(event["data"]), source, name)
    try:
        return Incoming(base64.b64decode(event["data_base64"], validate=True), source, name)
    except (binascii.Error, ValueError, TypeError):
        raise BadEvent(f"data_base64 of event {name[:80]!r} is not base64") from None


def _name(attributes: Mapping[str, Any]) -> tuple[str, str]:
    if attributes.get("specversion") != "1.0":
        raise BadEvent("its specversion is not 1.0")
    for name in ("source", "id", "type"):
        value = attributes.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
            raise BadEvent(f"its '{name}' is not a text of 1 to {_LONGEST} characters")
    return str(attributes["source"]), str(attributes["id"])


def _refuse_other_media(kind: Any) -> None:
    if kind is not None and (not isinstance(kind, str) or not _JSON.fullmatch(_bare(kind))):
        raise BadEvent(f"its data is {str(kind)[:80]!r}, not JSON")


def _media_type(headers: Mapping[str, str]) -> str:
    return _bare(next((value for name, value in headers.items() if name.lower() == "content-type"), ""))


def _bare(kind: str) -> str:
    return kind.partition(";")[0].strip().lower()
