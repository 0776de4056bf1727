"""Jobs by the clock: once a slot, by one runner, whatever the clock does, and again after a failure or a crash."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.errors import BadInput
from codman.jobs.leases import take
from codman.jobs.periods import Daily, Every
from codman.jobs.schedule import Job, due, run_due, states

HOUR = Every(timedelta(hours=1))
CHICAGO = ZoneInfo("America/Chicago")


class Work:
    """Notes the slots it is run for; fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.slots: list[str] = []
        self.failures = list(failures)

    def __call__(self, slot: str) -> None:
        self.slots.append(slot)
        if self.failures:
            raise self.failures.pop(0)


def run(book, *jobs, who="one"):
    return run_due(book.unrecorded, book.reading, jobs, book.clock, who)


def test_a_job_is_done_once_in_each_slot(book, clock):
    work = Work()
    job = Job("hourly", HOUR, work)

    for minutes in (0, 1, 30, 28, 2, 59):
        clock.later(minutes=minutes)
        run(book, job)

    noon = "2026-11-16T12:00:00.000000Z"
    assert work.slots == [noon, "2026-11-16T13:00:00.000000Z", "2026-11-16T14:00:00.000000Z"]
    with book.reading() as connection:
        assert due(connection, [job], clock()) == []


def test_a_server_that_was_off_for_a_week_does_a_daily_job_once(book, clock):
    work = Work()
    job = Job("daily", Daily(time(7), UTC), work)
    run(book, job)
    clock.later(days=7)
    run(book, job)
    run(book, job)

    assert work.slots == ["2026-11-16", "2026-11-23"]


def test_two_servers_at_once_do_a_job_once(book):
    begun, go = threading.Event(), threading.Event()
    slots = []

    def work(slot):
        slots.append(slot)
        begun.set()
        assert go.wait(timeout=30)

    job = Job("hourly", HOUR, work)
    first = threading.Thread(target=run, args=(book, job))
    first.start()
    assert begun.wait(timeout=30)
    second = run(book, job, who="two")
    go.set()
    first.join()

    assert (len(slots), second) == (1, [])
    assert run(book, job, who="two") == []


def test_a_runner_that_died_is_followed_by_another_after_its_lease(book, clock):
    work = Work()
    job = Job("hourly", HOUR, work, lease_s=60)
    with book.unrecorded() as connection:
        take(connection, "schedule/hourly", "dead", clock(), 60)

    run(book, job)
    clock.later(seconds=69)
    run(book, job)
    assert work.slots == []
    clock.later(seconds=2)
    run(book, job)

    assert len(work.slots) == 1


def test_a_runner_that_was_overtaken_cannot_say_that_it_was_done(book, clock):
    def slow(_slot):
        with book.unrecorded() as connection:
            assert take(connection, "schedule/hourly", "two", clock() + timedelta(minutes=5), 60) is not None

    assert run(book, Job("hourly", HOUR, slow)) == []

    with book.reading() as connection:
        (state,) = states(connection, [Job("hourly", HOUR, slow)], clock())
    assert (state.slot, state.due) == (None, True)


def test_a_job_that_fails_is_tried_again_later_and_holds_up_no_other(book, clock):
    broken, well = Work(KeyError("Jane Doe"), BadInput("a", "b", "c")), Work()
    jobs = [Job("broken", HOUR, broken), Job("well", HOUR, well)]

    ran = run(book, *jobs)
    assert [(one.job, one.trouble) for one in ran] == [("broken", "a fault of our own: KeyError"), ("well", None)]
    assert run(book, *jobs) == []
    clock.later(seconds=46)  # three quarters of a minute: the wait is between half of it and the whole
    assert [one.trouble for one in run(book, *jobs)] == ["BadInput"]
    with book.reading() as connection:
        assert states(connection, jobs, clock())[0].attempts == 2
    clock.later(seconds=91)
    assert [(one.job, one.trouble) for one in run(book, *jobs)] == [("broken", None)]

    with book.reading() as connection:
        state = states(connection, jobs, clock())[0]
    assert (state.attempts, state.trouble, state.due) == (0, None, False)
    assert len(well.slots) == 1


def test_a_clock_set_back_runs_nothing_twice_and_one_that_was_years_ahead_stops_nothing(book, clock):
    work = Work()
    job = Job("hourly", HOUR, work)
    run(book, job)
    clock.later(minutes=-40)
    run(book, job)
    assert len(work.slots) == 1

    clock.later(days=4000)
    run(book, job)
    clock.later(days=-4000)
    run(book, job)
    run(book, job)
    assert len(work.slots) == 3


@pytest.mark.parametrize(
    ("at", "around", "expected"),
    [
        # 8 March 2026: the clocks leap from 2:00 to 3:00, so 2:30 never comes; it is kept at 3:00
        (time(2, 30), datetime(2026, 3, 8, 7, tzinfo=UTC), {"2026-03-07": "01:00", "2026-03-08": "03:00"}),
        # 1 November 2026: 1:00 to 2:00 comes twice; it is kept the first time
        (time(1, 30), datetime(2026, 11, 1, 5, tzinfo=UTC), {"2026-10-31": "00:00", "2026-11-01": "01:30"}),
    ],
)
def test_a_daily_job_is_done_once_on_the_days_the_clocks_change(book, clock, at, around, expected):
    done = []
    job = Job("daily", Daily(at, CHICAGO), lambda slot: done.append((slot, f"{clock().astimezone(CHICAGO):%H:%M}")))
    for minute in range(0, 6 * 60, 10):
        clock.now = around + timedelta(minutes=minute)
        run(book, job)

    assert done == list(expected.items())


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001  made aware below
    steps=st.lists(st.integers(1, 40 * 3600), min_size=1, max_size=60),
    at=st.times(),
)
def test_slots_never_go_back_as_time_goes_on_and_each_local_day_has_one(start, steps, at):
    now = start.replace(tzinfo=UTC)
    daily, hourly = Daily(at.replace(microsecond=0), CHICAGO), HOUR
    before = (daily.slot(now), hourly.slot(now))
    for step in steps:
        now += timedelta(seconds=step)
        after = (daily.slot(now), hourly.slot(now))
        # but for the hour that comes twice, in which a time of day is passed, unpassed and passed again
        local = now.astimezone(CHICAGO)
        if not local.fold:
            assert after[0] >= before[0]
        assert after[1] >= before[1]
        before = (max(after[0], before[0]), after[1])
