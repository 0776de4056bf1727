"""`codman user` and `codman token`: people and programs let in from the command line."""

from __future__ import annotations

import io
import json

import pytest

from codman.registry.access import NotSignedIn
from codman.registry.accounts import reader_of_token
from codman.registry.accounts_invitations import find_invitation, first_link
from codman.registry.accounts_sign_in import Browser, sign_in
from codman.registry.database import Database
from codman.registry.log import SYSTEM, entries
from codman.registry.nouns import SITES
from codman.settings import Settings
from codman.spine.site import SiteFields
from door import PASSWORD


@pytest.fixture
def book(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'house' / 'codman.db'}")
    yield opened
    opened.close()


@pytest.fixture
def typed(monkeypatch):
    def say(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return say


@pytest.fixture
def house(codman, tmp_path, typed, monkeypatch):
    """`codman …` on a house of its own, with one administrator in it."""
    monkeypatch.setenv("CODMAN_WORKSPACE", str(tmp_path / "house"))
    typed(PASSWORD + "\n")
    made = codman("user", "add", "--email", "a@example.org", "--role", "admin", "--password-stdin")
    assert made.code == 0, made.err
    return codman


def test_somebody_added_with_a_password_signs_in_with_it(house, book, tmp_path):
    opened = sign_in(book, "a@example.org", PASSWORD, Browser("127.0.0.1"), Settings(workspace=tmp_path / "house"))

    listed = json.loads(house("user", "list", "--format", "json").out)

    assert [(one["email"], one["roles"], one["signs_in_with"]) for one in listed] == [
        ("a@example.org", ["admin"], ["password"])
    ]
    assert opened.person == listed[0]["person"]
    assert first_link(book, book.clock()) is None
    with book.reading() as connection:
        actors = {written.value["actor"]["kind"] for written in entries(connection, 0, 3)}
    assert actors == {"system"}


def test_without_a_password_a_link_is_printed_and_nothing_else_on_standard_output(house, book):
    said = house("user", "add", "--email", "b@example.org", "--role", "viewer")

    assert said.out.startswith("http://127.0.0.1:8000/join/")
    with book.reading() as connection:
        invited = find_invitation(connection, said.out.strip().rpartition("/")[2], book.clock())
    assert (invited.email, invited.role) == ("b@example.org", "viewer")


@pytest.mark.parametrize(
    ("arguments", "typed_in", "why"),
    [
        (["--email", "b@example.org", "--role", "admin", "--password-stdin"], "short\n", "needs 12"),
        (["--email", "b@example.org", "--role", "admin", "--password-stdin"], "", "needs 12"),
        (["--email", "nonsense", "--role", "admin", "--password-stdin"], PASSWORD, "email"),
        (["--email", "A@Example.org", "--role", "viewer", "--password-stdin"], PASSWORD, "somebody has this e-mail"),
        (["--email", "b@example.org", "--role", "king", "--password-stdin"], PASSWORD, "king"),
        (["--email", "b@example.org", "--role", "owner", "--site", "x", "--password-stdin"], PASSWORD, "no site"),
    ],
)
def test_an_account_that_cannot_be_is_refused_and_nothing_is_made(house, typed, arguments, typed_in, why):
    before = house("user", "list", "--format", "json").out
    typed(typed_in)

    said = house("user", "add", *arguments)

    assert said.code == 2
    assert why in said.err
    assert house("user", "list", "--format", "json").out == before


def test_a_role_begins_at_the_site_it_is_given_for(house, book, typed):
    with book.changing(SYSTEM) as change:
        SITES.add(change, SiteFields(name="St Mary", level="hospital"), "mary")
    typed(PASSWORD)

    assert house("user", "add", "--email", "b@example.org", "--role", "owner", "--site", "St Mary", "--password-stdin")

    assert "b@example.org  b  owner at /mary/  password" in house("user", "list").out


def test_a_closed_account_is_listed_as_closed_and_the_last_administrators_stays_open(house, typed):
    assert house("user", "deactivate", "--email", "a@example.org").code == 2
    typed(PASSWORD)
    house("user", "add", "--email", "b@example.org", "--role", "admin", "--password-stdin")

    said = house("user", "deactivate", "--email", "A@EXAMPLE.ORG", "--why", "left the hospital")

    assert said.code == 0
    assert "a@example.org  a  admin  closed" in house("user", "list").out
    assert house("user", "deactivate", "--email", "nobody@example.org").code == 2


def test_a_token_is_printed_once_listed_without_its_secret_and_revoked(house, book):
    made = house("token", "create", "--user", "a@example.org", "--scope", "evidence.submit", "--scope", "*.read")
    secret = made.out.strip()
    assert reader_of_token(book, secret).scopes == {"evidence.submit", "*.read"}

    listed = house("token", "list", "--user", "a@example.org", "--format", "json")
    (one,) = json.loads(listed.out)
    assert secret not in listed.out + house("token", "list").out
    assert one["seen_at"] is not None
    assert house("token", "revoke", one["id"], "--why", "rotated").code == 0

    with pytest.raises(NotSignedIn):
        reader_of_token(book, secret)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--user", "a@example.org", "--scope", "evidence.burn"],
        ["--user", "a@example.org", "--scope", "*", "--days", "0"],
        ["--user", "a@example.org", "--scope", "*", "--days", "9999"],
        ["--user", "nobody@example.org", "--scope", "*"],
        ["--user", "a@example.org"],
    ],
)
def test_a_token_that_cannot_be_is_refused_and_none_is_made(house, arguments):
    said = house("token", "create", *arguments)

    assert said.code == 2
    assert said.out == ""
    assert json.loads(house("token", "list", "--format", "json").out) == []
    assert house("token", "revoke", "token-none").code == 2


def test_a_private_key_given_for_a_public_one_is_named_by_its_file(house, tmp_path):
    (tmp_path / "lab.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    said = house("key", "add", tmp_path / "lab.pem", "--name", "mine", "--owner", "lab:north", "--origin", "local")

    assert said.code == 2
    assert "lab.pem" in said.err


def test_a_role_that_is_none_is_refused_in_plain_words(run_codman, tmp_path):
    done = run_codman("user", "add", "--email", "a@example.org", "--role", "boss", "--workspace", tmp_path / "w")

    assert done.returncode == 2
    assert "Invalid value for '--role': 'boss' is not one of 'viewer'" in done.stderr
