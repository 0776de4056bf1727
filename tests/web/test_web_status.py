"""The status page: what waits, what was given up and why, what is done by the clock; and one's own daily mail."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
import small_house
from seen_pages import Pages, pages_of
from sqlalchemy import delete

from codman.flows.house import House
from codman.flows.outbox import deliver_due, standing, tell
from codman.flows.schedule import run_scheduled
from codman.flows.watch.rounds import monitoring_round
from codman.jobs.notice import Notice
from codman.jobs.notifier import Message, NotAccepted
from codman.jobs.tables import outbox
from codman.registry.log import SYSTEM, Entry, entries
from codman.registry.migrate import newest_step
from codman.spine.person import Role

NOTICE = Notice(event="condition.due", title="Nobody reads this here", text="Nor this.")


class FakeNotifier:
    """Refuses everything."""

    def send(self, message: Message) -> str | None:
        raise NotAccepted(f"the receiver answered with status 550 to try {message.attempt}")


@pytest.fixture
def given_up(house: House) -> None:
    """One mail that was refused for good, and one ticket for a system that is not set up."""
    with house.database.changing(SYSTEM) as change:
        tell(change, "mail", "ann@example.org", NOTICE, "one")
        tell(change, "jira", "overdue", NOTICE, "two")
    assert deliver_due(replace(house, notifiers={"mail": FakeNotifier()})).failed == 1


@pytest.mark.usefixtures("given_up")
def test_what_was_given_up_is_shown_with_why_and_never_with_what_it_says(pages: Pages) -> None:
    page = pages(Role.OFFICER).get("/status").text

    assert "1 message given up" in page
    assert "the receiver answered with status 550 to try 1" in page
    assert "ann@example.org" in page
    assert "1 message waits for a way that is not set up" in page
    assert "No way to tell anybody outside is set up" in page
    assert "Nobody reads this" not in page
    assert "Try again" not in page  # that is an administrator's


@pytest.mark.usefixtures("given_up")
def test_an_administrator_sends_it_again_and_the_log_says_who(pages: Pages, house: House) -> None:
    admin = pages(Role.ADMIN)
    found = re.search(r'action="(/status/messages/[^"]+/again)"', admin.get("/status").text)
    assert found is not None

    assert pages(Role.OFFICER).post(found[1]).status_code == 403
    done = admin.post(found[1])

    assert (done.status_code, done.headers["location"]) == (303, "/status#given-up")
    assert (standing(house).queue.parked, standing(house).queue.waiting) == (0, 2)
    assert "No message was given up." in admin.get("/status").text
    assert "is no parked message" in unescape(admin.post(found[1]).text).lower()
    with house.database.reading() as connection:
        last = list(entries(connection))[-1].value
    assert (last["action"], last["actor"]["id"]) == ("outbox.send", "person-admin")


def test_the_clocks_jobs_are_due_then_done(pages: Pages, house: House) -> None:
    officer = pages(Role.OFFICER)
    assert "Mail people what waits for them" in officer.get("/status").text
    assert "never" in officer.get("/status").text

    assert {one.trouble for one in run_scheduled(house)} == {None}
    monitoring_round(house)  # on a thread of its own in a server

    page = officer.get("/status").text
    assert "never" not in re.search(r"<tbody>.*?</tbody>", page, re.DOTALL)[0]
    # the pause that the round proposes is to be mailed, and no mail is set up
    assert "messages wait for a way that is not set up; no backup was ever made." in page
    with house.database.changing(SYSTEM) as change:
        change.record(Entry("backup.create", "backup", "a" * 64))
        change.connection.execute(delete(outbox))
    assert "Everything that was to be sent or done is." in officer.get("/status").text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OWNER, Role.ENGINEER, Role.REVIEWER, Role.CHAIR])
def test_the_status_of_the_house_is_for_those_who_look_after_it(pages: Pages, role: Role) -> None:
    client = pages(role)
    assert client.get("/status").status_code == 403
    assert 'href="/status"' not in client.get("/").text


def test_an_officer_of_one_hospital_does_not_see_the_mail_of_the_others(pages: Pages) -> None:
    assert pages(Role.OFFICER, "/site-house/site-b/").get("/status").status_code == 403


def test_one_does_without_the_daily_mail_and_has_it_again(pages: Pages) -> None:
    client = pages(Role.OWNER)
    assert "Do without the daily mail" in client.get("/account").text

    assert client.post("/account/digest", data={"wanted": "no"}).headers["location"] == "/account#mail"
    assert "Have the daily mail" in client.get("/account").text

    client.post("/account/digest", data={"wanted": "yes"})
    assert "Do without the daily mail" in client.get("/account").text


def _first(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    assert found is not None
    return found[1]


@pytest.mark.usefixtures("given_up")
def test_an_administrator_drops_a_message_with_a_reason_and_nobody_else_may(pages: Pages, house: House) -> None:
    admin = pages(Role.ADMIN)
    address = _first(r'action="(/status/messages/[^"]+/drop)"', admin.get("/status").text)

    assert pages(Role.OFFICER).post(address, data={"why": "It is out of date by now"}).status_code == 403
    assert "Drop" not in pages(Role.OFFICER).get("/status").text
    assert "reason has fewer than 10 characters" in unescape(admin.post(address, data={"why": "old"}).text)
    assert standing(house).queue.parked == 1
    done = admin.post(address, data={"why": "It is out of date by now"})

    assert (done.status_code, done.headers["location"]) == (303, "/status#given-up")
    assert standing(house).queue.parked == 0
    page = admin.get("/status").text
    assert "No message was given up." in page
    assert "ann@example.org" not in page


def test_a_job_that_failed_is_tried_at_once_by_an_administrator(
    pages: Pages, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("codman.flows.schedule.send_digests", lambda *_of: 1 / 0)
        run_scheduled(house)
    admin = pages(Role.ADMIN)
    page = admin.get("/status").text
    assert "1 job failing" in page
    assert "ZeroDivisionError, 1 time; it is tried again" in page
    address = _first(r'action="(/status/jobs/[^"]+/again)"', page)

    assert pages(Role.AUDITOR).post(address).status_code == 403
    assert admin.post(address).headers["location"] == "/status#jobs"

    assert [one.trouble for one in run_scheduled(house)] == [None]
    assert "failing" not in admin.get("/status").text


def test_the_page_says_what_runs_and_how_much_room_is_left(pages: Pages, house: House) -> None:
    page = pages(Role.AUDITOR).get("/status").text

    assert "Last backup" in page
    assert "never" in page
    assert re.search(r"[\d.,]+ (GiB|TiB|MiB) free", page)
    assert "SQLite 3." in page
    assert f"tables at step {newest_step()}" in page
    tight = replace(house, settings=house.settings.model_copy(update={"least_free_mb": 1 << 30}))
    assert "of disk are free" in pages_of(tight, small_house.reader(Role.AUDITOR, "/", None)).get("/status").text
