"""A vendor's report is the vendor's word: nobody of the house gives it, moves it or makes it smaller unseen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from book import ARTEFACT
from committee import auroc
from partners import ANSWERS, Partners

from codman.evidence.envelope import sign
from codman.evidence.statements import build, canonical_statement
from codman.flows.reporting.answers import Answered, read_answers
from codman.flows.reporting.receiving import awaited_for, original_of_form, receive_by_hand, receive_signed
from codman.flows.reporting.refusals import NotThisReport
from codman.flows.reporting.schedules import change_schedule
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.registry.records import BadField
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.measurement import Window
from codman.spine.partner_report import ExpectedReport, ReportState
from codman.spine.reported import Reported
from codman.spine.statement import Digest, Kind, Subject


@pytest.fixture
def partners(tmp_path, database_url):
    made = Partners(tmp_path, database_url)
    made.scheduled()
    made.clock.forward(days=30)  # the first period is over
    yield made
    made.house.close()


def statement(report: ExpectedReport, origin: str) -> bytes:
    predicate = MonitoringPredicate(
        product="Sepsis alert",
        use="Ward sepsis",
        origin=origin,
        evaluated_at="2026-12-01T08:00:00Z",
        window=Window(start=report.period_start, end=report.period_end),
        measurements=[auroc(0.81, 0.79, 0.83)],
        report=Reported(incidents="none known", complaints="none known", changes="none known"),
    )
    subject = Subject(name="Sepsis alert", digest=Digest(sha256=ARTEFACT))
    return canonical_statement(build(Kind.MONITORING, subject, predicate))


@pytest.mark.parametrize(
    ("owner_kind", "owner", "origin", "answers"),
    [
        ("pipeline", "nightly", "local", False),
        ("pipeline", "Vendor 1", "local", False),
        ("vendor", "Vendor 2", "developer", False),
        ("vendor", "vendor 1", "developer", True),
    ],
)
def test_a_vendors_signed_report_is_signed_by_a_key_of_that_vendor(partners, owner_kind, owner, origin, answers):
    (report,) = partners.reports()
    key = partners.registered("signer", owner_kind=owner_kind, owner=owner, origins=[origin])
    body = sign(statement(report, origin), key).to_bytes()

    if answers:
        receive_signed(partners.house, partners.engineer(), report.id, body)
    else:
        with pytest.raises(NotThisReport, match="no key of Vendor 1 signed it"):
            receive_signed(partners.house, partners.engineer(), report.id, body)

    (now,) = partners.reports()
    assert now.state is (ReportState.RECEIVED if answers else ReportState.DUE)


def test_what_somebody_of_the_house_files_for_a_partner_says_who_filed_it(partners):
    (report,) = partners.reports()
    reader = partners.engineer()
    found = awaited_for(partners.house, reader, report.id, "report.create")
    answered = read_answers(ANSWERS, found.schedule.metrics)
    assert isinstance(answered, Answered)

    came = receive_by_hand(partners.house, reader, report.id, answered, original_of_form(found, ANSWERS))

    note = partners.house.store.get(came.statement).predicate.note
    assert note == "Filed by Engineer of the house, from what was sent."


def test_where_a_vendors_links_go_is_changed_by_nobody_with_a_hand_in_the_use_and_with_a_reason(partners):
    schedule = partners.reports()[0].schedule
    elsewhere = {"email": "somebody@else.example"}
    with partners.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner"}, None)

    with pytest.raises(BadField, match="who has no hand in the use says where"):
        change_schedule(partners.house, partners.person("owner"), schedule, elsewhere, 1, why="they moved")
    with pytest.raises(BadField, match="say why links and reminders go"):
        change_schedule(partners.house, partners.officer, schedule, elsewhere, 1)
    changed = change_schedule(partners.house, partners.officer, schedule, elsewhere, 1, why="they moved")

    assert changed.email == "somebody@else.example"


def test_less_is_asked_of_a_partner_with_a_reason_only(partners):
    schedule = partners.reports()[0].schedule

    with pytest.raises(BadField, match="say why less is to be reported"):
        change_schedule(partners.house, partners.person("owner"), schedule, {"metrics": []}, 1)
    more = {"metrics": ["auroc", "brier"]}
    assert change_schedule(partners.house, partners.person("owner"), schedule, more, 1).metrics == more["metrics"]
