"""What each page says, by request."""

from __future__ import annotations

import html
import io
import json
import re
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook
from seen_pages import Pages, pages_of
from sqlalchemy import select

from codman.evidence.canonical import sha256
from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.database import Database
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES, VENDORS
from codman.registry.schema import statements
from codman.spine.person import Role
from codman.web.views.attention import _burndown
from codman.web.views.drawing import Scale, curve, interval
from codman.web.views.inventory import address, asked


def plain(answer: httpx.Response) -> str:
    """What a reader of the page reads."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@pytest.fixture
def officer(pages: Pages) -> httpx.Client:
    return pages(Role.OFFICER)


@pytest.fixture
def at_hospital(hospital: House) -> httpx.Client:
    return pages_of(hospital, Reader(person="person-demo-officer-01", name="Officer 1", held=(Held(Role.OFFICER),)))


# --- the inventory ---------------------------------------------------------------------------------------------------


def test_the_inventory_counts_its_uses_and_its_facets(officer: httpx.Client) -> None:
    page = officer.get("/inventory")
    assert "5 uses of AI in the book" in plain(page)
    assert re.search(r"<span>live</span><span class=\"num\">2</span>", page.text)


def test_filters_stand_in_the_address_and_can_be_taken_away(officer: httpx.Client) -> None:
    page = officer.get("/inventory", params={"stage": "live", "tier": "(missing)"})
    assert "1 use fits what you asked" in plain(page)
    assert "Chest X-ray triage" in page.text
    assert 'href="/inventory?tier=%28missing%29"' in page.text  # without the stage
    assert 'href="/inventory?stage=live"' in page.text  # without the tier


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("stage=live&impact=high-impact&monitoring=(missing)", {"Chest X-ray triage"}),
        ("stage=live&decision=undecided&decision=undecided (legacy)", {"Chest X-ray triage"}),
        ("owner=(missing)&not.stage=retired", {"Chest X-ray triage", "No-show risk, clinics"}),
        ("contract_ends=90", {"Sepsis early warning, adult wards", "Visit notes, outpatient"}),
        ("at=site-a-icu", {"Sepsis early warning, adult wards"}),
        ("at=site-a", {"Sepsis early warning, adult wards", "Chest X-ray triage"}),
    ],
)
def test_the_ready_questions_find_what_they_say(officer: httpx.Client, query: str, expected: set[str]) -> None:
    page = officer.get(f"/inventory?{query}")
    names = set(re.findall(r'<th scope="row"><a href="/uses/[^"]+">([^<]+)</a>', page.text))
    assert names == expected


def test_a_question_and_its_address_say_the_same() -> None:
    query = "q=sepsis&stage=live&stage=pilot&not.tier=low&sort=-updated"
    question = asked(query)
    assert (question.words, question.order, question.descending) == ("sepsis", "updated", True)
    assert asked(address(question).partition("?")[2]) == question


def test_a_filter_that_is_none_is_refused_with_a_suggestion(officer: httpx.Client) -> None:
    page = officer.get("/inventory?stagee=live")
    assert page.status_code == 400
    assert "stage" in plain(page)


def test_a_value_that_a_filter_never_has_is_refused_with_a_suggestion(officer: httpx.Client) -> None:
    page = officer.get("/inventory?stage=lvie")

    assert page.status_code == 400
    assert "stage=" in page.text
    assert "live" in page.text


def test_pages_of_the_inventory_follow_each_other_without_gap_or_repeat(house: House, officer: httpx.Client) -> None:
    _add_uses(house.database, 120)
    seen: list[str] = []
    path = "/inventory"
    while path:
        page = officer.get(path)
        seen += re.findall(r'<th scope="row"><a href="/uses/([^"]+)">', page.text)
        following = re.search(r'<a href="([^"]+)" rel="next">', page.text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == len(set(seen)) == 125


def test_exports_answer_the_question_and_disarm_formulas(house: House, officer: httpx.Client) -> None:
    with house.database.changing(SYSTEM) as change:
        name = "=HYPERLINK(1)"
        USES.add(change, USES.validated({"product": "product-notes", "name": name, "stage": "paused"}), "use-formula")
    csv = officer.get("/inventory/export.csv?stage=paused")
    assert "'=HYPERLINK(1)" in csv.content.decode("utf-8-sig")
    assert "Sepsis" not in csv.text
    rows = json.loads(officer.get("/inventory/export.json?stage=paused").content)["items"]
    assert [row["name"] for row in rows] == ["=HYPERLINK(1)"]
    sheet = load_workbook(io.BytesIO(officer.get("/inventory/export.xlsx?stage=paused").content)).active
    assert sheet is not None
    assert "'=HYPERLINK(1)" in [cell.value for cell in list(sheet.rows)[1]]
    assert officer.get("/inventory/export.exe").status_code == 404


def test_a_view_is_kept_shown_and_let_go(officer: httpx.Client, pages: Pages) -> None:
    sent = officer.post("/inventory/views", data={"name": "Our pilots", "query": "stage=pilot"})
    assert sent.headers["location"] == "/inventory?stage=pilot"
    page = officer.get("/inventory?stage=pilot")
    assert "Our pilots" in page.text
    assert "Our pilots" not in pages(Role.VIEWER).get("/inventory").text
    gone = re.search(r'action="(/inventory/views/[^"]+/remove)"', page.text)
    assert gone is not None
    assert officer.post(gone[1]).status_code == 303
    assert "Our pilots" not in officer.get("/inventory").text


def test_words_of_people_are_never_read_as_markup(house: House, officer: httpx.Client) -> None:
    evil = "<script>alert(1)</script>"
    with house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, PRODUCTS.validated({"name": evil, "summary": evil}), "product-evil")
        fields = {"product": "product-evil", "name": evil, "purpose": evil, "organisation": evil}
        USES.add(change, USES.validated(fields), "use-evil")
    for path in (
        "/inventory",
        "/uses/use-evil",
        "/products/product-evil",
        "/uses/use-evil/edit",
        "/audit",
        f"/inventory?q={evil}",
    ):
        page = officer.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text


# --- things ----------------------------------------------------------------------------------------------------------


def test_a_use_says_what_is_missing_before_anything_else(officer: httpx.Client) -> None:
    text = plain(officer.get("/uses/use-chest"))
    gaps = [
        "nobody has decided that it may",
        "Nobody answers for it",
        "No evidence is filed",
        "How it is watched is not said",
    ]
    places = [text.index(gap) for gap in gaps]
    assert places == sorted(places)
    assert places[-1] < text.index("What is known, with evidence")


def test_what_happened_to_a_use_keeps_every_word_that_was_given_and_folds_what_is_long(
    house: House, officer: httpx.Client
) -> None:
    said = {"purpose": "Find it sooner", "population": "Adults on wards", "users": "Ward nurses", "topic": "sepsis",
            "alert_destination": "The ward's pager"}  # fmt: skip
    with house.database.changing(SYSTEM, "Put right with the ward") as change:
        USES.change(change, "use-sepsis", said, None)
    for number in range(6):
        with house.database.changing(SYSTEM, f"Looked at again, {number}") as change:
            USES.change(change, "use-sepsis", {"topic": f"sepsis {number}"}, None)

    happened = officer.get("/uses/use-sepsis").text.split("What happened</h2>")[1]

    shown, folded = happened.split("more, before these</summary>")
    assert "Looked at again, 5" in shown
    assert "Put right with the ward" in folded
    assert all(words in html.unescape(folded) for words in said.values())


def test_a_retired_use_is_asked_nothing(officer: httpx.Client) -> None:
    assert "Not known yet" not in officer.get("/uses/use-old").text


def test_an_opaque_version_is_shown_with_its_descriptor_and_ehr_build(officer: httpx.Client) -> None:
    text = plain(officer.get("/products/product-chest"))
    assert "Opaque" in text
    assert "8.4" in text
    assert "Autumn 2025" in text


def test_a_clinician_finds_and_accepts_the_site_that_waits_for_them(pages: Pages, officer: httpx.Client) -> None:
    clinician = pages(Role.REVIEWER)
    page = clinician.get("/")
    assert "1 thing waits for you" in plain(page)
    sent = clinician.post("/deployments/deployment-1/accept", data={"revision": "1", "next": "/"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/")
    assert "waits for your acceptance" not in plain(clinician.get("/"))
    refused = officer.post("/deployments/deployment-2/accept", data={"revision": "1"})
    assert refused.status_code == 403


def test_who_owns_uses_sees_them_with_what_is_missing(pages: Pages) -> None:
    text = plain(pages(Role.OWNER).get("/"))
    assert "you answer for 2 uses, 2 with something missing" in text.lower()


def test_attention_counts_what_runs_without_each_thing(officer: httpx.Client) -> None:
    text = plain(officer.get("/attention"))
    assert "3 uses run and no evidence is filed for them" in text
    assert "2 uses run and nothing says how they are watched" in text
    assert "1 use runs and nobody answers for it" in text


def test_the_backlog_falls_when_a_use_is_decided(house: House, officer: httpx.Client) -> None:
    before = plain(officer.get("/attention"))
    assert "2 now" in before
    with house.database.changing(SYSTEM) as change:
        USES.change(change, "use-chest", {"decision": "approved"}, None)
    assert "1 now" in plain(officer.get("/attention"))


def test_the_drawing_of_the_backlog_ends_today_whatever_days_the_log_has() -> None:
    drawn = _burndown({"2026-11-06": 4, "2026-11-11": 2, "2027-01-01": 3}, "2026-11-16")
    assert (drawn.first_day, drawn.last_day) == ("2026-11-06", "2026-11-16")
    assert drawn.points.split()[-1].split(",")[0] == "560.0"
    assert max(float(point.split(",")[0]) for point in drawn.points.split()) == 560.0
    assert drawn.rows == (("2026-11", 3),)


def test_a_site_shows_those_below_it_and_links_to_their_inventory(officer: httpx.Client) -> None:
    page = officer.get("/sites")
    assert page.text.index("Northern Health") < page.text.index("Hospital A") < page.text.index("intensive care")
    assert 'href="/inventory?at=site-a"' in page.text


def test_a_person_shows_roles_but_their_e_mail_only_to_who_administers(pages: Pages) -> None:
    assert "owner@example.org" not in pages(Role.VIEWER).get("/people/person-owner").text
    assert "owner@example.org" in pages(Role.ADMIN).get("/people/person-owner").text


def test_a_vendor_shows_the_contract_and_leads_to_its_uses_whatever_its_name(
    house: House, officer: httpx.Client
) -> None:
    text = plain(officer.get("/vendors/vendor-one"))
    assert "31 Jan 2027" in text
    assert "in 76 days" in text  # from 16 November to 31 January
    with house.database.changing(SYSTEM) as change:
        VENDORS.change(change, "vendor-one", {"name": "Able & Son"}, None)
    href = re.search(r'href="(/inventory\?vendor=[^"]+)"', officer.get("/vendors/vendor-one").text)
    assert href is not None
    assert "2 uses fit" in plain(officer.get(href[1]))


def test_the_audit_log_can_be_narrowed_and_an_entry_proves_itself(officer: httpx.Client) -> None:
    text = plain(officer.get("/audit?action=use.create&about=use-sepsis"))
    assert "added the use" in text
    assert "Visit notes" not in text
    assert "The proof holds" in plain(officer.get("/audit/3"))
    assert officer.get("/audit/999999").status_code == 404
    assert officer.get("/audit/checkpoint").text.endswith("\n")
    assert officer.get("/audit?since=soon").status_code == 422


def test_coverage_tells_a_claim_from_a_gap(officer: httpx.Client) -> None:
    page = plain(officer.get("/uses/use-sepsis/coverage"))
    assert "Intended use" in page
    assert "Raises an alert to the ward nurse" in page
    assert "Missing" in page
    assert "HTI-1 source attributes" in plain(officer.get("/coverage"))


def test_a_page_that_is_not_there_and_an_error_say_what_to_do(officer: httpx.Client) -> None:
    for path in ("/nowhere", "/uses/use-none", "/products/none", "/evidence/" + "0" * 64, "/evidence/..%2f..%2fetc"):
        page = officer.get(path)
        assert page.status_code == 404, path
        assert "What to do" in page.text or "no such page" in page.text


def test_an_error_nobody_foresaw_shows_nothing_of_the_inside(
    officer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret words of the inside")

    monkeypatch.setattr("codman.web.pages.inventory.inventory_view", broken)
    officer._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    page = officer.get("/inventory")
    assert page.status_code == 500
    assert "secret words" not in page.text
    assert "something went wrong" in page.text.lower()


# --- evidence, really measured ---------------------------------------------------------------------------------------


def test_a_statement_shows_its_numbers_its_verification_and_downloads_byte_for_byte(
    hospital: House, at_hospital: httpx.Client
) -> None:
    digest = _an_evaluation(hospital)
    page = at_hospital.get(f"/evidence/{digest}")
    text = plain(page)
    assert "Signature verified" in text
    assert "3 signature" in text
    assert "codman reproduce" in text
    measured = next(m for m in hospital.store.get(digest).predicate.measurements if m.value and not m.slice)  # type: ignore[attr-defined]
    assert f"{measured.value:.3f}" in text
    body = at_hospital.get(f"/evidence/{digest}/statement.json").content
    assert sha256(body) == digest
    envelope = json.loads(at_hospital.get(f"/evidence/{digest}/envelope.json").content)
    assert envelope["payloadType"] == "application/vnd.in-toto+json"


def test_the_list_of_evidence_can_be_narrowed(hospital: House, at_hospital: httpx.Client) -> None:
    digest = _an_evaluation(hospital)
    assert f"/evidence/{digest}" in at_hospital.get("/evidence?kind=evaluation").text
    assert f"/evidence/{digest}" not in at_hospital.get("/evidence?kind=document").text


def test_an_interval_is_drawn_where_its_numbers_are() -> None:
    drawn = interval(0.75, 0.5, 1.0, Scale(low=0.5, high=1.0), None)
    assert drawn is not None
    assert (drawn.low, drawn.x, drawn.high) == ("8.0", "100.0", "192.0")  # a line of 200 with 8 at each end
    assert interval(None, None, None, Scale(low=0, high=1), None) is None


def test_a_curve_leaves_out_points_without_a_value() -> None:
    drawn = curve("ROC", ("x", "y"), [("everyone", [0.0, 0.5, 1.0], [0.0, None, 1.0])], diagonal=True)
    assert len(drawn.lines[0].points.split()) == 2
    assert drawn.lines[0].points.split()[0].split(",")[0] == "40.0"


def _an_evaluation(house: House) -> str:
    with house.database.reading() as connection:
        query = select(statements.c.digest).where(statements.c.kind == "evaluation").order_by(statements.c.digest)
        return str(connection.execute(query).scalars().first())


def _add_uses(database: Database, number: int) -> None:
    with database.changing(SYSTEM) as change:
        fields = [USES.validated({"product": "product-notes", "name": f"Use {i % 7}"}) for i in range(number)]
        USES.add_many(change, fields)
