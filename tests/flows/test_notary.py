"""People sign through the notary: freshly signed in, each once, in words that stand inside the signed bytes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from book import ARTEFACT, Book, bare

from codman.evidence.canonical import canonical
from codman.evidence.envelope import sign
from codman.evidence.schemas import schema
from codman.evidence.statements import build, canonical_statement
from codman.flows.filing import file_evidence
from codman.flows.fresh import NotFresh
from codman.flows.notary import CannotBeSigned, sign_as
from codman.registry.access import Held, NotAllowed
from codman.registry.accounts import reader_of_session
from codman.registry.accounts_sign_in import prove_again
from codman.registry.log import entries
from codman.registry.standing import standing_of
from codman.spine.person import Role
from codman.spine.record_statements import DecisionPredicate, Meaning
from codman.spine.statement import Digest, Kind, Subject
from door import CHEAP, HERE, PASSWORD, Door

SOON = "2026-11-01T09:05:00.000000Z"


@pytest.fixture
def book(tmp_path):
    made = Book(tmp_path)
    yield made
    made.house.close()


def decision() -> bytes:
    predicate = DecisionPredicate(
        product="Sepsis alert",
        version="1.2.0",
        evaluated_at="2026-11-01T08:00:00Z",
        checkpoint="go-live",
        outcome="approved",
        decided_at="2026-11-01T08:00:00Z",
        decided_by=["committee"],
    )
    return canonical_statement(build(Kind.DECISION, Subject(name="s", digest=Digest(sha256=ARTEFACT)), predicate))


def test_what_nobody_signed_is_written_as_before():
    assert b"signed_by" not in decision()
    assert "signed_by" in json.dumps(schema(Kind.DECISION))


def test_two_people_sign_one_after_the_other_and_both_stand_in_the_signed_bytes(book):
    one, two = (replace(r, fresh_until=SOON) for r in (book.officer, book.second))

    first = sign_as(book.house, one, decision(), Meaning.REVIEW)
    both = sign_as(book.house, two, first.to_bytes(), Meaning.APPROVAL)
    receipt = file_evidence(book.house, both.to_bytes(), two)

    assert json.loads(both.payload)["predicate"]["signed_by"] == [
        {"person": "p-one", "name": "Officer one", "signed_at": "2026-11-01T09:00:00.000000Z", "meaning": "review"},
        {"person": "p-two", "name": "Officer two", "signed_at": "2026-11-01T09:00:00.000000Z", "meaning": "approval"},
    ]
    with book.house.database.reading() as connection:
        assert standing_of(connection, [receipt.digest])[receipt.digest].word == "verified"
        signings = [e.value for e in entries(connection) if e.value["action"] == "person.sign"]
    assert [(e["actor"]["id"], e["after"]["meaning"]) for e in signings] == [("p-one", "review"), ("p-two", "approval")]


def test_nobody_signs_twice_or_in_anothers_name(book):
    one = replace(book.officer, fresh_until=SOON)
    first = sign_as(book.house, one, decision(), Meaning.REVIEW)

    with pytest.raises(CannotBeSigned, match="signed it already"):
        sign_as(book.house, one, first.to_bytes(), Meaning.APPROVAL)
    forged = json.loads(decision())
    forged["predicate"]["signed_by"] = json.loads(first.payload)["predicate"]["signed_by"]
    forged["predicate"]["outcome"] = "rejected"
    two = replace(book.second, fresh_until=SOON)
    for body in (canonical(forged), sign(canonical(forged), book.key("mine")).to_bytes(), first.payload):
        with pytest.raises(CannotBeSigned, match="the notary did not sign"):
            sign_as(book.house, two, body, Meaning.APPROVAL)


def test_an_old_sign_in_a_token_and_a_viewer_sign_nothing(book):
    fresh = replace(book.officer, fresh_until=SOON)
    for reader, error in (
        (book.officer, NotFresh),
        (replace(fresh, fresh_until="2026-11-01T09:00:00.000000Z"), NotFresh),
        (replace(fresh, via="token"), NotFresh),
        (replace(fresh, read_only=True), NotAllowed),
        (replace(fresh, held=(Held(Role.VIEWER),)), NotAllowed),
    ):
        with pytest.raises(error):
            sign_as(book.house, reader, decision(), Meaning.APPROVAL)
    with pytest.raises(CannotBeSigned, match="not evaluation statements"):
        sign_as(book.house, fresh, bare(), Meaning.APPROVAL)


def test_one_proof_signs_once_and_a_second_signature_asks_for_another(book):
    house = book.house
    door = Door(house.database, book.clock, house.settings)
    door.person("officer@example.org")
    token = door.sign_in("officer@example.org").token
    reader = reader_of_session(house.database, token, house.settings)
    sign_as(house, reader, decision(), Meaning.REVIEW)

    with pytest.raises(NotFresh, match="signed something already"):  # as two windows of one browser would
        sign_as(house, reader, decision().replace(b"committee", b"another"), Meaning.REVIEW)
    again = reader_of_session(house.database, token, house.settings)
    with pytest.raises(NotFresh, match="has signed something already"):
        sign_as(house, again, decision(), Meaning.REVIEW)
    proven = prove_again(house.database, again, PASSWORD, HERE, house.settings, CHEAP)
    fresh = reader_of_session(house.database, proven.token, house.settings)
    sign_as(house, fresh, decision().replace(b"committee", b"another"), Meaning.REVIEW)
