"""Evidence that came before what it is about finds it, whichever way the book learns of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))
from book import PREDICTIONS, Book, bare, signed

from codman.flows import records
from codman.flows.filing import file_evidence
from codman.flows.inventory_import import import_file
from codman.flows.operator import OPERATOR
from codman.registry.log import SYSTEM, check, entries
from codman.registry.nouns import PRODUCTS, USES, VERSIONS
from codman.registry.replay import check_records
from codman.registry.schema import statements
from codman.spine.product import ProductFields, VersionFields
from codman.spine.use import UseFields

ABOUT = {"product": "Stroke alert", "version": "2.0", "use": "Stroke, emergency"}


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    yield made
    with made.house.database.reading() as connection:
        check(connection)
        check_records(connection)
    made.house.close()


def known(book, receipt):
    with book.house.database.reading() as connection:
        row = connection.execute(select(statements).where(statements.c.digest == receipt.digest)).one()
    return row.product_id, row.version_id, row.use_id


def links(book):
    with book.house.database.reading() as connection:
        values = [one.value for one in entries(connection)]
    return [(value["actor"]["id"], value["after"]) for value in values if value["action"] == "evidence.link"]


def test_evidence_is_linked_as_its_product_version_and_use_are_made(book):
    receipt = file_evidence(book.house, signed(book.registered("pipeline"), **ABOUT), book.officer)
    assert known(book, receipt) == (None, None, None)

    records.create(book.house, book.second, "product", {"name": "stroke ALERT"}, name="stroke")
    assert known(book, receipt) == ("stroke", None, None)
    records.create(book.house, book.second, "version", {"product": "stroke", "label": "2.0"}, name="stroke-2")
    records.create(book.house, book.second, "use", {"product": "stroke", "name": "Stroke, emergency"}, name="emergency")

    assert known(book, receipt) == ("stroke", "stroke-2", "emergency")
    assert links(book) == [
        ("p-two", {"product_id": "stroke"}),
        ("p-two", {"version_id": "stroke-2"}),
        ("p-two", {"use_id": "emergency"}),
    ]


def test_a_rename_links_what_names_the_new_name_and_what_the_old_one_no_longer_confuses(book):
    waits = file_evidence(book.house, bare(**ABOUT, note="new name"), book.officer)
    with book.house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Fall alert"), "fall")
        PRODUCTS.add(change, ProductFields(name="Fall alert"), "fall-too")
    confused = file_evidence(book.house, bare(product="Fall alert", use=None, version="1"), book.officer)
    assert (known(book, waits)[0], known(book, confused)[0]) == (None, None)

    records.change(book.house, book.officer, "product", "fall-too", {"name": "Stroke alert"}, 1)

    assert (known(book, waits)[0], known(book, confused)[0]) == ("fall-too", "fall")


def test_two_that_match_link_nothing(book):
    receipt = file_evidence(book.house, bare(**ABOUT), book.officer)
    with book.house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Stroke alert"), "one")

    records.create(book.house, book.officer, "product", {"name": "Stroke alert"}, name="two", another=True)

    assert known(book, receipt) == (None, None, None)
    assert links(book) == []


def test_evidence_of_another_artefact_than_the_new_version_stays_unlinked(book):
    receipt = file_evidence(book.house, bare(version="9"), book.officer)
    made = {"product": "sepsis", "label": "9", "digest": "d" * 64}

    records.create(book.house, book.officer, "version", made, name="sepsis-9")

    assert known(book, receipt) == ("sepsis", None, "ward")


def test_a_key_of_another_site_is_not_carried_to_a_new_use(book):
    key = book.registered("south", site="south")
    receipt = file_evidence(book.house, signed(key, use="Ward sepsis, night"), book.officer)

    made = {"product": "sepsis", "name": "Ward sepsis, night", "site": "north"}
    records.create(book.house, book.officer, "use", made, name="night")

    assert known(book, receipt) == ("sepsis", "sepsis-120", None)


def test_sending_again_links_what_was_put_into_the_book_meanwhile(book):
    body = signed(book.registered("pipeline"), **ABOUT, subject=PREDICTIONS)
    first = file_evidence(book.house, body, book.officer)
    with book.house.database.changing(SYSTEM) as change:  # past the flow that links
        PRODUCTS.add(change, ProductFields(name="Stroke alert"), "stroke")
        VERSIONS.add(change, VersionFields(product="stroke", label="2.0", digest="d" * 64), "stroke-2")
        USES.add(change, UseFields(product="stroke", name="Stroke, emergency"), "emergency")

    again = file_evidence(book.house, body, book.officer)

    assert again == first
    assert known(book, first) == ("stroke", "stroke-2", "emergency")


def test_evidence_finds_the_product_and_use_that_an_import_brings(book, tmp_path):
    receipt = file_evidence(book.house, bare(**ABOUT), book.officer)
    (tmp_path / "list.csv").write_text('Ref,Product,Name\n1,Stroke alert,"Stroke, emergency"\n')
    fields = "fields:\n  product.name: {column: Product}\n  use.name: {column: Name}\n"
    (tmp_path / "own.yaml").write_text(f"mapping: own\nid: Ref\n{fields}")

    import_file(book.house, OPERATOR, tmp_path / "list.csv", tmp_path / "own.yaml")

    product, _version, use = known(book, receipt)
    assert product is not None
    assert use is not None
