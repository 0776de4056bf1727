"""Clocks of a concern: by when a clinician has seen it, which rules of law run, and on which work day they end.

All of it is data in clocks.yaml, with its source and the days between which it holds.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from codman.errors import BadInput
from codman.review.packs.dated import Dated, Strict
from codman.spine.concern import ConcernSeverity
from codman.spine.policy import Name

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday"]
_WEEKDAYS: Final = {name: number for number, name in enumerate(Weekday.__args__)}  # type: ignore[attr-defined]
_SATURDAY, _SUNDAY = 5, 6
RuleId = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]


class BadClocks(BadInput):
    """A file of clocks that cannot be used."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the clocks in {name} cannot be used", why, "see docs/concerns.md for what it may say")


class Holiday(Strict):
    """A day of the year without work: of the month, or the nth weekday of it, -1 the last."""

    name: Name
    month: int = Field(ge=1, le=12)
    day: int | None = Field(default=None, ge=1, le=31)
    weekday: Weekday | None = None
    which: int | None = Field(default=None, ge=-1, le=5)
    since: int | None = Field(default=None, description="The first year it was kept in")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.day is None) == (self.weekday is None) or (self.weekday is None) != (self.which is None):
            raise ValueError("a holiday has a day, or a weekday and which one of the month")
        if self.day is not None:
            date(2000, self.month, self.day)  # a leap year: refuses only what no year has
        if self.which == 0:
            raise ValueError("the weekdays of a month are counted from 1; -1 is the last")
        return self

    def on(self, year: int) -> date | None:
        """Its day in a year, before it is moved off a weekend; None where that year has none."""
        if self.since is not None and year < self.since:
            return None
        if self.day is not None:
            return date(year, self.month, self.day) if self.day <= calendar.monthrange(year, self.month)[1] else None
        days = [
            week[_WEEKDAYS[self.weekday or "monday"]]
            for week in calendar.monthcalendar(year, self.month)
            if week[_WEEKDAYS[self.weekday or "monday"]]
        ]
        place = (self.which or 1) - 1 if (self.which or 1) > 0 else -1
        return date(year, self.month, days[place]) if place < len(days) else None


class Holidays(Dated):
    """The days that are no work days, beside weekends."""

    saturday: Literal["friday before", "not kept"]
    sunday: Literal["monday after", "not kept"]
    days: tuple[Holiday, ...]

    def kept_in(self, year: int) -> Mapping[date, str]:
        """Every day off that a holiday of this year brings, by day; that of New Year may lie in the year before."""
        found = {}
        for one in self.days:
            day = one.on(year)
            if day is None:
                continue
            if day.weekday() == _SATURDAY and self.saturday == "friday before":
                day -= timedelta(days=1)
            elif day.weekday() == _SUNDAY and self.sunday == "monday after":
                day += timedelta(days=1)
            found[day] = one.name
        return found

    def is_work_day(self, day: date) -> bool:
        """Monday to Friday, and no holiday."""
        return day.weekday() < _SATURDAY and not any(day in self.kept_in(year) for year in (day.year, day.year + 1))

    def after(self, day: date, work_days: int) -> date:
        """The nth work day after a day; that day itself is not counted."""
        left = work_days
        while left > 0:
            day += timedelta(days=1)
            left -= self.is_work_day(day)
        return day

    def left(self, day: date, due: date) -> int:
        """How many work days remain after today, the due day counted; negative by how many it is late."""
        if due < day:
            return -self.left(due, day)
        return sum(self.is_work_day(day + timedelta(days=n)) for n in range(1, (due - day).days + 1))


class Rule(Dated):
    """A duty to report that begins with one event."""

    id: RuleId
    title: Name
    severity: tuple[ConcernSeverity, ...] = Field(min_length=1)
    work_days: int = Field(ge=1, le=366)
    to: tuple[Name, ...] = Field(min_length=1)
    form: Name
    runs_from: Name


class Yearly(Dated):
    """A duty to report once a year."""

    id: RuleId
    title: Name
    month: int = Field(ge=1, le=12)
    day: int = Field(ge=1, le=31)
    form: Name
    counts: tuple[RuleId, ...]
    note: Name | None = None

    def due_after(self, year: int) -> date:
        """The day on which the report about a year is due."""
        return date(year + 1, self.month, self.day)


class Clocks(Dated):
    """Every clock of one edition."""

    clocks: Name
    seen_within_hours: dict[ConcernSeverity, Annotated[float, Field(gt=0, le=24 * 30)]]
    rules: tuple[Rule, ...]
    yearly: tuple[Yearly, ...] = ()
    holidays: Holidays

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if missing := [one.value for one in ConcernSeverity if one not in self.seen_within_hours]:
            raise ValueError(f"seen_within_hours does not say it of: {', '.join(missing)}")
        ids = [*(one.id for one in self.rules), *(one.id for one in self.yearly)]
        if twice := next((one for one in ids if ids.count(one) > 1), None):
            raise ValueError(f"the id {twice!r} stands here twice")
        known = {one.id for one in self.rules}
        if unknown := sorted({one for each in self.yearly for one in each.counts} - known):
            raise ValueError(f"a yearly report counts {unknown[0]!r}, which is no rule")
        return self

    def seen_within(self, severity: ConcernSeverity) -> timedelta:
        """How long a clinician has to see it."""
        return timedelta(hours=self.seen_within_hours[severity])

    def starting(self, severity: ConcernSeverity, day: date) -> Rule | None:
        """The rule that begins by itself: the first that holds that day and names the severity."""
        return next((rule for rule in self.rules if rule.holds(day) and severity in rule.severity), None)

    def rule(self, name: str) -> Rule | None:
        """A rule by its id."""
        return next((rule for rule in self.rules if rule.id == name), None)

    def due(self, rule: Rule, aware_on: date) -> date:
        """The last day of a rule whose facility became aware on a day."""
        return self.holidays.after(aware_on, rule.work_days)


def read_clocks(body: bytes, name: str) -> Clocks:
    """Clocks from YAML.

    Raises:
        BadClocks: It is no YAML, or no clocks; the reason names the place.
    """
    try:
        return Clocks.model_validate(yaml.safe_load(body))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadClocks(name, f"it is no YAML: {str(error).splitlines()[0][:200]}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadClocks(name, f"{place}: {first['msg'][:300]}" if place else first["msg"][:300]) from None


def clocks(own: Path | None = None) -> Clocks:
    """The clocks in use: a hospital's own file, or the ready one.

    Raises:
        BadClocks: The file cannot be read or used.
    """
    if own is None:
        return _ready()
    try:
        changed = own.stat().st_mtime_ns
    except OSError as error:
        raise BadClocks(str(own), f"it cannot be read: {error.strerror}") from None
    return _own(own, changed)


@cache
def _ready() -> Clocks:
    file = files("codman.review") / "clocks.yaml"
    return read_clocks(file.read_bytes(), file.name)


@cache
def _own(path: Path, _changed: int) -> Clocks:
    try:
        return read_clocks(path.read_bytes(), str(path))
    except OSError as error:
        raise BadClocks(str(path), f"it cannot be read: {error.strerror}") from None
