"""The pages at the door, as somebody without JavaScript meets them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from codman.flows.house import House
from codman.registry.access import NotSignedIn
from codman.registry.accounts import reader_of_session, reader_of_token
from codman.registry.accounts_demo import mark_demo
from codman.registry.accounts_invitations import first_link, open_invitations
from codman.registry.accounts_people import add_account
from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE, SITES
from codman.settings import Settings
from codman.spine.person import GrantFields, Person, Role
from codman.spine.site import SiteFields
from codman.web.app import make_web
from codman.wiring import open_house
from door import CHEAP, PASSWORD

OURS = "http://127.0.0.1:8000"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(Settings(workspace=tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def browser(house: House) -> TestClient:
    return a_browser(house)


def a_browser(house: House, name: str = "a browser") -> TestClient:
    headers = {"Origin": OURS, "User-Agent": name}
    return TestClient(make_web(house), base_url=OURS, follow_redirects=False, headers=headers)


def person(house: House, who: str, role: Role = Role.ENGINEER) -> Person:
    with house.database.changing(SYSTEM) as change:
        return add_account(
            change,
            email=f"{who}@example.org",
            name=f"{role.value} 1",
            password_hash=CHEAP.hashed(PASSWORD),
            role=role,
            site=None,
        )


def come_in(browser: TestClient, who: str, onward: str = "/") -> None:
    answer = browser.post("/sign-in", data={"email": f"{who}@example.org", "password": PASSWORD, "next": onward})
    assert answer.status_code == 303, answer.text


def test_the_first_administrator_comes_in_by_the_link_and_straight_on(house, browser):
    token = first_link(house.database, house.database.clock())
    page = browser.get(f"/join/{token}")
    assert "administrator" in page.text
    form = {"name": "administrator 1", "email": "a@example.org", "password": PASSWORD, "repeated": PASSWORD}

    assert browser.post(f"/join/{token}", data=form | {"repeated": "other"}).status_code == 422
    weak = browser.post(f"/join/{token}", data=form | {"password": "password1234", "repeated": "password1234"})
    joined = browser.post(f"/join/{token}", data=form)

    assert weak.status_code == 422
    assert "commonest" in weak.text
    assert 'value="administrator 1"' in weak.text  # what was written stays, the password does not
    assert "password1234" not in weak.text
    assert (joined.status_code, joined.headers["location"]) == (303, "/")
    assert "the whole house" in browser.get("/account").text
    assert browser.get(f"/join/{token}").status_code == 410
    assert browser.post(f"/join/{token}", data=form).status_code == 410


def test_whoever_is_not_signed_in_is_sent_to_the_door_and_afterwards_where_they_wanted(house, browser):
    person(house, "a")

    sent = browser.get("/account?tab=2")
    door = browser.get(sent.headers["location"])

    assert sent.headers["location"] == "/sign-in?next=%2Faccount%3Ftab%3D2"
    assert 'name="next" value="/account?tab=2"' in door.text
    answer = browser.post("/sign-in", data={"email": "a@example.org", "password": PASSWORD, "next": "/account?tab=2"})
    assert answer.headers["location"] == "/account?tab=2"


def test_every_way_to_fail_at_the_door_gives_the_same_page(house, browser):
    person(house, "a")
    pages = set()
    for email, password in (
        ("a@example.org", "not the password"),
        ("b@example.org", PASSWORD),
        ("a@example.org", ""),
        ("a@example.org", "x" * 5000),
    ):
        answer = browser.post("/sign-in", data={"email": email, "password": password})
        assert answer.status_code == 401
        assert "codman" not in browser.cookies
        pages.add(answer.text.replace(email, "E"))

    assert len(pages) == 1


def test_too_many_failures_are_told_when_to_come_back(house, browser):
    person(house, "a")
    form = {"email": "a@example.org", "password": "not the password"}
    codes = [browser.post("/sign-in", data=form) for _ in range(8)]

    assert [answer.status_code for answer in codes[:5]] == [401] * 5
    refused = codes[-1] if codes[-1].status_code == 429 else next(a for a in codes if a.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert "wait" in refused.text


def test_a_stale_session_proves_itself_again_and_goes_back_to_what_it_was_about_to_sign(house, browser):
    person(house, "a")
    come_in(browser, "a")
    before = browser.cookies["codman"]
    page = browser.get("/sign-in/again?next=/account")
    assert "Prove that it is you" in page.text

    wrong = browser.post("/sign-in/again", data={"password": "not mine at all", "next": "/account"})
    right = browser.post("/sign-in/again", data={"password": PASSWORD, "next": "/account"})
    assert "this is not your password" in wrong.text  # no e-mail address was asked for
    assert "e-mail address and password" not in wrong.text

    assert wrong.status_code == 401
    assert (right.status_code, right.headers["location"]) == (303, "/account")
    assert browser.cookies["codman"] != before
    with pytest.raises(NotSignedIn):
        reader_of_session(house.database, before, house.settings)


def test_somebody_sees_their_sessions_and_ends_the_one_in_the_ward(house):
    person(house, "a")
    office, ward = a_browser(house, "in the office"), a_browser(house, "in the ward")
    come_in(office, "a")
    come_in(ward, "a")

    page = office.get("/account").text
    assert "in the office" in page
    assert "in the ward" in page
    (name,) = re.findall(r'action="/account/sessions/(session-\w+)/end"', page)
    assert office.post(f"/account/sessions/{name}/end").headers["location"] == "/account"

    assert ward.get("/account").status_code == 303
    assert office.get("/account").status_code == 200


def test_nobody_ends_another_persons_session_or_revokes_their_token(house):
    owner, other = person(house, "a"), person(house, "b")
    mine, theirs = a_browser(house), a_browser(house)
    come_in(mine, "a")
    come_in(theirs, "b")
    name = reader_of_session(house.database, theirs.cookies["codman"], house.settings).via_id
    with house.database.changing(SYSTEM) as change:
        issued = issue(change, other.id, ["*.read"], house.database.clock(), days=1, name="a pipeline")

    mine.post(f"/account/sessions/{name}/end")
    refused = mine.post(f"/account/tokens/{issued.token.id}/revoke")

    assert refused.status_code == 404
    assert theirs.get("/account").status_code == 200
    assert reader_of_token(house.database, issued.secret).person == other.id != owner.id
    assert theirs.post(f"/account/tokens/{issued.token.id}/revoke").status_code == 303
    with pytest.raises(NotSignedIn):
        reader_of_token(house.database, issued.secret)
    assert issued.secret not in theirs.get("/account").text


def test_another_password_needs_the_old_one_and_twice_the_new_one(house, browser):
    person(house, "a")
    come_in(browser, "a")
    new = "seven purple lanterns"
    form = {"password": PASSWORD, "new": new, "repeated": new}

    for wrong in ({"password": "x" * 12}, {"repeated": "other"}, {"new": "hospital2026!", "repeated": "hospital2026!"}):
        assert browser.post("/account/password", data=form | wrong).status_code == 422
    assert browser.post("/account/password", data=form).headers["location"] == "/account"

    assert browser.get("/account").status_code == 200
    other = a_browser(house)
    assert other.post("/sign-in", data={"email": "a@example.org", "password": new}).status_code == 303


def test_a_demo_house_shows_its_roles_and_lets_nobody_change_anything(house, browser):
    with house.database.changing(SYSTEM) as change:
        for role in (Role.OFFICER, Role.VIEWER):
            made = PEOPLE.add(change, PEOPLE.validated({"name": f"{role.value} 1"}))
            GRANTS.add(change, GrantFields(person=made.id, role=role))
        mark_demo(change)
    door = browser.get("/sign-in").text
    assert "governance officer" in door
    assert 'value="viewer"' in door
    assert 'value="admin"' not in door
    assert 'type="password"' not in door

    assert browser.post("/sign-in/demo", data={"role": "officer"}).status_code == 303
    assert "changes nothing" in browser.get("/account").text
    assert browser.post("/sign-in/demo", data={"role": "admin"}).status_code == 400
    assert browser.post("/sign-in/demo", data={"role": "king"}).status_code == 422
    assert browser.post("/account/sessions/others/end").status_code == 403
    assert browser.post("/account/password", data={}).status_code == 403
    assert browser.post("/emergency", data={}).status_code == 403
    assert browser.get("/sign-in/again").status_code == 200


def test_a_house_that_is_no_demo_has_no_demo_door(house, browser):
    person(house, "a", Role.OFFICER)

    assert "/sign-in/demo" not in browser.get("/sign-in").text
    assert browser.post("/sign-in/demo", data={"role": "officer"}).status_code == 400
    assert "codman" not in browser.cookies


def test_an_emergency_is_taken_shown_and_reviewed_by_somebody_else(house):
    person(house, "eng")
    person(house, "off", Role.OFFICER)
    engineer, officer = a_browser(house), a_browser(house)
    come_in(engineer, "eng")
    come_in(officer, "off")
    form = {"role": "officer", "site": "/", "minutes": "30", "reason": "The model pages nobody since two o'clock"}

    assert engineer.post("/emergency", data=form | {"reason": "quick"}).status_code == 422
    assert engineer.post("/emergency", data=form | {"role": "admin"}).status_code == 422
    assert engineer.post("/emergency", data=form | {"minutes": "1e9"}).status_code == 422
    assert engineer.post("/emergency", data=form).status_code == 303
    assert engineer.post("/emergency", data=form).status_code == 409
    shown = officer.get("/emergency").text
    assert "engineer 1 took the rights of a governance officer for the whole house" in shown
    (name,) = re.findall(r'action="/emergency/(emergency-\w+)/review"', shown)
    assert engineer.post(f"/emergency/{name}/review", data={"finding": "fine"}).status_code == 403
    assert officer.post(f"/emergency/{name}/review", data={"finding": ""}).status_code == 422
    assert officer.post(f"/emergency/{name}/review", data={"finding": "Rightly so"}).status_code == 303

    assert "Not yet reviewed" not in officer.get("/emergency").text


def test_signing_out_twice_is_no_error(house, browser):
    person(house, "a")
    come_in(browser, "a")

    for _ in range(2):
        answer = browser.post("/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")

    assert browser.get("/account").status_code == 303


def test_an_administrator_invites_by_a_link_shown_once_and_takes_one_back(house):
    person(house, "admin", Role.ADMIN)
    admin, guest = a_browser(house), a_browser(house)
    come_in(admin, "admin")
    form = {"email": "new@example.org", "role": "owner", "site": "/"}

    for wrong in ({"email": "nonsense"}, {"role": "king"}, {"site": "nowhere"}):
        assert admin.post("/invitations", data=form | wrong).status_code == 422
    made = admin.post("/invitations", data=form).text
    (link,) = re.findall(r"http://127\.0\.0\.1:8000(/join/[\w-]{43})", made)
    listed = admin.get("/invitations").text
    assert "new@example.org" in listed
    assert link not in listed

    (name,) = re.findall(r'action="/invitations/(invitation-\w+)/withdraw"', listed)
    assert admin.post(f"/invitations/{name}/withdraw").status_code == 303
    assert admin.post(f"/invitations/{name}/withdraw").status_code == 404
    assert guest.get(link).status_code == 410


def test_one_hospitals_administrator_invites_to_that_hospital_only(house):
    with house.database.changing(SYSTEM) as change:
        for name in ("a", "b"):
            SITES.add(change, SiteFields(name=f"Hospital {name}", level="hospital"), name)
        made = add_account(
            change,
            email="admin@example.org",
            name="administrator 1",
            password_hash=CHEAP.hashed(PASSWORD),
            role=Role.ADMIN,
            site="a",
        )
    admin = a_browser(house)
    come_in(admin, "admin")
    form = {"email": "new@example.org", "role": "admin"}

    assert "Hospital b" not in admin.get("/invitations").text
    assert admin.post("/invitations", data=form | {"site": "/"}).status_code == 403
    assert admin.post("/invitations", data=form | {"site": "b"}).status_code == 403
    assert admin.post("/invitations", data=form | {"site": "a"}).status_code == 200
    with house.database.reading() as connection:
        (invited,) = open_invitations(connection, house.database.clock())
    assert (invited.site, invited.invited_by) == ("a", made.id)
