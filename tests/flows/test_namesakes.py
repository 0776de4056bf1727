"""Two products of one name: nobody makes the second by accident, and evidence finds the one it means."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))
from book import ARTEFACT, Book, bare, signed

from codman.flows import records
from codman.flows.filing import file_evidence
from codman.flows.settling import NotTheirsToSay, settle, to_settle
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.log import SYSTEM, entries
from codman.registry.namesakes import Namesake
from codman.registry.nouns import USES, VENDORS, VERSIONS
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.replay import check_records
from codman.registry.schema import statements
from codman.spine.person import Role
from codman.spine.product import VendorFields, VersionFields
from codman.spine.use import UseFields

SOUTH = Reader("p-two", "Owner of South", (Held(Role.OWNER, "/south/"),))


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def twin(book, **fields):
    """A second product of the same name, made on purpose by somebody of another hospital."""
    return records.create(book.house, SOUTH, "product", {"name": "sepsis ALERT "} | fields, name="twin", another=True)


def known(book, receipt):
    with book.house.database.reading() as connection:
        row = connection.execute(select(statements).where(statements.c.digest == receipt.digest)).one()
    return row.product_id, row.version_id, row.use_id


def test_a_product_of_the_same_name_and_vendor_is_refused_with_the_one_that_is_there(book):
    with book.house.database.changing(SYSTEM) as change:
        VENDORS.add(change, VendorFields(name="Acme"), "acme")

    with pytest.raises(Namesake) as refused:
        records.create(book.house, SOUTH, "product", {"name": " sepsis alert"})
    assert refused.value.existing == "sepsis"
    other = records.create(book.house, SOUTH, "product", {"name": "Sepsis alert", "vendor": "acme"})
    with pytest.raises(Namesake):
        records.change(book.house, SOUTH, "product", other.id, {"vendor": None}, 1)
    assert twin(book).name.strip() == "sepsis ALERT"


def test_a_second_product_of_the_name_stops_no_evidence_that_says_which_artefact_it_is_about(book):
    twin(book)
    receipt = file_evidence(book.house, signed(book.registered("pipeline")), book.officer)

    assert known(book, receipt) == ("sepsis", "sepsis-120", "ward")
    assert to_settle(book.house, book.officer) == []


def test_a_version_of_another_artefact_under_the_twin_refuses_no_evidence_of_the_first(book):
    twin(book)
    with book.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="twin", label="1.3.0", digest="d" * 64), "twin-130")

    receipt = file_evidence(book.house, bare(version="1.3.0"), book.officer)

    assert known(book, receipt) == ("sepsis", None, "ward")


@pytest.mark.parametrize("how", ["key", "vendor", "use", "site"])
def test_what_the_signer_may_speak_about_or_the_use_it_names_tells_twins_apart(book, how):
    with book.house.database.changing(SYSTEM) as change:
        VENDORS.add(change, VendorFields(name="Acme"), "acme")
    twin(book, vendor="acme")
    with book.house.database.changing(SYSTEM) as change:
        USES.add(change, UseFields(product="twin", name="Other use", site="south"), "other")
    limits = {
        "key": {"products": ["twin"]},
        "vendor": {"owner_kind": "vendor", "owner": "ACME", "origins": ["developer"]},
        "site": {"site": "south"},
        "use": {},
    }[how]
    said = {"version": "9", "use": "Other use" if how == "use" else None}
    if how == "vendor":
        said["origin"] = "developer"
    if how == "site":  # both are used, one of them where the key speaks
        with book.house.database.changing(SYSTEM) as change:
            USES.change(change, "ward-south", {"site": "north"}, None)

    receipt = file_evidence(book.house, signed(book.registered("k", **limits), **said), book.officer)

    assert known(book, receipt)[0] == "twin"


def test_what_nothing_tells_apart_is_shown_and_settled_by_a_person(book):
    twin(book)
    with book.house.database.changing(SYSTEM) as change:
        USES.add(change, UseFields(product="twin", name="Other use", site="south"), "other")
    key = book.registered("pipeline")
    unclear = file_evidence(book.house, signed(key, version="9", use=None), book.officer)
    clear = file_evidence(book.house, signed(key), book.officer)
    assert (known(book, unclear), known(book, clear)[0]) == ((None, None, None), "sepsis")

    (one,) = to_settle(book.house, book.officer)
    assert (one.digest, sorted(one.products)) == (unclear.digest, ["sepsis", "twin"])
    with pytest.raises(NotAllowed):
        settle(book.house, SOUTH, unclear.digest, "twin")
    with pytest.raises(BadField, match="may mean"):
        settle(book.house, book.officer, unclear.digest, "no-such")
    with pytest.raises(NotTheirsToSay):
        settle(book.house, book.officer, unclear.digest, "sepsis")  # who sent it has a hand in the use
    settle(book.house, book.second, unclear.digest, "sepsis", why="the builder said so")

    assert known(book, unclear) == ("sepsis", None, None)
    assert to_settle(book.house, book.officer) == []
    with pytest.raises(NoSuchRecord):
        settle(book.house, book.second, unclear.digest, "twin")
    with book.house.database.reading() as connection:
        last = list(entries(connection))[-1]
    assert (last.value["action"], last.texts["why"]) == ("evidence.link", "the builder said so")
    # the next of the same series by the same key goes where a person said the first belongs
    later = file_evidence(book.house, signed(key, version="9", use=None, note="next week"), book.officer)
    assert known(book, later)[0] == "sepsis"


def test_two_uses_of_a_name_are_told_apart_by_a_person_too(book):
    with book.house.database.changing(SYSTEM) as change:
        USES.add(change, UseFields(product="sepsis", name="ward SEPSIS", site="south"), "ward-two")
    receipt = file_evidence(book.house, bare(), book.officer)
    assert known(book, receipt) == ("sepsis", "sepsis-120", None)

    (one,) = to_settle(book.house, book.officer)
    assert sorted(one.uses) == ["ward", "ward-two"]
    settle(book.house, book.second, receipt.digest, "sepsis", "ward-two")

    assert known(book, receipt) == ("sepsis", "sepsis-120", "ward-two")


def test_a_twin_with_the_same_versions_leaves_alone_what_the_key_sent_before(book):
    key = book.registered("pipeline")
    file_evidence(book.house, signed(key), book.officer)
    twin(book)
    with book.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="twin", label="1.2.0", digest=ARTEFACT), "twin-120")
        USES.add(change, UseFields(product="twin", name="Ward sepsis", site="south"), "twin-ward")

    receipt = file_evidence(book.house, signed(key, note="next week"), book.officer)

    assert known(book, receipt) == ("sepsis", "sepsis-120", "ward")
