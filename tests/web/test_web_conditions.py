"""A condition on the pages: its owner says that it is done, who presides closes it or gives it back."""

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

from codman.flows.change_control import day_round
from codman.flows.papers import file_paper
from codman.flows.review.before_the_decision import accept_inconclusive, add_condition
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.spine.review import CaseOutcome, Choice, Condition

DONE = "All 14 were trained <b>at night</b>"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    made = Committee(tmp_path)
    yield made
    made.house.close()


@pytest.fixture
def owed(house: Committee) -> Condition:
    """A condition of a decision, owed by somebody who has no hand in the use."""
    house.evidence(auroc(0.8, 0.78, 0.82))
    case = house.opened()
    asked = {"sentence": "Train the night staff", "owner": "p-idle", "due_on": "2026-12-01"}
    made = add_condition(house.house, house.person("chair"), case.id, asked)
    house.seated(case, "clin", "stat", "safe")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.CONDITIONAL, "as the votes say")
    return made


def pages(house: Committee, name: str) -> httpx.Client:
    return pages_of(house.house, house.person(name))


def plain(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def revision(answer: httpx.Response) -> str:
    found = re.search(r'name="revision" value="(\d+)"', answer.text)
    assert found is not None
    return found[1]


def test_its_owner_says_that_it_is_done_from_their_work_and_who_presides_reads_it_in_theirs(
    house: Committee, owed: Condition
) -> None:
    asked = {"about_kind": "use", "about": "ward", "media_type": "text/plain", "title": "Who was trained"}
    paper = file_paper(house.house, house.officer, b"names", type="training-record", **asked)
    idle, chair, form = pages(house, "idle"), pages(house, "chair"), f"/conditions/{owed.id}/done"
    assert form in idle.get("/").text
    shown = idle.get(form)
    assert "Who was trained (training-record, 1 Nov 2026)" in shown.text
    empty = idle.post(form, data={"revision": revision(shown)})
    assert (empty.status_code, "What was done" in plain(empty)) == (422, True)

    said = {"said_done": DONE, "shown_by": paper.digest, "revision": revision(shown)}
    assert idle.post(form, data=said).headers["location"] == f"/reviews/{owed.case}#conditions"
    work = chair.get("/").text
    assert "Who owes it says that it is done" in work
    assert "All 14 were trained &lt;b&gt;at night&lt;/b&gt;" in work
    case = chair.get(f"/reviews/{owed.case}").text
    for link in (f"/documents/{paper.id}/content", f"/conditions/{owed.id}/close", f"/conditions/{owed.id}/return"):
        assert f'href="{link}"' in case
    closing = chair.get(f"/conditions/{owed.id}/close")
    assert "Its owner says All 14 were trained" in plain(closing)
    done = {"note": "Seen on the ward", "revision": revision(closing)}
    assert chair.post(f"/conditions/{owed.id}/close", data=done).status_code == 303
    assert idle.get(form).status_code == 409


def test_given_back_it_stands_in_its_owners_work_with_the_reason(house: Committee, owed: Condition) -> None:
    idle, chair, form = pages(house, "idle"), pages(house, "chair"), f"/conditions/{owed.id}/done"
    idle.post(form, data={"said_done": DONE, "revision": revision(idle.get(form))})
    back = chair.get(f"/conditions/{owed.id}/return")
    given = chair.post(f"/conditions/{owed.id}/return", data={"why": "Two were away", "revision": revision(back)})
    assert given.status_code == 303
    work = plain(idle.get("/"))
    assert "came back to you" in work
    assert "Two were away" in work
    assert "Two were away" in plain(idle.get(form))
    assert "Who owes it says" not in plain(chair.get("/"))


def test_nobody_else_is_offered_to_say_so_and_an_older_page_keeps_what_was_typed(
    house: Committee, owed: Condition
) -> None:
    form = f"/conditions/{owed.id}/done"
    chair = pages(house, "chair")
    assert f'href="{form}"' not in chair.get(f"/reviews/{owed.case}").text
    assert chair.get(form).status_code == 403
    idle = pages(house, "idle")
    stale = idle.post(form, data={"said_done": DONE, "revision": "9"})
    assert stale.status_code == 412
    assert "All 14 were trained" in stale.text
    forged = idle.post(form, data={"said_done": DONE, "shown_by": "f" * 64, "revision": revision(idle.get(form))})
    assert forged.status_code == 422
    assert "no such document or evidence" in plain(forged)


def test_a_condition_that_lapsed_and_was_met_later_is_said_to_be_settled_late(house: Committee) -> None:
    house.evidence(auroc(0.77, 0.71, 0.83, n=300))
    case, chair = house.opened(quorum=3), house.person("chair")
    asked = {"sentence": "Measure it on more patients", "owner": "p-owner", "due_on": "2026-12-01"}
    accept_inconclusive(house.house, chair, case.id, "discrimination", "few patients so far", asked)
    house.seated(case, "clin", "stat", "safe")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(house.house, chair, case.id).case
    decide(house.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "as the votes say")
    house.clock.forward(days=40)
    day_round(house.house)
    viewer, here = pages(house, "viewer"), f"/reviews/{case.id}"
    assert "closes when evidence meets" in plain(viewer.get(here))

    house.clock.forward(days=1)
    house.evidence(auroc(0.80, 0.77, 0.83))
    day_round(house.house)

    said = plain(viewer.get(here))
    assert "× Lapsed owed by Person owner by 1 Dec 2026 settled late, on 12 Dec 2026 what settled it" in said
    assert "closes when" not in said
