"""Sessions and tokens: opened under new names, ended by time, by their owner and by whoever closes the account."""

from __future__ import annotations

import hashlib

import pytest

from codman.registry.access import Held, NotSignedIn, may
from codman.registry.accounts import reader_of_bearer, reader_of_session, reader_of_token, seen_by
from codman.registry.accounts_passwords import WeakPassword
from codman.registry.accounts_people import accounts, deactivate, give_role, take_role
from codman.registry.accounts_sessions import end_session, end_sessions, sessions_of
from codman.registry.accounts_sign_in import Browser, SignInRefused, change_password, prove_again
from codman.registry.accounts_tokens import LONGEST_DAYS, PREFIX, BadDays, BadScope, Issued, issue, revoke, tokens_of
from codman.registry.database import instant
from codman.registry.log import SYSTEM, Author
from codman.registry.nouns import GRANTS
from codman.registry.records import NoSuchRecord
from codman.registry.schema import grants
from codman.registry.schema_accounts import credentials, sessions, tokens
from codman.spine.person import Role
from door import CHEAP, HERE, PASSWORD, Door


def reader(door: Door, token: str):
    return reader_of_session(door.database, token, door.settings)


def token_for(door: Door, person: str, *scopes: str, days: int = 90) -> Issued:
    with door.database.changing(SYSTEM) as change:
        return issue(change, person, scopes or ("*",), door.clock(), days=days, name="a pipeline")


def test_a_session_names_its_owner_with_their_roles_and_is_fresh_for_five_minutes(door: Door):
    icu = door.site("icu", "unit")
    person = door.person("a@example.org", Role.OWNER, icu)

    found = reader(door, door.sign_in("A@Example.org").token)

    assert (found.person, found.name, found.via) == (person.id, "officer 1", "person")
    assert found.held == (Held(Role.OWNER, "/icu/"),)
    assert found.fresh_until == "2026-11-16T12:05:00.000000Z"
    assert not found.read_only


def test_only_the_digest_of_a_256_bit_token_is_stored(door: Door):
    door.person("a@example.org")
    tokens_seen = {door.sign_in("a@example.org").token for _ in range(5)}

    stored = {row.token_digest for row in door.rows(sessions)}

    assert all(len(token) == 43 for token in tokens_seen)  # 32 bytes in base64url
    assert stored == {hashlib.sha256(token.encode()).hexdigest() for token in tokens_seen}
    assert not any(token in str(door.log()) for token in tokens_seen)


def test_the_token_a_browser_came_with_is_worth_nothing_after_signing_in(door: Door):
    door.person("victim@example.org")
    door.person("attacker@example.org")
    planted = door.sign_in("attacker@example.org").token

    opened = door.sign_in("victim@example.org", browser=Browser("192.0.2.7", token=planted))

    assert opened.token != planted
    with pytest.raises(NotSignedIn):
        reader(door, planted)


def test_a_session_unused_for_half_an_hour_is_over_and_one_in_use_goes_on(door: Door):
    door.person("a@example.org")
    used, unused = door.sign_in("a@example.org").token, door.sign_in("a@example.org").token
    for _ in range(4):
        door.clock.later(minutes=15)
        reader(door, used)

    assert reader(door, used)
    with pytest.raises(NotSignedIn, match="30 minutes unused"):
        reader(door, unused)


def test_a_session_is_over_after_twelve_hours_however_much_it_is_used(door: Door):
    door.person("a@example.org")
    token = door.sign_in("a@example.org").token
    for _ in range(35):
        door.clock.later(minutes=20)
        assert reader(door, token)

    door.clock.later(minutes=20)

    with pytest.raises(NotSignedIn, match="12 hours"):
        reader(door, token)


def test_being_seen_is_written_at_most_once_a_minute(door: Door):
    door.person("a@example.org")
    token = door.sign_in("a@example.org").token
    for _ in range(5):
        door.clock.later(seconds=11)
        reader(door, token)
    assert door.rows(sessions)[0].seen_at == "2026-11-16T12:00:00.000000Z"

    door.clock.later(seconds=5)
    reader(door, token)

    assert door.rows(sessions)[0].seen_at == instant(door.clock())


def test_other_rights_come_with_the_next_request_under_another_token(door: Door):
    person = door.person("a@example.org", Role.VIEWER)
    old = door.sign_in("a@example.org").token
    assert seen_by(door.database, old, door.settings).token is None

    with door.database.changing(SYSTEM) as change:
        give_role(change, person.id, Role.ADMIN, None)
    seen = seen_by(door.database, old, door.settings)

    assert may(seen.reader, "person.create")
    assert seen.token is not None
    assert seen.token != old
    assert seen_by(door.database, seen.token, door.settings).token is None
    assert seen_by(door.database, old, door.settings).reader.person == person.id  # a request that was under way
    door.clock.later(seconds=21)
    with pytest.raises(NotSignedIn):
        reader(door, old)
    assert reader(door, seen.token).person == person.id


def test_a_role_that_is_taken_away_is_gone_with_the_next_request(door: Door):
    person = door.person("a@example.org", Role.OFFICER)
    token, secret = door.sign_in("a@example.org").token, token_for(door, person.id).secret
    door.person("admin@example.org", Role.ADMIN)

    with door.database.changing(SYSTEM) as change:
        take_role(change, change.connection.execute(grants.select().where(grants.c.person == person.id)).one().id)

    assert reader(door, token).held == ()
    assert reader_of_token(door.database, secret).held == ()


def test_signing_out_ends_the_session_and_signing_out_twice_is_no_error(door: Door):
    door.person("a@example.org")
    token = door.sign_in("a@example.org").token

    end_session(door.database, token)
    end_session(door.database, token)

    with pytest.raises(NotSignedIn):
        reader(door, token)
    assert door.actions().count("session.end") == 1


def test_somebody_ends_their_other_sessions_and_nobody_elses(door: Door):
    person, other = door.person("a@example.org"), door.person("b@example.org")
    here, there = door.sign_in("a@example.org"), door.sign_in("a@example.org")
    theirs = door.sign_in("b@example.org")

    assert end_sessions(door.database, Author("person", person.id), person.id, name=theirs.name) == 0
    assert end_sessions(door.database, Author("person", person.id), person.id, but=here.name) == 1

    assert reader(door, here.token)
    assert reader(door, theirs.token).person == other.id
    with pytest.raises(NotSignedIn):
        reader(door, there.token)
    with door.database.reading() as connection:
        listed = sessions_of(connection, person.id, door.settings, door.clock())
    assert [(one.name, one.agent, one.method) for one in listed] == [(here.name, "a browser", "password")]


def test_a_closed_account_loses_its_sessions_and_tokens_at_once(door: Door):
    door.person("admin@example.org", Role.ADMIN)
    person = door.person("a@example.org")
    token, issued = door.sign_in("a@example.org").token, token_for(door, person.id)

    with door.database.changing(SYSTEM) as change:
        deactivate(change, person.id)

    with pytest.raises(NotSignedIn):
        reader(door, token)
    with pytest.raises(NotSignedIn):
        reader_of_token(door.database, issued.secret)
    with pytest.raises(SignInRefused):
        door.sign_in("a@example.org")
    assert door.rows(sessions) == []
    assert door.rows(tokens)[0].revoked_at == instant(door.clock())
    with door.database.reading() as connection:
        assert [one.active for one in accounts(connection) if one.person == person.id] == [False]


def test_an_account_closed_by_any_other_way_is_closed_at_the_door_all_the_same(door: Door):
    from codman.registry.nouns import PEOPLE

    person = door.person("a@example.org")
    token, issued = door.sign_in("a@example.org").token, token_for(door, person.id)
    with door.database.changing(SYSTEM) as change:
        PEOPLE.change(change, person.id, {"active": False}, None)  # e.g. by an edit of the person

    for refused in (
        lambda: reader(door, token),
        lambda: reader_of_token(door.database, issued.secret),
    ):
        with pytest.raises(NotSignedIn, match="closed"):
            refused()


def test_proving_again_gives_a_fresh_session_and_ends_the_stale_one(door: Door):
    door.person("a@example.org")
    old = door.sign_in("a@example.org").token
    door.clock.later(minutes=6)
    stale = reader(door, old)
    assert stale.fresh_until is None

    opened = prove_again(door.database, stale, PASSWORD, Browser("192.0.2.7", token=old), door.settings, CHEAP)

    assert reader(door, opened.token).fresh_until == "2026-11-16T12:11:00.000000Z"
    with pytest.raises(NotSignedIn):
        reader(door, old)
    with pytest.raises(SignInRefused):
        prove_again(door.database, stale, "somebody else's", HERE, door.settings, CHEAP)


def test_a_token_cannot_prove_who_holds_it_nor_change_the_password(door: Door):
    person = door.person("a@example.org")
    program = reader_of_token(door.database, token_for(door, person.id).secret)

    assert program.fresh_until is None
    with pytest.raises(SignInRefused):
        prove_again(door.database, program, PASSWORD, HERE, door.settings, CHEAP)
    with pytest.raises(SignInRefused):
        change_password(door.database, program, PASSWORD, "another long password", HERE, CHEAP)


def test_another_password_ends_the_other_sessions_and_the_old_one_no_longer_fits(door: Door):
    door.person("a@example.org")
    here, there = door.sign_in("a@example.org"), door.sign_in("a@example.org")
    owner = reader(door, here.token)

    with pytest.raises(WeakPassword):
        change_password(door.database, owner, PASSWORD, "password1234", HERE, CHEAP)
    with pytest.raises(SignInRefused):
        change_password(door.database, owner, "not the old one", "seven purple lanterns", HERE, CHEAP)
    change_password(door.database, owner, PASSWORD, "seven purple lanterns", HERE, CHEAP)

    assert reader(door, here.token)
    with pytest.raises(NotSignedIn):
        reader(door, there.token)
    with pytest.raises(SignInRefused):
        door.sign_in("a@example.org")
    assert door.sign_in("a@example.org", "seven purple lanterns")
    assert "argon2" not in str(door.log())
    assert "argon2id" in door.rows(credentials)[0].password_hash


def test_a_hash_of_older_costs_is_renewed_when_its_owner_comes_in(door: Door):
    from codman.registry.accounts_passwords import Passwords
    from codman.registry.accounts_sign_in import sign_in

    door.person("a@example.org")
    dearer = Passwords(memory_kib=128, passes=2, lanes=1)

    sign_in(door.database, "a@example.org", PASSWORD, HERE, door.settings, dearer)

    assert "m=128,t=2,p=1" in door.rows(credentials)[0].password_hash
    assert sign_in(door.database, "a@example.org", PASSWORD, HERE, door.settings, dearer)


def test_a_token_is_shown_once_and_carries_its_owners_rights_within_its_scopes(door: Door):
    person = door.person("a@example.org", Role.ENGINEER)
    issued = token_for(door, person.id, "evidence.submit", "*.read")

    program = reader_of_bearer(door.database, f"Bearer {issued.secret}")

    assert issued.secret.startswith(PREFIX)
    assert len(issued.secret) == len(PREFIX) + 43
    assert hashlib.sha256(issued.secret.encode()).hexdigest() == door.rows(tokens)[0].token_digest
    assert issued.secret not in str(door.log())
    assert may(program, "evidence.submit")
    assert may(program, "inventory.read")
    assert not may(program, "version.create")  # its owner may, the token may not
    assert not may(program, "audit.read")  # in scope, and its owner may not
    assert (program.via, program.via_id) == ("token", issued.token.id)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer codman_", "Bearer codman_x", "bearer"]
)
def test_what_is_no_token_of_ours_lets_nobody_in(door: Door, header):
    with pytest.raises(NotSignedIn):
        reader_of_bearer(door.database, header)


def test_a_token_ends_with_its_days_and_when_it_is_revoked(door: Door):
    person = door.person("a@example.org")
    short, long = token_for(door, person.id, days=1), token_for(door, person.id, days=LONGEST_DAYS)
    door.clock.later(days=1)
    with pytest.raises(NotSignedIn, match="has ended"):
        reader_of_token(door.database, short.secret)
    assert reader_of_token(door.database, long.secret)

    for _ in range(2):  # revoking twice is revoking once
        with door.database.changing(SYSTEM) as change:
            revoke(change, long.token.id)

    with pytest.raises(NotSignedIn, match="revoked"):
        reader_of_token(door.database, long.secret)
    assert door.actions().count("token.revoke") == 1
    with door.database.reading() as connection:
        assert {one.id for one in tokens_of(connection, person.id)} == {short.token.id, long.token.id}


@pytest.mark.parametrize("scope", ["evidence.burn", "burn.*", "*.burn", "evidence", "", "**", "*.*"])
def test_a_scope_that_names_no_action_is_refused_and_nothing_is_made(door: Door, scope):
    person = door.person("a@example.org")

    with pytest.raises(BadScope):
        token_for(door, person.id, "evidence.submit", scope)

    assert door.rows(tokens) == []


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_token_lasts_a_year_at_most(door: Door, days):
    person = door.person("a@example.org")

    with pytest.raises(BadDays):
        token_for(door, person.id, days=days)


def test_revoking_what_is_not_there_says_so(door: Door):
    with pytest.raises(NoSuchRecord), door.database.changing(SYSTEM) as change:
        revoke(change, "token-none")


def test_every_step_at_the_door_stands_in_the_log_with_who_took_it(door: Door):
    person = door.person("a@example.org")
    token = door.sign_in("a@example.org").token
    end_session(door.database, token)

    steps = [(entry["actor"]["id"], entry["action"]) for entry in door.log()]

    assert steps == [
        ("codman", "person.create"),
        ("codman", "password.change"),
        ("codman", "grant.create"),
        (person.id, "session.create"),
        (person.id, "session.end"),
    ]
    with door.database.reading() as connection:
        assert GRANTS.page(connection).items[0].role is Role.OFFICER
