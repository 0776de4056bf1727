"""What every record in the book of record shares: a name of its own, a revision, and when it was made and changed.

Read by registry (which keeps them), api and client (which carry them), web and report (which show them).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from codman.spine.statement import Instant

ID_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"

_CONTROL: Final = {code: None for code in (*range(0x20), 0x7F) if code not in (0x09, 0x0A)}


class _FreeText:
    """Marks a field that people fill with words of their own: the audit log holds only its salted hash.

    Every such field, a name as well as a paragraph: anybody can type a patient into anything.
    """


FREE_TEXT: Final = _FreeText()


def _without_controls(text: str) -> str:
    kept = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROL).strip()
    if not kept:
        raise ValueError("it holds nothing but control characters")
    return kept


def _a_day_that_was(day: str) -> str:
    date.fromisoformat(day)
    return day


Id = Annotated[str, Field(pattern=ID_PATTERN, description="The record's name in the book; never reused")]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
    AfterValidator(_without_controls),
    FREE_TEXT,
]
Prose = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000),
    AfterValidator(_without_controls),
    FREE_TEXT,
]
Day = Annotated[
    str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="A day, ISO 8601"), AfterValidator(_a_day_that_was)
]


class Fields(BaseModel):
    """What a person or a program may write of a record."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False, defer_build=True)


class Record(BaseModel):
    """What the book itself keeps beside the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: Id
    revision: int = Field(ge=1, description="Counts its changes; the ETag of an edit")
    created_at: Instant
    updated_at: Instant


def free_text_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a model that hold people's own words."""
    return frozenset(name for name, field in model.model_fields.items() if _marked(field.metadata, field.annotation))


def _marked(metadata: Sequence[object], annotation: object) -> bool:
    if any(m is FREE_TEXT for m in metadata):
        return True
    if any(m is FREE_TEXT for m in getattr(annotation, "__metadata__", ())):
        return True
    return any(_marked((), part) for part in getattr(annotation, "__args__", ()))
