"""What people do about an incident of monitoring, by its forms: in a small house that a test may change."""

from __future__ import annotations

import re

import pytest
from seen_pages import Pages

from codman.flows.house import House
from codman.registry import governance
from codman.registry.governance import CASES, INCIDENTS, MONITORS, WATCH_STEPS
from codman.registry.log import SYSTEM
from codman.spine.person import Role
from codman.spine.watching import (
    Incident,
    IncidentFields,
    IncidentState,
    IncidentStep,
    MonitorFields,
    MonitorState,
    StepTaken,
    WatchStep,
    WatchStepFields,
)

AT = "2026-11-16T12:00:00.000000Z"
PAGE = "/monitor/incidents/incident-one"
pytestmark = pytest.mark.usefixtures("incident")


@pytest.fixture
def incident(house: House) -> str:
    """One on the desk of who answers for the use, with a way back that waits for somebody."""
    with house.database.changing(SYSTEM) as change:
        fields = IncidentFields(
            use="use-sepsis", title="AUROC is 0.62 (0.58 to 0.66); at least 0.75 is required.", owner="person-owner",
            holder="person-owner", opened_at=AT, answer_by="2026-11-17T00:00:00.000000Z",
            steps=[IncidentStep(at=AT, did="opened", by="codman")],
        )  # fmt: skip
        INCIDENTS.add(change, fields, "incident-one")
        step = WatchStepFields(
            incident="incident-one", use="use-sepsis", kind=StepTaken.ROLLBACK, state="proposed",
            told=["person-owner", "person-reviewer"],
        )  # fmt: skip
        WATCH_STEPS.add(change, step, "incident-one.rolled-back")
    return "incident-one"


@pytest.fixture
def allowed(house: House) -> None:
    """A plan that is followed, and a decision that lets the use go back."""
    case = {
        "use": "use-sepsis", "checkpoint": "go-live", "state": "decided", "leads_to": "live", "policy": "go-live-high",
        "edition": "2026-11", "policy_digest": "d" * 64, "proposed_by": "person-owner", "outcome": "approved",
        "decided_at": AT,
    }  # fmt: skip
    with house.database.changing(SYSTEM) as change:
        CASES.add(change, CASES.validated(case), "case-live")
        plan = MonitorFields(
            use="use-sepsis", name="Sepsis", edition="1", plan="plan: Sepsis", digest="e" * 64, owner="person-owner",
            state=MonitorState.ACTIVE, starts_on="2026-11-01", rollback_case="case-live",
        )  # fmt: skip
        MONITORS.add(change, plan, "monitor-sepsis")


def now(house: House) -> tuple[Incident, WatchStep]:
    with house.database.reading() as connection:
        (one,) = governance.every(connection, "incident")
        (step,) = governance.every(connection, "watch_step")
        return one, step


def revision(page: str) -> str:
    found = re.search(r'name="revision" value="(\d+)"', page)
    assert found is not None
    return found[1]


def test_who_has_it_takes_it_and_closes_it_with_a_finding(house: House, pages: Pages):
    owner = pages(Role.OWNER)
    seen = owner.get(PAGE).text
    assert owner.post(f"{PAGE}/acknowledge", data={"revision": revision(seen)}).headers["location"] == PAGE
    assert now(house)[0].state is IncidentState.ACKNOWLEDGED

    form = owner.get(f"{PAGE}/resolve").text
    empty = owner.post(f"{PAGE}/resolve", data={"revision": revision(form), "finding": " "})
    assert empty.status_code == 422
    assert "this is needed" in empty.text
    done = owner.post(f"{PAGE}/resolve", data={"revision": revision(form), "finding": "The lactate feed was late."})

    assert done.status_code == 303
    one = now(house)[0]
    assert (one.state, one.finding) == (IncidentState.RESOLVED, "The lactate feed was late.")
    page = owner.get(PAGE).text
    assert "The lactate feed was late." in page
    assert "Open it again" in page
    assert "Put it off" not in page


def test_it_is_put_off_until_a_day_and_no_longer_than_allowed(house: House, pages: Pages):
    owner = pages(Role.OWNER)
    read = revision(owner.get(f"{PAGE}/snooze").text)

    far = owner.post(f"{PAGE}/snooze", data={"revision": read, "until": "2027-06-01", "why": "The lab mends it"})
    soon = owner.post(f"{PAGE}/snooze", data={"revision": read, "until": "2026-11-20", "why": "The lab mends it"})

    assert far.status_code == 400
    assert "2027-06-01" in far.text  # what was typed stays
    assert soon.status_code == 303
    one = now(house)[0]
    assert (one.state, one.answer_by, one.why) == (
        IncidentState.SNOOZED, "2026-11-20T12:00:00.000000Z", "The lab mends it",
    )  # fmt: skip
    assert "quiet until 20 Nov 2026" in owner.get("/monitor?show=incidents").text


def test_a_form_that_somebody_else_overtook_changes_nothing(house: House, pages: Pages):
    owner = pages(Role.OWNER)
    read = revision(owner.get(f"{PAGE}/escalate").text)
    owner.post(f"{PAGE}/acknowledge", data={"revision": read})

    late = owner.post(f"{PAGE}/escalate", data={"revision": read, "why": "I am away"})

    assert late.status_code in (409, 412)
    assert "I am away" in late.text
    assert now(house)[0].state is IncidentState.ACKNOWLEDGED


def test_it_is_handed_up_to_the_office_and_opened_again_after_it_was_resolved(house: House, pages: Pages):
    owner, officer = pages(Role.OWNER), pages(Role.OFFICER)
    up = owner.post(
        f"{PAGE}/escalate", data={"revision": revision(owner.get(f"{PAGE}/escalate").text), "why": "It is not mine"}
    )
    assert up.status_code == 303
    assert now(house)[0].holder == "person-officer"
    officer.post(
        f"{PAGE}/resolve", data={"revision": revision(officer.get(f"{PAGE}/resolve").text), "finding": "Nothing"}
    )

    again = officer.post(
        f"{PAGE}/reopen", data={"revision": revision(officer.get(f"{PAGE}/reopen").text), "why": "It came back"}
    )

    assert again.status_code == 303
    assert now(house)[0].state is IncidentState.OPEN
    page = officer.get(PAGE).text
    assert "opened it again" in page
    assert "handed it up to officer 1" in page


def test_a_way_back_that_no_decision_allows_is_refused_with_the_reason(house: House, pages: Pages):
    owner = pages(Role.OWNER)
    form = owner.get("/monitor/steps/incident-one.rolled-back/confirm").text

    sent = {"revision": revision(form), "why": "Nobody on the ward trusts it"}
    page = owner.post("/monitor/steps/incident-one.rolled-back/confirm", data=sent)

    assert page.status_code == 422
    assert "decision in force allows it any more: decline this" in page.text
    assert now(house)[1].state == "proposed"


@pytest.mark.usefixtures("allowed")
def test_a_way_back_is_confirmed_by_who_may_and_those_told_say_that_they_know(house: House, pages: Pages):
    reviewer, owner = pages(Role.REVIEWER), pages(Role.OWNER)
    assert "Confirm the way back" not in reviewer.get(PAGE).text
    assert reviewer.get("/monitor/steps/incident-one.rolled-back/confirm").status_code == 403
    assert "the written downtime procedure" in owner.get(PAGE).text

    assert reviewer.post("/monitor/steps/incident-one.rolled-back/acknowledge").headers["location"] == PAGE
    form = owner.get("/monitor/steps/incident-one.rolled-back/confirm").text
    sent = {"revision": revision(form), "why": "Nobody on the ward trusts it"}
    assert owner.post("/monitor/steps/incident-one.rolled-back/confirm", data=sent).status_code == 303

    step = now(house)[1]
    assert (step.state, step.decided_by, step.acknowledged) == ("confirmed", "person-owner", ["person-reviewer"])
    done = owner.get("/monitor/steps/incident-one.rolled-back/done").text
    owner.post(
        "/monitor/steps/incident-one.rolled-back/done",
        data={"revision": revision(done), "why": "The alias points back"},
    )
    assert now(house)[1].state == "done"


def test_a_way_back_is_declined_with_a_reason_once(house: House, pages: Pages):
    owner = pages(Role.OWNER)
    form = owner.get("/monitor/steps/incident-one.rolled-back/decline").text

    without = owner.post(
        "/monitor/steps/incident-one.rolled-back/decline", data={"revision": revision(form), "why": ""}
    )
    sent = {"revision": revision(form), "why": "The feed is mended"}
    first = owner.post("/monitor/steps/incident-one.rolled-back/decline", data=sent)
    again = owner.post("/monitor/steps/incident-one.rolled-back/decline", data=sent)

    assert (without.status_code, first.status_code) == (422, 303)
    assert again.status_code in (409, 412, 422)
    assert now(house)[1].state == "declined"


def test_who_has_no_hand_in_it_is_offered_nothing_and_refused(house: House, pages: Pages):
    engineer = pages(Role.ENGINEER)

    assert "I have it" not in engineer.get(PAGE).text
    assert engineer.get(f"{PAGE}/snooze").status_code == 403
    assert engineer.post(f"{PAGE}/acknowledge", data={"revision": "1"}).status_code == 403
    assert pages(Role.VIEWER).get(PAGE).status_code == 200
    assert pages(None).get(PAGE).status_code in (303, 307, 401)
    assert pages(Role.OFFICER, "/nowhere/").get(PAGE).status_code == 404
    assert now(house)[0].state is IncidentState.OPEN


def test_an_unwatched_use_gets_the_plan_that_follows_from_its_policy(house: House, pages: Pages):
    owner = pages(Role.OWNER)
    assert 'href="/uses/use-notes/monitor/plan"' in owner.get("/uses/use-notes/monitor").text
    assert "monitor/plan" not in pages(Role.VIEWER).get("/uses/use-notes/monitor").text
    assert pages(Role.VIEWER).get("/uses/use-notes/monitor/plan").status_code == 403
    form = "/uses/use-sepsis/monitor/plan"

    wrong = owner.post(form, data={"label_delay_days": "soon", "starts_on": ""})
    late = owner.post(form, data={"label_delay_days": "7", "starts_on": "2026-12-01"})
    said = {"label_delay_days": "7", "starts_on": "2026-12-01", "why": "The ward moves on the last of November"}
    done = owner.post(form, data=said)

    assert wrong.status_code == 422
    assert "nothing is watched from" in late.text
    assert done.headers["location"] == "/uses/use-sepsis/monitor"
    with house.database.reading() as connection:
        (monitor,) = governance.every(connection, "monitor")
    assert (monitor.use, monitor.owner, monitor.state, monitor.starts_on) == (
        "use-sepsis", "person-owner", "active", "2026-12-01",
    )  # fmt: skip
    page = owner.get("/uses/use-sepsis/monitor").text
    assert "its plan watches nothing before 1 Dec 2026" in page
    assert "Plan its monitoring" not in page
