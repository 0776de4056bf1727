"""What a use's stage means for its monitor: go-live starts it, retirement ends it; a pause leaves it as it is.

A retirement also ends the reports about it whose time has not begun, and the conditions of what was decided before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, exists, func, select

from codman.registry import governance
from codman.registry.database import Change
from codman.registry.governance import CONDITIONS, EXPECTED_REPORTS, MONITORS
from codman.registry.inventory import visible
from codman.registry.links import REPORT, revoke_links
from codman.registry.nouns import USES
from codman.registry.schema import uses
from codman.registry.schema_review import cases, conditions, expected_reports
from codman.registry.schema_watch import incidents, monitors
from codman.spine.partner_report import ReportState
from codman.spine.review import CaseOutcome, CaseState, ConditionState
from codman.spine.use import Stage, Use
from codman.spine.watching import IncidentState, Monitor, MonitorState

REACHES_PATIENTS: Final = frozenset({Stage.PILOT, Stage.LIVE})
RETIRED: Final = "the use was retired before the time that it is about"
OWED_NO_MORE: Final = "the use was retired before it was met"
_FOLLOWED: Final = (MonitorState.PLANNED.value, MonitorState.ACTIVE.value)


def follow_stage(change: Change, use: str, to: Stage) -> None:
    """Start or stop a use's monitor, and end what is still owed of it, where its new stage says so, in that change."""
    for one in followed(change.connection, use):
        if to in REACHES_PATIENTS and one.state is MonitorState.PLANNED:
            starts = max(one.starts_on, change.today)
            MONITORS.change(change, one.id, {"state": MonitorState.ACTIVE.value, "starts_on": starts}, None)
        elif to is Stage.RETIRED:
            MONITORS.change(change, one.id, {"state": MonitorState.STOPPED.value}, None)
    if to is Stage.RETIRED:
        _await_nothing_after(change, use)
        _owe_nothing_more(change, use)


def _await_nothing_after(change: Change, use: str) -> None:
    """Excuse the reports whose time has not begun; one whose time has begun is still awaited."""
    awaited = governance.every(
        change.connection,
        "expected_report",
        expected_reports.c.use == use,
        expected_reports.c.state == ReportState.DUE.value,
        expected_reports.c.period_start > change.today,
    )
    for report in awaited:
        EXPECTED_REPORTS.change(change, report.id, {"state": ReportState.EXCUSED.value, "excuse": RETIRED}, None)
        revoke_links(change, REPORT, report.id)


def _owe_nothing_more(change: Change, use: str) -> None:
    """Withdraw what earlier decisions asked for and nobody has met; what the retirement itself asks for stays owed."""
    before = select(cases.c.id).where(
        cases.c.use == use,
        cases.c.state == CaseState.DECIDED.value,
        cases.c.outcome != CaseOutcome.RETIRED.value,
    )
    owed = governance.every(
        change.connection,
        "condition",
        conditions.c.case.in_(before),
        conditions.c.state.in_([ConditionState.OPEN.value, ConditionState.HANDED_IN.value]),
    )
    done = {"state": ConditionState.WITHDRAWN.value, "closed_at": change.at, "note": OWED_NO_MORE}
    CONDITIONS.change_many(change, [(one, done) for one in owed])


def followed(connection: Connection, use: str) -> list[Monitor]:
    """A use's monitors that are not stopped."""
    return governance.every(connection, "monitor", monitors.c.use == use, monitors.c.state.in_(_FOLLOWED))


def unwatched(connection: Connection, within: Sequence[str], today: str, *, owner: str | None = None) -> list[Use]:
    """Uses that reach patients and that no monitor follows today, as far as these sites reach.

    One whose plan begins on a later day does not follow it yet.

    Args:
        connection: Where to read.
        within: Paths of the sites whose uses count.
        today: The day, ISO 8601.
        owner: Only those this person answers for.
    """
    active = exists(
        select(monitors.c.id).where(
            monitors.c.use == uses.c.id,
            monitors.c.state == MonitorState.ACTIVE.value,
            monitors.c.starts_on <= today,
        )
    )
    which = [uses.c.stage.in_([stage.value for stage in REACHES_PATIENTS]), ~active, visible(within)]
    if owner is not None:
        which.append(uses.c.owner == owner)
    return [USES.read(row) for row in connection.execute(select(uses).where(*which).order_by(uses.c.id))]


def unanswered(connection: Connection, within: Sequence[str]) -> int:
    """How many incidents of monitoring nobody has taken, of uses that these sites reach."""
    rows = (
        select(func.count())
        .select_from(incidents)
        .join(uses, uses.c.id == incidents.c.use)
        .where(incidents.c.state == IncidentState.OPEN.value, visible(within))
    )
    return int(connection.execute(rows).scalar_one())
