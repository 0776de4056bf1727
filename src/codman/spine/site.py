"""Site and Deployment: where a use runs, in which mode, and who accepted it there.

Made by people and imports; kept by registry; read by review, monitor, report and the doors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from codman.spine.record import Day, Fields, Id, Line, Prose, Record
from codman.spine.statement import Instant


class SiteLevel(StrEnum):
    """The four levels of a health system, the highest first."""

    SYSTEM = "system"
    REGION = "region"
    HOSPITAL = "hospital"
    UNIT = "unit"


class SiteFields(Fields):
    """A place in the hierarchy of the health system."""

    name: Line
    level: SiteLevel
    parent: Id | None = None


class Site(Record, SiteFields):
    """A site as the book has it."""

    path: str = Field(description="Every site above it and itself, e.g. /north/st-mary/icu/")


class Mode(StrEnum):
    """How a use runs at one site."""

    SILENT = "silent"
    PILOT = "pilot"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"


# where a use is to run and does not yet, with the mode meant there: it says nothing of what runs, and grants nothing
PlannedMode = Literal[Mode.SILENT, Mode.PILOT, Mode.LIVE]
Planned = Annotated[dict[Id, PlannedMode], Field(max_length=1000)]
PLANNED_MODES: Final[tuple[PlannedMode, ...]] = (Mode.SILENT, Mode.PILOT, Mode.LIVE)  # the least exposed first


# as MLflow writes it; a model's name has neither a slash nor a colon
ModelAlias = Annotated[str, Field(pattern=r"^models:/[^/:@\x00-\x1f\x7f]{1,200}@[A-Za-z0-9_-]{1,100}$")]


class DeploymentFields(Fields):
    """A use at one site."""

    use: Id
    site: Id
    version: Id | None = None
    mode: Mode
    since: Day | None = None
    clinician: Id | None = Field(default=None, description="The accountable clinician of this site")
    accepted_at: Instant | None = Field(default=None, description="When that clinician accepted it")
    ehr_build: Line | None = None
    serves: ModelAlias | None = Field(
        default=None, description="The MLflow alias that says which version is served here: models:/sepsis@champion"
    )
    note: Prose | None = None


class Deployment(Record, DeploymentFields):
    """A deployment as the book has it."""
