"""A review in the browser's own words: laid out, asked about, voted on, decided, filed; and what is refused."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urldefrag

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from committee import SEATS, Committee, auroc, cast
from seen_pages import pages_of
from test_web_links import Page, Sendable, sent

from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import docket, open_case, withdraw
from codman.flows.review.remarks import remark
from codman.flows.review.seats import delegate, state_interest
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES
from codman.spine.review import Case, CaseState, Choice, Conflict
from codman.spine.use import Stage

POLICY = b"""
policy: go-live-high
edition: 2026-11
checkpoint: go-live
requires:
  - id: discrimination
    title: Discriminates well enough on local patients
    evidence: evaluation
    origin: [local]
    measurement: {metric: auroc, at_least: 0.75}
  - id: plan
    title: A monitoring plan
    evidence: document
    document: monitoring-plan
    severity: warn
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    made = Committee(tmp_path)
    yield made
    made.house.close()


@pytest.fixture
def case(house: Committee) -> Case:
    """A case that the evidence cannot decide, with its reviewers."""
    house.evidence(auroc(0.77, 0.73, 0.81))
    opened = open_case(
        house.house,
        house.person("owner"),
        house.policy(POLICY),
        use="ward",
        leads_to=Stage.LIVE,
        sites=["north"],
        version="sepsis-120",
    )
    house.seated(opened)
    return opened


def pages(house: Committee, name: str, *, fresh: bool = True) -> httpx.Client:
    return pages_of(house.house, house.person(name, fresh=fresh))


def plain(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def table(page: httpx.Response) -> str:
    found = re.search(r'name="on" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found[1]


def revision(answer: httpx.Response) -> str:
    found = re.search(r'name="revision" value="(\d+)"', answer.text)
    assert found is not None
    return found[1]


ACCEPTED = {
    "requirement": "discrimination",
    "reason": "The estimate is above the limit",
    "sentence": "Measure it again",
    "owner": "p-owner",
    "due_on": "2027-02-01",
    "patients_needed": "3000",
}


def test_a_step_of_a_closed_case_is_refused_with_the_way_back_to_it(house: Committee, case: Case) -> None:
    owner = house.person("owner")
    withdraw(house.house, owner, case.id, docket(house.house, owner, case.id).case.revision, why="not now")

    refused = pages(house, "clin").get(f"/reviews/{case.id}/votes")
    assert (refused.status_code, f'<a href="/reviews/{case.id}">The review</a>' in refused.text) == (409, True)


def test_who_may_not_vote_is_offered_neither_as_a_reviewer_nor_as_a_delegate(house: Committee, case: Case) -> None:
    offered = pages(house, "chair").get(f"/reviews/{case.id}/reviewers").text
    assert {name for name in house.roles if f'value="p-{name}"' in offered} == {"chair", "idle", *SEATS}

    delegates = pages(house, "clin").get(f"/reviews/{case.id}/delegation").text
    assert {name for name in house.roles if f'value="p-{name}"' in delegates} == {"chair", "idle"}


def test_the_page_says_first_what_is_not_known_and_draws_the_interval_against_its_limit(
    house: Committee, case: Case
) -> None:
    page = pages(house, "clin").get(f"/reviews/{case.id}")
    text = plain(page)
    assert text.index("What is not known") < text.index("Requirements 0 of 2 met")
    assert "AUROC is 0.77 (0.73 to 0.81)" in text
    assert "about 3,000 more patients" in text
    assert 'aria-label="0.77, interval 0.73 to 0.81; the limit is at least 0.75"' in page.text
    assert text.index("Discriminates well enough") < text.index("A monitoring plan")
    assert "Person owner submitted this case" in text


def test_from_a_question_to_a_signed_decision_with_a_condition_on_the_pages_alone(house: Committee, case: Case) -> None:
    here, owner, chair = f"/reviews/{case.id}", pages(house, "owner"), pages(house, "chair")
    asked = {"text": "Who watches it at night?", "requirement": "discrimination"}
    assert pages(house, "clin").post(f"{here}/remarks", data=asked).status_code == 303
    answer = re.search(r'href="(/reviews/[^"]+/remarks\?answers=[^"]+)"', owner.get(here).text)
    assert answer is not None
    assert "Who watches it at night?" in owner.get(answer[1]).text
    said = {"text": "The rapid response team", "answers": answer[1].partition("=")[2]}
    assert owner.post(f"{here}/remarks", data=said).status_code == 303

    form = chair.get(f"{here}/acceptances?requirement=discrimination").text
    assert 'name="patients_needed"' in form
    assert 'value="3000"' in form
    assert chair.post(f"{here}/acceptances", data=ACCEPTED).status_code == 303
    for name in ("clin", "stat", "safe"):
        voter = pages(house, name)
        vote = {"choice": Choice.WITH_CONDITIONS.value, "reason": f"{name} says so", "on": table(voter.get(here))}
        assert voter.post(f"{here}/votes", data=vote).headers["location"] == f"{here}#part"

    decide = {"outcome": "approved with conditions", "reasons": "It finds what we miss"}
    before = chair.get(f"{here}/decide")
    for said in ("Asks for", "Sepsis alert 1.2.0", "North", "On condition", ", by "):
        assert said in before.text, said
    decide["revision"] = revision(before)
    assert chair.post(f"{here}/decide", data=decide).headers["location"] == f"{here}/decision"

    text = plain(pages(house, "viewer").get(f"{here}/decision"))
    for words in (
        "Approved with conditions",
        "Person chair 1 Nov 2026, 09:00 UTC approval: approves what it says",
        "Accepted in writing, under a condition.",
        "Measure it again",
        "Who watches it at night?",
        "The rapid response team",
        "clin says so",
        "1 Nov 2027",
    ):
        assert words in text, words
    filed = pages(house, "viewer").get(f"{here}/minutes.md")
    assert filed.headers["content-disposition"].startswith("attachment")
    assert "## Votes" in filed.text
    assert "It finds what we miss" in plain(owner.get(here))


def test_a_vote_given_on_a_page_that_is_out_of_date_is_refused_and_its_words_are_kept(
    house: Committee, case: Case
) -> None:
    here, clin = f"/reviews/{case.id}", pages(house, "clin")
    vote = {"choice": "reject", "reason": "Too many alarms", "on": table(clin.get(here))}
    add_condition(
        house.house, house.person("chair"), case.id, {"sentence": "Count", "owner": "p-owner", "due_on": "2027-01-01"}
    )
    answer = clin.post(f"{here}/votes", data=vote)
    assert answer.status_code == 412
    assert "What is voted on was changed meanwhile" in plain(answer)
    assert "Too many alarms" in answer.text
    assert table(answer) != vote["on"]
    assert clin.post(f"{here}/votes", data={**vote, "on": ""}).status_code == 412
    assert docket(house.house, house.officer, case.id).votes == []
    assert clin.post(f"{here}/votes", data={**vote, "on": table(clin.get(here))}).status_code == 303


def test_a_vote_after_the_close_is_refused_and_what_was_written_is_still_there(house: Committee, case: Case) -> None:
    withdraw(
        house.house, house.person("owner"), case.id, docket(house.house, house.officer, case.id).case.revision, why="x"
    )
    answer = pages(house, "clin").post(
        f"/reviews/{case.id}/votes", data={"choice": "reject", "reason": "A long opinion on alarms"}
    )
    assert answer.status_code == 409
    assert "This case is closed" in plain(answer)
    assert "A long opinion on alarms" in answer.text


def test_a_vote_against_without_a_reason_comes_back_with_the_choice(house: Committee, case: Case) -> None:
    answer = pages(house, "clin").post(f"/reviews/{case.id}/votes", data={"choice": "reject"})
    assert answer.status_code == 422
    assert "says why" in plain(answer)
    assert '<option value="reject" selected>' in answer.text


def test_a_stale_decision_changes_nothing_and_keeps_the_reasons(house: Committee, case: Case) -> None:
    chair = pages(house, "chair")
    seen = revision(chair.get(f"/reviews/{case.id}/decide"))
    cast(house.house, house.person("clin"), case.id, Choice.APPROVE)  # the first vote moves the case on
    answer = chair.post(
        f"/reviews/{case.id}/decide", data={"outcome": "deferred", "reasons": "Not enough yet", "revision": seen}
    )
    assert answer.status_code == 412
    assert "Not enough yet" in answer.text
    assert revision(answer) != seen
    assert docket(house.house, house.officer, case.id).case.state is CaseState.VOTING


def test_a_decision_that_the_votes_do_not_carry_says_why_and_keeps_the_reasons(house: Committee, case: Case) -> None:
    chair = pages(house, "chair")
    sent = {
        "outcome": "approved",
        "reasons": "I like it",
        "revision": revision(chair.get(f"/reviews/{case.id}/decide")),
    }
    answer = chair.post(f"/reviews/{case.id}/decide", data=sent)
    assert answer.status_code == 409
    assert "3 more votes" in plain(answer)
    assert "I like it" in answer.text


def test_signing_asks_for_a_fresh_sign_in_before_anything_is_typed_and_loses_nothing_after(
    house: Committee, case: Case
) -> None:
    stale = pages(house, "chair", fresh=False)
    there = stale.get(f"/reviews/{case.id}/decide")
    assert (there.status_code, there.headers["location"]) == (303, f"/sign-in/again?next=/reviews/{case.id}/decide")

    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.DEFER, reason="not yet")
    now = str(docket(house.house, house.officer, case.id).case.revision)
    sent = {"outcome": "deferred", "reasons": "A careful text", "revision": now}
    answer = stale.post(f"/reviews/{case.id}/decide", data=sent)
    assert answer.status_code == 403
    assert "Sign in again" in plain(answer)
    assert "A careful text" in answer.text


def test_who_has_a_hand_in_it_sees_no_vote_and_cannot_begin_one(house: Committee, case: Case) -> None:
    owner, officer = pages(house, "owner"), pages_of(house.house, house.officer)
    assert "Cast the vote" not in owner.get(f"/reviews/{case.id}").text
    assert owner.get(f"/reviews/{case.id}/votes").status_code == 403
    text = officer.get(f"/reviews/{case.id}").text
    assert "sent its evidence" in plain(officer.get(f"/reviews/{case.id}"))  # the officer filed it
    assert f"/reviews/{case.id}/decide" not in text
    assert officer.get(f"/reviews/{case.id}/decide").status_code == 403


def test_a_reviewer_delegates_and_the_delegate_votes_for_them(house: Committee, case: Case) -> None:
    clin = pages(house, "clin")
    assert clin.post(f"/reviews/{case.id}/delegation", data={"to": "p-idle"}).status_code == 303
    idle = pages(house, "idle")
    assert "Whose vote" in idle.get(f"/reviews/{case.id}").text
    vote = {"of": "p-clin", "choice": "approve", "on": table(idle.get(f"/reviews/{case.id}/votes"))}
    assert idle.post(f"/reviews/{case.id}/votes", data=vote).status_code == 303
    assert "cast by Person idle" in plain(clin.get(f"/reviews/{case.id}"))
    again = pages(house, "stat").post(f"/reviews/{case.id}/delegation", data={"to": "p-idle"})
    assert again.status_code == 422
    assert "nobody casts two" in plain(again)


def test_a_condition_of_ones_own_is_not_ones_own_to_close(house: Committee, case: Case) -> None:
    chair = pages(house, "chair")
    asked = {"sentence": "Train the night shift", "owner": "p-owner", "due_on": "2026-12-01"}
    assert chair.post(f"/reviews/{case.id}/conditions", data=asked).status_code == 303
    assert chair.post(f"/reviews/{case.id}/acceptances", data=ACCEPTED).status_code == 303
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    form = {"outcome": "approved with conditions", "reasons": "so", "revision": ""}
    form["revision"] = revision(chair.get(f"/reviews/{case.id}/decide"))
    assert chair.post(f"/reviews/{case.id}/decide", data=form).status_code == 303

    closing = re.search(r'href="(/conditions/[^"]+/close)"', chair.get(f"/reviews/{case.id}").text)
    assert closing is not None
    assert "/close" not in pages(house, "owner").get(f"/reviews/{case.id}").text
    own = {"note": "done", "revision": "1"}
    refused = pages(house, "owner").post(closing[1], data=own)
    assert refused.status_code == 403
    assert "this is not yours to do" in plain(refused).lower()
    assert chair.post(closing[1], data={"note": "All were trained", "revision": "1"}).status_code == 303
    assert "All were trained" in plain(chair.get(f"/reviews/{case.id}"))
    assert chair.get(closing[1]).status_code == 409

    longer = re.search(r'href="(/conditions/[^"]+/prolong)"', chair.get(f"/reviews/{case.id}").text)
    assert longer is not None
    past = {"due_on": "2026-10-01", "why": "More time", "revision": "1"}
    assert "a day to come" in plain(chair.post(longer[1], data=past))
    assert chair.post(longer[1], data={**past, "due_on": "2027-03-01"}).status_code == 303


def test_a_use_says_what_each_way_on_lacks_and_goes_where_nothing_is_lacking(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live", "tier": "high"}, None)
        running = {"use": "ward", "site": "north", "mode": "live", "clinician": "p-clin"}
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(running))
    chair = pages(house, "chair")
    text = plain(chair.get("/uses/ward"))
    assert "Where it stands, and where it can go" in text
    assert "no check of who and what still depends on it" in text or "hazard" in text.lower() or "depends" in text
    assert "/uses/ward/stage?to=paused" in chair.get("/uses/ward").text
    assert "/uses/ward/stage" not in pages(house, "viewer").get("/uses/ward").text
    now = revision(chair.get("/uses/ward/stage?to=paused"))
    without = chair.post("/uses/ward/stage", data={"to": "paused", "revision": now})
    assert without.status_code == 409
    assert "reason" in plain(without)
    kept = chair.post("/uses/ward/stage", data={"to": "paused", "reason": "It alarms too often", "revision": now})
    assert kept.headers["location"] == "/uses/ward#stands"
    assert "Paused" in plain(chair.get("/uses/ward"))


def test_a_case_is_opened_under_the_policy_that_the_use_meets(house: Committee) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "triaged", "tier": "high"}, None)
    owner = pages(house, "owner")
    assert owner.get("/reviews/new").status_code == 200
    page = owner.get("/reviews/new?use=ward&checkpoint=validation")
    assert "is meant for" in plain(page)
    sent = {
        "use": "ward",
        "checkpoint": "validation",
        "procedure": "full",
        "quorum": "3",
        "disciplines": "clinical, IT",
    }
    there = owner.post("/reviews/new", data=sent)
    assert there.status_code == 303
    found = docket(house.house, house.officer, there.headers["location"].rpartition("/")[2]).case
    assert (found.quorum, found.disciplines, found.leads_to) == (3, ["clinical", "IT"], Stage.IN_REVIEW)
    again = owner.post("/reviews/new", data=sent)
    assert again.status_code == 409
    assert "is open for this use" in plain(again)
    assert "clinical, IT" in again.text
    assert "See that case" in plain(again)
    assert owner.post("/reviews/new", data={**sent, "quorum": "many"}).status_code == 422


@pytest.mark.usefixtures("case")
def test_the_list_shows_open_cases_first_and_others_when_asked(house: Committee) -> None:
    viewer = pages(house, "viewer")
    assert "Ward sepsis" in plain(viewer.get("/reviews"))
    assert "There is none." in plain(viewer.get("/reviews?show=decided"))
    assert "Only of Ward sepsis" in plain(viewer.get("/reviews?show=all&use=ward"))


def test_a_question_waits_on_the_owners_first_page(house: Committee, case: Case) -> None:
    remark(house.house, house.person("clin"), case.id, "Is the contract signed?")
    text = plain(pages(house, "owner").get("/"))
    assert "A question about Ward sepsis waits for an answer" in text
    assert "Is the contract signed?" in text
    assert "Vote: Ward sepsis, go-live" in plain(pages(house, "legal").get("/"))


@pytest.mark.parametrize("who", ["chair", "clin", "legal", "idle", "owner", "officer"])
def test_no_link_and_no_form_of_a_review_is_refused_to_who_is_shown_it(house: Committee, case: Case, who: str) -> None:
    chair = house.person("chair")
    second = open_case(house.house, house.person("owner"), house.policy(), use="ward-south", leads_to=Stage.LIVE)
    asked = {"sentence": "Train the night shift", "owner": "p-owner", "due_on": "2026-12-01"}
    add_condition(house.house, chair, second.id, asked)
    house.seated(second)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), second.id, Choice.DEFER, reason="not yet")
    state_interest(house.house, house.person("legal"), case.id, Conflict.CONFLICT)
    delegate(house.house, house.person("safe"), case.id, "p-idle")
    remark(house.house, house.person("stat"), case.id, "Why so few?", requirement="discrimination")
    client = pages_of(house.house, house.officer if who == "officer" else house.person(who))

    assert ("/delegation" in client.get(f"/reviews/{case.id}").text) is (who == "clin")
    seen, waits = set(), [f"/reviews/{case.id}", f"/reviews/{second.id}", "/uses/ward"]
    forms: dict[tuple[str, ...], tuple[str, Sendable]] = {}
    while waits:
        address = waits.pop()
        seen.add(address)
        answer = client.get(address)
        assert answer.status_code in (200, 303), address
        read = Page(answer.text if answer.headers.get("content-type", "").startswith("text/html") else "")
        for form in read.forms:
            forms.setdefault((form.method, form.action, *sorted(form.options)), (address, form))
        for link in read.links:
            there = urldefrag(link).url
            ours = ("/reviews/case-", "/conditions", "/uses/ward/stage")
            if there.startswith(ours) and there not in seen and len(seen) < 80:
                waits.append(there)
    for address, form in forms.values():
        for button in form.buttons:
            for last in (False, True):
                status = sent(client, form, button, last=last).status_code
                gone = ("/excuse", "/delegation")  # taken off or voted just now: the page shows neither again
                assert status not in (403, 404, 405) or button[0].endswith(gone), (address, button, last)
                assert status < 500, (address, button, last)
