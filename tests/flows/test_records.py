"""Records through their flow: who may do what where, what follows from a change, and requests that come twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codman.flows import records, rollout, tokens
from codman.flows.house import House
from codman.registry.access import Held, NotAllowed, NotSignedIn, Reader
from codman.registry.accounts import reader_of_token
from codman.registry.accounts_people import LastAdministrator, set_password
from codman.registry.fixed_fields import FixedField
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, GRANTS, PEOPLE, PRODUCTS, SITES, USES
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord, Stale
from codman.registry.requests import KeyReused, Once
from codman.settings import read_settings
from codman.spine.person import Role
from codman.wiring import open_house


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    opened = open_house(read_settings(workspace=tmp_path / "work", database_url=database_url))
    with opened.database.changing(SYSTEM) as change:
        for name, level, parent in (
            ("north", "region", None),
            ("st-mary", "hospital", "north"),
            ("icu", "unit", "st-mary"),
            ("st-john", "hospital", "north"),
        ):
            SITES.add(change, SITES.validated({"name": name, "level": level, "parent": parent}), name)
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Sepsis score"}), "sepsis")
        for person in ("ann", "bob"):
            PEOPLE.add(change, PEOPLE.validated({"name": person}), person)
        for use, site in (("mary-use", "st-mary"), ("john-use", "st-john")):
            USES.add(change, USES.validated({"product": "sepsis", "name": use, "site": site}), use)
        DEPLOYMENTS.add(
            change,
            DEPLOYMENTS.validated({"use": "mary-use", "site": "icu", "mode": "live", "clinician": "ann"}),
            "icu-deployment",
        )
    yield opened
    opened.close()


def somebody(role: Role, path: str = "/", person: str = "ann") -> Reader:
    return Reader(person=person, name=person, held=(Held(role, path),))


MARY = "/north/st-mary/"


def test_what_another_site_has_is_not_there_for_reading(house: House) -> None:
    reader = somebody(Role.OWNER, MARY)

    assert records.get(house, reader, "use", "mary-use").id == "mary-use"
    with pytest.raises(NoSuchRecord):
        records.get(house, reader, "use", "john-use")
    assert [use.id for use in records.page(house, reader, "use").items] == ["mary-use"]


def test_sites_show_their_own_branch_and_what_stands_above_it(house: House) -> None:
    seen = [site.id for site in records.page(house, somebody(Role.VIEWER, MARY), "site").items]

    assert seen == ["icu", "north", "st-mary"]


def test_a_unit_may_not_change_what_its_hospital_answers_for(house: House) -> None:
    unit = somebody(Role.OWNER, "/north/st-mary/icu/")

    assert records.get(house, unit, "use", "mary-use").revision == 1  # it runs here, so it is seen here
    with pytest.raises(NotAllowed):
        records.change(house, unit, "use", "mary-use", {"topic": "sepsis"}, 1)


def test_a_use_cannot_be_moved_to_a_site_out_of_reach(house: House) -> None:
    with pytest.raises((NotAllowed, BadField)):
        records.change(house, somebody(Role.OWNER, MARY), "use", "mary-use", {"site": "st-john"}, 1)


def test_an_owner_keeps_a_use_and_only_a_review_decides_it(house: House) -> None:
    owner, chair = somebody(Role.OWNER), somebody(Role.CHAIR)

    assert records.change(house, owner, "use", "mary-use", {"topic": "sepsis"}, 1).revision == 2
    for field, value in (("stage", "live"), ("decision", "approved"), ("tier", "low"), ("impact", "not high-impact")):
        with pytest.raises(NotAllowed):
            records.change(house, owner, "use", "mary-use", {field: value}, 2)
    found = {"stage": "live", "decision": "undecided (legacy)"}
    assert records.change(house, chair, "use", "mary-use", found, 2).stage == "live"
    with pytest.raises(NotAllowed):
        records.change(house, chair, "use", "mary-use", {"topic": "other"}, 3)


@pytest.mark.parametrize("word", ["approved", "approved with conditions", "deferred", "rejected"])
def test_nobody_decides_a_use_by_editing_it_or_by_entering_it_as_decided(house: House, word: str) -> None:
    chair, officer = somebody(Role.CHAIR), somebody(Role.OFFICER)

    with pytest.raises(FixedField, match="only a case decides"):
        records.change(house, chair, "use", "mary-use", {"stage": "live", "decision": word}, 1)
    for stage in ("proposed", "live"):
        entered = {"product": "sepsis", "name": "third", "stage": stage, "decision": word}
        with pytest.raises(FixedField, match="only a case decides") as refused:
            records.create(house, officer, "use", entered)
        assert "open a case" in refused.value.fix


def test_a_use_may_enter_as_proposed_or_as_running_already_and_not_as_approved(house: House) -> None:
    owner = somebody(Role.OWNER)
    fields = {"product": "sepsis", "name": "third"}

    assert records.create(house, owner, "use", fields).stage == "proposed"
    legacy = {**fields, "stage": "live", "decision": "undecided (legacy)"}
    assert records.create(house, owner, "use", legacy).decision == "undecided (legacy)"
    with pytest.raises(NotAllowed):
        records.create(house, owner, "use", {**fields, "stage": "live", "decision": "approved"})


def test_a_stale_revision_is_refused_and_the_error_says_the_current_one(house: House) -> None:
    owner = somebody(Role.OWNER)
    records.change(house, owner, "use", "mary-use", {"topic": "sepsis"}, 1)

    with pytest.raises(Stale) as refused:
        records.change(house, owner, "use", "mary-use", {"topic": "other"}, 1)
    assert refused.value.current == 2


def test_who_answers_for_a_use_accepts_it_for_no_site_though_the_deployment_names_them(house: House) -> None:
    owner = somebody(Role.OWNER, person="bob")
    records.change(house, somebody(Role.OWNER), "use", "mary-use", {"owner": "bob"}, 1)
    named = records.change(house, owner, "deployment", "icu-deployment", {"clinician": "bob"}, 1)

    with pytest.raises(NotAllowed, match="you answer for this use"):
        records.accept_deployment(house, owner, "icu-deployment", named.revision)


def test_where_it_reaches_patients_somebody_stays_accountable_until_it_is_stopped(house: House) -> None:
    owner = somebody(Role.OWNER)
    with pytest.raises(BadField, match="name another, or stop it first"):
        records.change(house, owner, "deployment", "icu-deployment", {"clinician": None}, 1)
    stopped = records.change(house, owner, "deployment", "icu-deployment", {"mode": "paused", "clinician": None}, 1)

    assert stopped.clinician is None


def test_only_the_named_clinician_accepts_and_a_new_clinician_must_accept_again(house: House) -> None:
    with pytest.raises(NotAllowed):
        records.accept_deployment(house, somebody(Role.OWNER, person="bob"), "icu-deployment", 1)
    accepted = records.accept_deployment(house, somebody(Role.REVIEWER, person="ann"), "icu-deployment", 1)
    assert accepted.accepted_at is not None

    changed = records.change(house, somebody(Role.OWNER), "deployment", "icu-deployment", {"clinician": "bob"}, 2)
    assert changed.accepted_at is None
    with pytest.raises(BadField):
        records.change(
            house, somebody(Role.OWNER), "deployment", "icu-deployment", {"accepted_at": "2026-01-01T00:00:00Z"}, 3
        )


def test_the_same_request_twice_makes_one_record_and_another_body_is_refused(house: House) -> None:
    owner = somebody(Role.OWNER)
    first = records.create(house, owner, "product", {"name": "A"}, once=Once("ann", "key-1", "a" * 64))
    again = records.create(house, owner, "product", {"name": "A"}, once=Once("ann", "key-1", "a" * 64))

    assert again == first
    with pytest.raises(KeyReused):
        records.create(house, owner, "product", {"name": "B"}, once=Once("ann", "key-1", "b" * 64))
    assert len(records.page(house, owner, "product").items) == 2


def test_an_id_with_the_same_fields_is_the_same_record_and_with_others_is_taken(house: House) -> None:
    owner = somebody(Role.OWNER)

    assert records.create(house, owner, "product", {"name": "Sepsis score"}, name="sepsis").revision == 1
    with pytest.raises(AlreadyThere):
        records.create(house, owner, "product", {"name": "Another"}, name="sepsis")


def test_a_reference_to_what_is_not_there_names_its_field(house: House) -> None:
    with pytest.raises(BadField) as refused:
        records.create(house, somebody(Role.OWNER), "use", {"product": "nothing", "name": "x"})

    assert refused.value.field == "product"


def test_moving_a_hospital_moves_the_paths_below_it(house: House) -> None:
    officer = somebody(Role.OFFICER)
    records.create(house, officer, "site", {"name": "South", "level": "region"}, name="south")

    records.change(house, officer, "site", "st-mary", {"parent": "south"}, 1)

    assert records.get(house, officer, "site", "icu").path == "/south/st-mary/icu/"


def test_the_last_administrator_of_the_house_stays(house: House) -> None:
    with house.database.changing(SYSTEM) as change:
        grant = GRANTS.add(change, GRANTS.validated({"person": "ann", "role": "admin"}))
        set_password(change, "ann", "a hash")
        set_password(change, "bob", "a hash")
    admin = somebody(Role.ADMIN)

    with pytest.raises(LastAdministrator):
        records.remove(house, admin, "grant", grant.id, 1)
    with pytest.raises(LastAdministrator):
        records.change(house, admin, "person", "ann", {"active": False}, 1)
    records.create(house, admin, "grant", {"person": "bob", "role": "admin"})
    records.remove(house, admin, "grant", grant.id, 1)
    with pytest.raises(NoSuchRecord):
        records.get(house, admin, "grant", grant.id)


def test_an_administrator_of_a_hospital_gives_no_role_beyond_it(house: House) -> None:
    admin = somebody(Role.ADMIN, MARY)

    with pytest.raises(NotAllowed):
        records.create(house, admin, "grant", {"person": "bob", "role": "admin"})
    assert records.create(house, admin, "grant", {"person": "bob", "role": "viewer", "site": "icu"}).site == "icu"


def test_a_product_is_not_its_own_ancestor(house: House) -> None:
    owner = somebody(Role.OFFICER)
    inner = records.create(house, owner, "product", {"name": "Inner", "embedded_in": "sepsis"})

    with pytest.raises(BadField) as refused:
        records.change(house, owner, "product", "sepsis", {"embedded_in": inner.id}, 1)
    assert refused.value.field == "embedded_in"


def test_closing_an_account_ends_its_tokens(house: House) -> None:
    admin = somebody(Role.ADMIN)
    issued = tokens.create_token(house, somebody(Role.OWNER, person="bob"), "bob", ["*"], name="ci", days=1)

    records.change(house, admin, "person", "bob", {"active": False}, 1)

    with pytest.raises(NotSignedIn):
        reader_of_token(house.database, issued.secret)


def test_a_token_makes_no_token_that_may_do_more_and_nobody_makes_one_for_another(house: House) -> None:
    narrow = Reader(person="bob", name="bob", held=(Held(Role.OWNER),), scopes=frozenset({"token.create", "*.read"}))

    with pytest.raises(BadField):
        tokens.create_token(house, narrow, "bob", ["*"], name="ci", days=1)
    with pytest.raises(NotAllowed):
        tokens.create_token(house, somebody(Role.OFFICER), "bob", ["*.read"], name="ci", days=1)


def test_sixty_hospitals_change_their_mode_as_one_action_or_not_at_all(house: House) -> None:
    officer = somebody(Role.OFFICER)
    sites = [f"hospital-{k:02}" for k in range(60)]
    for name in sites:
        records.create(house, officer, "site", {"name": name, "level": "hospital", "parent": "north"}, name=name)
    made = rollout.deploy_at(house, officer, "john-use", sites, {"mode": "silent"})
    assert len(made) == 60

    changed = rollout.change_everywhere(
        house, officer, "john-use", {"mode": "live"}, state=rollout.state_tag(made), why="go-live"
    )
    assert {one.mode for one in changed} == {"live"}
    with pytest.raises(rollout.SeenOtherwise):
        rollout.change_everywhere(house, officer, "john-use", {"mode": "paused"}, state=rollout.state_tag(made))
    with pytest.raises(BadField):
        rollout.change_everywhere(house, officer, "john-use", {"mode": "nowhere"})
    assert {one.mode for one in rollout.deployments_of(house, officer, "john-use")} == {"live"}
