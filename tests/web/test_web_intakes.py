"""Proposing a use on the pages: branching, saved as typed, found again, sent in; its tier raised and lowered."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "review"))
from intake_answers import SEPSIS
from seen_pages import Pages

from codman.flows.house import House
from codman.registry.governance import INTAKES
from codman.registry.nouns import PRODUCTS, USES
from codman.review.intake.question import current_form
from codman.spine.intake import IntakeState
from codman.spine.person import Role
from codman.spine.use import Stage, Tier

FULL = SEPSIS | {"owner": "person-owner", "site": "site-a"}
PAGES = [page.id for page in current_form().pages]


@pytest.fixture
def owner(pages: Pages) -> httpx.Client:
    return pages(Role.OWNER)


def begun(client: httpx.Client) -> str:
    sent = client.post("/intakes")
    assert sent.status_code == 303
    return re.fullmatch(r"/intakes/([^/]+)/pages/use", sent.headers["location"])[1]


def revision(page: httpx.Response) -> str:
    return re.search(r'name="revision" value="(\d+)"', page.text)[1]


def asked(page: httpx.Response) -> set[str]:
    return set(re.findall(r'<(?:input|textarea|select)[^>]* name="([a-z_]+)"', page.text)) - {"revision", "why"}


def typed_on(page: httpx.Response, answers: dict[str, Any]) -> dict[str, Any]:
    """What somebody types who answers what a page asks, and nothing else."""
    return {name: answers[name] for name in asked(page) if name in answers}


def fill_in(client: httpx.Client, name: str, answers: dict[str, Any]) -> str:
    """Go through the form as a person does; where it ends."""
    where = f"/intakes/{name}/pages/{PAGES[0]}"
    for _ in range(40):
        page = client.get(where)
        assert page.status_code == 200, page.text
        sent = client.post(page.url.path, data={**typed_on(page, answers), "revision": revision(page), "go": "next"})
        assert sent.status_code == 303, re.findall(r'class="error"[^>]*>(.*?)</p>', sent.text)
        where = sent.headers["location"].partition("#")[0]
        if "/pages/" not in where:
            return where
    raise AssertionError("the form never ends")


def submitted(client: httpx.Client, answers: dict[str, Any]) -> str:
    """Propose a use from the first page to the last; the use it became."""
    name = begun(client)
    where = fill_in(client, name, answers)
    page = client.get(where)
    data = {"revision": revision(page), "another_use": "yes", "another_product": "yes"}
    done = client.post(f"{where}/submit", data=data)
    assert done.status_code == 303, done.text
    return re.fullmatch(r"/uses/([^/]+)/triage", done.headers["location"])[1]


def test_a_use_is_proposed_from_the_first_page_to_its_tier(house: House, owner: httpx.Client) -> None:
    use = submitted(owner, FULL)

    with house.database.reading() as connection:
        made = USES.get(connection, use)
        assert (made.stage, made.tier, made.owner, made.site) == (Stage.TRIAGED, Tier.MEDIUM, "person-owner", "site-a")
        assert PRODUCTS.get(connection, made.product).name == "EarlyWatch"
    tier = owner.get(f"/uses/{use}/triage")
    assert "as its owner answered" in tier.text
    assert "Medium" in tier.text
    assert "Who says so" in tier.text


def test_an_answer_brings_up_the_questions_that_hang_on_it_and_no_others(owner: httpx.Client) -> None:
    name = begun(owner)
    first = owner.get(f"/intakes/{name}/pages/use")
    assert "vendor" not in asked(first)

    data = {"name": "X", "purpose": "Y", "product_name": "Z", "kind": "bought", "generative": "no"}
    sent = owner.post(f"/intakes/{name}/pages/use", data={**data, "revision": revision(first), "go": "next"})
    assert sent.headers["location"] == f"/intakes/{name}/pages/use?more=1#f-vendor"
    again = owner.get(sent.headers["location"])
    assert "one more question" in again.text
    assert "vendor" in asked(again)
    assert "embedded_in" not in asked(again)


def test_what_is_wrong_is_kept_as_typed_and_said_at_its_place(house: House, owner: httpx.Client) -> None:
    name = begun(owner)
    page = owner.get(f"/intakes/{name}/pages/use")

    sent = owner.post(
        f"/intakes/{name}/pages/use", data={"name": "Half <b>done</b>", "revision": revision(page), "go": "next"}
    )
    assert sent.status_code == 422
    assert "all you typed is kept" in sent.text
    assert 'value="Half &lt;b&gt;done&lt;/b&gt;"' in sent.text
    assert "What is it for? This is still to be answered." in html.unescape(sent.text)
    with house.database.reading() as connection:
        assert INTAKES.get(connection, name).answers == {"name": "Half <b>done</b>"}


def test_back_and_leave_lose_nothing_and_my_work_leads_back(owner: httpx.Client) -> None:
    name = begun(owner)
    page = owner.get(f"/intakes/{name}/pages/people")
    sent = owner.post(
        f"/intakes/{name}/pages/people", data={"users": "ward nurse", "revision": revision(page), "go": "back"}
    )
    assert sent.headers["location"] == f"/intakes/{name}/pages/use"
    page = owner.get(f"/intakes/{name}/pages/use")
    left = owner.post(f"/intakes/{name}/pages/use", data={"name": "Falls", "revision": revision(page), "go": "leave"})
    assert left.headers["location"] == f"/intakes/{name}"

    assert f'href="/intakes/{name}"' in owner.get("/").text
    whole = owner.get(f"/intakes/{name}").text
    assert "ward nurse" in whole
    assert "Falls" in whole
    assert f'href="/intakes/{name}"' in owner.get("/intakes").text


def test_a_stale_page_keeps_nothing_over_what_is_there_and_loses_nothing_of_what_was_typed(owner: httpx.Client) -> None:
    name = begun(owner)
    page = owner.get(f"/intakes/{name}/pages/use")
    owner.post(
        f"/intakes/{name}/pages/use", data={"name": "In the other window", "revision": revision(page), "go": "leave"}
    )

    stale = owner.post(
        f"/intakes/{name}/pages/use", data={"name": "In this one", "revision": revision(page), "go": "next"}
    )
    assert stale.status_code == 412
    assert 'value="In this one"' in stale.text
    assert "Kept in the book now: In the other window" in stale.text
    kept = owner.post(
        f"/intakes/{name}/pages/use", data={"name": "In this one", "revision": revision(stale), "go": "leave"}
    )
    assert kept.status_code == 303


def test_two_answers_that_contradict_each_other_are_both_named_with_a_way_to_the_other(owner: httpx.Client) -> None:
    name = begun(owner)
    for id_ in PAGES:  # everything is answered, one thing against another
        for _ in range(4):
            page = owner.get(f"/intakes/{name}/pages/{id_}")
            data = typed_on(page, FULL | {"care_setting": "patient-facing"})
            owner.post(f"/intakes/{name}/pages/{id_}", data={**data, "revision": revision(page), "go": "leave"})

    whole = html.unescape(owner.get(f"/intakes/{name}").text)
    assert "“Do patients talk to it, or read its output with no clinician in between?” and “Where is it used?”" in whole
    assert f'<a href="/intakes/{name}/pages/people#f-care_setting">Go to the other answer</a>' in whole
    assert "Send it in" not in whole


def test_a_likely_duplicate_is_shown_while_the_form_is_filled_and_asks_for_a_word(
    house: House, owner: httpx.Client
) -> None:
    answers = FULL | {"name": "Sepsis early warning, adult wards", "product": "product-sepsis"}
    name = begun(owner)
    where = fill_in(owner, name, answers)
    assert "Sepsis early warning" in owner.get(f"/intakes/{name}/pages/people").text

    page = owner.get(where)
    assert "the same name" in page.text
    refused = owner.post(f"{where}/submit", data={"revision": revision(page)})
    assert refused.status_code == 409
    assert "It is another use than the ones above" in refused.text
    sent = owner.post(f"{where}/submit", data={"revision": revision(refused), "another_use": "yes"})
    assert sent.status_code == 303
    with house.database.reading() as connection:
        assert INTAKES.get(connection, name).state is IntakeState.SUBMITTED


def test_a_namesake_of_its_product_is_offered_and_not_made_twice(owner: httpx.Client) -> None:
    submitted(owner, FULL)
    name = begun(owner)
    where = fill_in(owner, name, FULL | {"name": "Stock of linen", "purpose": "Orders linen"})
    page = owner.get(where)

    refused = owner.post(f"{where}/submit", data={"revision": revision(page), "another_use": "yes"})
    assert refused.status_code == 409
    assert "choose it" in refused.text
    assert "Its product is another one than EarlyWatch" in refused.text


def test_a_card_begins_a_proposal_and_a_file_that_is_none_is_refused_in_words(
    owner: httpx.Client, real_data: Path
) -> None:
    card = (real_data / "governance/chai-model-cards/Aidoc_iPE-03-RT.xml").read_bytes()
    sent = owner.post("/intakes/from-file", files={"file": ("card.xml", card, "text/xml")})
    assert sent.status_code == 303
    whole = owner.get(sent.headers["location"]).text
    assert "from the developer, in the model card" in whole
    assert "kept as facts when it is sent in" in whole

    wrong = owner.post("/intakes/from-file", files={"file": ("x.pdf", b"%PDF-1.7", "application/pdf")})
    assert wrong.status_code == 422
    assert "It is a PDF" in wrong.text
    none = owner.post("/intakes/from-file", files={"file": ("", b"", "application/octet-stream")})
    assert "choose a file" in html.unescape(none.text).lower()


def test_a_use_of_the_book_is_proposed_from_its_own_record(house: House, owner: httpx.Client) -> None:
    sent = owner.post("/uses/use-noshow/intake")
    name = sent.headers["location"].rpartition("/")[2]
    whole = owner.get(sent.headers["location"]).text
    assert "No-show risk, clinics" in whole
    assert "from the book" in whole
    answers = {k: v for k, v in FULL.items() if k != "name"} | {"product": "product-noshow", "site": "site-b"}
    where = fill_in(owner, name, answers | {"name": "No-show risk, clinics"})
    page = owner.get(where)
    done = owner.post(f"{where}/submit", data={"revision": revision(page), "another_use": "yes"})
    assert done.headers["location"] == "/uses/use-noshow/triage"
    with house.database.reading() as connection:
        assert USES.get(connection, "use-noshow").stage is Stage.TRIAGED


def test_another_reads_a_proposal_and_cannot_change_it(pages: Pages, owner: httpx.Client) -> None:
    name = begun(owner)
    chair = pages(Role.CHAIR)

    assert "only who began it can change it" in chair.get(f"/intakes/{name}").text
    assert chair.get(f"/intakes/{name}/pages/use").status_code == 303
    assert chair.post(f"/intakes/{name}/pages/use", data={"name": "Mine", "revision": "1"}).status_code == 403
    assert pages(Role.REVIEWER, "/site-house/site-b/").get(f"/intakes/{name}").status_code == 404


def test_a_proposal_is_taken_back(house: House, owner: httpx.Client) -> None:
    name = begun(owner)
    page = owner.get(f"/intakes/{name}")

    bare = owner.post(f"/intakes/{name}/withdraw", data={"revision": revision(page)})
    assert (bare.status_code, "Say why it is withdrawn" in bare.text) == (422, True)
    why = {"revision": revision(page), "why": "another tool is bought"}
    assert owner.post(f"/intakes/{name}/withdraw", data=why).status_code == 303
    with house.database.reading() as connection:
        assert INTAKES.get(connection, name).state is IntakeState.WITHDRAWN
    gone = owner.get(f"/intakes/{name}")
    assert "This proposal is withdrawn" in gone.text
    assert "“another tool is bought”" in gone.text
    assert owner.post(f"/intakes/{name}/take-up", data={"revision": revision(gone)}).status_code == 303
    assert "not sent in yet" in owner.get(f"/intakes/{name}").text


def test_a_lower_tier_is_asked_for_by_one_and_agreed_to_by_another(
    house: House, pages: Pages, owner: httpx.Client
) -> None:
    use = submitted(owner, FULL)
    chair, officer = pages(Role.CHAIR), pages(Role.OFFICER)
    why = "The alert is read by a nurse who screens every patient anyway"

    bare = chair.post(f"/uses/{use}/tier", data={"tier": "low", "why": "ok"})
    assert bare.status_code == 409
    assert "a lower tier needs a reason" in bare.text.lower()
    assert ">ok</textarea>" in re.sub(r">\s+ok", ">ok", bare.text)
    assert chair.post(f"/uses/{use}/tier", data={"tier": "low", "why": why}).status_code == 303
    waiting = officer.get(f"/uses/{use}/triage")
    assert "A lower tier waits for a second person" in waiting.text
    assert "Agree: low" in waiting.text
    assert "Agree: low" not in chair.get(f"/uses/{use}/triage").text
    record = re.search(rf"/uses/{use}/triage/([^/]+)/agree", waiting.text)[1]
    path, data = f"/uses/{use}/triage/{record}/agree", {"revision": revision(waiting)}
    assert chair.post(path, data=data).status_code == 409
    assert officer.post(path, data=data).status_code == 303
    with house.database.reading() as connection:
        assert USES.get(connection, use).tier is Tier.LOW
    late = officer.post(path, data=data)
    assert late.status_code == 409
    assert "Nobody asks for this tier any more" in late.text or "nobody asks" in late.text.lower()


def test_a_determination_about_research_is_recorded_or_says_what_it_lacks(pages: Pages) -> None:
    officer = pages(Role.OFFICER)
    said = {
        "outcome": "research, expedited review",
        "determined_by": "IRB panel B",
        "determined_on": "2026-10-01",
        "covers": "A silent run",
    }
    lacking = officer.post("/uses/use-noshow/determination", data=said)
    assert lacking.status_code == 422
    assert "has a reference" in lacking.text
    assert "A silent run" in lacking.text
    done = officer.post("/uses/use-noshow/determination", data=said | {"reference": "2026-114"})
    assert done.status_code == 303
    assert "IRB panel B, 2026-114" in officer.get("/uses/use-noshow/triage").text
