"""Signing in with a real OpenID provider: code with PKCE, linking, a fresh proof, and every way it may go wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import provider_server
import pytest
from fastapi.testclient import TestClient
from provider_server import OURS, SECRET, Away

from codman.flows.house import House
from codman.flows.sign_in import come_back, leave
from codman.integrations.oidc import OpenIdProvider, ProviderAway
from codman.registry.accounts import reader_of_session
from codman.registry.accounts_people import add_account
from codman.registry.accounts_provider import ProviderRefused, ProviderVisit
from codman.registry.accounts_sign_in import Browser
from codman.registry.database import utc_now
from codman.registry.log import SYSTEM
from codman.registry.schema_accounts import identities, provider_visits
from codman.settings import BadSetting, Settings
from codman.spine.person import Role
from codman.web.app import make_web
from codman.wiring import open_house
from door import CHEAP, PASSWORD
from waiting import until


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    place = provider_server.folder()
    if place is None:
        pytest.skip(f"no node and npm here, or npm could not install {provider_server.PACKAGE}")
    with provider_server.running(place) as running:
        yield running


@pytest.fixture
def house(tmp_path: Path, issuer: str) -> Iterator[House]:
    settings = Settings(
        workspace=tmp_path,
        oidc_issuer=issuer,
        oidc_client_id="codman",
        oidc_client_secret=SECRET,  # type: ignore[arg-type]
    )
    opened = open_house(settings)
    with opened.database.changing(SYSTEM) as change:
        for who in ("jane", "joe", "unverified-ann", "ann"):
            add_account(
                change,
                email=f"{who}@example.org",
                name=who,
                password_hash=CHEAP.hashed(PASSWORD),
                role=Role.ENGINEER,
                site=None,
            )
    yield opened
    opened.close()


@pytest.fixture
def ours(house: House) -> TestClient:
    return TestClient(make_web(house), base_url=OURS, follow_redirects=False, headers={"Origin": OURS})


def person_at(house: House, ours: TestClient) -> str:
    return reader_of_session(house.database, ours.cookies["codman"], house.settings).name


def fresh_until(house: House, ours: TestClient) -> str:
    return reader_of_session(house.database, ours.cookies["codman"], house.settings).fresh_until or ""


def test_somebody_signs_in_there_and_is_themselves_here(house, ours, issuer):
    leaving = ours.get("/sign-in/provider?next=/account")
    asked = parse_qs(urlsplit(leaving.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert len(asked["state"][0]) == len(asked["nonce"][0]) == len(asked["code_challenge"][0]) == 43
    assert "HttpOnly" in leaving.headers["set-cookie"]

    back = ours.get(Away(issuer).go(leaving.headers["location"], "jane"))

    assert (back.status_code, back.headers["location"]) == (303, "/account")
    assert person_at(house, ours) == "jane"
    assert "jane@example.org" in ours.get("/account").text
    with house.database.reading() as connection:
        (linked,) = connection.execute(identities.select()).all()
        assert (linked.issuer, linked.subject) == (issuer, "jane")
        assert connection.execute(provider_visits.select()).all() == []


def test_a_public_client_signs_in_by_pkce_alone(house, issuer):
    provider = OpenIdProvider(issuer, "codman-public")
    away = leave(house.database, provider, f"{OURS}/sign-in/back", "/")
    answer = dict(parse_qs(urlsplit(Away(issuer).go(away.address, "joe")).query))

    back = come_back(
        house.database,
        provider,
        f"{OURS}/sign-in/back",
        away.token,
        {name: values[0] for name, values in answer.items()},
        Browser("127.0.0.1"),
        house.settings,
    )

    assert reader_of_session(house.database, back.session.token, house.settings).name == "joe"


def test_a_fresh_proof_asks_for_the_password_there_although_one_is_signed_in(house, ours, issuer):
    away = Away(issuer)
    ours.get(away.go(ours.get("/sign-in/provider").headers["location"], "jane"))
    proven = fresh_until(house, ours)
    second = int(time.time())
    until(lambda: int(time.time()) > second)  # the provider counts whole seconds
    ours.get(away.go(ours.get("/sign-in/provider").headers["location"], "jane"))
    assert away.asked == []  # they were signed in there: nothing was asked, and nothing is proven anew
    assert fresh_until(house, ours) == proven
    stale = ours.cookies["codman"]

    leaving = ours.get("/sign-in/provider?again=1&next=/account").headers["location"]
    assert parse_qs(urlsplit(leaving).query)["max_age"] == ["0"]
    back = ours.get(away.go(leaving, "jane"))

    assert away.asked == ["login"]
    assert back.headers["location"] == "/account"
    assert ours.cookies["codman"] != stale
    assert fresh_until(house, ours) > proven


def test_somebody_else_cannot_give_the_fresh_proof(house, ours, issuer):
    away = Away(issuer)
    ours.get(away.go(ours.get("/sign-in/provider").headers["location"], "jane"))
    leaving = ours.get("/sign-in/provider?again=1").headers["location"]

    back = ours.get(Away(issuer).go(leaving, "joe"))

    assert back.status_code == 403
    assert "Somebody else signed in there" in back.text
    assert person_at(house, ours) == "jane"


@pytest.mark.parametrize(
    ("login", "why"), [("stranger", "Nobody here has your e-mail"), ("unverified-ann", "no e-mail address that it has")]
)
def test_whom_the_house_does_not_know_reads_why_and_is_not_signed_in(ours, issuer, login, why):
    back = ours.get(Away(issuer).go(ours.get("/sign-in/provider").headers["location"], login))

    assert back.status_code == 403
    assert why in back.text
    assert "codman" not in ours.cookies


def test_an_answer_is_good_once_and_only_in_the_browser_that_asked(house, ours, issuer):
    answer = Away(issuer).go(ours.get("/sign-in/provider").headers["location"], "jane")
    other = TestClient(make_web(house), base_url=OURS, follow_redirects=False)

    assert other.get(answer).status_code == 403
    assert ours.get(answer).status_code == 303
    again = ours.get(answer)

    assert again.status_code == 403
    assert "belongs to no sign-in" in again.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda q: q | {"state": "x" * 43}, "belongs to no sign-in"),
        (lambda q: {k: v for k, v in q.items() if k != "state"}, "belongs to no sign-in"),
        (lambda q: q | {"iss": "https://evil.example.org"}, "another provider"),
        (lambda q: {k: v for k, v in q.items() if k != "iss"}, "another provider"),
        (lambda q: q | {"code": "x" * 43}, "did not accept the answer: invalid_grant"),
        (lambda q: {k: v for k, v in q.items() if k != "code"}, "carries no code"),
        (lambda q: q | {"error": "access_denied"}, "access_denied"),
    ],
)
def test_an_answer_that_was_tampered_with_is_refused_on_a_clear_page(ours, issuer, change, why):
    answer = urlsplit(Away(issuer).go(ours.get("/sign-in/provider").headers["location"], "jane"))
    query = {name: values[0] for name, values in parse_qs(answer.query).items()}

    back = ours.get(answer.path, params=change(query))

    assert back.status_code == 403
    assert why in back.text
    assert "codman" not in ours.cookies


def test_a_token_that_was_made_for_another_visit_is_refused(issuer):
    provider = OpenIdProvider(issuer, "codman", SECRET)
    visit = ProviderVisit("s" * 43, "n" * 43, "v" * 64, None, "/", utc_now())
    replayed = ProviderVisit("s" * 43, "m" * 43, "v" * 64, None, "/", utc_now())
    address = provider.address(visit, f"{OURS}/sign-in/back", again=False)
    answer = {k: v[0] for k, v in parse_qs(urlsplit(Away(issuer).go(address, "jane")).query).items()}

    with pytest.raises(ProviderRefused, match="word does not hold"):
        provider.identity(replayed, f"{OURS}/sign-in/back", answer, again=False)


def test_a_verifier_that_is_not_the_one_that_left_gets_no_token(issuer):
    provider = OpenIdProvider(issuer, "codman", SECRET)
    visit = ProviderVisit("s" * 43, "n" * 43, "v" * 64, None, "/", utc_now())
    stolen = ProviderVisit("s" * 43, "n" * 43, "w" * 64, None, "/", utc_now())
    address = provider.address(visit, f"{OURS}/sign-in/back", again=False)
    answer = {k: v[0] for k, v in parse_qs(urlsplit(Away(issuer).go(address, "jane")).query).items()}

    with pytest.raises(ProviderRefused, match="invalid_grant"):
        provider.identity(stolen, f"{OURS}/sign-in/back", answer, again=False)


def test_a_provider_that_does_not_answer_is_a_clear_error_and_local_accounts_still_work(tmp_path):
    settings = Settings(workspace=tmp_path, oidc_issuer="http://127.0.0.1:9", oidc_client_id="codman")
    house = open_house(settings)
    app = TestClient(make_web(house), base_url=OURS, follow_redirects=False, headers={"Origin": OURS})

    away = app.get("/sign-in/provider")

    assert away.status_code == 503
    assert "the sign-in provider cannot be used" in away.text.lower()
    assert app.get("/sign-in").status_code == 200
    house.close()


def test_a_provider_that_gives_itself_another_name_is_not_trusted(issuer):
    with pytest.raises(ProviderAway, match="another name"):
        OpenIdProvider(issuer.replace("127.0.0.1", "localhost"), "codman").address(
            ProviderVisit("s", "n", "v" * 64, None, "/", utc_now()), OURS, again=False
        )


@pytest.mark.parametrize(
    "issuer", ["http://id.example.org", "ftp://id.example.org", "id.example.org", "http://10.0.0.1", "https://", ""]
)
def test_an_issuer_that_cannot_be_trusted_is_refused_at_the_start(issuer):
    with pytest.raises(BadSetting):
        OpenIdProvider(issuer, "codman")


def test_an_issuer_without_a_client_id_is_refused_at_the_start(tmp_path):
    with pytest.raises(BadSetting, match="oidc_client_id"):
        open_house(Settings(workspace=tmp_path, oidc_issuer="https://id.example.org"))
