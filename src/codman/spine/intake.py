"""Intake and triage: what a product owner proposes, as typed, and the tier that the rules and people give it.

Made by flows/intake and flows/triage; kept by registry; read by review, portfolio and the doors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from codman.spine.record import FREE_TEXT, Fields, Id, Line, Prose, Record
from codman.spine.use import Tier


class IntakeState(StrEnum):
    """How far a proposal has come."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    WITHDRAWN = "withdrawn"


class IntakeFields(Fields):
    """A proposal of a use, saved as it was typed."""

    edition: Line = Field(description="The edition of the questions it was begun under, and ends under")
    answers: Annotated[dict[str, Any], FREE_TEXT] = Field(
        description="Question to answer, also of questions no longer asked"
    )
    sources: Annotated[dict[str, str], FREE_TEXT] = Field(
        default_factory=dict, description="Whose word an answer is where nobody typed it: a card, a row, a model"
    )
    carried: Annotated[dict[str, str], FREE_TEXT] = Field(
        default_factory=dict,
        description="What else the source says: `use:` or `product:`, then a field; it becomes facts",
    )
    notes: Annotated[list[str], FREE_TEXT] = Field(
        default_factory=list, max_length=500, description="What a person should look at of what the source says"
    )
    owner: Id = Field(description="Who proposes it")
    source: Line = Field(default="form", description="form, api, chai, row, mlflow")
    state: IntakeState = IntakeState.DRAFT
    use: Id | None = Field(default=None, description="The use it became")
    case: Id | None = Field(default=None, description="The case it opened")


class Intake(Record, IntakeFields):
    """An intake as the book has it."""


class TriageState(StrEnum):
    """Whether the tier stands."""

    STANDING = "standing"
    ASKED = "a lower tier was asked for"  # waits for the second person
    REFUSED = "a lower tier was refused"
    SUPERSEDED = "superseded"


class TriageFields(Fields):
    """The tier of a use, by the rules and by people."""

    use: Id
    edition: Line = Field(description="The edition of the rules")
    computed: Tier = Field(description="What the rules give, each missing answer counted as its worst")
    tier: Tier = Field(description="What holds")
    held: Tier | None = Field(default=None, description="What held before somebody asked for another")
    asked: Tier | None = Field(default=None, description="What somebody asked for instead")
    reasons: list[dict[str, Any]] = Field(default_factory=list, max_length=100)
    unknown: list[str] = Field(default_factory=list, max_length=100, description="What was not answered")
    classes: dict[str, str] = Field(
        default_factory=dict, description="What each scheme says, where that is settled; empty where it does not apply"
    )
    state: TriageState = TriageState.STANDING
    asked_by: Id | None = None
    agreed_by: Id | None = None
    why: Prose | None = Field(default=None, description="Why people set it otherwise")
    refused: Prose | None = Field(default=None, description="Why the second person did not agree")


class TriageRecord(Record, TriageFields):
    """A triage as the book has it."""
