"""Partner reports: what a team or vendor must report about a use, when, and whether it came.

Made by flows/reporting; kept by registry; read by review, portfolio and the doors. Not reported is never no incidents.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from codman.spine.record import Day, Fields, Id, Line, Prose, Record
from codman.spine.review import Sha256
from codman.spine.statement import Instant


class Partner(StrEnum):
    """Who reports."""

    TEAM = "team"
    VENDOR = "vendor"


class ScheduleFields(Fields):
    """That somebody reports about a use, again and again."""

    use: Id
    partner: Partner
    partner_name: Line
    vendor: Id | None = None
    email: Line | None = Field(default=None, description="Where reminders and links go")
    owner: Id = Field(description="Who in the house answers for it and hears when nothing comes")
    every_months: int = Field(ge=1, le=60)
    first_due: Day
    days_to_report: int = Field(
        default=14, ge=0, le=90, description="How many days after the end of its period a report is due"
    )
    grace_days: int = Field(default=14, ge=0, le=180, description="Late until then, missing after")
    metrics: list[Line] = Field(default_factory=list, max_length=50, description="Metrics it must carry")
    active: bool = True


class Schedule(Record, ScheduleFields):
    """A schedule as the book has it."""


class ReportState(StrEnum):
    """Whether a report came; late and missing follow from the day."""

    DUE = "due"
    RECEIVED = "received"
    EXCUSED = "excused"


class Way(StrEnum):
    """How a report came in."""

    SIGNED = "signed"  # a statement with the sender's own signature
    FORM = "form"  # the sender's claim, by single-use link
    WORKBOOK = "workbook"  # the sender's claim, a returned XLSX


class ExpectedReportFields(Fields):
    """One report of a schedule: the period it is about and the day it is due."""

    schedule: Id
    use: Id
    period_start: Day
    period_end: Day = Field(description="Exclusive")
    due_on: Day
    state: ReportState = ReportState.DUE
    way: Way | None = None
    statement: Sha256 | None = None
    document: Id | None = Field(default=None, description="The original that was sent")
    received_at: Instant | None = None
    reminded: int = Field(default=0, ge=0, description="Reminders that were sent")
    escalated_at: Instant | None = None
    excuse: Prose | None = None
    incidents: int | None = Field(default=None, ge=1, description="That it tells of; null: none known, or not come")
    complaints: int | None = Field(default=None, ge=1, description="The same")
    changes: list[Line] = Field(default_factory=list, max_length=20, description="What it says has changed")
    tells: bool = Field(default=False, description="Of an incident or a change: the office says what follows")
    heeded_by: Id | None = None
    heeded_at: Instant | None = None
    follows: Prose | None = Field(default=None, description="What follows from it, in the office's words")


class ExpectedReport(Record, ExpectedReportFields):
    """An expected report as the book has it."""


LINK_DAYS: Final = 30
LinkDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
