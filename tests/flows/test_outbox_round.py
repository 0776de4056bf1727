"""What the server owes others goes out by itself: from a change to a real mail server, and in plain sight when not."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

sys.path.insert(0, str(Path(__file__).parent))
from book import Book

from codman.flows.house import House
from codman.flows.outbox import deliver_due, given_up, outbox_round, standing, tell, try_again
from codman.flows.rounds import making_rounds
from codman.flows.schedule import run_scheduled, schedule_round
from codman.jobs.notice import Notice
from codman.jobs.notifier import Message, NotAccepted
from codman.jobs.outbox import NoSuchMessage
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.database import DatabaseAway
from codman.registry.log import SYSTEM, entries
from codman.settings import BadSetting, read_settings
from codman.spine.person import Role
from codman.wiring import open_house
from waiting import until

NOTICE = Notice(event="condition.due", title="A condition is due", text="It is due on Friday.")
AUDITOR = Reader("p-two", "Auditor", (Held(Role.AUDITOR),))
ADMIN = Reader("p-one", "Admin", (Held(Role.ADMIN),))


class Letterbox:
    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 OK"


class FakeNotifier:
    """Refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.refuses = False

    def send(self, message: Message) -> str | None:
        if self.refuses:
            raise NotAccepted("it answers with status 400")
        self.sent.append(message)
        return None


@pytest.fixture
def book(tmp_path):
    made = Book(tmp_path)
    yield made
    made.house.close()


def told(house: House, *keys: str, kind: str = "mail") -> None:
    with house.database.changing(SYSTEM) as change:
        for key in keys:
            tell(change, kind, "ann@example.org", NOTICE, key)


def test_while_the_server_runs_a_mail_leaves_soon_after_the_change_it_is_about(tmp_path):
    box = Letterbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    house = open_house(
        read_settings(
            workspace=tmp_path / "w",
            database_url=f"sqlite:///{tmp_path / 'b.db'}",
            smtp_url=f"smtp://127.0.0.1:{port}?encryption=none",
            mail_from="Codman <codman@hospital.example.org>",
        )
    )
    try:
        with making_rounds(house, every_seconds=0.05):
            told(house, "one", "two")
            until(lambda: len(box.mails) == 2 and standing(house).queue.sent == 2)
            until(lambda: not standing(house).jobs[0].due)
    finally:
        house.close()
        server.stop()

    assert [mail.rcpt_tos for mail in box.mails] == [["ann@example.org"]] * 2


def test_what_is_not_set_up_waits_in_plain_sight(book):
    told(book.house, "one", kind="jira")

    assert outbox_round(book.house).sent == 0

    found = standing(book.house)
    assert (found.ways, found.queue.waiting, found.queue.unsendable) == ((), 1, 1)
    assert "forget-sent" in [job.job for job in found.jobs if job.due]


def test_only_those_who_may_see_and_send_again_what_was_given_up_and_the_log_knows_who_did(book):
    notifier = FakeNotifier()
    notifier.refuses = True
    house = replace(book.house, notifiers={"mail": notifier})
    told(house, "one")
    assert deliver_due(house).failed == 1

    (message,) = given_up(house, AUDITOR)
    for nobody in (book.second, AUDITOR):
        with pytest.raises(NotAllowed):
            try_again(house, nobody, message.id)
    with pytest.raises(NotAllowed):
        given_up(house, Reader("p-three", "Viewer", (Held(Role.VIEWER),)))
    notifier.refuses = False
    try_again(house, ADMIN, message.id)
    with pytest.raises(NoSuchMessage):
        try_again(house, ADMIN, message.id)
    assert deliver_due(house).sent == 1

    with house.database.reading() as connection:
        last = list(entries(connection))[-1].value
    assert (last["action"], last["about"]["id"], last["actor"]["id"]) == ("outbox.send", message.id, "p-one")


def test_a_night_blanks_what_was_sent_a_quarter_of_a_year_ago(book):
    notifier = FakeNotifier()
    house = replace(book.house, notifiers={"mail": notifier})
    told(house, "one")
    deliver_due(house)

    first = run_scheduled(house)
    assert {ran.trouble for ran in first} == {None}
    book.clock.forward(days=91)
    assert len(run_scheduled(house)) == len(first)
    assert run_scheduled(house) == []

    with house.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT recipient, body FROM outbox").one() == ("(forgotten)", None)


def test_a_fault_in_one_round_does_not_end_the_rounds(book, caplog, monkeypatch):
    made = []

    def faulty(_house, _ended):
        made.append(1)
        raise KeyError("Jane Doe")

    monkeypatch.setattr("codman.flows.rounds.outbox_round", faulty)
    with making_rounds(book.house, every_seconds=0.02):
        until(lambda: len(made) >= 3)

    assert "KeyError" in caplog.text
    assert "Jane" not in caplog.text


@pytest.mark.parametrize("one_round", [outbox_round, schedule_round])
def test_a_round_without_a_database_says_so_and_leaves_it_to_the_next(book, one_round, caplog, monkeypatch):
    def away(self):  # noqa: ARG001
        raise DatabaseAway("postgresql://secret-host/book", OSError("no route"))

    monkeypatch.setattr(type(book.house.database), "reading", away)
    house = replace(book.house, notifiers={"mail": FakeNotifier()})
    one_round(house)

    assert "DatabaseAway" in caplog.text
    assert "secret-host" not in caplog.text


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"smtp_url": "smtps://a:hush@mail.example.org"}, "mail_from"),
        ({"webhook_url": "https://hook.example.org"}, "webhook_secret"),
        ({"servicenow_url": "https://a.example.org", "servicenow_user": "u"}, "servicenow_password"),
        ({"jira_url": "https://a.example.org", "jira_user": "u", "jira_token": "hush"}, "jira_project"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"incidents_to": "pager"}, "incidents_to"),
        ({"incidents_to": "jira"}, "incidents_to"),
        ({"concerns_to": "servicenow"}, "concerns_to"),
        ({"overdue_to": "webhook"}, "overdue_to"),
    ],
)
def test_a_way_out_that_is_set_up_by_half_is_told_at_the_start_without_its_secret(tmp_path, given, missing):
    settings = read_settings(workspace=tmp_path / "w", **given)

    with pytest.raises(BadSetting, match=missing) as bad:
        open_house(settings)

    assert "hush" not in str(bad.value) + repr(settings)
    assert not (tmp_path / "w").exists()


def test_every_way_out_can_be_set_up_by_the_environment(tmp_path, monkeypatch):
    given = {
        "SMTP_URL": "smtps://a:hush@mail.example.org",
        "MAIL_FROM": "codman@example.org",
        "WEBHOOK_URL": "https://hook.example.org/in",
        "WEBHOOK_SECRET": "whsec_" + "A" * 40,
        "SERVICENOW_URL": "https://hospital.example.org",
        "SERVICENOW_USER": "codman",
        "SERVICENOW_PASSWORD": "hush",
        "JIRA_URL": "https://jira.example.org",
        "JIRA_USER": "codman@example.org",
        "JIRA_TOKEN": "hush",
        "JIRA_PROJECT": "GOV",
        "TIME_ZONE": "America/Chicago",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"CODMAN_{name}", value)

    house = open_house(read_settings(workspace=tmp_path / "w", database_url=f"sqlite:///{tmp_path / 'b.db'}"))
    house.close()

    assert sorted(house.notifiers) == ["jira", "mail", "servicenow", "webhook"]
    assert "hush" not in repr(house)
