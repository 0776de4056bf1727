"""Attacks on evidence: by a vendor with a registered key, and by whoever can write the database."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flows"))
from book import Book, bare, signed

from codman.errors import CodmanError
from codman.evidence.envelope import sign
from codman.evidence.statements import build, canonical_statement
from codman.flows.audit import audit
from codman.flows.filed import read_evidence
from codman.flows.filing import file_evidence
from codman.registry.access import Held, Reader
from codman.registry.log import LogBroken
from codman.registry.schema import grants, keys, statements, uses
from codman.registry.schema_filing import statement_signatures
from codman.spine.person import Role
from codman.spine.record_statements import DecisionPredicate, Meaning, PersonSignature
from codman.spine.statement import Digest, Kind, Subject

AUDITOR = Reader("p-two", "Auditor", (Held(Role.AUDITOR),))
LATER = "2026-10-31T10:00:00Z"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path)
    yield made
    made.house.close()


def vendor(book: Book, **changes: object):
    return book.registered("acme", owner_kind="vendor", owner="Acme", origins=["developer"], **changes)


def decision(**changes: object):
    said = {
        "product": "Sepsis alert",
        "version": "1.2.0",
        "use": "Ward sepsis",
        "checkpoint": "go-live",
        "outcome": "approved",
        "decided_at": LATER,
        "evaluated_at": LATER,
        "decided_by": ["The AI committee"],
        "origin": "developer",
    } | changes
    return build(
        Kind.DECISION,
        Subject(name="Ward sepsis", digest=Digest(sha256="c" * 64)),
        DecisionPredicate.model_validate(said),
    )


def test_a_vendors_key_does_not_sign_the_committees_decision(book):
    key = vendor(book)

    with pytest.raises(CodmanError):
        file_evidence(book.house, sign(canonical_statement(decision()), key).to_bytes(), book.officer)


def test_only_the_notary_vouches_that_a_person_signed(book):
    pipeline = book.registered("nightly")
    forged = PersonSignature(person="p-one", name="Officer one", signed_at=LATER, meaning=Meaning.APPROVAL)
    body = canonical_statement(decision(origin="local", signed_by=[forged.model_dump(mode="json")]))

    with pytest.raises(CodmanError):
        file_evidence(book.house, sign(body, pipeline).to_bytes(), book.officer)


@pytest.mark.parametrize(
    "product",
    ["Sepsis alert ", "SEPSIS ALERT", "Sepsis\u00a0alert", "Seps\u0456s alert", "Sepsis alert\u200b", "sepsis"],
)
def test_a_name_that_looks_alike_opens_no_other_product(book, product):
    key = vendor(book, products=["Another product"])

    with pytest.raises(CodmanError):
        file_evidence(book.house, signed(key, product=product, origin="developer"), book.officer)


def test_a_second_signature_by_nobody_lends_nothing(book):
    key, stranger = vendor(book), book.key("stranger")
    body = sign(bare(origin="local"), key, stranger).to_bytes()

    with pytest.raises(CodmanError):
        file_evidence(book.house, body, book.officer)


@pytest.mark.parametrize("payload_type", ["application/json", "application/vnd.in-toto+json ", "", "text/html"])
def test_a_signature_over_another_type_counts_for_nothing(book, payload_type):
    key = vendor(book)
    body = sign(bare(origin="developer"), key, payload_type=payload_type).to_bytes()

    with pytest.raises(CodmanError):
        file_evidence(book.house, body, book.officer)


def test_a_payload_with_a_field_given_twice_is_refused(book):
    key = vendor(book)
    twice = bare(origin="developer").replace(b'"origin":"developer"', b'"origin":"local","origin":"developer"')
    assert twice != bare(origin="developer")

    for body in (sign(twice, key).to_bytes(), twice):
        with pytest.raises(CodmanError):
            file_evidence(book.house, body, book.officer)


def test_the_same_statement_signed_again_by_another_keeps_both_and_changes_no_receipt(book):
    first = file_evidence(book.house, bare(), book.officer)
    again = file_evidence(book.house, signed(book.registered("nightly")), book.officer)

    assert again.log_index == first.log_index
    assert read_evidence(book.house, book.officer, first.digest).filed.standing == "verified"


def test_a_key_of_one_hospital_does_not_make_what_it_never_spoke_about_verified_elsewhere(book):
    key = book.registered("north", site="north")
    at_south = Reader("p-two", "South", (Held(Role.ENGINEER, "/south/"),))
    body = signed(key, use="Ward sepsis south")
    at_north = Reader("p-one", "North", (Held(Role.ENGINEER, "/north/"),))
    name = file_evidence(book.house, body, at_north).digest  # north does not see the use: it is filed without one

    try:
        file_evidence(book.house, bare(use="Ward sepsis south"), at_south)  # links it
    except CodmanError:
        return

    held = read_evidence(book.house, book.officer, name)
    assert not (held.filed.use_id == "ward-south" and held.filed.standing == "verified")


# --- whoever can write the database ---


def filled(book: Book) -> str:
    book.registered("nightly")
    claim = file_evidence(book.house, bare(), book.officer).digest
    audit(book.house, AUDITOR)
    return claim


def make_verified(connection, claim, book):
    keyid = book.key("nightly").public.keyid
    connection.execute(
        insert(statement_signatures).values(digest=claim, keyid=keyid, at="2026-11-01T09:00:00.000000Z", log_index=0)
    )


TAMPERING = {
    "a claim made verified by a row": make_verified,
    "a statement moved to another use": lambda c, claim, _b: c.execute(
        update(statements).where(statements.c.digest == claim).values(use_id="ward-south")
    ),
    "a statement said to be of another origin": lambda c, claim, _b: c.execute(
        update(statements).where(statements.c.digest == claim).values(origin="developer")
    ),
    "a statement said to be filed earlier": lambda c, claim, _b: c.execute(
        update(statements).where(statements.c.digest == claim).values(filed_at="2020-01-01T00:00:00.000000Z")
    ),
    "a statement said to be filed by another": lambda c, claim, _b: c.execute(
        update(statements).where(statements.c.digest == claim).values(filed_by="p-two")
    ),
    "a key that may say more": lambda c, _claim, _b: c.execute(update(keys).values(origins=["local", "attested"])),
    "a use said to be decided": lambda c, _claim, _b: c.execute(
        update(uses).where(uses.c.id == "ward").values(decision="approved")
    ),
    "a use with another purpose": lambda c, _claim, _b: c.execute(
        update(uses).where(uses.c.id == "ward").values(purpose="Something else")
    ),
    "a role that nobody gave": lambda c, _claim, _b: c.execute(
        insert(grants).values(
            id="grant-x",
            revision=1,
            created_at="2026-11-01T09:00:00.000000Z",
            updated_at="2026-11-01T09:00:00.000000Z",
            person="p-two",
            role="admin",
            site=None,
        )
    ),
    "somebody who is gone": lambda c, _claim, _b: c.execute(text("DELETE FROM people WHERE id = 'p-two'")),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_a_record_that_was_changed_past_the_log_is_found(book, what):
    claim = filled(book)
    with book.house.database.unrecorded() as connection:
        TAMPERING[what](connection, claim, book)

    with pytest.raises((LogBroken, CodmanError)):
        audit(book.house, AUDITOR)
