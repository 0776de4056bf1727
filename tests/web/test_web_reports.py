"""Reports on the pages: a schedule made, a link handed out, the form behind it answered without an account, once."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import httpx
import pytest
from openpyxl import load_workbook
from seen_pages import Pages
from small_house import Clock
from sqlalchemy import select

from codman.flows.house import House
from codman.registry.schema import documents, log_texts, statements
from codman.registry.schema_review import expected_reports, links
from codman.spine.person import Role

SCHEDULE = {
    "use": "use-sepsis",
    "partner": "vendor",
    "partner_name": "Vendor 1",
    "every_months": "3",
    "first_due": "2026-12-01",
    "days_to_report": "0",
    "owner": "person-owner",
    "grace_days": "14",
    "metrics": "auroc, sensitivity",
    "email": "reports@vendor.example",
}
ANSWERS = {
    "sender": "Vera Vendor",
    "incidents": "some",
    "incidents_count": "1",
    "complaints": "none known",
    "changes": "some",
    "changed_threshold": "yes",
    "words": "The alert stood still for a night.",
    "m0_metric": "auroc",
    "m0_value": "0.81",
    "m0_lower": "0.79",
    "m0_upper": "0.83",
    "m0_n": "1200",
    "m1_metric": "sensitivity",
    "m1_note": "the outcomes are not known yet",
    "m1_threshold": "0.2",
}


@pytest.fixture
def report(pages: Pages, house: House) -> str:
    """A report that is awaited, and whose period runs."""
    assert pages(Role.OWNER).post("/schedules/new", data=SCHEDULE).status_code == 303
    with house.database.reading() as connection:
        return str(connection.execute(select(expected_reports.c.id)).scalar_one())


def over(house: House) -> None:
    """The report's period is over."""
    assert isinstance(house.database.clock, Clock)
    house.database.clock.now = datetime(2026, 12, 1, tzinfo=UTC)


def link_of(client: httpx.Client, report: str) -> str:
    """The path of a fresh link."""
    found = re.search(r"<code>http://[^/]+(/report/[0-9a-f]{64})</code>", client.post(f"/reports/{report}/link").text)
    assert found is not None
    return found[1]


def test_a_use_says_who_reports_about_it_and_what_is_awaited(pages: Pages, report: str) -> None:
    page = pages(Role.VIEWER).get("/uses/use-sepsis/reports").text
    assert "Vendor 1 (vendor)" in page
    assert "1 Sep 2026 to 30 Nov 2026" in page
    assert "/schedules/new" not in page
    assert "Have a team or a vendor report" in pages(Role.OWNER).get("/uses/use-sepsis/reports").text
    assert f"/reports/{report}" in pages(Role.VIEWER).get("/reports").text


def test_what_does_not_do_in_a_schedule_comes_back_as_it_was_written(pages: Pages) -> None:
    owner = pages(Role.OWNER)
    wrong = owner.post("/schedules/new", data={**SCHEDULE, "metrics": "auc", "grace_days": "two"})
    assert wrong.status_code == 422
    assert "write a whole number" in wrong.text
    assert 'value="Vendor 1"' in wrong.text
    named = owner.post("/schedules/new", data={**SCHEDULE, "metrics": "auc"})
    assert (named.status_code, "did you mean" in named.text) == (422, True)
    assert owner.get("/schedules/new?use=use-none").status_code == 404
    assert owner.get("/schedules/new").status_code == 404


def test_a_schedule_is_changed_where_nobody_else_did_and_ended(pages: Pages, report: str) -> None:
    owner = pages(Role.OWNER)
    path = re.search(r'"(/schedules/[^"]+)/edit"', owner.get("/uses/use-sepsis/reports").text)
    assert path is not None
    form = owner.get(f"{path[1]}/edit").text
    assert "How often" not in form
    said = {**SCHEDULE, "partner_name": "Vendor One", "revision": "1"}
    assert owner.post(f"{path[1]}/edit", data=said).status_code == 303
    stale = owner.post(f"{path[1]}/edit", data={**said, "partner_name": "Vendor Two"})
    assert (stale.status_code, 'value="Vendor Two"' in stale.text) == (412, True)
    assert owner.post(f"{path[1]}/end", data={"revision": "2"}).status_code == 422
    ended = {"revision": "2", "why": "The contract ended"}
    assert owner.post(f"{path[1]}/end", data=ended).status_code == 303
    assert "Excused" not in owner.get(f"/reports/{report}").text  # its time has begun, and they answer for the use
    assert owner.post(f"{path[1]}/end", data={**ended, "revision": "3"}).status_code == 409


def test_a_link_opens_the_form_without_an_account_and_works_once(pages: Pages, house: House, report: str) -> None:
    over(house)
    link = link_of(pages(Role.OWNER), report)
    nobody = pages(None)
    page = nobody.get(link)
    assert page.status_code == 200
    assert "Sepsis early warning, adult wards" in page.text
    assert "AUROC" in page.text
    assert nobody.get(link).status_code == 200  # looking does not use it up

    done = nobody.post(link, data=ANSWERS)
    assert done.status_code == 200, done.text
    assert "the report has arrived" in done.text
    for again in (nobody.get(link), nobody.post(link, data=ANSWERS), nobody.get(f"{link}/workbook")):
        assert again.status_code == 404
        assert "Sepsis" not in again.text
    with house.database.reading() as connection:
        row = connection.execute(select(statements)).one()
        assert (row.kind, row.standing, row.origin, row.use_id) == ("monitoring", "claim", "developer", "use-sepsis")
        document = connection.execute(select(documents)).one()
        assert (document.type, document.about) == ("partner-report", "use-sepsis")
    said = house.store.get(row.digest).statement.predicate
    assert said["report"] == {
        "incidents": 1,
        "complaints": "none known",
        "changes": ["threshold"],
        "uptime_percent": None,
    }
    assert "stood still" not in str(said)  # words stay in the original
    seen = pages(Role.VIEWER).get(f"/reports/{report}").text
    assert f"/evidence/{row.digest}" in seen
    original = pages(Role.VIEWER).get(f"/documents/{document.id}/content")
    assert "stood still for a night" in original.text


def test_before_a_link_is_made_the_page_says_who_gets_it_and_what_becomes_of_those_before(
    pages: Pages, report: str
) -> None:
    page = pages(Role.OWNER).get(f"/reports/{report}").text

    assert "A link is shown here once, to you: hand it to Vendor 1 and to nobody else" in page
    assert "you have a hand in the use by that" in page
    assert "Making another leaves those made before open, until one of them is used" in page
    assert page.index("Making another") < page.index("<button>Make a link</button>")


def test_a_period_that_runs_is_said_wherever_the_report_stands_and_nothing_is_sent_yet(
    pages: Pages, house: House, report: str
) -> None:
    link = link_of(pages(Role.OWNER), report)
    said = "period runs until 30 Nov 2026"
    assert said in pages(Role.VIEWER).get("/uses/use-sepsis/reports").text
    one = pages(Role.OWNER).get(f"/reports/{report}").text
    assert said in one
    assert "File the workbook" not in one
    form = pages(None).get(link).text
    assert said in form
    assert "Send the report" not in form

    early = pages(None).post(link, data=ANSWERS)
    assert early.status_code == 409
    assert "runs until 30 Nov 2026" in early.text
    over(house)
    assert "Send the report" in pages(None).get(link).text
    assert said not in pages(Role.VIEWER).get("/uses/use-sepsis/reports").text


def test_the_next_report_is_prefilled_from_the_last_and_its_numbers_are_asked_afresh(
    pages: Pages, house: House, report: str
) -> None:
    over(house)
    assert pages(None).post(link_of(pages(Role.OWNER), report), data=ANSWERS).status_code == 200
    with house.database.reading() as connection:
        row = connection.execute(select(expected_reports.c.revision)).scalar_one()
    form = {"revision": str(row), "again": "The threshold was another"}
    assert "Await it again" not in pages(Role.OWNER).get(f"/reports/{report}").text  # it tells of a change
    assert pages(Role.OWNER).post(f"/reports/{report}/await", data=form).status_code == 403
    assert pages(Role.OFFICER).post(f"/reports/{report}/await", data=form).status_code == 303
    page = pages(None).get(link_of(pages(Role.OWNER), report)).text
    assert 'name="m0_metric" value="auroc"' in page
    assert 'name="m0_value" type="text" value=""' in page


def test_the_form_begins_with_what_happened_and_folds_what_stays_as_it_was(
    pages: Pages, house: House, report: str
) -> None:
    over(house)
    assert pages(None).post(link_of(pages(Role.OWNER), report), data=ANSWERS).status_code == 200
    pages(Role.OWNER).post("/schedules/new", data={**SCHEDULE, "partner_name": "Vendor 2"})
    page = pages(None).get(link_of(pages(Role.OWNER), newest(house))).text
    order = [page.index(f"<legend>{words}</legend>") for words in ("In short", "Safety", "Changes and uptime", "AUROC")]
    assert order == sorted(order)
    assert page.index("Something else was measured") < page.index("Who sends it")
    faulty = pages(None).post(link_of(pages(Role.OWNER), newest(house)), data={**ANSWERS, "m1_note": "because"}).text
    assert "<details open><summary>At the threshold 0.2. No number, or no interval?" in faulty


def newest(house: House) -> str:
    """The report that is awaited now."""
    with house.database.reading() as connection:
        due = select(expected_reports.c.id).where(expected_reports.c.state == "due")
        return str(connection.execute(due).scalar_one())


@pytest.mark.parametrize("token", ["0" * 64, "x", "~" + "a" * 43, "a" * 500, "%00", "%F0%9F%98%80"])
def test_a_forged_link_tells_nothing(pages: Pages, report: str, token: str) -> None:
    for answer in (pages(None).get(f"/report/{token}"), pages(None).post(f"/report/{token}", data=ANSWERS)):
        assert answer.status_code == 404
        assert "This link cannot be used" in answer.text
        assert "Sepsis" not in answer.text
        assert report not in answer.text


def test_an_ended_and_a_taken_back_link_look_like_a_forged_one(pages: Pages, house: House, report: str) -> None:
    owner, nobody = pages(Role.OWNER), pages(None)
    first, second = link_of(owner, report), link_of(owner, report)
    assert owner.post(f"/reports/{report}/links/revoke").status_code == 303
    forged = nobody.get("/report/" + "0" * 64).text
    assert nobody.get(first).text == forged
    third = link_of(owner, report)
    with house.database.unrecorded() as connection:
        connection.execute(links.update().values(expires_at="2026-11-01T00:00:00.000000Z"))
    assert nobody.get(third).text == forged
    assert nobody.get(second).status_code == 404


def test_who_tries_many_links_must_wait_and_a_good_link_still_opens(pages: Pages, report: str) -> None:
    good, nobody = link_of(pages(Role.OWNER), report), pages(None)
    seen = [nobody.get(f"/report/{number:064x}").status_code for number in range(103)]
    assert set(seen[:100]) == {404}
    assert seen[-1] == 429
    assert nobody.get(good).status_code == 200


def test_a_link_is_kept_only_as_a_hash(pages: Pages, house: House, report: str) -> None:
    token = link_of(pages(Role.OWNER), report).rsplit("/", 1)[1]
    with house.database.reading() as connection:
        kept = connection.execute(select(links.c.digest)).scalars().all()
        texts = connection.execute(select(log_texts)).all()
    assert len(kept) == 1
    assert token not in kept
    assert token not in str(texts)


def test_a_report_that_does_not_do_comes_back_with_all_that_was_typed(pages: Pages, report: str) -> None:
    link = link_of(pages(Role.OWNER), report)
    wrong = {**ANSWERS, "incidents": "none known", "m0_value": "81 %", "m0_n": "9", "changed_threshold": ""}
    page = pages(None).post(link, data=wrong)
    assert page.status_code == 422
    for said in (
        "the answer before says that none are known, and this says 1",
        "write a share, e.g. 0.81, not a percentage",
        "mark what changed",
        "The alert stood still for a night.",
        'value="Vera Vendor"',
        'value="81 %"',
    ):
        assert said in page.text
    assert pages(None).get(link).status_code == 200


def test_words_that_may_name_a_patient_are_asked_about_once(pages: Pages, house: House, report: str) -> None:
    over(house)
    link, nobody = link_of(pages(Role.OWNER), report), pages(None)
    words = {**ANSWERS, "words": "It missed Mrs Miller, 12345678"}
    page = nobody.post(link, data=words)
    assert (page.status_code, "may these words name a patient" in page.text) == (422, True)
    assert nobody.post(link, data={**words, "sure": "yes"}).status_code == 200


def test_a_workbook_behind_the_link_comes_back_and_a_wrong_one_loses_nothing(
    pages: Pages, house: House, report: str
) -> None:
    over(house)
    link, nobody = link_of(pages(Role.OWNER), report), pages(None)
    body = nobody.get(f"{link}/workbook").content
    wrong = nobody.post(f"{link}/workbook", files={"file": ("r.xlsx", _filled(body, incidents="=1+1"))})
    assert wrong.status_code == 422
    assert "holds a formula: write the value itself" in wrong.text
    assert 'value="Vera Vendor"' in wrong.text  # what could be read stands in the form
    telling = nobody.post(f"{link}/workbook", files={"file": ("r.xlsx", _filled(body, words="MRN 4711302"))})
    assert telling.status_code == 422
    assert re.search(r"<li>B\d+: it may name a patient", telling.text)
    assert "MRN 4711302" in telling.text  # stands in the form, to be corrected
    with house.database.reading() as connection:
        assert connection.execute(select(documents)).all() == []  # the original of what is refused is not kept
    for bad in (b"", b"no workbook", b"x" * (1024 * 1024 + 1)):
        answer = nobody.post(f"{link}/workbook", files={"file": ("r.xlsx", bad)})
        assert answer.status_code in (413, 422)
    done = nobody.post(f"{link}/workbook", files={"file": ("r.xlsx", _filled(body))})
    assert "the report has arrived" in done.text
    with house.database.reading() as connection:
        document = connection.execute(select(documents)).one()
    assert document.media_type.endswith("spreadsheetml.sheet")


def test_the_office_files_a_workbook_and_excuses_a_report(pages: Pages, report: str) -> None:
    officer, owner = pages(Role.OFFICER), pages(Role.OWNER)
    body = pages(Role.VIEWER).get(f"/reports/{report}/workbook").content
    faulty = owner.post(f"/reports/{report}/workbook", files={"file": ("r.xlsx", body)})
    assert (faulty.status_code, "A9: this is needed" in faulty.text) == (422, True)
    assert owner.post(f"/reports/{report}/excuse", data={"revision": "1", "why": "no"}).status_code == 403
    assert officer.post(f"/reports/{report}/excuse", data={"revision": "1"}).status_code == 422
    done = officer.post(f"/reports/{report}/excuse", data={"revision": "1", "why": "It stood still all quarter"})
    assert done.status_code == 303
    assert "It stood still all quarter" in officer.get(f"/reports/{report}").text
    late = owner.post(f"/reports/{report}/workbook", files={"file": ("r.xlsx", _filled(body))})
    assert late.status_code == 409


def test_a_report_of_another_site_is_not_there(pages: Pages, report: str) -> None:
    elsewhere = pages(Role.OWNER, "/site-house/site-b/")
    assert elsewhere.get(f"/reports/{report}").status_code == 404
    assert elsewhere.get("/uses/use-sepsis/reports").status_code == 404
    assert elsewhere.post(f"/reports/{report}/link").status_code == 404
    assert report not in elsewhere.get("/reports").text
    assert elsewhere.post("/schedules/new", data=SCHEDULE).status_code == 404


def _filled(body: bytes, incidents: str = "none known", words: str = "") -> bytes:
    said = {"Sent by": "Vera Vendor", "Incidents": incidents, "Complaints": "none known", "Changes": "none known"}
    said["In words"] = words
    book = load_workbook(io.BytesIO(body))
    for row in book.active.iter_rows():
        if row[0].value in said:
            row[1].value = said[row[0].value]
        if row[0].value in ("auroc", "sensitivity"):
            for cell, value in zip(row[1:7], (0.2, 0.81, 0.79, 0.83, 900, 80), strict=True):
                cell.value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_who_is_signed_in_here_does_not_answer_on_a_vendors_form(pages: Pages, report: str) -> None:
    link = link_of(pages(Role.OWNER), report)

    page = pages(Role.OWNER).get(link)
    sent = pages(Role.OWNER).post(link, data=ANSWERS)

    assert (page.status_code, sent.status_code) == (403, 403)
    assert "This form is the vendor" in page.text
    assert pages(None).get(link).status_code == 200
