"""Call: one request as an operation sees it, and the checks that every request shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError

from codman.api.naming import with_ids
from codman.errors import BadInput, CodmanError
from codman.evidence.canonical import parse, sha256
from codman.flows.house import House
from codman.registry.access import NotSignedIn, Reader
from codman.registry.records import NoSuchRecord
from codman.registry.requests import Once
from codman.spine.record import ID_PATTERN

M = TypeVar("M", bound=BaseModel)

_ID: Final = re.compile(ID_PATTERN)
_ETAG: Final = re.compile(r'"([0-9]{1,15})"')
KEY: Final = re.compile(r"[!-~]{1,200}")
REASON: Final = re.compile(r"([A-Za-z0-9 !'()*+,./:;?_~-]|%[0-9A-Fa-f]{2}){1,8000}")
_MOST_REASON: Final = 2000


class BadRequest(BadInput):
    """A request that is not well formed: its headers, its query or its JSON."""


class Invalid(BadInput):
    """A body or a query whose fields do not hold what they must, each with its place."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        first = errors[0]
        super().__init__(
            what=f"{first['pointer']} cannot be used" + (f", nor can {len(errors) - 1} more" if errors[1:] else ""),
            why=first["detail"],
            fix="correct what `errors` names",
        )
        self.errors = errors


class PreconditionNeeded(CodmanError):
    """An edit that does not say which revision it is made on."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="say which revision you change",
            why=why,
            fix="read the record, and send the ETag it came with as the edit's If-Match",
        )


class NotTheSame(CodmanError):
    """An edit made on something else than what is there."""

    def __init__(self, current: str) -> None:
        super().__init__(
            what="it was changed meanwhile",
            why=f"If-Match does not name the ETag it has now, {current}",
            fix="read it again, look at both, and repeat your change",
        )


class WrongMediaType(BadInput):
    """A body of a type this operation does not read."""

    def __init__(self, got: str, takes: tuple[str, ...]) -> None:
        super().__init__(
            what="the body's media type is not read here",
            why=f"Content-Type is {got[:80]!r}" if got else "there is no Content-Type",
            fix=f"send {' or '.join(takes)}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose sender is known and whose query was read."""

    house: House
    who: Reader | None  # None only where the operation is open
    request: str  # its id, for the log
    method: str
    url: str  # path and query
    path: Mapping[str, str]
    query: Any  # an instance of the operation's query model
    headers: Mapping[str, str]
    body: bytes
    media_type: str

    @property
    def reader(self) -> Reader:
        """Who asks."""
        if self.who is None:
            raise NotSignedIn
        return self.who

    def id(self, kind: str, word: str = "id") -> str:
        """An id out of the path; what cannot be one names nothing."""
        name = self.path[word]
        if not _ID.fullmatch(name):
            raise NoSuchRecord(kind, name)
        return name

    def json(self) -> Any:
        """The body as JSON that has one meaning and that both databases can keep.

        Raises:
            NotJson: It is not JSON, is ambiguous, or nested too deep.
            BadRequest: It holds text that is not Unicode, or NUL.
        """
        value = parse(self.body, name="the body")
        if b"\\u" in self.body or b"\x00" in self.body:  # only an escape can bring these in
            refuse_unkeepable(value)
        return value

    def fields(self, model: type[M]) -> M:
        """The body as a model; a record that it names by something else than its id is looked up.

        Raises:
            Invalid: Fields are missing, unknown, or cannot hold their value.
            NotNamed: A name that nobody has, or that several have.
        """
        return read_as(model, self._with_ids(model), "")

    def patch(self, model: type[BaseModel] | None = None) -> dict[str, Any]:
        """The body as a JSON Merge Patch (RFC 7396) of a record: an object.

        Args:
            model: What it changes some fields of; a record that these name by something else than its id is looked up.

        Raises:
            Invalid: It is no object.
            NotNamed: A name that nobody has, or that several have.
        """
        value = self.json() if model is None else self._with_ids(model)
        if not isinstance(value, dict):
            raise Invalid([{"pointer": "/", "detail": "a merge patch of a record is an object"}])
        return value

    def _with_ids(self, model: type[BaseModel]) -> Any:
        return self.json() if self.who is None else with_ids(self.house, self.who, model, self.json())

    def revision(self) -> int:
        """The revision that If-Match names; 0, which no record has, where it names none of ours.

        Raises:
            PreconditionNeeded: There is no If-Match, or one that fits anything.
        """
        found = _ETAG.fullmatch(self.if_match())
        return int(found[1]) if found else 0

    def if_match(self) -> str:
        """What If-Match names.

        Raises:
            PreconditionNeeded: There is none, or one that fits anything.
        """
        given = self.headers.get("if-match", "").strip()
        if not given or given == "*":
            raise PreconditionNeeded(
                "If-Match: * would overwrite what somebody else changed" if given else "there is no If-Match header"
            )
        return given

    def reason(self) -> str | None:
        """Why, in the sender's words: the header Codman-Reason, percent-encoded UTF-8.

        Raises:
            BadRequest: It is too long or not Unicode.
        """
        given = self.headers.get("codman-reason")
        if given is None:
            return None
        try:
            words = unquote(given, errors="strict").strip() if REASON.fullmatch(given) else ""
        except UnicodeDecodeError:
            words = ""
        if not words or len(words) > _MOST_REASON or not words.replace("\n", "").isprintable():
            raise BadRequest(
                what="the header Codman-Reason cannot be used",
                why=f"it is not percent-encoded text of 1 to {_MOST_REASON:,} characters",
                fix="send a short sentence, percent-encoded as UTF-8",
            )
        return words

    def once(self) -> Once | None:
        """What makes this request the same as another: its Idempotency-Key, its sender, and what it asks.

        Raises:
            BadRequest: The key is not a short printable word.
        """
        key = self.headers.get("idempotency-key")
        if key is None:
            return None
        if not KEY.fullmatch(key):
            raise BadRequest(
                what="the header Idempotency-Key cannot be used",
                why="it is not 1 to 200 printable ASCII characters without spaces",
                fix="give each request a fresh UUID",
            )
        asked = f"{self.method} {self.url}\n".encode()
        return Once(source=f"api:{self.reader.person}", key=key, body_digest=sha256(asked + self.body))


def read_as(model: type[M], value: Any, place: str) -> M:
    """A plain value as a model, with every fault named by its JSON pointer.

    Args:
        model: What it must be.
        value: Plain JSON types.
        place: The pointer of the value itself: empty for a body.

    Raises:
        Invalid: Fields are missing, unknown, or cannot hold their value.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise Invalid(
            [{"pointer": place + pointer(fault["loc"]), "detail": fault["msg"][:300]} for fault in faults[:50]]
        ) from None


def pointer(location: tuple[int | str, ...]) -> str:
    """A place in a value as a JSON pointer (RFC 6901)."""
    return "/" + "/".join(str(part)[:100].replace("~", "~0").replace("/", "~1") for part in location)


def refuse_unkeepable(value: Any) -> None:
    """Refuse text that a database cannot keep: NUL, and halves of surrogate pairs.

    Raises:
        BadRequest: There is such text.
    """
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _unkeepable("half of a surrogate pair") from None
        if "\0" in value:
            raise _unkeepable("a NUL character")
    elif isinstance(value, dict):
        for key, inner in value.items():
            refuse_unkeepable(key)
            refuse_unkeepable(inner)
    elif isinstance(value, list):
        for inner in value:
            refuse_unkeepable(inner)


def _unkeepable(what: str) -> BadRequest:
    return BadRequest(what="the body holds text that cannot be kept", why=f"a text holds {what}", fix="take it out")
