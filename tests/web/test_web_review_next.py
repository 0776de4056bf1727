"""What the page of a review says of what is not there: that it does not apply, what was accepted, what comes next."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from axed import looked_at
from committee import Committee, auroc, cast
from seen_pages import pages_of

from codman.flows.papers import file_paper
from codman.flows.review.before_the_decision import accept_inconclusive, add_condition
from codman.flows.review.cases import docket, open_case
from codman.flows.review.conditions import look
from codman.flows.review.deciding import decide
from codman.flows.review.excluding import agree, say_not_applicable
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.spine.review import Case, CaseOutcome, Choice
from codman.spine.use import Stage
from codman.web.app import make_web
from on_a_port import on_a_port

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
  - id: alerts
    title: Its alerts can be borne
    evidence: monitoring
    severity: warn
  - id: claimed
    title: The maker has measured it
    evidence: evaluation
    origin: [developer]
    severity: warn
  - id: plan
    title: A monitoring plan
    document: monitoring-plan
    severity: warn
    always_applies: true
"""
WHY = "It raises no alerts: its score is read in a list"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    made = Committee(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner"}, None)
    made.evidence(auroc(0.77, 0.73, 0.81))
    yield made
    made.house.close()


@pytest.fixture
def case(house: Committee) -> Case:
    opened = open_case(
        house.house, house.person("owner"), house.policy(POLICY), use="ward", leads_to=Stage.LIVE, sites=["north"],
        version="sepsis-120",
    )  # fmt: skip
    house.seated(opened)
    return opened


def pages(house: Committee, name: str) -> httpx.Client:
    return pages_of(house.house, house.person(name))


def of(page: str, requirement: str) -> str:
    """What the page says of one requirement."""
    found = re.search(rf'<li id="r-{requirement}">.*?(?=<li id="r-|<h2 id="conditions">)', page, re.S)
    assert found is not None
    return found[0]


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def first(page: str) -> str:
    """What stands under `What is not known`."""
    found = re.search(r'<section class="missing".*?</section>', page, re.S)
    return "" if found is None else words(found[0])


def test_that_a_requirement_does_not_apply_goes_from_the_owners_form_to_the_chairs_button(
    house: Committee, case: Case
) -> None:
    here, owner, chair = f"/reviews/{case.id}", pages(house, "owner"), pages(house, "chair")
    assert f"{here}/exclusions?requirement=alerts" in of(owner.get(here).text, "alerts")
    form = owner.get(f"{here}/exclusions?requirement=alerts").text
    assert 'value="plan"' not in form  # the policy says that it always applies
    short = owner.post(f"{here}/exclusions", data={"requirement": "alerts", "why": "no alerts"})
    assert (short.status_code, "in a sentence" in short.text) == (422, True)
    sent = owner.post(f"{here}/exclusions", data={"requirement": "alerts", "why": WHY})
    assert sent.headers["location"] == f"{here}#requirements"

    waiting = of(chair.get(here).text, "alerts")
    assert f"Person owner says that it does not apply here: “{WHY}”. It waits for a second person." in words(waiting)
    assert "Next:" not in words(waiting)
    assert "/agree" not in of(owner.get(here).text, "alerts")
    assert "/agree" not in of(pages(house, "clin").get(here).text, "alerts")
    address = re.search(r'action="(/exclusions/[^"]+/agree)"', waiting)
    assert address is not None
    agreed = chair.post(address[1], data={"revision": "1"})
    assert agreed.headers["location"] == f"{here}#r-alerts"

    page = pages(house, "viewer").get(here).text
    assert "Person owner said so, and Person chair agreed on 1 Nov 2026." in words(of(page, "alerts"))
    assert "Not applicable" in of(page, "alerts")
    assert "Its alerts can be borne" not in first(page)
    assert "0 of 3 met" in words(page)
    again = chair.post(address[1], data={"revision": "2"})
    assert again.status_code == 409

    ended = chair.post(address[1].replace("/agree", "/refuse"), data={"revision": "2", "why": "From May it alerts"})
    assert ended.status_code == 303
    assert "Its alerts can be borne: missing" in first(pages(house, "viewer").get(here).text)


def test_what_was_accepted_without_being_known_is_said_first_with_who_accepted_it_and_until_when(
    house: Committee, case: Case
) -> None:
    asked = {"sentence": "Measure it on more patients", "owner": "p-owner", "due_on": "2027-02-01"}
    accept_inconclusive(house.house, house.person("chair"), case.id, "discrimination", "Too few patients yet", asked)
    add_condition(
        house.house, house.person("chair"), case.id,
        {"sentence": "File the plan", "owner": "p-owner", "due_on": "2027-01-10", "requirement": "plan"},
    )  # fmt: skip

    said = first(pages(house, "viewer").get(f"/reviews/{case.id}").text)

    told = (
        "Discriminates well enough on local patients: inconclusive, accepted in writing by Person chair, "
        "to be shown by 1 Feb 2027"
    )
    assert told in said
    assert "A monitoring plan: missing, to be shown by 10 Jan 2027" in said
    assert said.index("Discriminates") < said.index("Its alerts") < said.index("A monitoring plan")


def test_beside_what_is_missing_stands_of_whom_it_is_asked_and_where_it_is_filed(house: Committee, case: Case) -> None:
    page = pages(house, "owner").get(f"/reviews/{case.id}").text
    plan = of(page, "plan")
    assert "Next: Person owner hands in a monitoring plan." in words(plan)
    address = re.search(r'href="(/documents/new\?[^"]+)"', plan)
    assert address is not None
    form = pages(house, "owner").get(address[1].replace("&amp;", "&"))
    assert (form.status_code, "monitoring-plan" in form.text) == (200, True)
    assert "Next: who runs the monitoring sends it, signed" in words(of(page, "alerts"))
    assert "in a signed statement or a report; Person owner asks for it" in words(of(page, "claimed"))
    assert "/uses/ward/reports" in of(page, "claimed")
    assert "Person owner brings more data" in words(of(page, "discrimination"))
    seen = of(pages(house, "viewer").get(f"/reviews/{case.id}").text, "plan")
    assert "/documents/new" not in seen


def test_a_document_that_was_handed_in_for_a_condition_is_linked_as_the_file_it_is(
    house: Committee, case: Case
) -> None:
    house.clock.forward(hours=2)
    house.evidence(auroc(0.80, 0.77, 0.83))
    asked = {"sentence": "File the plan", "owner": "p-owner", "due_on": "2027-01-10", "document": "monitoring-plan"}
    add_condition(house.house, house.person("chair"), case.id, asked)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS, reason="as shown")
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.CONDITIONAL, "as the votes say")
    house.clock.forward(days=1)
    paper = file_paper(
        house.house, house.person("owner"), b"The plan", about_kind="use", about="ward", type="monitoring-plan",
        title="Plan", media_type="text/plain",
    )  # fmt: skip
    look(house.house)

    page = pages(house, "chair").get(f"/reviews/{case.id}").text
    address = f"/documents/{paper.id}/content"
    assert f'<a href="{address}">the document</a>' in page
    assert pages(house, "chair").get(address).content == b"The plan"


@pytest.mark.parametrize("who", ["owner", "chair"])
def test_axe_finds_nothing_wrong_with_what_waits_and_what_stands(
    browser: Any, axe: str, house: Committee, case: Case, who: str
) -> None:
    asked = {"sentence": "Measure it on more patients", "owner": "p-owner", "due_on": "2027-02-01"}
    accept_inconclusive(house.house, house.person("chair"), case.id, "discrimination", "Too few patients yet", asked)
    say_not_applicable(house.house, house.person("owner"), case.id, "alerts", WHY)
    other = say_not_applicable(house.house, house.person("clin"), case.id, "claimed", "We built it here ourselves")
    agree(house.house, house.person("chair"), other.id, other.revision)
    app = make_web(house.house)
    app.state.reader_of = lambda _request: house.person(who)
    with on_a_port(app) as address:
        looked_at(browser, axe, f"{address}/reviews/{case.id}")
        looked_at(browser, axe, f"{address}/reviews/{case.id}/exclusions")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("bought", "Next: Person owner asks who built it to mend it, and what was mended is measured again"),
        ("built", "Next: Person owner has it mended, and what was mended is measured again"),
    ],
)
def test_of_what_is_not_met_the_page_says_who_can_mend_it(house: Committee, kind: str, said: str) -> None:
    with house.house.database.changing(SYSTEM) as change:
        PRODUCTS.change(change, "sepsis", {"kind": kind}, None)
    house.clock.forward(hours=2)
    house.evidence(auroc(0.6, 0.55, 0.65))
    case = house.opened(policy=POLICY)

    page = pages(house, "viewer").get(f"/reviews/{case.id}").text

    assert said in words(of(page, "discrimination"))


def test_a_vote_that_is_asked_for_again_is_cast_again_and_no_voter_is_said_to_have_changed_the_case(
    house: Committee, case: Case
) -> None:
    cast(house.house, house.person("clin"), case.id, Choice.APPROVE)
    here, clinician = f"/reviews/{case.id}", pages(house, "clin")
    assert "<button>Change the vote</button>" in clinician.get(here).text
    told = words(clinician.get("/").text)
    assert "You voted to approve Ward sepsis" in told
    assert "You changed the review of" not in told

    asked = {"sentence": "Train the night staff", "owner": "p-idle", "due_on": "2026-12-01"}
    add_condition(house.house, house.person("chair"), case.id, asked)

    assert "<button>Cast the vote again</button>" in clinician.get(here).text
