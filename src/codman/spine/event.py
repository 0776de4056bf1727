"""Event: what a model said, what then happened, what was done about it; CloudEvents 1.0 with a data model each.

Made by the pipelines that run a model and by outcome feeds; kept by tables/events; read by monitor.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, model_validator

from codman.spine.statement import Instant


class EventType(StrEnum):
    """The three kinds of event, by the name CloudEvents knows them under."""

    PREDICTION = "dev.codman.prediction.v1"
    OUTCOME = "dev.codman.outcome.v1"
    ACTION = "dev.codman.action.v1"


# Which signs a text is made of. Each pattern is read by Python's re and by RE2 alike, since events are checked one by
# one and by the column; how long a text may be stands beside it, for a bound inside makes a pattern slow to prepare.
NAME_PATTERN: Final = r"^[!-~]+$"  # ids and sources: printable ASCII without blanks
CODE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$"  # one coded word: prose has no place in it
USE_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]*$"
FEATURE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_.:/ -]*$"
PSEUDONYM_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:~+/=-]*$"
WORD_PATTERN: Final = r"^[^@\x00-\x1f\x7f]+$"  # a level of a categorical feature
DIGEST_PATTERN: Final = r"^[0-9a-f]+$"
LONGEST: Final = 200  # of an id or a source
LONGEST_CODE: Final = 64  # of a coded word, a use's id, a level
LONGEST_FEATURE: Final = 100  # of a feature's name
LONGEST_PSEUDONYM: Final = 128
DIGEST_LENGTH: Final = 64
# a record number: digits alone, however grouped, or after a word such as MRN; a date is one too
RECORD_NUMBER_PATTERN: Final = r"(?i)^(mrn|ssn|nhs|dob|tel)?[ ._:/-]?[0-9][0-9 ._/-]{3,}[0-9]$"
PERSON_NAME_PATTERN: Final = r"^[A-Za-z]+([ ._-][A-Za-z]+)*$"  # not a digit in it
SURELY_RANDOM: Final = 20  # letters alone of this length are no name, but a digest

EARLIEST: Final = "1990-01-01T00:00:00Z"  # a time before is a mistake of the sender's clock or unit
AHEAD_HOURS: Final = 24  # and so is one later than this from now
MOST_FEATURES: Final = 512
LARGEST: Final = 1e15  # of a score, a label or a feature
LONGEST_LATENCY_MS: Final = 1e9
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
ARROW: Final = "application/vnd.apache.arrow.stream"
MOST_A_BATCH: Final = 10_000  # events of a JSON batch
MOST_ROWS: Final = 100_000  # rows of an Arrow stream

_RECORD_NUMBER: Final = re.compile(RECORD_NUMBER_PATTERN)
_PERSON_NAME: Final = re.compile(PERSON_NAME_PATTERN)


def looks_like_a_person(pseudonym: str) -> bool:
    """Whether what should be a pseudonym reads like a record number, a date, an e-mail address or a name."""
    if "@" in pseudonym or _RECORD_NUMBER.search(pseudonym):
        return True
    return len(pseudonym) < SURELY_RANDOM and _PERSON_NAME.search(pseudonym) is not None


def _a_pseudonym(text: str) -> str:
    if looks_like_a_person(text):
        raise ValueError(NO_PSEUDONYM)
    return text


NO_PSEUDONYM: Final = (
    "it looks like a record number, a date, an e-mail address or a name; send a pseudonym, e.g. a keyed hash, "
    "that holds letters and digits"
)

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=LONGEST)]
Code = Annotated[str, Field(pattern=CODE_PATTERN, max_length=LONGEST_CODE)]
UseId = Annotated[str, Field(pattern=USE_PATTERN, max_length=LONGEST_CODE)]
Pseudonym = Annotated[str, Field(pattern=PSEUDONYM_PATTERN, max_length=LONGEST_PSEUDONYM), AfterValidator(_a_pseudonym)]
Number = Annotated[StrictFloat | StrictInt, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Word = Annotated[str, Field(pattern=WORD_PATTERN, max_length=LONGEST_CODE)]
FeatureName = Annotated[str, Field(pattern=FEATURE_PATTERN, max_length=LONGEST_FEATURE)]
Feature = StrictBool | Number | Word | None


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    replaces: Name | None = Field(default=None, description="The id of the event this corrects, of the same source")


class PredictionData(_Data):
    """What a model said about one patient at one time."""

    prediction_id: Name
    use: UseId
    version: Code
    subject: Pseudonym
    encounter: Pseudonym | None = None
    predicted_at: Instant
    score: Number
    features: dict[FeatureName, Feature] | None = Field(
        default=None, max_length=MOST_FEATURES, description="What it saw: numbers, booleans, levels; null is missing"
    )
    features_digest: (
        Annotated[str, Field(pattern=DIGEST_PATTERN, min_length=DIGEST_LENGTH, max_length=DIGEST_LENGTH)] | None
    ) = Field(default=None, description="sha256 of what it saw, where that stays with the sender")
    shown: StrictBool | None = Field(default=None, description="Whether anybody saw it; false is silent")
    latency_ms: Annotated[StrictFloat | StrictInt, Field(ge=0, le=LONGEST_LATENCY_MS)] | None = None


class OutcomeData(_Data):
    """What then happened: to one prediction, or to a patient of a use."""

    prediction_id: Name | None = None
    use: UseId | None = None
    subject: Pseudonym | None = None
    label: StrictBool | Number | Word = Field(description="Whether it happened, how much, or which class")
    occurred_at: Instant
    observed_at: Instant = Field(description="When it was known")

    @model_validator(mode="after")
    def _of_something(self) -> OutcomeData:
        if self.prediction_id is None and (self.subject is None or self.use is None):
            raise ValueError("it names neither a prediction_id, nor a subject and a use")
        return self


class ActionData(_Data):
    """What somebody did about a prediction."""

    prediction_id: Name
    use: UseId | None = Field(default=None, description="Needed where the action comes before its prediction")
    action: Code = Field(description="A coded word, e.g. shown, acknowledged, overridden")
    reason: Code | None = Field(default=None, description="A coded word; no free text")
    acted_at: Instant


class Event(BaseModel):
    """A CloudEvent's envelope; extension attributes are let through and not kept."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, defer_build=True)

    specversion: Literal["1.0"]
    id: Name
    source: Name
    type: EventType = Field(strict=False)
    data: dict[str, Any]


DATA: Final[dict[EventType, type[PredictionData | OutcomeData | ActionData]]] = {
    EventType.PREDICTION: PredictionData,
    EventType.OUTCOME: OutcomeData,
    EventType.ACTION: ActionData,
}
