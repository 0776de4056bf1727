"""What changed about a use, and pauses that are proposed, on pages: read, asked about, confirmed, declined, axed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from axed import looked_at
from committee import Committee, auroc, cast
from seen_pages import pages_of
from sqlalchemy import select

from codman.flows.change_control import change_round, day_round
from codman.flows.review.before_the_decision import accept_inconclusive
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.review.plans import draft_plan
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES, VERSIONS
from codman.registry.schema_review import change_plans
from codman.spine.product import VersionFields
from codman.spine.review import CaseOutcome, Choice
from codman.spine.site import DeploymentFields
from codman.spine.use import Stage
from codman.web.app import make_web
from on_a_port import on_a_port

PLAN = {
    "use": "ward",
    "modifications": ["version"],
    "allows": {"version": ["1.4.*"]},
    "protocol": "Retrain each quarter",
    "requirements": ["discrimination"],
    "impact": "Better ranking",
}


def furnished(folder: Path) -> Committee:
    """A live use, decided under a condition that lapsed, that runs a version nobody looked at."""
    made = Committee(folder)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high", "stage": "live", "owner": "p-owner"}, None)
        VERSIONS.add(change, VersionFields(product="sepsis", label="1.3.0", digest="c" * 64), "sepsis-130")
        fields = DeploymentFields(use="ward", site="north", version="sepsis-120", mode="live", clinician="p-clin")
        DEPLOYMENTS.add(change, fields, "d-north")
    made.evidence(auroc(0.77, 0.71, 0.83, n=300))
    case = made.opened(quorum=3)
    made.seated(case)
    chair = made.person("chair")
    condition = {"sentence": "Show it again", "owner": "p-owner", "due_on": "2027-02-01"}
    accept_inconclusive(made.house, chair, case.id, "discrimination", "too few patients", condition)
    for name in ("clin", "stat", "safe"):
        cast(made.house, made.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(made.house, chair, case.id).case
    decide(made.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "as voted")
    draft_plan(made.house, made.person("owner"), PLAN)
    with made.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "d-north", {"version": "sepsis-130"}, None)
    change_round(made.house)
    made.clock.forward(days=93)
    day_round(made.house)
    return made


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    made = furnished(tmp_path)
    yield made
    made.house.close()


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def proposal(house: Committee) -> str:
    page = pages_of(house.house, house.person("chair")).get("/uses/ward").text
    found = re.search(r'href="(/pauses/[^"/]+)/confirm"', page)
    assert found is not None
    return found[1]


def test_the_page_says_what_was_reopened_and_why(house: Committee) -> None:
    text = plain(pages_of(house.house, house.person("viewer")).get("/uses/ward/changes").text)

    assert "Version 1.2.0 became 1.3.0 at North" in text
    assert "A condition of its decision was due on 1 Feb 2027 and nothing came that meets it" in text
    assert "Version: 1.4.* ○ A draft" in text


def test_newest_evidence_that_does_not_meet_what_is_to_be_shown_again_is_said_first_and_in_full(
    house: Committee,
) -> None:
    house.evidence(auroc(0.6, 0.55, 0.65), subject="c" * 64, version="1.3.0")
    day_round(house.house)
    seen = pages_of(house.house, house.person("viewer"))

    said = plain(seen.get("/uses/ward").text)
    first = said.index("Newest evidence does not meet")
    assert first < said.index("to be shown again")
    assert "0.6" in said[first : first + 200]
    assert "Newest evidence: not met." in said
    assert "newest evidence: not met." in plain(seen.get("/uses/ward/changes").text)


def test_newest_evidence_that_is_too_little_to_tell_is_said_beside_what_is_to_be_shown_again(house: Committee) -> None:
    house.evidence(auroc(0.77, 0.71, 0.83, n=300), subject="c" * 64, version="1.3.0")
    day_round(house.house)
    seen = pages_of(house.house, house.person("viewer"))

    said = plain(seen.get("/uses/ward").text)
    assert "Newest evidence: inconclusive." in said
    assert "Newest evidence does not meet" not in said
    assert "newest evidence: inconclusive." in plain(seen.get("/uses/ward/changes").text)
    (task,) = (one for one in waiting(house.house, house.person("owner")) if one.duty is Duty.REOPENED)
    assert "1 requirement is reopened of Ward sepsis: bring evidence" in task.sentence


def test_a_use_s_page_speaks_of_the_evidence_of_the_version_that_runs(house: Committee) -> None:
    seen = pages_of(house.house, house.person("viewer"))
    before = plain(seen.get("/uses/ward").text)
    assert "No evidence that counts names version 1.3.0, which runs: how well it works for local patients is" in before
    assert "Evidence None of version 1.3.0, which runs; 1 more of another version or none" in before

    house.evidence(auroc(0.8, 0.77, 0.83), subject="c" * 64, version="1.3.0")

    after = plain(seen.get("/uses/ward").text)
    assert "names version 1.3.0" not in after
    assert "Evidence 1 statement of version 1.3.0, which runs; last measured" in after


def test_my_work_and_attention_say_that_evidence_came_and_does_not_meet_what_was_reopened(house: Committee) -> None:
    owner = pages_of(house.house, house.person("owner"))
    assert "1 requirement is reopened of Ward sepsis: bring evidence" in plain(owner.get("/").text)

    house.evidence(auroc(0.6, 0.55, 0.65), subject="c" * 64, version="1.3.0")
    day_round(house.house)

    for name in ("owner", "chair"):
        said = plain(pages_of(house.house, house.person(name)).get("/").text)
        assert "Newest evidence of Ward sepsis does not meet a requirement: have it put right" in said
    (task,) = (one for one in waiting(house.house, house.person("owner")) if one.duty is Duty.REOPENED)
    assert task.due_on == house.clock().date().isoformat()
    attention = plain(pages_of(house.house, house.person("chair")).get("/attention").text)
    assert "A change has reopened requirements of 1 use; newest evidence does not meet them of 1." in attention
    assert "Ward sepsis: newest evidence does not meet 1 of 1 requirement to be shown again" in attention


def test_a_change_is_asked_about_and_nothing_of_the_question_is_lost(house: Committee) -> None:
    pages = pages_of(house.house, house.person("owner"))
    asked = pages.get("/uses/ward/changes", params={"changed": "site", "to": "South"})
    assert "It would reopen 1 requirement: Discrimination: it is to run at South" in plain(asked.text)
    wrong = pages.get("/uses/ward/changes", params={"changed": "site", "to": "Nowhere <b>"})
    assert wrong.status_code == 422
    assert "there is no such site" in wrong.text
    assert 'value="Nowhere &lt;b&gt;"' in wrong.text


def test_a_person_pauses_it_with_a_reason_and_once(house: Committee) -> None:
    path, owner = proposal(house), pages_of(house.house, house.person("owner"))
    form = owner.get(f"{path}/confirm")
    assert "Pause it, as proposed" in form.text
    bare = owner.post(f"{path}/confirm", data={"revision": "1"})
    assert bare.status_code == 422
    done = owner.post(f"{path}/confirm", data={"revision": "1", "why": "as proposed"})
    assert (done.status_code, done.headers["location"]) == (303, "/uses/ward/changes#pauses")
    with house.house.database.reading() as connection:
        assert USES.get(connection, "ward").stage is Stage.PAUSED
    again = owner.post(f"{path}/confirm", data={"revision": "1", "why": "typed again"})
    assert again.status_code == 409
    assert "typed again" in again.text


def test_who_may_not_settle_it_sees_no_way_to_and_is_refused(house: Committee) -> None:
    path = proposal(house)
    viewer, owner = (pages_of(house.house, house.person(name)) for name in ("viewer", "owner"))
    assert "/pauses/" not in viewer.get("/uses/ward").text
    assert viewer.get(f"{path}/confirm").status_code == 403
    assert f"{path}/decline" not in owner.get("/uses/ward").text
    assert owner.post(f"{path}/decline", data={"revision": "1", "why": "fine"}).status_code == 403


def test_who_sent_its_evidence_may_pause_it_and_is_not_offered_to_let_it_go_on(house: Committee) -> None:
    path, officer = proposal(house), pages_of(house.house, house.officer)
    for page in ("/uses/ward", "/uses/ward/changes"):
        text = officer.get(page).text
        assert f"{path}/confirm" in text
        assert f"{path}/decline" not in text


def test_the_chair_lets_it_go_on_and_says_why(house: Committee) -> None:
    path, chair = proposal(house), pages_of(house.house, house.person("chair"))
    assert chair.post(f"{path}/decline", data={"revision": "1", "why": "the data come on Monday"}).status_code == 303
    text = plain(chair.get("/uses/ward/changes").text)
    assert "Goes on" in text
    assert "the data come on Monday" in text
    assert "/pauses/" not in chair.get("/uses/ward").text


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Committee]]:
    made = furnished(tmp_path_factory.mktemp("changes"))
    app = make_web(made.house)
    chair = made.person("chair")
    both = replace(chair, held=(*chair.held, *made.person("owner").held))
    app.state.reader_of = lambda _request: both
    with on_a_port(app) as address:
        yield address, made
    made.house.close()


def plan_of(house: Committee) -> str:
    with house.house.database.reading() as connection:
        return f"/plans/{connection.execute(select(change_plans.c.id)).scalars().first()}"


@pytest.mark.parametrize(
    "path",
    [
        "/uses/ward",
        "/uses/ward/changes?changed=site&to=South",
        "{pause}/decline",
        "/uses/ward/plans/new",
        "{plan}",
        "{plan}/case",
    ],
)
def test_axe_finds_nothing_wrong_and_nothing_is_cut(
    browser: Any, served: tuple[str, Committee], axe: str, path: str
) -> None:
    address, house = served
    looked_at(browser, axe, address + path.format(pause=proposal(house), plan=plan_of(house)))


def test_a_change_plan_is_written_read_and_laid_before_a_case(house: Committee) -> None:
    owner = pages_of(house.house, house.person("owner"))
    changes = owner.get("/uses/ward/changes").text
    assert "/uses/ward/plans/new" in changes
    form = owner.get("/uses/ward/plans/new").text
    assert 'name="requirements" value="discrimination"' in form
    said = {
        "allows_version": "1.4.*, 2.0",
        "threshold_at_least": "0.1",
        "protocol": "Retrain each quarter",
        "impact": "Better ranking",
        "requirements": "discrimination",
    }
    made = owner.post("/uses/ward/plans/new", data=said)
    assert made.status_code == 303, plain(made.text)
    path = made.headers["location"]
    page = plain(owner.get(path).text)
    for words in ("Version: 1.4.*, 2.0", "Threshold: 0.1 to any", "Retrain each quarter", "Better ranking", "A draft"):
        assert words in page

    before = owner.get(f"{path}/case").text
    revision = re.search(r'name="revision" value="(\d+)"', before)
    assert revision is not None
    assert "No case of this use is open" in before
    case = house.opened(quorum=3)
    lost = owner.post(f"{path}/case", data={"revision": "99", "case": case.id})
    assert lost.status_code == 412
    assert owner.post(f"{path}/case", data={"revision": revision[1], "case": case.id}).status_code == 303
    assert f"/reviews/{case.id}" in owner.get(path).text


def test_a_plan_is_offered_no_case_that_ends_the_use_and_none_of_what_such_a_case_asks(house: Committee) -> None:
    ends = b"""
policy: retirement
edition: 2026-11
checkpoint: retire
requires:
  - {id: hazards, title: Who depends on it was asked, document: hazard-check}
"""
    case = house.opened(policy=ends, leads_to=Stage.RETIRED, version=None, sites=[])
    owner = pages_of(house.house, house.person("owner"))

    assert "hazards" not in owner.get("/uses/ward/plans/new").text
    said = {"allows_version": "2.0", "protocol": "Retrain", "impact": "Better", "requirements": "discrimination"}
    made = owner.post("/uses/ward/plans/new", data=said)
    before = owner.get(f"{made.headers['location']}/case").text
    assert case.id not in before
    assert "No case of this use is open" in before


def test_a_plan_that_does_not_do_comes_back_with_what_was_typed_and_a_viewer_writes_none(house: Committee) -> None:
    owner = pages_of(house.house, house.person("owner"))
    empty = owner.post("/uses/ward/plans/new", data={"protocol": "Retrain each quarter"})
    assert empty.status_code == 422
    for words in ("say of at least one thing what it may become", "Choose at least one", "Retrain each quarter"):
        assert words in plain(empty.text)
    viewer = pages_of(house.house, house.person("viewer"))
    assert "plans/new" not in viewer.get("/uses/ward/changes").text
    assert viewer.get("/uses/ward/plans/new").status_code == 403
    assert owner.get("/uses/none/plans/new").status_code == 404
    assert owner.get("/plans/none").status_code == 404
