"""What a reader must not have to look for is said first: an emergency over nothing, a review that stands still."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from committee import Committee, auroc, cast
from seen_pages import pages_of

from codman.flows.review.cases import docket, open_case
from codman.flows.review.deciding import decide
from codman.registry.governance import REOPENINGS
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.spine.policy import Checkpoint
from codman.spine.reopening import ReopeningFields
from codman.spine.review import Case, CaseOutcome, Choice, Procedure
from codman.spine.use import Stage
from codman.web.render import sentence
from codman.web.views.attention import _burndown

NOTHING = "Nothing was known about it: its one requirement was not shown."
WHY = "The system it replaces stopped, and nurses score by hand."


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    made = Committee(tmp_path)
    yield made
    made.house.close()


def page(house: Committee, name: str, address: str) -> str:
    return plain(pages_of(house.house, house.person(name)).get(address))


def plain(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def urgent(house: Committee) -> Case:
    asked = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "procedure": Procedure.EMERGENCY}
    return open_case(house.house, house.second, house.policy(), **asked)


def closed(house: Committee, case: Case, outcome: CaseOutcome, reasons: str) -> None:
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, outcome, reasons)


def test_the_form_of_an_emergency_says_that_nothing_is_known_and_takes_a_sentence_why(house: Committee) -> None:
    case = urgent(house)
    chair = pages_of(house.house, house.person("chair"))
    form = chair.get(f"/reviews/{case.id}/decide")
    said = "Nothing is known about it: its one requirement is not shown. To let it run, say in a sentence why"
    assert said in plain(form)
    assert "an emergency needs none" in plain(form)

    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)">', form.text))
    refused = chair.post(f"/reviews/{case.id}/decide", data={**sent, "outcome": "approved", "reasons": "urgent"})
    assert refused.status_code == 422
    assert "nothing is known about it: say in a sentence, of 20 characters at least" in plain(refused)
    done = chair.post(f"/reviews/{case.id}/decide", data={**sent, "outcome": "approved", "reasons": WHY})
    assert done.status_code == 303


def test_an_approval_over_nothing_wears_no_tick_and_says_so_on_the_case_the_decision_the_minutes_and_the_use(
    house: Committee,
) -> None:
    case = urgent(house)
    closed(house, case, CaseOutcome.APPROVED, WHY)

    for address in (f"/reviews/{case.id}", f"/reviews/{case.id}/decision", f"/reviews/{case.id}/minutes"):
        shown = page(house, "viewer", address)
        assert ("! Approved in an emergency" in shown, "✓ Approved" in shown) == (True, False)
        assert NOTHING in shown
    assert "! Approved in an emergency" in page(house, "viewer", "/reviews?show=all")
    use = page(house, "viewer", "/uses/ward")
    assert "! Approved in an emergency" in use
    assert "It was approved in an emergency, until 1 Dec 2026; nothing was known about it" in use


def test_an_approval_by_votes_over_evidence_keeps_its_tick(house: Committee) -> None:
    house.evidence(auroc(0.82, 0.79, 0.85))
    case = house.opened(quorum=2)
    house.seated(case, "clin", "stat")
    for name in ("clin", "stat"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    closed(house, case, CaseOutcome.APPROVED, "Benefit is likely.")

    assert "✓ Approved" in page(house, "viewer", f"/reviews/{case.id}")
    use = page(house, "viewer", "/uses/ward")
    assert ("✓ Approved" in use, "Before anything else" in use) == (True, False)


def test_a_use_that_was_deferred_says_that_nothing_is_open_and_what_opens_it_again(house: Committee) -> None:
    case = house.opened(quorum=2)
    assert "and no case is open" not in page(house, "owner", "/uses/ward")
    house.seated(case, "clin", "stat")
    for name in ("clin", "stat"):
        cast(house.house, house.person(name), case.id, Choice.DEFER, reason="no numbers")
    closed(house, case, CaseOutcome.DEFERRED, "No numbers yet.")
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": Stage.IN_REVIEW.value}, None)

    said = "It was deferred, and no case is open: it goes on once somebody opens a review with what was missing"
    assert said in page(house, "owner", "/uses/ward")


@pytest.mark.parametrize(("asks", "offered"), [(Stage.LIVE, "Approved"), (Stage.RETIRED, "Retired")])
def test_a_case_offers_only_the_ends_that_it_may_have(house: Committee, asks: Stage, offered: str) -> None:
    at = Checkpoint.RETIRE if asks is Stage.RETIRED else Checkpoint.GO_LIVE
    policy = house.policy().model_copy(update={"checkpoint": at})
    case = open_case(house.house, house.second, policy, use="ward", leads_to=asks, sites=["north"])
    form = pages_of(house.house, house.person("chair")).get(f"/reviews/{case.id}/decide").text

    options = re.findall(r'<option value="[^"]+">([^<]+)</option>', form)
    assert options == [one for one in options if one in ("Deferred", "Rejected") or one.startswith(offered)]
    assert offered in options


def test_what_a_change_reopened_is_counted_and_led_to_from_what_needs_attention(house: Committee) -> None:
    assert "Reopened by a change 0" in page(house, "chair", "/attention")
    with house.house.database.changing(SYSTEM) as change:
        for became in ("1.3", "1.4"):
            again = {"use": "ward", "policy": "p", "requirement": "discrimination", "changed": "version"}
            fields = ReopeningFields(**again, because=f"the version is {became}", became=became)
            REOPENINGS.add(change, fields)

    shown = page(house, "chair", "/attention")
    assert "Reopened by a change 1" in shown
    assert "A change has reopened requirements of 1 use." in shown
    assert "Ward sepsis: 1 requirement to be shown again, since 1 Nov 2026" in shown
    assert "1 requirement is to be shown again: something it rests on has changed" in page(house, "chair", "/uses/ward")


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("its day has passed", "Its day has passed."),
        ("AUROC is 0.69; 0.75 is required.", "AUROC is 0.69; 0.75 is required."),
    ],
)
def test_a_clause_becomes_a_sentence_with_one_full_stop(clause: str, said: str) -> None:
    assert sentence(clause) == said


def test_where_no_use_ever_ran_undecided_the_drawing_says_none_at_most() -> None:
    drawn = _burndown({"2026-11-20": 0}, "2026-11-22")

    assert drawn.alt == "Uses that run undecided: 0 on 20 Nov 2026, at most 0, 0 now"
    assert drawn.most == 0
