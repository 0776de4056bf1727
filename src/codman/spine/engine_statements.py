"""What the statements of the other engines say: data, training, stress, simulation, scans, monitoring.

Made by flows; read by evidence, review, report and registry. Each is small, and carries Measurements like every result.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from codman.spine.drift_spec import DriftSpec
from codman.spine.estimate_spec import EstimateSpec
from codman.spine.measurement import Measurement, Window
from codman.spine.reported import Reported
from codman.spine.statement import CriteriaRef, Digest, Input, Predicate, Rows

Name = Annotated[str, Field(min_length=1, max_length=200)]
Sentence = Annotated[str, Field(max_length=2000)]
Setting = str | bool | int | float | None
Settings = Annotated[dict[str, Setting], Field(max_length=500)]


class EnginePredicate(Predicate):
    """What every engine's run says: what was read, with what software, what was measured."""

    criteria: CriteriaRef | None = None
    inputs: list[Input] = Field(default_factory=list, max_length=1000)
    rows: Rows | None = None
    software: dict[str, str] = Field(default_factory=dict)
    measurements: list[Measurement] = Field(default_factory=list)


class DatasetPredicate(EnginePredicate):
    """A data set: which bytes, how many patients, over which time, how good."""

    dataset: Name
    digest: Digest
    format: Name = Field(description="e.g. MEDS, OMOP, parquet")
    subjects: int | None = Field(default=None, ge=0)
    window: Window | None = None
    columns: dict[str, str] = Field(default_factory=dict, max_length=1000, description="Name to type")
    licence: Name | None = None


class TrainingPredicate(EnginePredicate):
    """How a model was made: from which data and code, with which settings, into which artefact."""

    artifact: Digest
    code: dict[str, str] = Field(default_factory=dict, max_length=50, description="Repository, revision, entry point")
    settings: Settings = Field(default_factory=dict)
    seed: int | None = None


class StressPredicate(EnginePredicate):
    """How a model held up when its input was made worse on purpose."""

    faults: list[Name] = Field(max_length=500, description="What was done to the input")
    settings: Settings = Field(default_factory=dict)
    seed: int | None = None


class SimulationPredicate(EnginePredicate):
    """What happened to invented patients; never about real ones."""

    scenario: Name
    settings: Settings = Field(default_factory=dict)
    replicates: int | None = Field(default=None, ge=1)
    seed: int | None = None


class Finding(BaseModel):
    """Something a scan saw that a person may have to act on."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    kind: Name
    name: Name
    path: Sentence
    line: int | None = Field(default=None, ge=1)
    why: Sentence
    confidence: float = Field(ge=0, le=1)


class Incomplete(BaseModel):
    """A place a scan could not look into."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    path: Sentence
    why: Sentence


class Coverage(BaseModel):
    """How much a scan looked at; what it could not read is named."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    read: int = Field(ge=0)
    skipped: int = Field(default=0, ge=0)
    incomplete: list[Incomplete] = Field(default_factory=list, max_length=1000)


class ScanPredicate(EnginePredicate):
    """What a scan found, and where it could not look."""

    findings: list[Finding] = Field(default_factory=list, max_length=1000)
    coverage: Coverage


class MonitoringPredicate(EnginePredicate):
    """How a live model did in a window of time, and which alarms went off."""

    window: Window | None = None
    reference: Window | None = None
    alarms: list[Sentence] = Field(default_factory=list, max_length=1000)
    state: Literal["quiet", "watch", "alarm", "blind"] | None = None
    settings: Settings = Field(default_factory=dict)
    report: Reported | None = Field(default=None, description="What a team or a vendor says of the period beside it")
    spec: DriftSpec | EstimateSpec | None = Field(
        default=None, description="What was asked, where Codman computed it from files"
    )

    @model_serializer(mode="wrap")
    def _where_it_says_something(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = whole(self)
        return {name: value for name, value in said.items() if name not in ("report", "spec") or value is not None}
