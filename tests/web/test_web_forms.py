"""Forms: what is kept, what is refused with its reason, and that nothing a person wrote is lost."""

from __future__ import annotations

import html
import re

import httpx
import pytest
from seen_pages import Pages
from test_web_access import address

from codman.flows.house import House
from codman.flows.operator import OPERATOR
from codman.flows.triage import triage_again
from codman.registry.access import ACTIONS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, PRODUCTS, USES
from codman.registry.timeline import Asked, entries_of
from codman.spine.person import Role
from codman.web import access


@pytest.fixture
def officer(pages: Pages) -> httpx.Client:
    return pages(Role.OFFICER)


def fields_of(page: httpx.Response) -> dict[str, str]:
    """A form's fields as a browser would send them untouched."""
    found = dict(re.findall(r'<input id="[^"]+" name="([^"]+)" type="[^"]+"[^>]*? value="([^"]*)"', page.text))
    found |= dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    found |= {
        name: text.strip()
        for name, text in re.findall(r'<textarea id="[^"]+" name="([^"]+)"[^>]*>(.*?)</textarea>', page.text, re.S)
    }
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)"[^>]*>(.*?)</select>', page.text, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected>', options) or re.search(
            r'<option value="([^"]*)">', options
        )
        found[name] = chosen[1] if chosen else ""
    return {name: html.unescape(value) for name, value in found.items()}


def test_a_product_and_a_use_of_it_are_added(house: House, officer: httpx.Client) -> None:
    sent = officer.post(
        "/products/new", data={"name": "Fall risk", "kind": "built", "generative": "false", "why": "new"}
    )
    assert sent.status_code == 303
    product = sent.headers["location"].rsplit("/", 1)[1]
    form = fields_of(officer.get(f"/uses/new?product={product}"))
    assert form["product"] == product
    sent = officer.post("/uses/new", data={**form, "name": "Fall risk, wards", "demographic_inputs": "age, sex"})
    assert sent.status_code == 303
    with house.database.reading() as connection:
        assert PRODUCTS.get(connection, product).generative is False
        use = USES.get(connection, sent.headers["location"].rsplit("/", 1)[1])
        assert (use.name, use.demographic_inputs) == ("Fall risk, wards", ["age", "sex"])


def test_what_is_wrong_stands_at_the_top_and_at_its_field_and_nothing_is_lost(officer: httpx.Client) -> None:
    page = officer.post("/products/new", data={"name": "", "summary": "A long thought", "submission": "K1"})
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert 'href="#f-name"' in page.text
    assert 'href="#f-submission"' in page.text
    assert page.text.count('aria-invalid="true"') == 2
    assert "A long thought" in page.text
    assert "<title>Error: " in page.text


def test_an_untouched_form_changes_nothing(house: House, officer: httpx.Client) -> None:
    for path in (
        "/uses/use-sepsis/edit",
        "/products/product-sepsis/edit",
        "/vendors/vendor-one/edit",
        "/versions/version-2024/edit",
        "/deployments/deployment-1/edit",
        "/sites/site-a/edit",
    ):
        assert officer.post(path, data=fields_of(officer.get(path))).status_code == 303, path
    with house.database.reading() as connection:
        assert USES.get(connection, "use-sepsis").revision == 1
        assert DEPLOYMENTS.get(connection, "deployment-1").revision == 1


def test_a_change_is_kept_with_its_reason_and_told_by_the_use(house: House, officer: httpx.Client) -> None:
    form = fields_of(officer.get("/uses/use-sepsis/edit"))
    sent = officer.post(
        "/uses/use-sepsis/edit", data={**form, "downtime_procedure": "Paper score", "why": "audit of wards"}
    )
    assert sent.headers["location"] == "/uses/use-sepsis"
    page = officer.get("/uses/use-sepsis").text
    assert "Paper score" in page
    assert "audit of wards" in page
    with house.database.reading() as connection:
        newest = entries_of(connection, Asked(about=["use-sepsis"], limit=1)).items[0]
        assert newest.value["action"] == "use.change"
        assert newest.texts["after.downtime_procedure"] == "Paper score"


def test_after_a_conflict_both_versions_stand_side_by_side_and_nothing_was_changed(
    house: House, officer: httpx.Client
) -> None:
    form = fields_of(officer.get("/uses/use-sepsis/edit"))
    with house.database.changing(SYSTEM) as change:
        USES.change(change, "use-sepsis", {"users": "charge nurse"}, None)
    page = officer.post("/uses/use-sepsis/edit", data={**form, "users": "night nurse"})
    assert page.status_code == 412
    assert "night nurse" in page.text
    assert "charge nurse" in page.text
    with house.database.reading() as connection:
        assert USES.get(connection, "use-sepsis").users == "charge nurse"
    again = fields_of(page)
    assert again["users"] == "night nurse"
    assert officer.post("/uses/use-sepsis/edit", data=again).status_code == 303
    with house.database.reading() as connection:
        assert USES.get(connection, "use-sepsis").users == "night nurse"


def test_an_owner_may_change_words_but_not_the_decision(pages: Pages) -> None:
    owner = pages(Role.OWNER)
    form = fields_of(owner.get("/uses/use-notes/edit"))
    assert owner.post("/uses/use-notes/edit", data={**form, "topic": "notes"}).status_code == 303
    form = fields_of(owner.get("/uses/use-notes/edit"))
    assert owner.post("/uses/use-notes/edit", data={**form, "decision": "approved"}).status_code == 403


def test_the_form_of_a_use_offers_nothing_that_triage_or_a_case_sets(house: House, officer: httpx.Client) -> None:
    assert {"stage", "decision", "tier"} <= fields_of(officer.get("/uses/use-notes/edit")).keys()
    triage_again(house, OPERATOR, "use-notes")

    assert not {"stage", "stage_since", "decision", "tier"} & fields_of(officer.get("/uses/use-notes/edit")).keys()


def test_all_sites_of_a_use_change_as_one_action_or_not_at_all(house: House, officer: httpx.Client) -> None:
    form = fields_of(officer.get("/uses/use-sepsis/sites"))
    sites = ["site-a", "site-a-icu"]
    page = officer.post("/uses/use-sepsis/sites", data={**form, "site": sites})
    assert page.status_code == 422  # nothing was said to change
    sent = officer.post("/uses/use-sepsis/sites", data={**form, "site": sites, "mode": "paused", "why": "recall"})
    assert sent.status_code == 303
    with house.database.reading() as connection:
        modes = [DEPLOYMENTS.get(connection, f"deployment-{n}").mode.value for n in (1, 2)]
    assert modes == ["paused", "paused"]
    stale = officer.post("/uses/use-sepsis/sites", data={**form, "site": sites, "mode": "live"})
    assert stale.status_code == 412


def test_a_form_sent_after_the_session_ended_comes_back_whole(pages: Pages) -> None:
    sent = {"name": "Fall risk", "summary": "Line one\nline two", "revision": "3"}
    page = pages(None).post("/products/new", data=sent)
    assert page.status_code == 401
    assert 'action="/products/new"' in page.text
    for value in ("Fall risk", "Line one\nline two", 'value="3"'):
        assert value in page.text.replace("\r\n", "\n")
    assert 'href="/sign-in?next=' in page.text


def test_an_administrator_gives_a_role_and_takes_it_back(pages: Pages) -> None:
    admin = pages(Role.ADMIN)
    sent = admin.post("/grants/new", data={"person": "person-viewer", "role": "auditor", "site": "site-a"})
    assert sent.headers["location"] == "/people/person-viewer"
    page = admin.get("/people/person-viewer")
    assert "auditor" in page.text
    for action in re.findall(r'action="(/grants/[^"]+/remove)"', page.text):
        assert admin.post(action).status_code == 303
    assert "They hold no role yet" in admin.get("/people/person-viewer").text


def test_a_person_is_added_and_closed(house: House, pages: Pages) -> None:
    admin = pages(Role.ADMIN)
    sent = admin.post("/people/new", data={"name": "nurse 7", "active": "true"})
    name = sent.headers["location"].rsplit("/", 1)[1]
    form = fields_of(admin.get(f"/people/{name}/edit"))
    assert admin.post(f"/people/{name}/edit", data={**form, "active": "false"}).status_code == 303
    with house.database.reading() as connection:
        assert PEOPLE.get(connection, name).active is False


def test_a_key_is_registered_revoked_and_never_claims_what_its_owner_may_not(
    officer: httpx.Client, house: House
) -> None:
    pem = house.log_key.public.pem
    form = {"name": "pipeline 1", "owner_kind": "vendor", "owner": "Vendor 1", "pem": pem, "origins": ["local"]}
    page = officer.post("/keys/new", data=form)
    assert page.status_code == 422
    assert "own word" in page.text
    assert officer.post("/keys/new", data={**form, "origins": ["developer"]}).status_code == 303
    listed = officer.get("/keys").text
    revoke = re.search(r'action="(/keys/[^"]+/revoke)"', listed)
    assert revoke is not None
    assert officer.post(revoke[1], data={"since": "2026-11-01", "why": "lost"}).status_code == 303
    assert "Revoked" in officer.get("/keys").text
    nonsense = officer.post("/keys/new", data={**form, "pem": "no key", "origins": ["developer"]})
    assert nonsense.status_code == 422


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ENGINEER, Role.REVIEWER, Role.AUDITOR])
@pytest.mark.parametrize(
    "form",
    [
        "/uses/use-sepsis/edit",
        "/products/product-sepsis/edit",
        "/sites/site-a/edit",
        "/people/person-owner/edit",
        "/deployments/deployment-1/edit",
        "/uses/new",
        "/grants/new",
    ],
)
def test_a_form_that_a_reader_could_not_send_is_not_shown_to_them(pages: Pages, role: Role, form: str) -> None:
    reader = pages(role)

    assert reader.get(form).status_code == 403
    assert reader.post(form, data={"name": "", "revision": "1"}).status_code == 403


def test_a_form_of_a_record_of_another_site_is_refused_as_its_change_is(pages: Pages) -> None:
    owner = pages(Role.OWNER, "/site-house/site-a/")

    assert owner.get("/deployments/deployment-1/edit").status_code == 200
    for form in ("/products/product-notes/edit", "/deployments/deployment-4/edit"):
        sent = owner.post(form, data={"revision": "1", "name": "Mine", "mode": "live"})
        assert sent.status_code in (403, 404)
        assert owner.get(form).status_code == sent.status_code


def test_who_decides_still_gets_the_form_of_a_use(pages: Pages) -> None:
    assert pages(Role.CHAIR).get("/uses/use-sepsis/edit").status_code == 200


def test_the_form_of_a_use_asks_each_only_what_they_may_say(pages: Pages) -> None:
    decides = fields_of(pages(Role.CHAIR).get("/uses/use-sepsis/edit"))
    keeps = fields_of(pages(Role.OWNER).get("/uses/use-sepsis/edit"))
    assert set(decides) == {"stage", "stage_since", "decision", "impact", "tier", "revision", "why"}
    assert set(decides) & set(keeps) == {"revision", "why"}
    assert {"name", "owner", "purpose"} <= set(keeps)
    new = fields_of(pages(Role.OWNER).get("/uses/new"))
    assert "tier" not in new
    assert "approved" not in pages(Role.OWNER).get("/uses/new").text


def test_a_keeper_of_one_hospital_says_where_a_new_use_belongs_and_only_there(pages: Pages) -> None:
    keeper = pages(Role.OWNER, "/site-house/site-b/")
    page = keeper.get("/uses/new")
    assert "Hospital B" in page.text
    assert "Hospital A" not in page.text
    form = {**fields_of(page), "product": "product-notes", "name": "Notes, another clinic"}
    refused = keeper.post("/uses/new", data=form)
    assert (refused.status_code, "this is needed" in refused.text) == (422, True)
    assert keeper.post("/uses/new", data={**form, "site": "site-b"}).status_code == 303
    elsewhere = keeper.post("/uses/new", data={**form, "site": "site-a"})
    assert elsewhere.status_code == 422
    assert "Notes, another clinic" in elsewhere.text


def test_of_many_products_one_is_searched_for_and_nothing_written_is_lost(house: House, officer: httpx.Client) -> None:
    with house.database.changing(SYSTEM) as change:
        made = [PRODUCTS.validated({"name": f"Reader of scans {i}"}) for i in range(201)]
        PRODUCTS.add_many(change, made, [f"product-{i}" for i in range(201)])
    page = officer.get("/uses/new")
    assert "search by name" in page.text
    assert "Reader of scans" not in page.text
    form = {**fields_of(page), "name": "Scans, emergency", "find-product": "scans 17"}
    found = officer.post("/uses/new", data={**form, "find": "product"})
    assert found.status_code == 200
    assert "12 fit “scans 17”" in found.text  # 17, 117 and 170 to 179
    assert 'value="Scans, emergency"' in found.text
    assert "choose one of those that fit" in officer.post("/uses/new", data=form).text
    sent = officer.post("/uses/new", data={**form, "product": "product-17"})
    assert sent.status_code == 303
    again = officer.get(f"{sent.headers['location']}/edit")
    assert re.search(r'<option value="product-17" selected>Reader of scans 17</option>', again.text)


FILES = (  # a file has a limit of its own
    "/documents/new",
    "/intakes/from-file",
    "/reports/{name}/workbook",
    "/report/{token}/workbook",
)


@pytest.mark.parametrize("role", [Role.OFFICER, None])
def test_no_form_takes_more_than_its_limit_whoever_sends_it(pages: Pages, role: Role | None) -> None:
    client = pages(role)
    body = b"why=" + b"x" * (2 * 1024 * 1024)
    forms = [key.removeprefix("POST ") for key in access.PAGES if key.startswith("POST ")]
    assert len(forms) > 30
    for path in forms:
        asked = access.PAGES[f"POST {path}"]
        if path in FILES or (role and asked in ACTIONS and role not in ACTIONS[asked]):
            continue
        for kind in ("application/x-www-form-urlencoded", "text/plain"):
            answer = client.post(address(path), content=body, headers={"Content-Type": kind})
            assert (answer.status_code, "too large" in answer.text) == (413, True), path


def test_a_form_takes_the_mlflow_alias_that_serves_a_site_and_says_where_it_is_none(pages: Pages) -> None:
    officer = pages(Role.OFFICER)
    form = "/deployments/deployment-1/edit"
    revision = re.search(r'name="revision" value="(\d+)"', officer.get(form).text)
    assert revision is not None

    wrong = officer.post(form, data={"revision": revision[1], "serves": "sepsis, the champion"})
    assert wrong.status_code == 422
    assert "this has another form than the field needs" in wrong.text
    kept = officer.post(form, data={"revision": revision[1], "serves": "models:/sepsis@champion"})
    assert kept.status_code in (200, 303)

    assert 'value="models:/sepsis@champion"' in officer.get(form).text
