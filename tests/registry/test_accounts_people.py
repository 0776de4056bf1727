"""Letting people in: one-time links, the last administrator, the demo door, a provider's word, emergencies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from codman.registry.access import Held, NotAllowed, Reader, may
from codman.registry.accounts import demo_session, reader_of_session
from codman.registry.accounts_demo import NotADemoHouse, mark_demo
from codman.registry.accounts_emergency import NotYet, review, take, unreviewed
from codman.registry.accounts_invitations import (
    LinkSpent,
    find_invitation,
    first_link,
    invite,
    open_invitations,
    withdraw,
)
from codman.registry.accounts_passwords import WeakPassword
from codman.registry.accounts_people import LastAdministrator, deactivate, person_with, site_named, take_role
from codman.registry.accounts_sign_in import Identity, NobodyHere, join, sign_in_as
from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE, SITES
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord
from codman.registry.schema import grants, people
from codman.registry.schema_accounts import credentials, identities, invitations, sessions
from codman.spine.person import Role
from codman.spine.site import SiteFields
from door import CHEAP, HERE, NOON, PASSWORD, Door


def come_in(door: Door, token: str, email: str = "a@example.org", password: str = PASSWORD):
    return join(
        door.database,
        token,
        name="administrator 1",
        email=email,
        password=password,
        browser=HERE,
        settings=door.settings,
        passwords=CHEAP,
    )


def link(door: Door, role: Role = Role.OWNER, email: str | None = "b@example.org", site: str | None = None) -> str:
    with door.database.changing(SYSTEM) as change:
        return invite(change, role, door.clock(), invited_by=None, email=email, site=site)


def reader(door: Door, token: str) -> Reader:
    return reader_of_session(door.database, token, door.settings)


@pytest.mark.parametrize("email", ["a+second@example.org", "A+@EXAMPLE.org", "a@example.org"])
def test_one_persons_mailbox_makes_no_second_account(door: Door, email: str):
    come_in(door, first_link(door.database, door.clock()))

    with pytest.raises(AlreadyThere):
        come_in(door, link(door, email=email), email)
    for other in ("ab@example.org", "a@example.com", "a_@example.org"):
        come_in(door, link(door, email=other), other)


def test_a_provider_brings_no_second_person_of_one_mailbox(door: Door):
    come_in(door, first_link(door.database, door.clock()))
    said = Identity("https://idp.example", "s-1", "a+other@example.org", email_verified=True, name="A", proven_at=NOON)
    settings = door.settings.model_copy(update={"oidc_create_people": True})

    with pytest.raises(NobodyHere, match="behind its"):
        sign_in_as(door.database, said, HERE, settings)


def test_the_first_link_makes_the_administrator_and_there_is_no_second_first(door: Door):
    token = first_link(door.database, door.clock())
    assert token is not None

    admin = reader(door, come_in(door, token).token)

    assert admin.held == (Held(Role.ADMIN, "/"),)
    assert admin.fresh_until is not None
    assert first_link(door.database, door.clock()) is None
    with pytest.raises(LinkSpent):
        come_in(door, token, "thief@example.org")
    assert [entry["actor"] for entry in door.log()][-1]["kind"] == "invitation"


def test_a_new_first_link_makes_the_earlier_one_worthless_and_leaves_other_links_alone(door: Door):
    other = link(door)
    first, second = first_link(door.database, door.clock()), first_link(door.database, door.clock())
    assert first is not None
    assert second is not None

    with pytest.raises(LinkSpent):
        come_in(door, first)
    assert come_in(door, second)
    assert come_in(door, other, "b@example.org")


def test_a_link_is_over_after_a_day_and_looking_does_not_use_it_up(door: Door):
    token = link(door)
    for _ in range(3):
        with door.database.reading() as connection:
            assert find_invitation(connection, token, door.clock()).role == "owner"
    door.clock.later(hours=23, minutes=59)
    with door.database.reading() as connection:
        assert find_invitation(connection, token, door.clock())
    door.clock.later(minutes=1)
    with pytest.raises(LinkSpent):
        come_in(door, token, "b@example.org")


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_of_eight_who_take_the_same_link_at_once_one_comes_in(door: Door):
    token = first_link(door.database, door.clock())

    def try_it(number: int) -> bool:
        try:
            come_in(door, str(token), f"{number}@example.org")
        except LinkSpent:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_it, range(8))) == 1

    assert len(door.rows(people)) == len(door.rows(credentials)) == 1


def test_a_refused_join_leaves_nothing_and_the_link_still_works(door: Door):
    token = link(door)
    for email, password, error in (
        ("b@example.org", "too short", WeakPassword),
        ("c@example.org", PASSWORD, BadField),
        ("not an address", PASSWORD, BadField),
    ):
        with pytest.raises(error):
            come_in(door, token, email, password)

    assert door.rows(people) == []
    assert door.rows(sessions) == []
    assert reader(door, come_in(door, token, "B@EXAMPLE.ORG").token).roles == {Role.OWNER}


def test_somebody_the_book_knows_from_an_import_joins_as_themselves(door: Door):
    with door.database.changing(SYSTEM) as change:
        known = PEOPLE.add(change, PEOPLE.validated({"name": "owner 7", "email": "b@example.org"}))

    assert reader(door, come_in(door, link(door), "b@example.org").token).person == known.id


def test_somebody_who_signs_in_already_cannot_be_taken_over_by_a_link(door: Door):
    door.person("b@example.org")

    with pytest.raises(AlreadyThere):
        come_in(door, link(door, Role.ADMIN, email=None), "B@example.org", "another long password")

    assert door.sign_in("b@example.org")


def test_a_link_gives_its_role_at_its_site_only(door: Door):
    north = door.site("north", "region")
    door.site("a", parent=north)

    came = reader(door, come_in(door, link(door, Role.OFFICER, site="a"), "b@example.org").token)

    assert came.held == (Held(Role.OFFICER, "/north/a/"),)
    assert not may(came, "use.change", ["/north/"])


def test_a_withdrawn_link_is_worthless_and_not_listed(door: Door):
    token = link(door)
    with door.database.reading() as connection:
        (listed,) = open_invitations(connection, door.clock())
    assert token not in str(listed)
    with door.database.changing(SYSTEM) as change:
        withdraw(change, listed.name)

    with pytest.raises(LinkSpent):
        come_in(door, token, "b@example.org")
    with door.database.reading() as connection:
        assert open_invitations(connection, door.clock()) == []
    with pytest.raises(NoSuchRecord), door.database.changing(SYSTEM) as change:
        withdraw(change, listed.name)


def test_neither_the_link_nor_the_e_mail_stands_in_the_log(door: Door):
    token = link(door, email="somebody@example.org")

    assert token not in str(door.log()) + str(door.rows(invitations)[0].token_digest)
    assert "somebody@" not in str(door.log())


def test_the_last_administrator_can_neither_be_closed_nor_lose_the_role(door: Door):
    admin = door.person("a@example.org", Role.ADMIN)
    grant = door.rows(grants)[0].id
    before = door.actions()

    with pytest.raises(LastAdministrator), door.database.changing(SYSTEM) as change:
        deactivate(change, admin.id)
    with pytest.raises(LastAdministrator), door.database.changing(SYSTEM) as change:
        take_role(change, grant)

    assert door.sign_in("a@example.org")
    assert door.actions() == [*before, "session.create"]
    door.person("b@example.org", Role.ADMIN)
    with door.database.changing(SYSTEM) as change:
        take_role(change, grant)
        deactivate(change, admin.id)


def test_a_site_is_found_by_id_path_or_a_name_only_one_has(door: Door):
    door.site("north", "region")
    with door.database.changing(SYSTEM) as change:
        for name in ("a", "b"):
            SITES.add(change, SiteFields(name="Intensive care", level="unit", parent="north"), name)
        SITES.add(change, SiteFields(name="Clinic", level="unit", parent="north"), "c")
    with door.database.reading() as connection:
        assert site_named(connection, "a") == site_named(connection, "/north/a/") == site_named(connection, "north/a")
        assert site_named(connection, "Clinic") == "c"
        with pytest.raises(BadField, match="2 sites"):
            site_named(connection, "Intensive care")
        with pytest.raises(NoSuchRecord):
            site_named(connection, "nowhere")


def demo_house(door: Door) -> None:
    north = door.site("north", "region")
    with door.database.changing(SYSTEM) as change:
        for number, site in enumerate(("north", None)):
            person = PEOPLE.add(change, PEOPLE.validated({"name": f"officer {number}"}), f"person-{number}")
            change.connection.execute(
                grants.insert().values(
                    id=f"grant-{number}",
                    revision=1,
                    created_at=change.at,
                    updated_at=change.at,
                    person=person.id,
                    role="officer",
                    site=north if site else None,
                )
            )
        mark_demo(change)


def test_a_demo_house_lets_anybody_look_around_in_a_role_and_change_nothing(door: Door):
    demo_house(door)

    guest = reader(door, demo_session(door.database, Role.OFFICER, door.settings).token)

    assert (guest.person, guest.held, guest.read_only) == ("person-1", (Held(Role.OFFICER, "/"),), True)
    assert guest.fresh_until is None
    assert may(guest, "inventory.read")
    assert may(guest, "audit.read")
    assert not may(guest, "use.change")
    assert not may(guest, "token.create")
    assert first_link(door.database, door.clock()) is None
    with pytest.raises(NotADemoHouse, match="nobody in it is chair"):
        demo_session(door.database, Role.CHAIR, door.settings)


def test_a_house_with_passwords_has_no_demo_door(door: Door):
    with pytest.raises(NotADemoHouse):
        demo_session(door.database, Role.OFFICER, door.settings)
    demo_house(door)
    door.person("a@example.org", Role.ADMIN)

    with pytest.raises(NotADemoHouse, match="own passwords"):
        demo_session(door.database, Role.OFFICER, door.settings)
    with pytest.raises(NotADemoHouse), door.database.changing(SYSTEM) as change:
        mark_demo(change)


def says(subject: str = "sub-1", email: str | None = "a@example.org", **more: object) -> Identity:
    plain = {"email_verified": True, "name": "officer 1", "proven_at": NOON}
    return Identity(issuer="https://id.example.org", subject=subject, email=email, **(plain | more))  # type: ignore[arg-type]


def test_a_provider_links_somebody_by_verified_e_mail_once_and_by_subject_from_then_on(door: Door):
    person = door.person("a@example.org")

    first = sign_in_as(door.database, says(), HERE, door.settings)
    later = sign_in_as(door.database, says(email="married@example.org"), HERE, door.settings)

    assert first.person == later.person == person.id
    assert len(door.rows(identities)) == 1
    assert door.actions().count("identity.create") == 1
    assert reader(door, first.token).fresh_until == "2026-11-16T12:05:00.000000Z"


@pytest.mark.parametrize(
    ("identity", "why"),
    [
        (says(email_verified=False), "verified"),
        (says(email=None), "verified"),
        (says(email="stranger@example.org"), "nobody here"),
        (says(email="closed@example.org"), "closed"),
    ],
)
def test_whom_the_house_does_not_know_the_provider_cannot_bring_in(door: Door, identity, why):
    door.person("a@example.org")
    closed = door.person("closed@example.org")
    with door.database.changing(SYSTEM) as change:
        deactivate(change, closed.id)
    before = door.actions()

    with pytest.raises(NobodyHere, match=why):
        sign_in_as(door.database, identity, HERE, door.settings)

    assert door.actions() == before
    assert door.rows(identities) == []


def test_an_address_that_was_given_to_somebody_else_does_not_open_the_first_ones_account(door: Door):
    door.person("a@example.org")
    sign_in_as(door.database, says("sub-1"), HERE, door.settings)

    with pytest.raises(NobodyHere, match="somebody else"):
        sign_in_as(door.database, says("sub-2"), HERE, door.settings)


def test_strangers_come_in_as_nobody_yet_where_the_house_says_so(door: Door):
    open_door = door.settings.model_copy(update={"oidc_create_people": True})

    came = sign_in_as(door.database, says("sub-9", "new@example.org"), HERE, open_door)

    assert reader(door, came.token).held == ()
    with door.database.reading() as connection:
        assert person_with(connection, "NEW@example.org") is not None


def test_somebody_else_cannot_prove_it_for_you(door: Door):
    door.person("b@example.org")
    mine = door.person("a@example.org")

    with pytest.raises(NobodyHere, match="somebody else"):
        sign_in_as(door.database, says(email="b@example.org"), HERE, door.settings, must_be=mine.id)


def test_a_provider_that_does_not_say_when_gives_a_session_that_signs_nothing(door: Door):
    door.person("a@example.org")

    assert reader(door, sign_in_as(door.database, says(proven_at=None), HERE, door.settings).token).fresh_until is None
    hours_ago = says(proven_at=NOON - timedelta(hours=3))
    assert reader(door, sign_in_as(door.database, hours_ago, HERE, door.settings).token).fresh_until is None


REASON = "The sepsis model pages nobody since 02:00 and its owner cannot be reached"


def test_an_emergency_lends_a_right_for_its_time_and_stands_in_the_log(door: Door):
    door.site("a")
    door.person("eng@example.org", Role.ENGINEER, "a")
    token = door.sign_in("eng@example.org").token
    engineer = reader(door, token)
    assert not may(engineer, "deployment.change", ["/a/"])

    with door.database.changing(engineer.author()) as change:
        taken = take(change, engineer, Role.OFFICER, "a", REASON, 20)

    lent = reader(door, token)
    assert may(lent, "deployment.change", ["/a/"])
    assert not may(lent, "deployment.change", ["/"])
    assert not may(lent, "use.decide", ["/a/"])  # it stops what harms, and sets nothing going
    assert lent.emergency == "2026-11-16T12:20:00.000000Z"
    door.clock.later(minutes=20)
    assert not may(reader(door, token), "deployment.change", ["/a/"])
    entry = door.log()[-1]
    assert (entry["action"], entry["about"]["id"]) == ("emergency.create", taken.id)
    assert REASON not in str(entry)  # people's words stand outside the tree
    with door.database.reading() as connection:
        assert [one.id for one in unreviewed(connection)] == [taken.id]


def test_nobody_takes_a_second_emergency_before_somebody_else_reviewed_the_first(door: Door):
    door.person("eng@example.org", Role.ENGINEER)
    door.person("off@example.org", Role.OFFICER)
    engineer, officer = (reader(door, door.sign_in(f"{who}@example.org").token) for who in ("eng", "off"))
    with door.database.changing(engineer.author()) as change:
        taken = take(change, engineer, Role.OFFICER, None, REASON, 60)
    with pytest.raises(NotYet, match="not reviewed"), door.database.changing(engineer.author()) as change:
        take(change, engineer, Role.OFFICER, None, REASON, 60)
    lent = reader(door, door.sign_in("eng@example.org").token)
    with pytest.raises(NotAllowed), door.database.changing(lent.author()) as change:
        review(change, lent, taken.id, "all was well")  # what an emergency lends is no right to judge it

    door.clock.later(minutes=10)
    with door.database.changing(officer.author()) as change:
        done = review(change, officer, taken.id, "Two uses were paused, rightly")

    assert (done.reviewed_by, done.ends_at) == (officer.person, "2026-11-16T12:10:00.000000Z")  # the review ends it
    assert not may(reader(door, door.sign_in("eng@example.org").token), "use.decide")
    with door.database.changing(engineer.author()) as change:
        assert take(change, engineer, Role.OFFICER, None, REASON, 60)


@pytest.mark.parametrize(
    ("role", "site", "reason", "minutes", "error"),
    [
        (Role.ADMIN, "a", REASON, 60, BadField),
        (Role.OFFICER, "a", "quick", 60, BadField),
        (Role.OFFICER, "a", REASON, 0, BadField),
        (Role.OFFICER, "a", REASON, 241, BadField),
        (Role.OFFICER, "b", REASON, 60, NotAllowed),
        (Role.OFFICER, None, REASON, 60, NotAllowed),
        (Role.OFFICER, "nowhere", REASON, 60, NoSuchRecord),
    ],
)
def test_an_emergency_that_cannot_be_is_refused_and_leaves_nothing(door: Door, role, site, reason, minutes, error):
    door.site("a")
    door.site("b")
    door.person("eng@example.org", Role.ENGINEER, "a")
    engineer = reader(door, door.sign_in("eng@example.org").token)

    with pytest.raises(error), door.database.changing(engineer.author()) as change:
        take(change, engineer, role, site, reason, minutes)

    with door.database.reading() as connection:
        assert unreviewed(connection) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
def test_who_only_reads_takes_no_emergency(door: Door, role):
    door.person("v@example.org", role)
    viewer = reader(door, door.sign_in("v@example.org").token)

    with pytest.raises(NotAllowed), door.database.changing(viewer.author()) as change:
        take(change, viewer, Role.OFFICER, None, REASON, 60)
