"""What an administrator does about what failed: drop a message for good, have a job tried at once; both in the log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codman.flows.house import House
from codman.flows.operations.upkeep import NoReason, drop, run_again, upkeep
from codman.flows.outbox import deliver_due, given_up, standing, tell
from codman.flows.schedule import jobs_of, run_scheduled
from codman.flows.watch.rounds import monitoring_round
from codman.jobs.notice import Notice
from codman.jobs.notifier import Message, NotAccepted
from codman.jobs.outbox import NoSuchMessage
from codman.jobs.schedule import NoSuchJob
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.log import SYSTEM, entries
from codman.settings import read_settings
from codman.spine.person import Role
from codman.wiring import open_house

NOTICE = Notice(event="condition.due", title="A condition is due", text="It is due on Friday.")
ADMIN = Reader("p-one", "Admin", (Held(Role.ADMIN),))
OFFICER = Reader("p-two", "Officer", (Held(Role.OFFICER),))
WHY = "Its receiver has left the hospital"


class FakeNotifier:
    """Refuses everything."""

    def send(self, message: Message) -> str | None:
        raise NotAccepted(f"it answers with status 400 to try {message.attempt}")


@pytest.fixture
def house(tmp_path, database_url):
    made = open_house(read_settings(workspace=tmp_path / "work", database_url=database_url))
    with made.database.changing(SYSTEM) as change:
        tell(change, "mail", "ann@hospital.test", NOTICE, "one")
    assert deliver_due(replace(made, notifiers={"mail": FakeNotifier()})).failed == 1
    yield made
    made.close()


def _log(house: House):
    with house.database.reading() as connection:
        return list(entries(connection))


def test_a_message_that_is_dropped_is_gone_for_good_and_the_log_says_who_and_why(house):
    (parked,) = given_up(house, ADMIN)

    drop(house, ADMIN, parked.id, WHY)

    assert given_up(house, ADMIN) == []
    assert (standing(house).queue.parked, standing(house).queue.waiting) == (0, 0)
    last = _log(house)[-1]
    assert (last.value["action"], last.value["actor"]["id"], last.value["about"]["id"]) == (
        "outbox.drop",
        "p-one",
        parked.id,
    )
    assert "why" in last.value["sealed"]
    with house.database.changing(SYSTEM) as change:  # the same again is still the same message, and never sent
        assert not tell(change, "mail", "ann@hospital.test", NOTICE, "one")
    assert deliver_due(replace(house, notifiers={"mail": FakeNotifier()})).failed == 0
    with pytest.raises(NoSuchMessage):
        drop(house, ADMIN, parked.id, WHY)


def test_only_an_administrator_drops_and_only_with_a_reason(house):
    (parked,) = given_up(house, ADMIN)

    with pytest.raises(NotAllowed):
        drop(house, OFFICER, parked.id, WHY)
    with pytest.raises(NoReason):
        drop(house, ADMIN, parked.id, "  gone   ")
    assert given_up(house, ADMIN) == [parked]


def test_a_job_that_failed_is_tried_by_the_next_round_without_its_wait(house, monkeypatch):
    monkeypatch.setattr("codman.flows.schedule.send_digests", lambda *_of: 1 / 0)
    run_scheduled(house)
    monkeypatch.undo()
    (failed,) = [one for one in standing(house).jobs if one.attempts]
    assert (failed.job, failed.due) == ("digest", False)
    assert failed.lag_s > 0
    assert run_scheduled(house) == []  # it waits

    with pytest.raises(NotAllowed):
        run_again(house, OFFICER, "digest")
    run_again(house, ADMIN, "digest")

    assert _log(house)[-1].value["action"] == "job.run"
    assert [(one.job, one.trouble) for one in run_scheduled(house)] == [("digest", None)]
    monitoring_round(house)  # its jobs have a thread of their own
    assert {one.lag_s for one in standing(house).jobs} == {0.0}
    for name in ("digest", "no such job"):
        with pytest.raises(NoSuchJob):
            run_again(house, ADMIN, name)


def test_how_long_a_job_is_due_is_counted_from_the_beginning_of_its_slot(house):
    now = house.database.clock()
    for job in jobs_of(house):
        began = job.period.began(now)
        assert began <= now
        assert job.period.slot(began) == job.period.slot(now)


def test_the_house_says_what_it_runs_and_when_it_was_last_kept(house):
    now = upkeep(house)

    assert now.backup_at is None
    assert now.database.startswith("SQLite 3." if house.database.sqlite else "PostgreSQL ")
    assert 0 < now.free <= now.total
    assert now.log_entries == len(_log(house))
    assert now.rounds_missing == ()
