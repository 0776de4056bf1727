"""Reports awaited, reminded of, answered and missed; on both databases."""

from __future__ import annotations

import re
import socket
import sys
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from partners import ANSWERS, Partners

from codman.egress.policy import read_policy
from codman.flows import outbox as outbox_flow
from codman.flows.outbox import deliver_due
from codman.flows.reporting import office, receiving
from codman.flows.reporting.answers import Answered, read_answers
from codman.flows.reporting.calendar import Standing
from codman.flows.reporting.expecting import Looked, look
from codman.flows.reporting.heeding import against_the_record
from codman.flows.reporting.receiving import NotTheSender, by_link, original_of_form, receive_by_link
from codman.flows.reporting.refusals import NotAwaited, PeriodRuns
from codman.flows.reporting.schedules import ScheduleEnded, change_schedule, end_schedule, make_schedule
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.integrations.smtp import SmtpMail, read_server
from codman.jobs.notifier import Message
from codman.jobs.outbox import BadMessage
from codman.jobs.tables import outbox
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.interests import hand_in
from codman.registry.links import LinkSpent
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, PRODUCTS, USES
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.schema import documents, statements
from codman.spine.partner_report import ReportState, Way
from codman.spine.person import Role

OVER = datetime(2026, 12, 1, tzinfo=UTC)  # the first period of a schedule has just ended


@pytest.fixture
def partners(tmp_path, database_url):
    made = Partners(tmp_path, database_url)
    yield made
    made.house.close()


@pytest.fixture
def small(tmp_path):
    made = Partners(tmp_path)
    yield made
    made.house.close()


def letters(partners: Partners) -> list[tuple[str, str]]:
    """Whom what was told, in order."""
    with partners.house.database.reading() as connection:
        rows = connection.execute(select(outbox.c.recipient, outbox.c.body).order_by(outbox.c.number))
        return [(row.recipient, row.body["event"]) for row in rows]


def opened(partners: Partners, report: str) -> str:
    """The token of a fresh link."""
    return office.hand_out_link(partners.house, partners.person("owner"), report).link.rsplit("/", 1)[1]


def answer(partners: Partners, token: str, **changes: str) -> Any:
    partners.clock.at = max(partners.clock.at, OVER)
    link, found = by_link(partners.house, token)
    typed = ANSWERS | changes
    answered = read_answers(typed, found.schedule.metrics)
    assert isinstance(answered, Answered)
    return receive_by_link(partners.house, link, answered, original_of_form(found, typed))


def test_reports_are_awaited_ahead_of_time_and_looking_again_changes_nothing(partners):
    partners.scheduled()
    assert [one.due_on for one in partners.reports()] == ["2026-12-01"]
    assert look(partners.house) == Looked()
    partners.clock.forward(days=100)  # 9 February
    assert look(partners.house).expected == 1
    assert look(partners.house).expected == 0
    assert [one.due_on for one in partners.reports()] == ["2026-12-01", "2027-03-01"]


def test_a_report_that_does_not_come_is_told_to_the_sender_then_the_owner_then_the_office(partners):
    partners.scheduled()
    for days in (16, 0, 13, 1, 0, 14, 1, 0, 30):  # 17 November, 30 November, 1, 15 and 16 December, 15 January
        partners.clock.forward(days=days)
        look(partners.house)
    sender = [event for to, event in letters(partners) if to == "reports@vendor.example"]
    assert sender[:3] == ["report.due", "report.late", "report.late"]
    of_first = [(to, event) for to, event in letters(partners) if to != "reports@vendor.example"]
    assert of_first[:4] == [
        ("owner@example.org", "report.late"),
        ("owner@example.org", "report.missing"),
        ("p-one@example.org", "report.missing"),
        ("p-two@example.org", "report.missing"),
    ]
    (first, *_) = partners.reports()
    assert (first.reminded, first.escalated_at is not None) == (3, True)


def test_a_server_that_was_stopped_sends_the_newest_reminder_alone_and_the_state_was_true_all_along(partners):
    partners.scheduled()
    partners.clock.forward(days=60)  # 31 December: nobody looked since
    (one,) = office.owed(partners.house, partners.person("viewer"))
    assert one.standing is Standing.MISSING
    assert one.sentence == "not reported: due on 1 Dec 2026; nothing is known of this time"
    look(partners.house)
    assert [event for to, event in letters(partners) if to == "reports@vendor.example"] == ["report.late"]
    assert letters(partners)[1:] == [
        ("owner@example.org", "report.missing"),
        ("p-one@example.org", "report.missing"),
        ("p-two@example.org", "report.missing"),
    ]


def test_without_an_address_nobody_outside_is_told_and_the_house_hears_that(small):
    small.scheduled(email=None)
    small.clock.forward(days=60)
    look(small.house)
    with small.house.database.reading() as connection:
        bodies = connection.execute(select(outbox.c.body)).scalars().all()
    assert len(bodies) == 3
    assert all("Nobody was reminded" in body["text"] for body in bodies)
    assert {body["title"] for body in bodies} == {"A report about Ward sepsis is missing"}
    assert "missing since 16 Dec 2026" in bodies[0]["text"]  # 1 Dec and 14 days of grace: late through the 15th


def test_what_came_is_a_claim_with_its_original_and_ends_every_link(partners):
    partners.scheduled()
    (report,) = partners.reports()
    first, second = opened(partners, report.id), opened(partners, report.id)
    came = answer(partners, first)
    assert (came.state, came.way) == (ReportState.RECEIVED, "form")
    for token in (first, second):
        with pytest.raises(LinkSpent):
            by_link(partners.house, token)
    with partners.house.database.reading() as connection:
        row = connection.execute(select(statements).where(statements.c.digest == came.statement)).one()
    assert (row.standing, row.origin, row.use_id, row.product_id) == ("claim", "developer", "ward", "sepsis")
    said = partners.house.store.get(came.statement).statement.predicate
    assert said["window"] == {"start": "2026-09-01", "end": "2026-12-01"}
    assert said["inputs"][0]["uri"] == f"document:{came.document}"
    assert "alert too late" not in str(said)
    partners.clock.forward(days=60)
    look(partners.house)
    assert letters(partners) == []


def test_a_report_is_not_filed_before_its_period_is_over_and_says_until_when_it_runs(small):
    small.scheduled()
    (report,) = small.reports()
    token = opened(small, report.id)
    small.clock.at = OVER - timedelta(seconds=1)
    link, found = by_link(small.house, token)
    answered = read_answers(ANSWERS, found.schedule.metrics)
    (owed,) = office.owed(small.house, small.person("chair"))
    assert owed.sentence == "its period runs until 30 Nov 2026; due on 1 Dec 2026"

    with pytest.raises(PeriodRuns, match="it is about a period that runs until 30 Nov 2026"):
        receive_by_link(small.house, link, answered, original_of_form(found, ANSWERS))

    assert small.house.store.digests() == []
    assert answer(small, token).state is ReportState.RECEIVED


def test_of_two_answers_at_once_by_one_link_only_one_is_filed(partners):
    partners.scheduled()
    (report,) = partners.reports()
    token = opened(partners, report.id)
    partners.clock.at = OVER
    link, found = by_link(partners.house, token)
    results: list[Any] = []
    barrier = threading.Barrier(8)

    def send(number: int) -> None:
        typed = ANSWERS | {"words": f"answer {number}"}
        answered = read_answers(typed, found.schedule.metrics)
        assert isinstance(answered, Answered)
        barrier.wait()
        try:
            results.append(receive_by_link(partners.house, link, answered, original_of_form(found, typed)))
        except LinkSpent as error:
            results.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(not isinstance(one, LinkSpent) for one in results) == 1
    assert len(results) == 8
    with partners.house.database.reading() as connection:
        assert len(connection.execute(select(statements)).all()) == 1
        assert len(connection.execute(select(documents)).all()) == 1
    kept = [path for path in partners.house.documents.rglob("*") if path.is_file()]
    assert len(kept) == 1  # what was refused left no bytes behind


def test_two_links_answered_at_once_make_one_report(small):
    small.scheduled()
    (report,) = small.reports()
    tokens = [opened(small, report.id) for _ in range(2)]
    small.clock.at = OVER
    opened_links = [by_link(small.house, token) for token in tokens]
    answered = read_answers(ANSWERS, ["auroc"])
    assert isinstance(answered, Answered)
    first, second = opened_links
    receive_by_link(small.house, first[0], answered, original_of_form(first[1], ANSWERS))
    with pytest.raises((LinkSpent, NotAwaited)):
        receive_by_link(small.house, second[0], answered, original_of_form(second[1], ANSWERS))
    assert small.house.store.digests() == [small.reports()[0].statement]


def test_a_failure_while_it_is_filed_leaves_nothing_and_the_link_still_works(small, monkeypatch):
    small.scheduled()
    (report,) = small.reports()
    token = opened(small, report.id)

    def fails(*_args: object, **_more: object) -> None:
        raise BadField("statement", "all", "the disk is full")

    monkeypatch.setattr(receiving, "file", fails)
    with pytest.raises(BadField):
        answer(small, token)
    monkeypatch.undo()
    assert small.house.store.digests() == []
    assert [path for path in small.house.documents.rglob("*") if path.is_file()] == []
    assert answer(small, token).state is ReportState.RECEIVED


def test_a_correction_stands_beside_what_came_first(small):
    small.scheduled()
    (report,) = small.reports()
    first = answer(small, opened(small, report.id))
    owner = small.person("owner")
    again = office.await_again(small.house, owner, report.id, first.revision, "The threshold was another")
    assert (again.state, again.statement) == (ReportState.DUE, None)
    second = answer(small, opened(small, report.id), m0_value="0.80")
    assert second.statement != first.statement
    assert sorted(small.house.store.digests()) == sorted([first.statement, second.statement])


def test_more_days_of_grace_need_a_reason_and_make_nothing_late_less_so(small):
    schedule = small.scheduled()
    owner = small.person("owner")
    with pytest.raises(BadField, match="say why reports may come later"):
        change_schedule(small.house, owner, schedule.id, {"grace_days": 30}, 1)
    assert change_schedule(small.house, owner, schedule.id, {"grace_days": 30}, 1, why="their year end").revision == 2
    assert change_schedule(small.house, owner, schedule.id, {"grace_days": 7}, 2).grace_days == 7
    small.clock.forward(days=31)  # 2 December: a day late

    with pytest.raises(BadField, match="due on 1 Dec 2026 has not come: what is late stays late"):
        change_schedule(small.house, owner, schedule.id, {"grace_days": 180}, 3, why="their year end")
    assert change_schedule(small.house, owner, schedule.id, {"grace_days": 1}, 3).grace_days == 1


def test_a_schedule_keeps_its_rhythm_and_ends_once(small):
    schedule = small.scheduled()
    owner = small.person("owner")
    with pytest.raises(BadField, match="end this schedule and make another"):
        change_schedule(small.house, owner, schedule.id, {"every_months": 1}, 1)
    with pytest.raises(NotAllowed):
        change_schedule(small.house, small.person("viewer"), schedule.id, {"grace_days": 1}, 1)
    chair = small.person("chair")
    end_schedule(small.house, chair, schedule.id, 1, why="The contract ended")
    assert [one.state for one in small.reports()] == [ReportState.EXCUSED]
    with pytest.raises(ScheduleEnded):
        change_schedule(small.house, owner, schedule.id, {"grace_days": 1}, 2)
    small.clock.forward(days=400)
    assert look(small.house) == Looked()


def test_an_owner_who_ends_a_schedule_excuses_no_report_whose_time_has_begun(small):
    schedule = small.scheduled(every_months=1)  # about November, which has begun
    owner = small.person("owner")
    with pytest.raises(BadField, match="due on 1 Dec 2026: say why it ends"):
        end_schedule(small.house, owner, schedule.id, 1)

    end_schedule(small.house, owner, schedule.id, 1, why="another rhythm")

    assert [(one.due_on, one.state) for one in small.reports()] == [("2026-12-01", ReportState.DUE)]


def test_another_schedule_of_a_partner_waits_longer_than_the_last_only_where_somebody_says_why(small):
    first = small.scheduled()
    end_schedule(small.house, small.person("owner"), first.id, 1, why="another rhythm")
    small.clock.forward(hours=1)

    with pytest.raises(BadField, match="say why reports may come later"):
        small.scheduled(grace_days=60)
    small.scheduled(grace_days=14)
    small.scheduled(grace_days=60, partner="team", partner_name="Our team", email=None)


def test_what_is_overdue_stays_overdue_when_its_schedule_ends(small):
    schedule = small.scheduled()
    small.clock.forward(days=60)
    end_schedule(small.house, small.person("owner"), schedule.id, 1)
    (one,) = office.owed(small.house, small.person("viewer"))
    assert one.standing is Standing.MISSING


def test_a_retired_use_awaits_nothing_new(small):
    small.scheduled(every_months=1)
    with small.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "retired"}, None)
    small.clock.forward(days=200)
    assert look(small.house).expected == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_due": "2026-02-30"}, "first_due"),
        ({"first_due": "1999-01-01"}, "first_due"),
        ({"first_due": "9999-12-31"}, "first_due"),
        ({"email": "nobody at home"}, "email"),
        ({"metrics": ["auc"]}, "metrics"),
        ({"metrics": ["auroc", "auroc"]}, "metrics"),
        ({"owner": "p-nobody"}, "owner"),
        ({"vendor": "vendor-none"}, "vendor"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused_by_its_field(small, changes, field):
    with pytest.raises(BadField) as refused:
        small.scheduled(**changes)
    assert refused.value.field == field
    assert small.reports() == []


def test_somebody_of_another_hospital_sees_and_asks_for_nothing(small):
    schedule = small.scheduled()
    (report,) = small.reports()
    elsewhere = Reader("p-chair", "Chair", (Held(Role.CHAIR, "/south/"),))
    assert office.owed(small.house, elsewhere) == []
    with pytest.raises(NoSuchRecord):
        office.hand_out_link(small.house, elsewhere, report.id)
    with pytest.raises(NoSuchRecord):
        office.read_schedule(small.house, elsewhere, schedule.id)
    with pytest.raises(NoSuchRecord):
        make_schedule(
            small.house,
            elsewhere,
            {
                "use": "ward",
                "partner": "team",
                "partner_name": "Team",
                "owner": "p-owner",
                "every_months": 1,
                "first_due": "2026-12-01",
            },
        )


class Letterbox:
    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope.content)
        return "250 OK"


def test_the_link_in_a_reminder_opens_the_form_and_stands_nowhere_in_the_database(small):
    box = Letterbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    sender = "Codman <codman@hospital.example.org>"
    way = SmtpMail(read_server(f"smtp://127.0.0.1:{port}?encryption=none", sender), sender, read_policy((), (), None))
    house = replace(small.house, notifiers={"mail": way})
    try:
        small.scheduled()
        small.clock.forward(days=16)
        look(house)
        outbox_flow.deliver_due(house)
    finally:
        server.stop()
    (mail,) = box.mails
    body = message_from_bytes(mail, policy=default).get_body(("plain",)).get_content()
    token = re.search(r"/report/([0-9a-f]{64})", body)
    assert token is not None
    assert by_link(small.house, token[1])[1].report.id == small.reports()[0].id
    assert "Ward sepsis" not in body  # nobody's own words leave by mail
    assert "The report about Sepsis alert (ward) for 1 Sep 2026 to 30 Nov 2026" in " ".join(body.split())
    kept = b"".join(path.read_bytes() for path in small.folder.rglob("codman.db*"))
    assert token[1].encode() not in kept
    (seed,) = set(re.findall(rb"/report/~([A-Za-z0-9_-]{43})", kept))
    with pytest.raises(LinkSpent):
        by_link(small.house, f"~{seed.decode()}")


HARM = {"incidents": "some", "incidents_count": "3", "changes": "some", "changed_version": "yes"}


def told(partners: Partners, name: str) -> list[tuple[str, str | None]]:
    found = waiting(partners.house, partners.person(name))
    return [(one.sentence, one.due_on) for one in found if one.duty is Duty.TOLD]


def test_a_report_of_incidents_and_a_changed_version_reaches_everybody_and_waits_until_the_office_says_what_follows(
    partners,
):
    with partners.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner"}, None)
        PEOPLE.change(change, "p-clin", {"email": "clin@example.org"}, None)
        runs = {"use": "ward", "site": "north", "mode": "live", "version": "sepsis-120", "clinician": "p-clin"}
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(runs))
    partners.scheduled()
    partners.clock.forward(days=90)
    came = answer(partners, opened(partners, partners.reports()[0].id), **HARM)

    assert (came.incidents, came.complaints, came.changes, came.tells) == (3, 2, ["version"], True)
    told_of = sorted(to for to, event in letters(partners) if event == "report.tells")
    assert told_of == ["clin@example.org", "owner@example.org", "p-one@example.org", "p-two@example.org"]
    theirs = {"owner": "look at it; the office says what follows", "clin": "look at it; the office says what follows"}
    for name, asks in (theirs | {"chair": "say what follows from it"}).items():
        says = (
            f"A report about Ward sepsis tells of something, {asks}: 3 safety incidents; 2 complaints; changed: version"
        )
        assert told(partners, name) == [(says, "2027-01-30")], name
    assert told(partners, "viewer") == []
    (first, *_) = office.owed(partners.house, partners.person("chair"))
    assert first.sentence.endswith("as a claim; 3 safety incidents; 2 complaints; changed: version")
    with partners.house.database.reading() as connection:
        assert against_the_record(connection, came).startswith(
            "It says that the version changed; by the record 1.2.0 runs, entered on 1 Nov 2026"
        )

    with pytest.raises(NotAllowed):
        office.heed(partners.house, partners.person("owner"), came.id, came.revision, "Nothing follows")
    with pytest.raises(BadField):
        office.heed(partners.house, partners.person("chair"), came.id, came.revision, "  ")
    done = office.heed(partners.house, partners.person("chair"), came.id, came.revision, "A pause was proposed")
    assert (done.heeded_by, done.follows) == ("p-chair", "A pause was proposed")
    assert told(partners, "owner") == told(partners, "clin") == told(partners, "chair") == []
    with pytest.raises(NotAllowed):  # what was told would be gone from it, and what was said to follow
        office.await_again(partners.house, partners.person("owner"), came.id, done.revision, "a typo")
    again = office.await_again(partners.house, partners.person("chair"), came.id, done.revision, "a wrong count")
    assert (again.tells, again.incidents, again.changes, again.heeded_at) == (False, None, [], None)


def test_who_has_a_hand_in_the_use_does_not_say_what_follows_from_its_report(small):
    with small.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-chair"}, None)
    small.scheduled()
    came = answer(small, opened(small, small.reports()[0].id), **HARM)
    with pytest.raises(NotAllowed, match="answer for this use"):
        office.heed(small.house, small.person("chair"), came.id, came.revision, "Nothing follows")


def test_a_changed_version_that_the_record_does_not_know_is_named(small):
    with small.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.add(
            change, DEPLOYMENTS.validated({"use": "ward", "site": "north", "version": "sepsis-120", "mode": "live"})
        )
    small.clock.forward(days=200)
    small.scheduled(first_due="2027-05-20")
    came = answer(small, opened(small, small.reports()[0].id), **HARM)
    with small.house.database.reading() as connection:
        said = against_the_record(connection, came)
    assert said.startswith("It says that the version changed; the record does not: 1.2.0 runs there")


def test_a_report_of_nothing_but_complaints_wakes_nobody(small):
    small.scheduled()
    came = answer(small, opened(small, small.reports()[0].id))
    assert (came.incidents, came.tells) == (None, False)
    assert "report.tells" not in {event for _, event in letters(small)}
    assert told(small, "owner") == told(small, "chair") == []


def test_who_has_a_hand_in_a_use_excuses_none_of_its_reports_whatever_else_they_are(partners):
    partners.scheduled()
    look(partners.house)
    (report,) = partners.reports()
    owner = replace(partners.person("owner"), held=(Held(Role.OWNER), Held(Role.OFFICER)))
    with partners.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner"}, None)

    with pytest.raises(NotAllowed, match="you answer for this use"):
        office.excuse(partners.house, owner, report.id, report.revision, "It stood still")

    done = office.excuse(partners.house, partners.person("chair"), report.id, report.revision, "It stood still")
    assert (done.state, done.excuse) == (ReportState.EXCUSED, "It stood still")


@dataclass
class FakeMail:
    """A way to send mail that keeps what it was given."""

    sent: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.sent.append(message)


def test_a_link_goes_by_mail_to_the_vendor_alone_and_leaves_no_hand(small):
    mail = FakeMail()
    house = replace(small.house, notifiers={"mail": mail})
    (report,) = small.scheduled() and small.reports()
    chair = small.person("chair")

    made = office.hand_out_link(house, chair, report.id)
    deliver_due(house)

    assert (made.link, made.sent_to) == (None, "reports@vendor.example")
    (letter,) = [one for one in mail.sent if one.to == "reports@vendor.example"]
    small.clock.at = OVER
    link, found = by_link(house, letter.notice.link.rpartition("/")[2])
    answered = read_answers(ANSWERS, found.schedule.metrics)
    came = receive_by_link(house, link, answered, original_of_form(found, ANSWERS))
    assert house.store.get(came.statement).predicate.note is None
    assert "p-chair" not in hands(small)


def hands(small: Partners) -> dict[str, str]:
    with small.house.database.reading() as connection:
        use = USES.get(connection, "ward")
        return hand_in(connection, use, PRODUCTS.get(connection, use.product))


def test_what_comes_by_a_link_that_was_shown_says_by_whose_hand_and_they_decide_nothing(small):
    (report,) = small.scheduled(email=None) and small.reports()
    made = office.hand_out_link(small.house, small.person("chair"), report.id)
    assert "p-chair" not in hands(small)  # as long as nothing came by it

    small.clock.at = OVER
    link, found = by_link(small.house, made.link.rpartition("/")[2])
    answered = read_answers(ANSWERS, found.schedule.metrics)
    came = receive_by_link(small.house, link, answered, original_of_form(found, ANSWERS))

    note = small.house.store.get(came.statement).predicate.note
    assert note == "Answered by a link that Person chair made and handed over."
    assert hands(small)["p-chair"] == "handed over the link that a report came by"


def test_nobody_who_is_signed_in_here_answers_for_a_vendor_and_a_team_may(small):
    vendor = small.scheduled()
    team = small.scheduled(partner="team", partner_name="The ward's team", first_due="2026-12-02")
    of = {one.schedule: one.id for one in small.reports()}
    for_vendor, for_team = opened(small, of[vendor.id]), opened(small, of[team.id])

    with pytest.raises(NotTheSender):
        by_link(small.house, for_vendor, small.person("owner"))
    assert by_link(small.house, for_vendor)[1].report.id == of[vendor.id]
    assert by_link(small.house, for_team, small.person("owner"))[1].report.id == of[team.id]


def test_a_vendors_address_is_nobodys_who_works_here(small):
    with pytest.raises(BadField, match="somebody of this house has it"):
        small.scheduled(email="Owner@Example.org")
    schedule = small.scheduled()

    with pytest.raises(BadField, match="somebody of this house has it"):
        change_schedule(small.house, small.person("owner"), schedule.id, {"email": "owner@example.org"}, 1)


@pytest.mark.parametrize("name", ["Ward\u00a0sepsis", "Ward\u200bsepsis", "Ward\u2028sepsis"])
def test_a_name_that_no_line_of_a_mail_holds_keeps_no_report_from_being_told(small, name):
    with small.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"name": name}, None)
        PRODUCTS.change(change, "sepsis", {"name": name}, None)
    small.scheduled()
    small.clock.forward(days=60)
    assert look(small.house).escalated == 1
    report, *_ = small.reports()
    said = read_answers(ANSWERS | {"incidents": "some", "incidents_count": "3"}, ["auroc"])
    receiving.receive_by_hand(
        small.house, small.engineer(), report.id, said, receiving.Original(Way.FORM, b"{}", "application/json")
    )
    assert [event for to, event in letters(small) if to == "owner@example.org"] == ["report.missing", "report.tells"]


def test_a_report_that_nobody_can_be_told_of_holds_up_no_other(small):
    small.scheduled(email="reports\u200b@vendor.example")
    small.scheduled(use="ward-south", partner_name="Vendor 2", email="two@vendor.example")
    small.clock.forward(days=60)

    with pytest.raises(BadMessage):  # the job says that it failed, and is tried again
        look(small.house)
    assert letters(small)[0] == ("two@vendor.example", "report.late")
    assert sorted(one.reminded for one in small.reports()) == [0, 0, 0, 3]  # two are not due yet
