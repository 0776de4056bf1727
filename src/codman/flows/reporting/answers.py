"""Answers: what somebody typed, in a form or a workbook, as a report; each fault named by the field it is in.

Both ways in end here, so that both ask the same and refuse the same. What is typed is the sender's claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from codman.spine.measurement import SUPPRESSED, Measurement
from codman.spine.reported import NONE_KNOWN, Count, Reported, ReportedChange
from codman.spine.vocabulary import UnknownMetric, Word, word

SOME: Final = "some"
MOST_ROWS: Final = 60
SPARE_ROWS: Final = 2
COLUMNS: Final = ("metric", "threshold", "value", "lower", "upper", "n", "positives", "note")
METHOD: Final = "as the sender says"
LEVEL: Final = 0.95
SMALLEST_GROUP: Final = 11  # fewer patients than this are not shown

# Why a number or its interval is not there: to choose from, since what people write never enters evidence
REASONS: Final = (
    "not measured in this period",
    "fewer than 11 patients",
    "the outcomes are not known yet",
    "no interval was computed",
)

_LONGEST: Final = {"sender": 200, "words": 4000}
_NUMBER: Final = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", re.ASCII)
_COUNT: Final = re.compile(r"\d{1,9}|\d{1,3}(,\d{3}){1,2}", re.ASCII)
_NEEDED: Final = "this is needed"


@dataclass(frozen=True, slots=True)
class Answered:
    """A report as it was typed, whole and free of contradictions."""

    sender: str
    report: Reported
    measurements: tuple[Measurement, ...]


@dataclass(slots=True)
class _Reading:
    """What was typed, and what is wrong with it so far."""

    typed: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.typed.get(name, "").strip()

    def wrong(self, name: str, why: str) -> None:
        self.errors.setdefault(name, why)


def row_field(row: int, column: str) -> str:
    """The field of a measurement's row, e.g. `m0_value`."""
    return f"m{row}_{column}"


def change_field(change: ReportedChange) -> str:
    """The field that says whether this changed, e.g. `changed_data_source`."""
    return "changed_" + change.value.replace(" ", "_").lower()


def first_typed(metrics: Sequence[str], last: Sequence[Measurement]) -> dict[str, str]:
    """What stands in the form before anybody types: what to measure, and at which threshold it was measured last.

    The numbers themselves are asked afresh: a number that was left standing would be nobody's claim.

    Args:
        metrics: What the schedule asks for.
        last: What the last report measured.
    """
    whole = [one for one in last if not one.slice]
    named = [(one.metric, one.params.get("threshold")) for one in whole]
    named += [(metric, None) for metric in metrics if metric not in {name for name, _ in named}]
    typed: dict[str, str] = {}
    for row, (metric, threshold) in enumerate(named[: MOST_ROWS - SPARE_ROWS]):
        typed[row_field(row, "metric")] = metric
        if threshold is not None:
            typed[row_field(row, "threshold")] = f"{threshold:g}"
    return typed


def rows_of(typed: Mapping[str, str]) -> int:
    """How many rows of measurements a form shows: those that hold something, and some to spare."""
    used = [row for row in range(MOST_ROWS) if any(typed.get(row_field(row, column)) for column in COLUMNS)]
    return min(MOST_ROWS, (used[-1] + 1 if used else 0) + SPARE_ROWS)


def read_answers(typed: Mapping[str, str], metrics: Sequence[str]) -> Answered | dict[str, str]:
    """What was typed as a report; or why it is none yet, by field.

    Args:
        typed: Text by field.
        metrics: What the schedule asks for.
    """
    reading = _Reading(typed)
    sender = _sender(reading)
    incidents, complaints = _count(reading, "incidents"), _count(reading, "complaints")
    changes = _changes(reading)
    uptime = _number(reading, "uptime_percent")
    if uptime is not None and not 0 <= uptime <= 100:
        reading.wrong("uptime_percent", "a share of the time is 0 to 100")
    if len(reading.text("words")) > _LONGEST["words"]:
        reading.wrong("words", f"at most {_LONGEST['words']:,} characters")
    measurements = tuple(_measurements(reading))
    _all_asked(reading, measurements, metrics)
    if reading.errors or incidents is None or complaints is None or changes is None:
        return reading.errors
    report = Reported(incidents=incidents, complaints=complaints, changes=changes, uptime_percent=uptime)
    return Answered(sender, report, measurements)


def _sender(reading: _Reading) -> str:
    sender = reading.text("sender")
    if not sender:
        reading.wrong("sender", _NEEDED)
    elif len(sender) > _LONGEST["sender"] or not sender.isprintable():
        reading.wrong("sender", f"one line of at most {_LONGEST['sender']} characters")
    return sender


def _count(reading: _Reading, name: str) -> Count | None:
    said, number = reading.text(name), reading.text(f"{name}_count")
    if said == NONE_KNOWN:
        if number and number != "0":
            reading.wrong(f"{name}_count", f"the answer before says that none are known, and this says {number[:20]}")
        return NONE_KNOWN
    if said != SOME:
        reading.wrong(name, "say how many, or that none are known: an empty answer is not taken for none")
        return None
    count = _whole(reading, f"{name}_count", f"write how many, e.g. 3, or '{NONE_KNOWN}'")
    if count is None:
        reading.wrong(f"{name}_count", "say how many")
    elif not 1 <= count <= 1_000_000:
        reading.wrong(f"{name}_count", "a number from 1; where there are none, say that none are known")
    else:
        return count
    return None


def _changes(reading: _Reading) -> list[ReportedChange] | str | None:
    said = reading.text("changes")
    ticked = [change for change in ReportedChange if reading.text(change_field(change))]
    if said == NONE_KNOWN:
        if ticked:
            reading.wrong("changes", f"it says that no change is known, and '{ticked[0].value}' is marked as changed")
        return NONE_KNOWN
    if said != SOME:
        reading.wrong("changes", "say what changed, or that no change is known")
        return None
    if not ticked:
        reading.wrong("changes", "mark what changed")
        return None
    return ticked


def _measurements(reading: _Reading) -> Iterator[Measurement]:
    seen: dict[tuple[str, float | None], int] = {}
    for row in range(MOST_ROWS):
        cells = {column: reading.text(row_field(row, column)) for column in COLUMNS}
        if not any(cells.values()):
            continue
        meaning = _metric(reading, row, cells["metric"])
        made = None if meaning is None else _measurement(reading, row, meaning, cells)
        if made is None or meaning is None:
            continue
        key = (made.metric, made.params.get("threshold"))
        if key in seen:
            reading.wrong(row_field(row, "metric"), f"it stands in row {seen[key] + 1} already")
        seen.setdefault(key, row)
        yield made


def _metric(reading: _Reading, row: int, name: str) -> Word | None:
    place = row_field(row, "metric")
    if not name:
        reading.wrong(place, "say what was measured")
        return None
    try:
        return word(name)
    except UnknownMetric as error:
        reading.wrong(place, f"no metric has this name; {error.fix}"[:300])
        return None


def _measurement(reading: _Reading, row: int, meaning: Word, cells: Mapping[str, str]) -> Measurement | None:
    before = len(reading.errors)
    value, lower, upper = (_number(reading, row_field(row, column)) for column in ("value", "lower", "upper"))
    n, positives = (_whole(reading, row_field(row, column)) for column in ("n", "positives"))
    threshold = _number(reading, row_field(row, "threshold"))
    note = cells["note"]
    if "threshold" in meaning.needs and threshold is None:
        reading.wrong(row_field(row, "threshold"), f"{meaning.label} is one number only at a threshold")
    if note and note not in REASONS:
        reading.wrong(row_field(row, "note"), "choose one of: " + "; ".join(REASONS))
    if value is None:
        if not note:
            reading.wrong(row_field(row, "value"), "give the number, or say at the end of the row why there is none")
        if lower is not None or upper is not None:
            reading.wrong(row_field(row, "value"), "there is an interval without its number")
        if n is not None and n < SMALLEST_GROUP:
            note, n, positives = f"{SUPPRESSED}: {note}", None, None
    else:
        _check_value(reading, row, meaning, value, lower, upper, note)
        if n is None:
            reading.wrong(row_field(row, "n"), "say on how many patients it rests")
        elif n < SMALLEST_GROUP:
            why = f"a number on fewer than {SMALLEST_GROUP} patients is not kept: leave it empty, and say why"
            reading.wrong(row_field(row, "n"), why)
    if n is not None and positives is not None and positives > n:
        reading.wrong(row_field(row, "positives"), f"more events than patients ({n:,})")
    if len(reading.errors) > before:
        return None
    return Measurement(
        metric=meaning.name,
        value=value,
        lower=lower,
        upper=upper,
        level=None if lower is None else LEVEL,
        n=n,
        positives=positives,
        method=METHOD,
        params={} if threshold is None else {"threshold": threshold},
        note=note or None,
    )


def _check_value(
    reading: _Reading, row: int, meaning: Word, value: float, lower: float | None, upper: float | None, note: str
) -> None:
    place = row_field(row, "value")
    low, high = meaning.low, meaning.high
    for column, number in (("value", value), ("lower", lower), ("upper", upper)):
        if number is not None and ((low is not None and number < low) or (high is not None and number > high)):
            reading.wrong(row_field(row, column), f"{meaning.label} lies {_range(low, high)}")
    if (lower is None) != (upper is None):
        reading.wrong(row_field(row, "upper" if upper is None else "lower"), "an interval has two ends")
    elif lower is not None and upper is not None:
        if not lower <= value <= upper:
            reading.wrong(place, f"it is not inside its own interval, {lower:g} to {upper:g}")
    elif not note:
        why = "give its interval (95 %), or say at the end of the row why there is none"
        reading.wrong(row_field(row, "lower"), why)


def _all_asked(reading: _Reading, measurements: Sequence[Measurement], metrics: Sequence[str]) -> None:
    there = {one.metric for one in measurements}
    tried = {reading.text(row_field(row, "metric")) for row in range(MOST_ROWS)}
    lacking = [metric for metric in metrics if metric not in there and metric not in tried]
    if lacking:
        named = ", ".join(word(metric).label for metric in lacking)
        reading.wrong("metrics", f"this report must carry {named}: give the number, or say why there is none")


def _number(reading: _Reading, name: str) -> float | None:
    text = reading.text(name)
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        percent = text.endswith("%")
        reading.wrong(name, "write a share, e.g. 0.81, not a percentage" if percent else "write a number, e.g. 0.81")
        return None
    return float(text)


def _whole(reading: _Reading, name: str, asks: str = "write a whole number, e.g. 1200") -> int | None:
    text = reading.text(name)
    if not text:
        return None
    if not _COUNT.fullmatch(text):
        reading.wrong(name, asks)
        return None
    return int(text.replace(",", ""))


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    return f"at {low:g} or above" if low is not None else f"at {high:g} or below"
