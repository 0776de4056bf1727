"""Coverage: every field of three frameworks has a home, and each answer says what stands behind it."""

from __future__ import annotations

import time

import pytest
from lxml import etree
from sqlalchemy import insert, select, update

from codman.registry.coverage import State, coverage_of, house_coverage, tallies
from codman.registry.database import Database
from codman.registry.frameworks import every_framework, framework
from codman.registry.imports.reading import read_list
from codman.registry.log import SYSTEM
from codman.registry.nouns import FACTS, PRODUCTS, SITES, USES, VENDORS, VERSIONS
from codman.registry.records import NoSuchRecord
from codman.registry.related import answers_about
from codman.registry.schema import facts, keys, products, statements, uses, vendors, versions
from codman.registry.schema_filing import statement_signatures

NORTH = {"site": "north"}
LONG_AGO = "2020-01-01T00:00:00.000000Z"
XS = "{http://www.w3.org/2001/XMLSchema}"


def leaves_of(schema):
    root = schema.getroot()
    types = {t.get("name"): t for t in root.findall(f"{XS}complexType")}

    def walk(element, path):
        for child in element.iter(f"{XS}element"):
            if child.get("ref") is None:
                inner = f"{path}/{child.get('name')}".lstrip("/")
                kind = child.get("type")
                yield from [inner] if kind == "xs:string" else walk(types[kind.split(":")[1]], inner)

    return list(walk(root.find(f"{XS}element").find(f"{XS}complexType"), ""))


def test_hti_1_has_its_31_and_13_attributes():
    ids = [field.id for field in framework("hti-1").fields]

    assert len([i for i in ids if not i.startswith("A.")]) == 31
    assert [i for i in ids if i.startswith("A.")] == [f"A.{n}" for n in range(1, 14)]
    assert len(set(ids)) == 44


def test_the_model_card_has_every_leaf_of_its_schema(real_data):
    schema = etree.parse(real_data / "governance/chai-model-cards/schema-v0.2.xsd")

    assert [field.id for field in framework("chai-model-card").fields] == leaves_of(schema)


def test_the_omb_inventory_has_every_column_of_its_file(real_data):
    headings = read_list(real_data / "governance/us-federal-2025/use-cases.csv").headings

    assert {field.id for field in framework("omb-2025").fields} == set(headings)
    assert len([f for f in framework("omb-2025").fields if not f.identifier]) == 35


def test_every_home_is_a_column_that_is_there_or_the_fields_own_fact():
    tables = {"use": uses, "product": products, "vendor": vendors, "version": versions}
    for f in every_framework():
        for field in f.fields:
            if field.column is None:
                assert field.home == f"{f.framework}/{field.id}"
            else:
                assert field.column[1] in tables[field.column[0]].c, field.home


def test_every_other_answer_a_field_names_is_a_field_of_a_framework():
    known = {f"{f.framework}/{field.id}" for f in every_framework() for field in f.fields}

    assert {name for f in every_framework() for field in f.fields for name in field.also} <= known


def statement(digest, **more):
    row = {
        "digest": digest * 64,
        "kind": "evaluation",
        "origin": "local",
        "standing": "verified",
        "size": 1,
        "filed_at": "2026-01-01T00:00:00.000000Z",
        "filed_by": "p",
        "log_index": ord(digest),
        "use_id": "use-1",
    }
    return row | more


def vouch(connection, *digests, revoked_from=None):
    """A key of the house has signed these; from a day on it may be worth nothing."""
    row = {"id": "key-1", "revision": 1, "created_at": LONG_AGO, "updated_at": LONG_AGO, "keyid": "f" * 64, "name": "k"}
    row |= {
        "owner_kind": "pipeline",
        "owner": "nightly",
        "origins": ["local"],
        "public_pem": "",
        "valid_from": LONG_AGO,
    }
    connection.execute(insert(keys), [row | {"revoked_from": revoked_from}])
    signed = [
        {"digest": d * 64, "keyid": "f" * 64, "at": "2026-01-01T00:00:00.000000Z", "log_index": 1} for d in digests
    ]
    connection.execute(insert(statement_signatures), signed)


@pytest.fixture
def book(database: Database) -> Database:
    with database.changing(SYSTEM) as change:
        VENDORS.add(change, VENDORS.validated({"name": "Acme"}), "acme")
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Sepsis", "vendor": "acme"}), "product-1")
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Other"}), "product-2")
        SITES.add(change, SITES.validated({"name": "North", "level": "hospital"}), "north")
        USES.add(
            change,
            USES.validated({"product": "product-1", "name": "A", "purpose": "Warns", "demographic_inputs": []} | NORTH),
            "use-1",
        )
        USES.add(change, USES.validated({"product": "product-2", "name": "B"}), "use-2")
    return database


def fact(book, about, field, value, basis="claim", kind="use", **more):
    with book.changing(SYSTEM) as change:
        values = {"about_kind": kind, "about": about, "field": field, "value": value, "basis": basis, "source": "test"}
        values |= more
        FACTS.add(change, FACTS.validated(values))


def state(book, field, use="use-1"):
    with book.reading() as connection:
        return next(a for a in coverage_of(connection, use) if f"{a.framework}/{a.field.id}" == field)


def test_a_filled_column_is_a_claim_and_an_empty_one_is_missing(book):
    assert (state(book, "hti-1/2.i").state, state(book, "hti-1/2.i").value) == (State.CLAIM, "Warns")
    assert state(book, "hti-1/2.i", "use-2").state is State.MISSING
    assert state(book, "hti-1/1.i").value == "Acme"


def test_an_empty_list_says_that_there_are_none(book):
    assert (state(book, "hti-1/4.ii").state, state(book, "hti-1/4.ii").value) == (State.CLAIM, "none")
    assert state(book, "hti-1/4.ii", "use-2").state is State.MISSING


@pytest.mark.parametrize("basis", ["claim", "document", "evidence"])
def test_a_fact_counts_as_what_stands_behind_it(book, basis):
    fact(book, "use-1", "hti-1/4.i", "adults only", basis)

    assert state(book, "hti-1/4.i").state == basis


def test_the_strongest_answer_counts(book):
    fact(book, "use-1", "hti-1/2.i", "Warns of sepsis", "document")

    assert state(book, "hti-1/2.i").state is State.DOCUMENT


def test_a_fact_of_the_product_answers_for_its_uses_and_another_frameworks_answer_counts(book):
    fact(book, "product-1", "chai-model-card/Warnings/KnownRisksAndLimitations", "Fails below 18", kind="product")

    assert state(book, "hti-1/3.ii").value == "Fails below 18"
    assert state(book, "hti-1/3.ii", "use-2").state is State.MISSING


@pytest.mark.parametrize("value", ["N/A", " tbd ", "Not available", "-"])
def test_a_placeholder_answers_nothing(book, value):
    fact(book, "use-1", "hti-1/4.i", value)

    assert state(book, "hti-1/4.i").state is State.MISSING


def test_verified_local_evaluation_shows_validity_in_local_data_and_nothing_else_does(book):
    def file(*rows):
        with book.unrecorded() as connection:
            connection.execute(insert(statements), list(rows))

    file(statement("a", origin="developer"), statement("b", kind="scan"))
    assert state(book, "hti-1/8.ii").state is State.MISSING
    file(statement("c", standing="claim"))
    assert state(book, "hti-1/8.ii").state is State.CLAIM
    file(statement("d"))
    assert state(book, "hti-1/8.ii").state is State.CLAIM  # a word in a column is no signature
    with book.unrecorded() as connection:
        vouch(connection, "d")
    shown = state(book, "hti-1/8.ii")
    assert (shown.state, shown.evidence) == (State.EVIDENCE, "d" * 64)
    assert state(book, "hti-1/8.iv").state is State.MISSING  # fairness is not shown by a number for everybody


def test_what_is_about_a_use_that_the_book_does_not_know_shows_nothing_of_the_products_uses(book):
    strange = {"use_id": None, "use_name": "Another hospital's", "product_id": "product-1"}
    with book.unrecorded() as connection:
        connection.execute(insert(statements), [statement("d", **strange)])
        vouch(connection, "d")
        whole = house_coverage(connection)

    assert state(book, "hti-1/8.ii").state is State.MISSING
    assert {f.counts[State.EVIDENCE] for f in whole} == {0}


def test_what_a_revoked_key_signed_is_no_evidence_any_more(book):
    with book.unrecorded() as connection:
        connection.execute(insert(statements), [statement("d")])
        vouch(connection, "d", revoked_from="2025-06-01T00:00:00.000000Z")

    assert state(book, "hti-1/8.ii").state is State.CLAIM
    with book.reading() as connection:
        whole = {f"{one.framework}/{one.field.id}": one.counts for one in house_coverage(connection)}
    assert whole["hti-1/8.ii"][State.EVIDENCE] == 0


@pytest.mark.parametrize(
    ("revoked_from", "told"), [(None, State.EVIDENCE), ("2025-06-01T00:00:00.000000Z", State.CLAIM)]
)
def test_an_answer_that_leans_on_a_statement_is_worth_what_that_is_worth_now(book, revoked_from, told):
    with book.unrecorded() as connection:
        connection.execute(insert(statements), [statement("d", kind="document")])
        vouch(connection, "d", **({} if revoked_from is None else {"revoked_from": revoked_from}))
    fact(book, "use-1", "hti-1/4.i", "adults only", "evidence", evidence="d" * 64)
    fact(book, "use-2", "hti-1/4.i", "adults only", "evidence", evidence="e" * 64)  # of which nothing is filed

    assert state(book, "hti-1/4.i").state is told
    assert state(book, "hti-1/4.i", "use-2").state is State.CLAIM
    with book.reading() as connection:
        whole = {f"{one.framework}/{one.field.id}": one.counts for one in house_coverage(connection)}
        shown = answers_about(connection, "use-1")
    assert whole["hti-1/4.i"][State.EVIDENCE] == (told is State.EVIDENCE)
    assert whole["hti-1/4.i"][State.CLAIM] == 1 + (told is State.CLAIM)
    assert [one.basis.value for one in shown] == [told.value]


def test_asked_of_one_version_what_others_said_and_showed_answers_nothing(book):
    with book.changing(SYSTEM) as change:
        for label, day in (("1.0", "2025-01-01"), ("2.0", None)):
            fields = {"product": "product-1", "label": label, "released_on": day}
            VERSIONS.add(change, VERSIONS.validated(fields), f"v{label}")
    fact(book, "v1.0", "hti-1/9.i", "never", kind="version")
    with book.unrecorded() as connection:
        connection.execute(insert(statements), [statement("d", version="1.0", version_id="v1.0")])
        vouch(connection, "d")
    with book.reading() as connection:
        old, new = (
            {f"{a.framework}/{a.field.id}": a for a in coverage_of(connection, "use-1", version=name)}
            for name in ("v1.0", "v2.0")
        )
    asked = ("hti-1/A.4", "hti-1/9.i", "hti-1/8.ii")

    assert [old[name].state for name in asked] == [State.CLAIM, State.CLAIM, State.EVIDENCE]
    assert {new[name].state for name in asked} == {State.MISSING}
    assert {state(book, name).state for name in asked} == {State.CLAIM, State.EVIDENCE}  # of any version
    with book.unrecorded() as connection:
        connection.execute(insert(statements), [statement("e", version="unheard of")])
        connection.execute(update(statement_signatures).values(digest="e" * 64))
    with book.reading() as connection:
        shown = {a.field.id: a.state for a in coverage_of(connection, "use-1", version="v2.0")}
    assert shown["8.ii"] is State.MISSING  # it shows a version that the book does not know


def test_there_is_no_coverage_of_a_use_that_is_not_there(book):
    with book.reading() as connection, pytest.raises(NoSuchRecord):
        coverage_of(connection, "use-9")


def test_the_house_counts_what_each_use_counts(book):
    fact(book, "use-1", "hti-1/4.i", "adults only", "document")
    fact(book, "use-2", "hti-1/4.i", "everybody")
    fact(book, "product-1", "chai-model-card/Bibliography", "one paper", kind="product")
    with book.unrecorded() as connection:
        other = statement("e", use_id=None, product_id="product-2", standing="claim")
        connection.execute(insert(statements), [statement("d"), other])
        vouch(connection, "d")
    with book.reading() as connection:
        single = [coverage_of(connection, use) for use in ("use-1", "use-2")]
        whole = house_coverage(connection)

    for position, field in enumerate(whole):
        assert field.counts == {s: sum(answers[position].state is s for answers in single) for s in State}, (
            field.field.id
        )
    assert [t.fields for t in tallies(single[0])] == [44, 59, 36]


def test_the_house_counts_only_what_the_reader_may_see(book):
    with book.reading() as connection:
        assert {sum(f.counts.values()) for f in house_coverage(connection, ["/north/"])} == {1}
        assert {sum(f.counts.values()) for f in house_coverage(connection, [])} == {0}


def test_ten_thousand_uses_are_counted_in_seconds(book):
    many = 10_000
    with book.unrecorded() as connection:
        record = {"revision": 1, "created_at": "t", "updated_at": "t"}
        connection.execute(
            insert(uses),
            [
                {
                    **record,
                    "id": f"u{n}",
                    "product": "product-1",
                    "name": "x",
                    "stage": "live",
                    "decision": "undecided",
                    "planned": {},
                }
                for n in range(many)
            ],
        )
        connection.execute(
            insert(facts),
            [
                {**record, "id": f"f{n}-{k}", "about_kind": "use", "about": f"u{n}", "field": f"hti-1/{k}.i",
                 "value": "v", "basis": "claim", "source": "s"}
                for n in range(many) for k in range(1, 10)
            ],
        )  # fmt: skip
    with book.reading() as connection:
        started = time.monotonic()
        whole = {f"{f.framework}/{f.field.id}": f for f in house_coverage(connection)}
        seconds = time.monotonic() - started
        assert connection.execute(select(uses.c.id)).first() is not None

    assert whole["hti-1/9.i"].counts[State.CLAIM] == many
    assert seconds < 5
