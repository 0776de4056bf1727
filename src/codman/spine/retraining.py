"""Retraining: what speaks for updating a model that got worse, as a person finds it before them.

Made by flows/watch/retraining.py; kept with its step by registry; read by review and the doors.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from codman.spine.measurement import Measurement
from codman.spine.record import Id
from codman.spine.statement import Instant

Sentence = Annotated[str, Field(max_length=1000)]


class Retraining(BaseModel):
    """A proposal to update a model: what changed, how much was learned since, and what an update may gain."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    since: Instant = Field(description="When the window begins in which it was first seen to be worse")
    until: Instant
    version: Id | None = Field(default=None, description="The version that is in use")
    rows: int = Field(ge=0, description="Its predictions since then")
    labelled: int = Field(ge=0, description="Of these, with a known outcome")
    patients: int | None = Field(default=None, ge=0, description="Patients among those with a known outcome")
    events: int | None = Field(default=None, ge=0, description="Rows with the event among them")
    moved: list[Measurement] = Field(
        default_factory=list, max_length=100, description="What changed, the most first, with its estimated effect"
    )
    now: list[Measurement] = Field(default_factory=list, max_length=50, description="How the model does since then")
    gains: list[Measurement] = Field(
        default_factory=list,
        max_length=50,
        description="By `params.update`: what an update fitted on these rows changes, by cross-validation",
    )
    plan: Id | None = Field(default=None, description="The approved change plan that speaks of new versions")
    plan_says: Sentence
    notes: list[Sentence] = Field(default_factory=list, max_length=50)
