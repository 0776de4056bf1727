"""What people do with an incident: the machine goes only where it may, and forgets nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from codman.monitor.alarms.duty import (
    Ladder,
    NotNow,
    Standing,
    acknowledge,
    escalate,
    opened,
    passed,
    reopen,
    resolve,
    snooze,
    worsened,
)
from codman.monitor.alarms.stream import WatchImpossible

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
LADDER = Ladder(rungs=("lead", "officer"))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_nobody_answers_and_it_climbs_the_ladder_once_a_rung_and_stops_at_its_end():
    duty = passed(opened("i1", "ana", T0, LADDER), T0 + 10 * DAY, LADDER)

    assert [(step.did, step.to) for step in duty.history] == [
        ("opened", ""),
        ("escalated", "lead"),
        ("escalated", "officer"),
    ]
    assert [step.at for step in duty.history[1:]] == [T0 + DAY, T0 + 2 * DAY]
    assert (duty.holder, duty.due) == ("officer", None)


def test_a_severe_one_climbs_within_the_hour():
    duty = passed(opened("i1", "ana", T0, LADDER, severe=True), T0 + HOUR, LADDER)

    assert duty.holder == "lead"


def test_one_that_is_acknowledged_is_not_escalated():
    duty = acknowledge(opened("i1", "ana", T0, LADDER), "ana", T0 + HOUR)

    assert passed(duty, T0 + 30 * DAY, LADDER) == duty


def test_a_snooze_keeps_its_reason_and_ends_by_itself():
    asleep = snooze(opened("i1", "ana", T0, LADDER), "ana", T0, T0 + 3 * DAY, "the lab moves on Tuesday", LADDER)
    awake = passed(asleep, T0 + 3 * DAY + HOUR, LADDER)

    assert passed(asleep, T0 + 2 * DAY, LADDER) == asleep
    assert asleep.history[-1].why == "the lab moves on Tuesday"
    assert awake.standing is Standing.OPEN
    assert awake.due == T0 + 4 * DAY


@pytest.mark.parametrize(
    ("until", "why", "severe"),
    [(T0 + DAY, " ", False), (T0, "later", False), (T0 + 31 * DAY, "later", False), (T0 + 2 * DAY, "later", True)],
    ids=["no reason", "no time", "too long", "too long for a severe one"],
)
def test_a_snooze_without_reason_or_end_in_sight_is_refused(until, why, severe):
    with pytest.raises(WatchImpossible):
        snooze(opened("i1", "ana", T0, LADDER, severe=severe), "ana", T0, until, why, LADDER)


def test_one_that_worsens_wakes_from_its_snooze_and_reopens_when_resolved():
    fresh = opened("i1", "ana", T0, LADDER)
    asleep = snooze(fresh, "ana", T0, T0 + 3 * DAY, "known", LADDER)
    done = resolve(fresh, "ana", T0, "a feed was late")

    for one in (asleep, done):
        again = worsened(one, T0 + HOUR, "2 more alarms", LADDER, severe=True)
        assert (again.standing, again.severe, again.due) == (Standing.OPEN, True, T0 + 2 * HOUR)
    taken = worsened(acknowledge(fresh, "bo", T0), T0 + HOUR, "1 more alarm", LADDER, severe=False)
    assert (taken.standing, taken.holder) == (Standing.ACKNOWLEDGED, "bo")


def test_what_is_resolved_takes_a_reason_to_close_and_to_open():
    fresh = opened("i1", "ana", T0, LADDER)
    with pytest.raises(WatchImpossible):
        resolve(fresh, "ana", T0, "")
    done = resolve(fresh, "ana", T0, "a feed was late")
    for wrong in (
        lambda: acknowledge(done, "bo", T0),
        lambda: snooze(done, "bo", T0, T0 + DAY, "x", LADDER),
        lambda: resolve(done, "bo", T0, "x"),
        lambda: escalate(done, "bo", T0, "x", LADDER),
    ):
        with pytest.raises(NotNow):
            wrong()
    with pytest.raises(WatchImpossible):
        reopen(done, "bo", T0, "", LADDER)
    assert reopen(done, "bo", T0, "it is back", LADDER).holder == "ana"


def test_a_step_into_the_past_is_refused_and_so_is_a_time_without_a_zone():
    duty = acknowledge(opened("i1", "ana", T0, LADDER), "ana", T0 + HOUR)

    with pytest.raises(NotNow):
        resolve(duty, "ana", T0, "x")
    with pytest.raises(WatchImpossible):
        opened("i1", "ana", T0.replace(tzinfo=None), LADDER)
    with pytest.raises(WatchImpossible):
        opened("i1", "", T0, LADDER)


class Desk(RuleBasedStateMachine):
    """People and time act on one incident in any order."""

    def __init__(self):
        super().__init__()
        self.now = T0
        self.duty = opened("i1", "ana", T0, LADDER)
        self.before = self.duty

    def _go(self, duty):
        self.before, self.duty = self.duty, duty

    @rule(hours=st.integers(0, 72))
    def time_passes(self, hours):
        self.now += timedelta(hours=hours)
        self._go(passed(self.duty, self.now, LADDER))

    @rule(by=st.sampled_from(["ana", "bo"]))
    def someone_acknowledges(self, by):
        try:
            self._go(acknowledge(self.duty, by, self.now))
        except NotNow:
            assert self.duty.standing in (Standing.RESOLVED, Standing.ACKNOWLEDGED)

    @precondition(lambda self: self.duty.standing is not Standing.RESOLVED)
    @rule(days=st.floats(0.1, 0.9))
    def someone_snoozes(self, days):
        self._go(snooze(self.duty, "ana", self.now, self.now + timedelta(days=days), "wait", LADDER))

    @precondition(lambda self: self.duty.standing is not Standing.RESOLVED)
    @rule()
    def someone_resolves(self):
        self._go(resolve(self.duty, "ana", self.now, "found"))

    @rule(severe=st.booleans())
    def it_worsens(self, severe):
        self._go(worsened(self.duty, self.now, "more", LADDER, severe=severe))

    @invariant()
    def history_only_grows(self):
        assert self.duty.history[: len(self.before.history)] == self.before.history
        assert [s.at for s in self.duty.history] == sorted(s.at for s in self.duty.history)

    @invariant()
    def something_is_due_exactly_while_somebody_is_waited_for(self):
        if self.duty.standing in (Standing.ACKNOWLEDGED, Standing.RESOLVED):
            assert self.duty.due is None
        elif self.duty.standing is Standing.SNOOZED or self.duty.rung < len(LADDER.rungs):
            assert self.duty.due is not None

    @invariant()
    def it_can_be_written(self):
        assert json.loads(json.dumps(self.duty.written()))["standing"] == self.duty.standing.value


Desk.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
test_an_incident_goes_only_where_it_may = Desk.TestCase
