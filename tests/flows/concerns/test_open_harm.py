"""A concern about harm that is open: on the page of its use, in the work of its owner, and in the way of going live."""

from __future__ import annotations

import html
import re

from fastapi.testclient import TestClient

from codman.flows.concerns.following import decline_pause, take_pause
from codman.flows.review.staging import ways
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry.nouns import USES
from codman.spine.concern import ConcernSeverity
from codman.spine.use import Stage
from codman.web.app import make_web

LACK = "a concern about harm is open: close it with what was found"


def work_of(ward, name):
    return [(one.duty, one.sentence) for one in waiting(ward.house, ward.person(name))]


def page(ward, address, name="owner"):
    app = make_web(ward.house)
    if name:
        app.state.reader_of = lambda _request: ward.person(name)
    text = TestClient(app, base_url="http://localhost").get(address).text
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_harm_stands_in_the_owners_work_and_on_the_page_until_it_is_closed(ward):
    ward.change(USES, "ward", stage="pilot")
    raised = ward.raised(severity=ConcernSeverity.HARM).concern
    pause = "A concern about harm by Ward sepsis: a pause is proposed: take it or decline it (C-2026-0001)"
    own = pause.replace(" or decline it", "")  # somebody without a hand in the use declines it

    assert (Duty.PAUSE, own) in work_of(ward, "owner")
    assert [duty for duty, _ in work_of(ward, "clin")] == [Duty.CONCERN, Duty.SITE]
    assert (Duty.PAUSE, pause) in [(one.duty, one.sentence) for one in waiting(ward.house, ward.officer)]
    shown = page(ward, "/uses/ward")
    assert shown.index("A concern about harm is open") < shown.index("No evidence is filed")
    assert "a pause is proposed and nobody has taken or declined it" in shown
    assert "A concern about harm is open" in page(ward, "/uses/ward", "viewer")

    decline_pause(ward.house, ward.officer, raised.id, raised.revision, "It was the old ward list")
    assert (Duty.CONCERN, "A concern about harm by Ward sepsis: it is open (C-2026-0001)") in work_of(ward, "owner")
    assert (Duty.PAUSE, own) not in work_of(ward, "owner")


def test_a_paused_use_does_not_go_live_again_while_a_concern_about_harm_is_open(ward):
    raised = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    take_pause(ward.house, ward.person("owner"), raised.id, raised.revision, "A patient was harmed")

    lacks = {way.to: way.lacks for way in ways(ward.house, ward.officer, "ward").ways}
    assert LACK in lacks[Stage.LIVE]
    assert LACK in lacks[Stage.PILOT]
    assert LACK not in lacks[Stage.SILENT]  # nobody acts on it there
    assert "an open concern" not in str(lacks[Stage.RETIRED])


def test_a_concern_without_harm_keeps_nothing_from_going_live(ward):
    ward.raised()
    assert all(LACK not in way.lacks for way in ways(ward.house, ward.officer, "ward").ways)


def test_the_page_after_sending_promises_no_mail_where_none_is_set_up(ward):
    raised = ward.raised().concern
    shown = page(ward, f"/concern/sent/{raised.id}", "")
    assert "It waits for the accountable clinician of this site, who must look at it by" in shown
    assert "No mail goes out: they see it when they next open Codman" in shown
    assert "Its number is C-2026-0001 . Keep it: say it to the governance office" in shown


def test_everybody_finds_the_form_for_a_concern_from_where_they_are(ward):
    for address, name in (("/sign-in", ""), ("/", "clin"), ("/inventory", "viewer")):
        assert "Report a concern" in page(ward, address, name), address
    assert "Report a concern" not in page(ward, "/concern", "")
