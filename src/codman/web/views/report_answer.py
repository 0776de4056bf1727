"""The one-page form of a report: what is asked, what was typed, what is wrong with it, what was said last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from codman.flows.reporting.answers import COLUMNS, REASONS, SOME, change_field, row_field, rows_of
from codman.flows.reporting.calendar import days_after, runs_until
from codman.flows.reporting.paper import Prefilled
from codman.flows.reporting.receiving import Awaited
from codman.spine.reported import NONE_KNOWN, ReportedChange
from codman.spine.vocabulary import UnknownMetric, word
from codman.web.views.documents import size
from codman.web.views.forms import Ask, Asked, Option, shown

_COUNTED: Final = (Option(NONE_KNOWN, "none that we know of"), Option(SOME, "some: say how many below"))
_CHANGED: Final = (Option(NONE_KNOWN, "nothing that we know of"), Option(SOME, "something: mark it below"))
_WHO: Final = Ask(name="sender", label="Who fills this in", needed=True, hint="Your name and what you are there")
_KNOWN: Final = (
    Ask(name="incidents", label="Safety incidents", kind="choice", options=_COUNTED, needed=True),
    Ask(name="incidents_count", label="How many incidents"),
    Ask(name="complaints", label="Complaints of staff or patients", kind="choice", options=_COUNTED, needed=True),
    Ask(name="complaints_count", label="How many complaints"),
    Ask(name="uptime_percent", label="Share of the time it ran, in percent", hint="e.g. 99.5"),
)
_CHANGES: Final = Ask(name="changes", label="What changed", kind="choice", options=_CHANGED, needed=True)
_WORDS: Final = Ask(
    name="words",
    label="In words",
    kind="prose",
    hint="What happened, what changed, what you did about it. No patients: no names, no numbers, no single stories.",
)
_COLUMNS: Final = (
    ("threshold", "At the threshold"),
    ("value", "Value"),
    ("lower", "Lower end of its interval (95 %)"),
    ("upper", "Upper end"),
    ("n", "Patients it rests on"),
    ("positives", "Of these, with the event"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Something that can be marked."""

    id: str
    name: str
    words: str
    ticked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement."""

    legend: str
    last: str
    fixed: Asked | None  # the metric, where it is asked for by name
    asked: tuple[Asked, ...]
    folded: tuple[Asked, ...]  # what seldom changes or is seldom needed
    summary: str  # of what is folded
    unfolded: bool  # something in it is wrong, or was answered
    spare: bool  # nothing stands in it


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerView:
    """The whole page."""

    action: str
    use: str
    partner: str
    start: str
    end: str
    due_on: str
    overdue: bool
    runs_until: str | None  # the last day of the period, while that is not over: nothing is sent yet
    last_day: str | None
    who: Asked
    safety: tuple[Asked, ...]
    uptime: Asked
    changes: Asked
    ticks: tuple[Tick, ...]
    words: Asked
    rows: tuple[Row, ...]  # those that something stands in
    more: tuple[Row, ...]  # empty ones
    measurements: Asked
    every: tuple[Asked, ...]
    faults: tuple[str, ...]
    refused: str
    looks: bool  # the words may name a patient
    limit: str


def answer_view(
    found: Awaited,
    ready: Prefilled,
    typed: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    action: str,
    today: str,
    faults: Sequence[str] = (),
    refused: str = "",
    looks: bool = False,
    largest: int,
) -> AnswerView:
    """The form.

    Args:
        found: The report.
        ready: What it was prefilled with.
        typed: What stands in it.
        errors: What is wrong, by field.
        action: Where it is sent.
        today: The day.
        faults: What is wrong with a workbook, cell by cell.
        refused: Why a file could not be read at all.
        looks: The words look as if they named a patient.
        largest: How large a workbook may be, in bytes.
    """
    who, words, changes = (_one(ask, typed, errors) for ask in (_WHO, _WORDS, _CHANGES))
    known = shown(_KNOWN, typed, errors)
    rows = tuple(_row(number, typed, errors, ready.last) for number in range(rows_of(typed)))
    measurements = Asked(
        id="measurements",
        name="measurements",
        label="Measurements",
        kind="line",
        value="",
        hint="",
        error=errors.get("metrics", ""),
        options=(),
        needed=False,
    )
    parts = [
        replace(part, label=f"{row.legend}, {part.label.lower()}") for row in rows for part in (*row.asked, *row.folded)
    ]
    return AnswerView(
        action=action,
        use=found.use.name,
        partner=found.schedule.partner_name,
        start=found.report.period_start,
        end=days_after(found.report.period_end, -1),
        due_on=found.report.due_on,
        overdue=today > found.report.due_on,
        runs_until=runs_until(found.report, today),
        last_day=None if ready.last_day is None else days_after(ready.last_day, -1),
        who=who,
        safety=known[:-1],
        uptime=known[-1],
        changes=changes,
        ticks=tuple(
            Tick(
                id=f"f-{change_field(change)}",
                name=change_field(change),
                words=change.value,
                ticked=bool(typed.get(change_field(change))),
            )
            for change in ReportedChange
        ),
        words=words,
        rows=tuple(row for row in rows if not row.spare),
        more=tuple(row for row in rows if row.spare),
        measurements=measurements,
        every=(words, *known[:-1], changes, known[-1], measurements, *parts, who),
        faults=tuple(faults),
        refused=refused,
        looks=looks,
        limit=size(largest),
    )


def _row(number: int, typed: Mapping[str, str], errors: Mapping[str, str], last: Mapping[str, str]) -> Row:
    metric = typed.get(row_field(number, "metric"), "").strip()
    legend = _label(metric)
    asks = [
        Ask(name=row_field(number, name), label=label)
        for name, label in _COLUMNS
        if name != "threshold" or _at_threshold(metric) or typed.get(row_field(number, "threshold"))
    ]
    options = tuple(Option(reason, reason) for reason in REASONS)
    none = "a number is given"
    asks.append(
        Ask(
            name=row_field(number, "note"),
            label="Why there is no number, or no interval",
            kind="choice",
            options=options,
            unsaid=none,
        )
    )
    name = Ask(
        name=row_field(number, "metric"), label="What was measured", hint="By its name, e.g. auroc, ppv, alert_rate"
    )
    asked = shown([name, *asks], typed, errors)
    known = legend is not None and not asked[0].error
    parts = asked[1:] if known else asked
    at = typed.get(row_field(number, "threshold"), "").strip()
    why = typed.get(row_field(number, "note"), "").strip()
    stays = {row_field(number, "note"), *([row_field(number, "threshold")] if at else [])}
    folded = tuple(one for one in parts if one.name in stays)
    return Row(
        legend=legend or (f"Another measurement: {metric}" if metric else "Another measurement"),
        last=last.get(metric, ""),
        fixed=asked[0] if known else None,
        asked=tuple(one for one in parts if one not in folded) if known else parts,
        folded=folded if known else (),
        summary=(f"At the threshold {at}. " if at else "") + "No number, or no interval? Say why",
        unfolded=bool(why) or any(one.error for one in folded),
        spare=not any(typed.get(row_field(number, column), "").strip() for column in COLUMNS),
    )


def _label(metric: str) -> str | None:
    try:
        return word(metric).label if metric else None
    except UnknownMetric:
        return None


def _at_threshold(metric: str) -> bool:
    try:
        return not metric or "threshold" in word(metric).needs
    except UnknownMetric:
        return True


def _one(ask: Ask, typed: Mapping[str, str], errors: Mapping[str, str]) -> Asked:
    return shown((ask,), typed, errors)[0]
