"""Statement: a signed record that carries measurements with everything needed to check and recompute them.

An in-toto Statement v1 (in-toto/attestation, spec/v1/statement.md). Made by flows; signed and stored by evidence;
read by review, report and registry.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_ROOT: Final = "https://codman.dev/evidence/"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _a_real_time(text: str) -> str:
    when(text)  # February 30 has the right shape and is no day
    return text


Instant = Annotated[
    str,
    AfterValidator(_a_real_time),
    Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$"),
]


def when(instant: str) -> datetime:
    """An Instant as a time with its zone, so that two of them compare whatever zone they were written in."""
    return datetime.fromisoformat(instant)


class Kind(StrEnum):
    """What a statement is about; the path part of its predicate type."""

    CRITERIA = "criteria"
    DATASET = "dataset"
    TRAINING = "training"
    EVALUATION = "evaluation"
    COMPARISON = "comparison"
    STRESS = "stress"
    SIMULATION = "simulation"
    SCAN = "scan"
    MONITORING = "monitoring"
    DOCUMENT = "document"
    DECISION = "decision"
    REPORT = "report"
    CONCERN = "concern"

    @property
    def predicate_type(self) -> str:
        """The URI that names this kind in a statement."""
        return f"{PREDICATE_ROOT}{self.value}/v1"


class Origin(StrEnum):
    """Who vouches for a statement. Never merged: a policy says which it accepts."""

    LOCAL = "local"
    DEVELOPER = "developer"
    ATTESTED = "attested"
    PUBLISHED = "published"


CURVE_POINTS: Final = 2000  # a curve is drawn on a grid; more points than this would be rows of patients
_Number = int | float | None
_Points = Annotated[list[_Number], Field(max_length=CURVE_POINTS)]


class _Strict(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True
    )  # thirteen kinds: only those that are read are built


class Digest(_Strict):
    """sha256 of the exact bytes."""

    sha256: Sha256


class Subject(_Strict):
    """The model a statement is about: its name and the digest of its artefact or descriptor."""

    name: str
    digest: Digest


class Input(_Strict):
    """A file or table that was read."""

    name: str
    uri: str
    digest: Digest
    rows: int | None = Field(default=None, ge=0)
    table_version: int | None = Field(default=None, ge=0)


class Rows(_Strict):
    """Where every row went: eligible = evaluated + everything excluded."""

    eligible: int = Field(ge=0)
    scored: int = Field(ge=0)
    excluded: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    evaluated: int = Field(ge=0)
    patients: int | None = Field(default=None, ge=0, description="Patients among the evaluated, where a column says")

    @model_serializer(mode="wrap")
    def _where_it_says_something(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in whole(self).items() if name != "patients" or value is not None}


class CriteriaRef(_Strict):
    """What was promised before the run."""

    digest: Digest
    committed_at: Instant
    receipt: dict[str, Any] | None = None


class Curve(BaseModel):
    """Points of one slice's curve on a fixed grid; extra columns (lower, upper, n) stand beside x and y."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, defer_build=True)
    __pydantic_extra__: dict[str, str | _Number | _Points | dict[str, str | _Number]]

    slice: dict[str, str] = Field(default_factory=dict)
    x: list[float] = Field(max_length=CURVE_POINTS)
    y: list[float | None] = Field(max_length=CURVE_POINTS)


class Curves(_Strict):
    """The curves a report draws."""

    roc: list[Curve] = Field(default_factory=list)
    precision_recall: list[Curve] = Field(default_factory=list)
    calibration: list[Curve] = Field(default_factory=list)
    decision: list[Curve] = Field(default_factory=list)
    survival: list[Curve] = Field(default_factory=list)


class Predicate(_Strict):
    """What every kind says: which product, version and use, whose word it is, when."""

    product: str
    version: str | None = None
    use: str | None = None
    origin: Origin = Origin.LOCAL
    evaluated_at: Instant
    note: str | None = None


class EvaluationPredicate(Predicate):
    """An evaluation: what was asked, of which rows, and what was measured."""

    criteria: CriteriaRef | None = None
    inputs: list[Input]
    rows: Rows
    spec: EvaluationSpec
    software: dict[str, str] = Field(default_factory=dict)
    measurements: list[Measurement]
    curves: Curves = Field(default_factory=Curves)


class Statement(BaseModel):
    """An in-toto Statement v1. `predicate` is validated against its kind's model by evidence/schemas.py."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: list[Subject] = Field(min_length=1)
    predicate_type: str = Field(alias="predicateType")
    predicate: dict[str, Any]

    @property
    def kind(self) -> Kind | None:
        """What it is about; None where the predicate type is not one of ours."""
        return _KINDS.get(self.predicate_type)


_KINDS: Final = {kind.predicate_type: kind for kind in Kind}
