"""Alarms of a monitor: at once where something blocks, else when windows together say so, and seldom falsely."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.flows.watch.calling import Called, call, history_of, rules_of, same_windows
from codman.flows.watch.judging import Held
from codman.review.policy.written import BadPolicy
from codman.review.watching.written import plan_of_bytes
from codman.spine.verdict import Finding, Outcome
from codman.spine.watching import Look, LookNumber

HALF = 0.04  # of an interval at 95 %
FIRST = date(2026, 1, 5)


def plan(severity: str = "warn", *, many: int = 1, window: str = "week", alarms: str = ""):
    requires = "".join(
        f"""
  - id: r{i}
    title: Ranks patients
    evidence: monitoring
    severity: {severity}
    measurement: {{metric: auroc, at_least: 0.7, slice: {{site: s{i}}}}}
    watch: {{window: {window}, due_days: 3}}"""
        for i in range(many)
    )
    return plan_of_bytes(f"plan: p\nedition: '1'\n{alarms}requires:{requires}\n".encode(), "p")


def number(value: float, half: float | None = HALF, n: int = 400) -> LookNumber:
    if half is None:
        return LookNumber(value=value, n=n)
    return LookNumber(value=value, lower=value - half, upper=value + half, level=0.95, n=n)


def outcome(one: LookNumber) -> Outcome:
    lower, upper = (one.value, one.value) if one.lower is None else (one.lower, one.upper)
    return Outcome.MET if lower >= 0.7 else Outcome.NOT_MET if upper < 0.7 else Outcome.INCONCLUSIVE


def look(week: int, numbers: list[LookNumber]) -> Look:
    start = FIRST + timedelta(weeks=week)
    end = start + timedelta(weeks=1)
    return Look.model_validate(
        {
            "id": f"look-{week}", "revision": 1, "created_at": "2026-01-01T00:00:00.000000Z",
            "updated_at": "2026-01-01T00:00:00.000000Z", "use": "u", "monitor": "m", "rule": "week",
            "starts_on": start.isoformat(), "ends_on": end.isoformat(),
            "due_on": (end + timedelta(days=3)).isoformat(), "state": "quiet",
            "outcomes": {f"r{i}": outcome(one).value for i, one in enumerate(numbers)},
            "numbers": {f"r{i}": one.model_dump() for i, one in enumerate(numbers)},
            "looked_at": "2026-01-01T00:00:00.000000Z",
        }
    )  # fmt: skip


def held(asked, numbers: list[LookNumber]) -> list[Held]:
    return [
        Held(one, outcome(seen), "AUROC.", Finding(outcome=outcome(seen), said=lambda: "AUROC."), seen)
        for one, seen in zip(asked.requires, numbers, strict=True)
    ]


def run(asked, history: list[list[LookNumber]], rule: str = "week") -> list[Called]:
    looks = [look(week, numbers) for week, numbers in enumerate(history)]
    return [call(asked, rule, held(asked, numbers), looks[:week]) for week, numbers in enumerate(history)]


def test_what_blocks_raises_an_alarm_in_its_first_window():
    (first,) = run(plan("block"), [[number(0.5)]])

    assert first.raised == {"r0": None}


def test_a_warning_waits_for_a_second_window_then_stays_on_until_windows_together_are_back():
    weeks = run(plan(), [[number(v)] for v in (0.8, 0.5, 0.5, 0.5, 0.75, 0.8, 0.8, 0.8, 0.8)])

    assert [sorted(one.raised) for one in weeks[:5]] == [[], [], ["r0"], [], []]
    assert weeks[2].raised["r0"] > 1 / (0.05 / 52)  # the part of the level that one week of a year may spend
    on = ["r0" in one.on for one in weeks]
    assert on[2:5] == [True, True, True]  # one week back is not enough
    assert not on[-1]
    assert sum("r0" in one.ended for one in weeks) == 1


def test_one_bad_week_between_good_ones_raises_nothing():
    weeks = run(plan(), [[number(0.55 if week == 4 else 0.8)] for week in range(10)])

    assert [one.raised for one in weeks] == [{}] * 10


def test_weeks_that_never_decide_alone_do_so_together():
    history = [[number(0.675)] for _ in range(30)]
    assert {outcome(one) for (one,) in history} == {Outcome.INCONCLUSIVE}

    raised = [week for week, one in enumerate(run(plan("block"), history)) if one.raised]

    assert len(raised) == 1  # once, and it stays on
    assert 5 < raised[0] < 30


def test_a_number_without_an_interval_must_be_beyond_its_limit_in_two_of_three_windows():
    weeks = run(plan(), [[number(v, half=None)] for v in (0.8, 0.6, 0.8, 0.8, 0.6, 0.6)])

    assert ["r0" in one.raised for one in weeks] == [False, False, False, False, False, True]


def test_a_month_stands_alone_and_the_plan_may_say_otherwise():
    assert rules_of(plan(window="month"), "month").persistence == (1, 1)
    assert rules_of(plan(window="month"), "month").period == 12
    assert rules_of(plan(), "week").persistence == (2, 3)
    said = rules_of(plan(alarms="alarms: {level: 0.1, persistence: [3, 4], quiet: 5}\n"), "week")
    assert (said.level, said.persistence, said.quiet) == (0.1, (3, 4), 5)


def test_requirements_that_are_due_later_have_looks_of_their_own():
    one = look(0, [number(0.8)])
    end = date.fromisoformat(one.ends_on)

    assert same_windows(one, "week", end + timedelta(weeks=4), end + timedelta(weeks=4, days=3))
    assert not same_windows(one, "week", end, end)
    assert not same_windows(one, "day", end, end + timedelta(days=3))


@given(st.lists(st.floats(0.5, 0.9), min_size=2, max_size=12), st.randoms())
def test_the_order_in_which_earlier_looks_are_read_does_not_matter(values, chance):
    asked = plan()
    looks = [look(week, [number(v)]) for week, v in enumerate(values[:-1])]
    mixed = list(looks)
    chance.shuffle(mixed)

    assert call(asked, "week", held(asked, [number(values[-1])]), looks) == call(
        asked, "week", held(asked, [number(values[-1])]), mixed
    )


def test_a_year_on_the_limit_raises_hardly_ever_a_false_alarm_and_a_real_fall_is_found(whole):
    """Ten requirements exactly on their limits; then one of them falls by 0.05, two and a half standard errors."""
    asked, chance = plan(many=10), np.random.default_rng(11)
    histories, weeks = (4000 if whole else 120), 52
    false, noticed = 0, []
    for _ in range(histories):
        seen = 0.7 + chance.normal(0, HALF / 1.96, (weeks, 10))
        false += bool(raised_in(asked, seen).any())
        seen[10:, 3] -= 0.05
        found = np.flatnonzero(raised_in(asked, seen)[:, 3])
        noticed.append(found[0] - 10 if len(found) else weeks)

    assert false / histories <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / histories)
    assert np.quantile(noticed, 0.9) <= 8


def raised_in(asked, seen: np.ndarray) -> np.ndarray:
    numbers = [[number(float(v)) for v in week] for week in seen]
    looks = [look(week, some) for week, some in enumerate(numbers[:-1])]
    return history_of(asked, "week", held(asked, numbers[-1]), looks).raised


def test_each_window_calls_what_the_whole_history_calls_there():
    asked, chance = plan(many=3), np.random.default_rng(5)
    seen = 0.7 + chance.normal(-0.02, HALF / 1.96, (30, 3))
    numbers = [[number(float(v)) for v in week] for week in seen]

    one_by_one = [sorted(one.raised) for one in run(asked, numbers)]

    assert one_by_one == [[f"r{s}" for s in np.flatnonzero(week)] for week in raised_in(asked, seen)]
    assert any(one_by_one)


@pytest.mark.parametrize("said", ["[0, 3]", "[3, 2]", "[1, 60]"])
def test_a_persistence_that_cannot_be_kept_is_refused(said):
    with pytest.raises(BadPolicy, match="k of n"):
        plan(alarms=f"alarms: {{persistence: {said}}}\n")
