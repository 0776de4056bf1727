"""Reported: what a partner says of a use beside its measurements: incidents, complaints, changes, uptime.

Made by partners and flows/reporting; carried by monitoring statements; read by review, report and the doors. Silence
is not an answer: who knows of none says so. Words are not here: they stay in the original, which can be erased.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

NONE_KNOWN: Final = "none known"
NoneKnown = Literal["none known"]
Count = NoneKnown | Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class ReportedChange(StrEnum):
    """What a partner says has changed; as change control names it, where it does."""

    VERSION = "version"
    THRESHOLD = "threshold"
    DATA_SOURCE = "data source"
    POPULATION = "population"
    EHR_BUILD = "EHR build"
    WORKFLOW = "workflow"
    OTHER = "other"


class Reported(BaseModel):
    """What a partner answers for a period."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    incidents: Count = Field(description="Patient safety incidents: how many, or `none known`")
    complaints: Count = Field(description="Complaints of staff or patients: how many, or `none known`")
    changes: NoneKnown | Annotated[list[ReportedChange], Field(min_length=1, max_length=len(ReportedChange))] = Field(
        description="What changed, or `none known`"
    )
    uptime_percent: float | None = Field(
        default=None, strict=True, ge=0, le=100, description="Share of the time it ran"
    )
