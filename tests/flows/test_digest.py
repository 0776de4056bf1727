"""The daily mail: what waits for each person, once a day, by a real mail server; the overdue, to other systems."""

from __future__ import annotations

import email
import email.policy
import json
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "integrations"))
from committee import Committee, cast
from receivers import FakeHook, FakeJira, serving

from codman.egress.policy import read_policy
from codman.flows import digest as daily
from codman.flows.digest import choose, send_digests, tell_overdue
from codman.flows.house import House
from codman.flows.outbox import deliver_due
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import docket
from codman.flows.review.conditions import look
from codman.flows.review.deciding import decide
from codman.flows.schedule import run_scheduled
from codman.flows.task import Duty, Task
from codman.flows.work import waiting
from codman.integrations.jira import Jira
from codman.integrations.webhook import Webhook
from codman.jobs.tables import outbox
from codman.registry.access import NotAllowed
from codman.registry.database import DatabaseAway
from codman.registry.governance import EXPECTED_REPORTS, SCHEDULES
from codman.registry.log import SYSTEM, entries
from codman.registry.nouns import PEOPLE, USES
from codman.settings import BadSetting, read_settings
from codman.spine.partner_report import ExpectedReportFields, ScheduleFields
from codman.spine.review import CaseOutcome, Choice
from codman.wiring import notifiers_of

WRITTEN = "Mrs Example in bed 12 was missed"
DAY = "2026-11-01"


class Letterbox:
    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 OK"

    def to(self, address: str) -> list[str]:
        """The plain words of what somebody got."""
        parsed = [
            (mail.rcpt_tos, email.message_from_bytes(mail.content, policy=email.policy.default)) for mail in self.mails
        ]
        return [
            f"{said['subject']}\n{said.get_body(('plain',)).get_content()}" for to, said in parsed if to == [address]
        ]


@pytest.fixture
def box():
    return Letterbox()


@pytest.fixture
def made(tmp_path, database_url, box):
    """The committee's house with a real mail server; the officers are the only ones with an address at first."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    found = Committee(tmp_path, database_url)
    settings = read_settings(
        workspace=found.house.settings.workspace,
        public_url="https://codman.hospital.example.org",
        smtp_url=f"smtp://127.0.0.1:{port}?encryption=none",
        mail_from="Codman <codman@hospital.example.org>",
    )
    ways = notifiers_of(settings, read_policy((), (), None), found.clock)
    found.house = replace(found.house, settings=settings, notifiers=ways)
    with found.house.database.changing(SYSTEM) as change:
        for name in ("owner", "clin", "stat"):
            PEOPLE.change(change, f"p-{name}", {"email": f"{name}@example.org"}, None)
    yield found
    found.house.close()
    server.stop()


def delivered(house: House, day: str = DAY) -> int:
    done = send_digests(house, day)
    assert deliver_due(house).failed == 0
    return done.told


def test_who_has_something_waiting_is_mailed_what_and_by_when_and_nobody_else_is(made, box):
    case = made.opened(due_on="2026-11-20")
    made.seated(case, "clin")

    delivered(made.house)

    (mail,) = box.to("clin@example.org")
    assert mail.startswith("1 thing waits for you\n")
    assert "Vote: Ward sepsis, go-live (by 20 Nov 2026)" in mail
    assert f"https://codman.hospital.example.org/reviews/{case.id}" in mail
    assert box.to("stat@example.org") == []


def test_nobody_is_mailed_twice_on_a_day_and_everybody_again_on_the_next(made, box):
    made.seated(made.opened(), "clin")

    assert delivered(made.house) >= 1
    assert delivered(made.house) == 0
    assert len(box.to("clin@example.org")) == 1

    delivered(made.house, "2026-11-02")
    assert len(box.to("clin@example.org")) == 2


def test_what_is_late_is_said_in_the_subject(made, box):
    made.seated(made.opened(due_on="2026-11-20"), "clin")
    made.clock.forward(days=20)

    delivered(made.house, "2026-11-21")

    assert box.to("clin@example.org")[0].startswith("1 thing waits for you, 1 late\n")


def test_no_word_that_anybody_wrote_leaves_the_house(made, box):
    made.evidence()
    case = made.opened(quorum=2)
    made.seated(case)
    chair = made.person("chair")
    add_condition(made.house, chair, case.id, {"sentence": WRITTEN, "owner": "p-owner", "due_on": "2027-02-01"})
    for name in ("clin", "stat"):
        cast(made.house, made.person(name), case.id, Choice.WITH_CONDITIONS, reason=WRITTEN)
    now = docket(made.house, chair, case.id).case
    decide(made.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, WRITTEN)
    assert WRITTEN in {task.words for task in waiting(made.house, made.person("owner"))}

    delivered(made.house)

    (mail,) = box.to("owner@example.org")
    assert "You owe a condition of Ward sepsis (by 1 Feb 2027)" in mail
    assert "bed 12" not in mail
    with made.house.database.reading() as connection:
        assert "bed 12" not in json.dumps(connection.execute(select(outbox.c.body)).scalars().all())


def test_who_wants_none_gets_none_until_they_want_it_again_and_the_log_has_both(made, box):
    made.seated(made.opened(), "clin")

    choose(made.house, made.person("clin"), wanted=False)
    choose(made.house, made.person("clin"), wanted=False)
    delivered(made.house)
    assert box.to("clin@example.org") == []

    choose(made.house, made.person("clin"), wanted=True)
    delivered(made.house)
    assert len(box.to("clin@example.org")) == 1
    with made.house.database.reading() as connection:
        said = [e.value["after"] for e in entries(connection) if e.value["action"] == "account.change"]
    assert said == [{"digest": False}, {"digest": True}]


def test_a_look_around_as_somebody_else_changes_nobodys_mail(made):
    with pytest.raises(NotAllowed):
        choose(made.house, replace(made.person("clin"), read_only=True), wanted=False)


def test_who_has_left_or_has_no_role_is_not_mailed(made, box):
    made.seated(made.opened(), "clin")
    with made.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-clin", {"active": False}, None)

    delivered(made.house)

    assert box.to("clin@example.org") == []


def test_one_whose_mail_cannot_be_made_keeps_nobody_else_from_theirs(made, box):
    made.seated(made.opened(), "clin", "safe")
    with made.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-safe", {"email": "safe\N{ZERO WIDTH SPACE}@example.org"}, None)

    done = send_digests(made.house, DAY)
    deliver_due(made.house)

    assert done.failed == 1
    assert len(box.to("clin@example.org")) == 1


def test_a_database_that_goes_away_ends_the_round_which_tells_the_rest_when_it_is_tried_again(made, box, monkeypatch):
    made.seated(made.opened(), "clin")
    real = daily.waiting

    def away(house: House, reader: Any) -> list[Task]:
        if reader.person == "p-one":
            raise DatabaseAway("sqlite", OSError("it is away"))
        return real(house, reader)

    monkeypatch.setattr(daily, "waiting", away)
    with pytest.raises(DatabaseAway):
        send_digests(made.house, DAY)
    monkeypatch.undo()

    delivered(made.house)
    assert len(box.to("clin@example.org")) == 1


def test_without_a_mail_server_nothing_is_queued_for_a_day_that_passes(made):
    made.seated(made.opened(), "clin")
    house = replace(made.house, notifiers={})

    assert send_digests(house, DAY).told == 0
    with house.database.reading() as connection:
        assert connection.execute(select(outbox.c.id)).all() == []


def test_a_mail_of_hundreds_of_things_names_thirty_and_says_how_many_there_are(made):
    tasks = [
        Task(duty=Duty.VOTE, sentence=f"Vote: use {n}\N{LINE SEPARATOR}" + "x" * 300, at="/", since="2026-11-01")
        for n in range(400)
    ]

    notice = daily.digest(made.house, tasks, DAY)

    assert (notice.title, len(notice.items)) == ("400 things wait for you", 30)
    assert notice.items[0].text == "Vote: use 0 " + "x" * 187 + "…"
    assert "The first 30 are here" in notice.text


def test_the_schedule_mails_each_morning_of_the_house(made, box):
    made.seated(made.opened(), "clin")  # nine in the morning

    ran = {one.job: one.trouble for one in run_scheduled(made.house)}
    deliver_due(made.house)
    assert (ran["digest"], ran["overdue"]) == (None, None)
    assert len(box.to("clin@example.org")) == 1

    made.clock.forward(hours=20)  # five in the next
    assert "digest" not in {one.job for one in run_scheduled(made.house)}
    made.clock.forward(hours=2)
    assert "digest" in {one.job for one in run_scheduled(made.house)}
    deliver_due(made.house)
    assert len(box.to("clin@example.org")) == 2


def promised(made: Committee) -> str:
    """A decision with a condition of the owner's, due on 2026-12-01."""
    made.evidence()
    case = made.opened(quorum=2)
    made.seated(case)
    chair = made.person("chair")
    one = add_condition(made.house, chair, case.id, {"sentence": WRITTEN, "owner": "p-owner", "due_on": "2026-12-01"})
    for name in ("clin", "stat"):
        cast(made.house, made.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(made.house, chair, case.id).case
    decide(made.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "as voted")
    return str(one.id)


def test_an_overdue_condition_and_a_missing_report_go_once_to_the_systems_that_settings_name(made):
    condition = promised(made)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live"}, None)
        kept = SCHEDULES.add(
            change,
            ScheduleFields(
                use="ward", partner="vendor", partner_name=WRITTEN, owner="p-owner", every_months=3,
                first_due="2026-11-20", grace_days=14,
            ),
        )  # fmt: skip
        for due, start in (("2026-11-20", "2026-08-01"), ("2026-12-05", "2026-11-01")):
            said = {"period_start": start, "period_end": "2026-11-01" if due < "2026-12" else "2026-12-01"}
            EXPECTED_REPORTS.add(change, ExpectedReportFields(schedule=kept.id, use="ward", due_on=due, **said))
    with serving(FakeHook()) as hook, serving(FakeJira()) as jira:
        policy = read_policy((hook.url, jira.url), ("127.0.0.1",), None)
        ways = {
            "webhook": Webhook(f"{hook.url}/hook", "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", policy, made.clock),
            "jira": Jira(jira.url, "codman", "correct horse", "GOV", policy),
        }
        settings = made.house.settings.model_copy(update={"overdue_to": ("webhook", "jira")})
        house = replace(made.house, settings=settings, notifiers=ways)

        assert tell_overdue(house) == 0
        made.clock.forward(
            days=40
        )  # 11 December: the condition is late, the first report missing, the second only late
        look(house)
        assert tell_overdue(house) == 4
        assert tell_overdue(house) == 0
        assert deliver_due(house).sent == 4

        said = sorted(json.loads(one["body"])["data"]["title"] for one in hook.records)
        assert said == ["A condition of Ward sepsis is overdue", "A report about Ward sepsis is missing"]
        assert [one["fields"]["summary"] for one in jira.records] == said
        assert "bed 12" not in json.dumps([one["fields"] for one in jira.records])
        assert condition in json.dumps([json.loads(one["body"]) for one in hook.records])
        assert all(one["headers"]["webhook-signature"].startswith("v1,") for one in hook.records)


def test_where_settings_name_no_system_nobody_is_told_of_what_is_overdue(made):
    promised(made)
    made.clock.forward(days=40)

    assert tell_overdue(made.house) == 0


@pytest.mark.parametrize(("names", "why"), [("pager", "none of webhook"), ("jira", "jira is not set up")])
def test_a_system_that_is_none_or_is_not_set_up_is_refused_at_the_start(names, why):
    with pytest.raises(BadSetting, match="overdue_to") as refused:
        notifiers_of(read_settings(overdue_to=names), read_policy((), (), None), lambda: None)
    assert why in refused.value.why
