"""What somebody did lately, in the words of the pages; what waits in an empty book; drafts told apart."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import httpx
import pytest
import small_house
from seen_pages import Pages, pages_of

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from committee import Committee, auroc, cast

from codman.flows.house import House
from codman.flows.intake import keep
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.triage import triage_again
from codman.registry.documents import FactFields
from codman.registry.governance import INTAKES
from codman.registry.log import SYSTEM, Author, Entry
from codman.registry.nouns import FACTS, USES
from codman.settings import Settings
from codman.spine.person import Role
from codman.spine.review import CaseOutcome, Choice
from codman.wiring import open_house


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def lately(client: httpx.Client) -> str:
    return client.get("/").text.partition("What you did lately")[2]


def test_a_vote_and_a_decision_are_told_as_the_reader_would_and_sign_ins_are_not(tmp_path: Path) -> None:
    made = Committee(tmp_path)
    made.evidence(auroc(0.81, 0.79, 0.83))
    case = made.opened(quorum=3)
    made.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(made.house, made.person(name), case.id, Choice.APPROVE)
    chair = made.person("chair")
    with made.house.database.changing(Author("person", "p-chair")) as change:
        change.record(Entry("session.create", "person", "p-chair"))
    now = docket(made.house, chair, case.id).case
    decide(made.house, chair, case.id, now.revision, CaseOutcome.APPROVED, "It finds what we miss")

    voted = lately(pages_of(made.house, made.person("stat")))
    assert f'You voted to approve <a href="/reviews/{case.id}">Ward sepsis</a>' in voted
    decided = lately(pages_of(made.house, chair))
    assert f'You approved <a href="/reviews/{case.id}">Ward sepsis</a>' in decided
    assert "session" not in decided
    assert "sent evidence" not in decided  # what was signed is told as the decision
    assert "notary" not in decided
    made.house.close()


def test_a_tier_that_the_rules_gave_is_not_told_as_the_readers_own(tmp_path: Path) -> None:
    made = Committee(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-owner", "tier": None, "stage": "proposed"}, None)
    triage_again(made.house, made.person("owner"), "ward")

    told = plain(lately(pages_of(made.house, made.person("owner"))))
    assert "You had the rules give a tier to Ward sepsis" in told
    assert "You set the tier" not in told
    assert "You took to triaged" not in told
    history = plain(pages_of(made.house, made.person("owner")).get("/uses/ward").text)
    assert "Person owner had the use triaged" in history
    made.house.close()


def test_a_question_answered_about_a_use_names_it_and_leads_to_it(tmp_path: Path) -> None:
    made = Committee(tmp_path)
    fact = FactFields(about_kind="use", about="ward", field="hti-1/4.i", value="0.3", source="the team")
    with made.house.database.changing(Author("person", "p-owner")) as change:
        FACTS.add(change, fact)

    told = lately(pages_of(made.house, made.person("owner")))
    assert 'You answered a question about <a href="/uses/ward">Ward sepsis</a>' in told
    made.house.close()


def test_a_concern_taken_in_hand_leads_to_it(pages: Pages) -> None:
    owner = pages(Role.OFFICER)
    said = {"category": "other", "severity": "no harm", "use": "use-sepsis", "site": "site-a", "named": "yes"}
    assert owner.post("/concern", data=said).status_code == 303
    path = re.search(r"/incidents/[\w-]+", owner.get("/incidents?show=open").text.partition('class="tasks"')[2])
    assert path is not None
    assert owner.post(f"{path[0]}/acknowledge").status_code == 303
    told = lately(owner)
    assert f'You took in hand a concern about <a href="{path[0]}">Sepsis early warning, adult wards</a>' in told
    assert "You raised a concern about" in told


def test_an_owner_of_an_empty_book_is_told_what_the_pages_offer(tmp_path: Path) -> None:
    empty = open_house(Settings(workspace=tmp_path), small_house.Clock())
    with empty.database.changing(SYSTEM):
        pass
    page = pages_of(empty, small_house.reader(Role.OWNER)).get("/").text
    assert '<a href="/intakes">Propose the first use of a tool</a>' in page
    assert "codman inventory propose" not in page
    assert "ask who keeps the inventory" in pages_of(empty, small_house.reader(Role.VIEWER)).get("/").text
    empty.close()


@pytest.mark.parametrize(("answers", "said"), [({"name": "Falls alert"}, "“Falls alert”"), ({}, "“no name yet”")])
def test_drafts_are_told_apart_by_name_site_and_when_they_were_saved(
    house: House, pages: Pages, answers: dict[str, str], said: str
) -> None:
    owner = pages(Role.OWNER)
    begun = owner.post("/intakes")
    assert begun.status_code == 303, begun.text
    where = begun.headers["location"].partition("/pages")[0]
    with house.database.reading() as connection:
        draft = INTAKES.page(connection, order="id").items[0]
    keep(house, small_house.reader(Role.OWNER), draft.id, {**answers, "site": "site-a"}, draft.revision)
    text = plain(owner.get("/").text)
    assert "A proposal of yours for Hospital A is not sent yet" in text
    assert said in text
    assert "last saved 16 Nov 2026" in text
    assert where.startswith("/intakes/")


def test_a_product_of_the_same_name_and_vendor_is_another_where_somebody_says_so(pages: Pages) -> None:
    officer = pages(Role.OFFICER)
    same = {"name": "Sepsis early warning", "kind": "embedded", "vendor": "vendor-one"}
    asked = officer.post("/products/new", data=same)
    assert asked.status_code == 409
    assert "Is it in the book already?" in asked.text
    assert 'value="Sepsis early warning"' in asked.text
    assert officer.post("/products/new", data={**same, "another": "yes"}).status_code == 303
