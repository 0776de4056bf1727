"""Policy: which evidence a checkpoint demands, and the bounds its measurements must keep.

Written by people in YAML; read by review/policy (to judge, check and compare) and by the doors.
What a requirement asks for beyond a statement is an `Ask`; each kind of requirement in review/policy brings its own.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_validator

from codman.spine.evaluation_spec import Task
from codman.spine.statement import Kind, Origin

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*$")]
RequirementId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Checkpoint(StrEnum):
    """Where in its life a use of an AI product is stopped and looked at."""

    INTAKE = "intake"
    TRIAGE = "triage"
    VALIDATION = "validation"
    SILENT = "silent"
    PILOT = "pilot"
    GO_LIVE = "go-live"
    MONITORING = "monitoring"
    CHANGE = "change"
    PAUSE = "pause"
    RETIRE = "retire"


# Those whose decision lets something run. One at `change` adds a version or a site to such a decision, and stands no
# longer than it; one at `monitoring` may end what runs, and lets nothing run.
LETS_RUN: Final = frozenset({Checkpoint.SILENT, Checkpoint.PILOT, Checkpoint.GO_LIVE})
# Those about a use as it runs. They ask less than what lets it run, and so stand beside it.
BESIDE: Final = frozenset({Checkpoint.MONITORING, Checkpoint.CHANGE})


class Severity(StrEnum):
    """Whether a requirement can stop a checkpoint."""

    BLOCK = "block"
    WARN = "warn"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Ask(_Strict):
    """What one kind of requirement asks of a statement; each kind has its own."""


class AppliesTo(_Strict):
    """The uses a policy is meant for; a key left out applies to all."""

    tier: tuple[Name, ...] | None = Field(
        default=None, min_length=1, description="Risk tiers, as the organisation names them"
    )
    task: tuple[Task, ...] | None = Field(default=None, min_length=1, description="Known from the evidence")
    setting: tuple[Name, ...] | None = Field(
        default=None, min_length=1, description="Where care is given, e.g. inpatient"
    )
    kind: tuple[Name, ...] | None = Field(
        default=None, min_length=1, description="How it came: built, bought, embedded"
    )


class Requirement(_Strict):
    """One demand of a policy."""

    id: RequirementId
    title: Name | None = None
    evidence: Kind = Field(description="The kind of statement that answers it")
    origin: tuple[Origin, ...] = Field(default=(), description="Whose word counts; empty is anybody's")
    max_age_days: float | None = Field(
        default=None, gt=0, strict=True, allow_inf_nan=False, description="Older evidence is stale"
    )
    severity: Severity = Severity.BLOCK
    controls: tuple[Name, ...] = Field(default=(), description="What it answers elsewhere: FRAMEWORK/CONTROL")
    always_applies: bool | None = Field(
        default=None, strict=True, description="Nobody may say that it does not apply to a use"
    )
    asked_as: str = Field(description="The key of the policy that holds the ask: measurement, document, evidence")
    asks: SerializeAsAny[Ask]
    line: int = Field(default=0, exclude=True, repr=False, description="Where it stands in its file, for annotations")

    @cached_property
    def name(self) -> str:
        """What a person calls it: its title, or its id made readable."""
        return self.title or self.id.replace("-", " ").replace("_", " ").capitalize()

    @cached_property
    def sought(self) -> str:
        """Which statements can answer it, in one word: requirements of the same word look at the same statements."""
        # only a document's ask picks among statements of its kind
        asked = self.asks.model_dump_json() if self.asked_as == "document" else ""
        return " ".join([self.evidence.value, *(one.value for one in self.origin), asked])


class Committee(_Strict):
    """Who must have voted, beyond the fewest that a use of its tier takes anyway."""

    voters: int = Field(default=1, ge=1, le=100, strict=True, description="Fewest votes, abstentions not counted")
    disciplines: tuple[Name, ...] = Field(default=(), max_length=20, description="Disciplines that must have voted")


class Policy(_Strict):
    """Everything a checkpoint demands."""

    policy: Name
    edition: Name
    applies_to: AppliesTo = AppliesTo()
    checkpoint: Checkpoint
    committee: Committee | None = Field(
        default=None, description="Who must have voted; never fewer than its tier takes"
    )
    level: float = Field(
        default=0.95, gt=0.5, lt=1, strict=True, description="Least level of an interval that is judged"
    )
    requires: tuple[Requirement, ...] = Field(min_length=1, max_length=1000)
    file: str = Field(default="", exclude=True, repr=False, description="Where it was read from, for annotations")

    @field_validator("requires")
    @classmethod
    def _ids_once(cls, requires: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
        ids = [r.id for r in requires]
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice is not None:
            raise ValueError(f"two requirements have the id {twice!r}")
        return requires
