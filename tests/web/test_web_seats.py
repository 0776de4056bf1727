"""Seats of a case on the pages: what a reviewer judges it as, what nobody fits, and who presides instead."""

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

from codman.registry.governance import REVIEWERS, every
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.spine.person import Role
from codman.spine.review import Case, Choice


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    made = Committee(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "medium"}, None)  # takes two votes, one of them clinical
    yield made
    made.house.close()


@pytest.fixture
def case(house: Committee) -> Case:
    house.evidence(auroc(0.8, 0.78, 0.82))
    return house.opened()


def pages(house: Committee, name: str) -> httpx.Client:
    return pages_of(house.house, house.person(name))


def named(house: Committee) -> dict[str, str]:
    with house.house.database.reading() as connection:
        return {one.person: one.discipline for one in every(connection, REVIEWERS.kind)}


def test_a_reviewer_is_named_by_the_list_or_in_words_and_never_by_both(house: Committee, case: Case) -> None:
    chair, form = pages(house, "chair"), f"/reviews/{case.id}/reviewers"
    shown = chair.get(form).text
    assert "Counts as clinical, of which a vote is needed" in shown
    assert shown.index(">nursing<") < shown.index(">statistics<")  # what its votes need stands first
    for said in ({}, {"discipline": "nursing", "another": "chaplaincy"}):
        refused = chair.post(form, data={"person": "p-clin", **said})
        assert refused.status_code == 422
        assert "write another" in refused.text
    assert chair.post(form, data={"person": "p-clin", "another": "Chaplaincy"}).status_code == 303
    assert chair.post(form, data={"person": "p-stat", "discipline": "statistics"}).status_code == 303
    assert named(house) == {"p-clin": "Chaplaincy", "p-stat": "statistics"}


def test_what_nobody_reviews_it_as_is_said_and_a_wrong_discipline_is_put_right_before_the_vote(
    house: Committee, case: Case
) -> None:
    chair = pages(house, "chair")
    chair.post(f"/reviews/{case.id}/reviewers", data={"person": "p-clin", "another": "Nrusing"})
    chair.post(f"/reviews/{case.id}/reviewers", data={"person": "p-stat", "discipline": "statistics"})
    page = chair.get(f"/reviews/{case.id}").text
    assert "Nobody here reviews it as clinical: name somebody, or no vote can decide it." in page
    link = re.search(r'href="(/reviewers/[^"]+/discipline)">Correct what Person clin', page)
    assert link is not None
    form = chair.get(link[1])
    assert ">Nrusing<" in form.text
    revision = re.search(r'name="revision" value="(\d+)"', form.text)
    assert revision is not None
    said = {"discipline": "nursing", "revision": revision[1]}
    assert chair.post(link[1], data={**said, "another": "x"}).status_code == 422
    assert pages(house, "clin").post(link[1], data=said).status_code == 403
    assert chair.post(link[1], data=said).headers["location"] == f"/reviews/{case.id}#people"
    assert named(house)["p-clin"] == "nursing"
    assert "Nobody here reviews it as" not in chair.get(f"/reviews/{case.id}").text

    clin = pages(house, "clin")
    assert clin.post(f"/reviews/{case.id}/interest", data={"conflict": "none"}).status_code == 303
    cast(house.house, house.person("clin"), case.id, Choice.APPROVE)
    assert "/discipline" not in chair.get(f"/reviews/{case.id}").text
    late = chair.post(link[1], data={"discipline": "statistics", "revision": "2"})
    assert late.status_code == 409
    assert "omebody voted in this case" in late.text


def test_the_page_of_a_case_lets_another_preside_and_says_who_presided_and_why(house: Committee) -> None:
    house.roles["two"] = Role.OFFICER
    case = house.opened(chair="p-chair")
    house.seated(case, "clin")
    two, there = pages(house, "two"), f"/reviews/{case.id}"
    page = two.get(there).text
    assert "Person chair presides." in page
    assert f'href="{there}/chair">Say who presides instead' in page
    assert f"{there}/chair" not in pages(house, "clin").get(there).text
    form = two.get(f"{there}/chair").text
    assert '<option value="p-two"' in form
    assert '<option value="p-chair"' not in form
    said = {"chair": "p-two", "revision": str(case.revision)}
    assert two.post(f"{there}/chair", data=said).status_code == 422
    assert pages(house, "owner").post(f"{there}/chair", data={**said, "why": "away"}).status_code == 403

    assert two.post(f"{there}/chair", data={**said, "why": "On leave"}).headers["location"] == f"{there}#people"

    shown = pages(house, "chair").get(there).text
    assert "Officer two presides." in shown
    told = "On 1 Nov 2026 Officer two took over as who presides, in place of Person chair: On leave."
    assert told in shown
    assert told in pages(house, "viewer").get(f"{there}/minutes").text
    late = two.post(f"{there}/chair", data={**said, "chair": "p-one", "why": "away"})
    assert late.status_code == 412
