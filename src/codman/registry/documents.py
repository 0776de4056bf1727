"""Documents and facts: what somebody filed or said about a product, a version or a use, and whose word it is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from codman.spine.record import FREE_TEXT, Fields, Id, Line, Record
from codman.spine.statement import Sha256

About = Literal["product", "version", "use"]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._()/-]+$", max_length=200)]

_GAP: Final = "Not stated in the registry as of "


def not_stated(day: str) -> str:
    """What a generated document says where nobody answered.

    Args:
        day: When the book was asked, ISO 8601.
    """
    return f"{_GAP}{day}"


def is_gap(text: str) -> bool:
    """Whether a text is such a gap, and so no answer when it is read in again."""
    return text.strip().startswith(_GAP)


class Basis(StrEnum):
    """What stands behind a fact, the weakest first."""

    CLAIM = "claim"
    DOCUMENT = "document"
    EVIDENCE = "evidence"


class DocumentFields(Fields):
    """A document, by its bytes."""

    about_kind: About
    about: Id
    type: Line = Field(description="e.g. model-card, contract, risk-assessment")
    title: Line
    digest: Sha256
    size: int = Field(ge=0)
    media_type: Line


class Document(Record, DocumentFields):
    """A document as the book has it."""


class FactFields(Fields):
    """An answer to a framework's question."""

    about_kind: About
    about: Id
    field: FieldName = Field(description="The framework and its field, e.g. hti-1/4.i")
    value: Annotated[str, StringConstraints(min_length=1, max_length=50_000), FREE_TEXT]
    basis: Basis = Basis.CLAIM
    source: Line = Field(description="Where it comes from, e.g. omb-2025 row FDA-12")
    evidence: Sha256 | None = Field(default=None, description="The statement that shows it, where one does")


class Fact(Record, FactFields):
    """A fact as the book has it."""
