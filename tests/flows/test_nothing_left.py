"""What is refused leaves no bytes behind, and what is sent again and again is kept a bounded number of times."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parent))
from book import ARTEFACT, Book, bare, signed

from codman.errors import CodmanError
from codman.evidence.envelope import sign
from codman.flows.audit import audit
from codman.flows.filing import file_evidence
from codman.flows.papers import file_paper, read_paper
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.database import NotRecorded
from codman.registry.filing import MOST_OF_AN_OWNER, SignatureRefused
from codman.registry.records import BadField
from codman.registry.requests import KeyReused, Once
from codman.spine.person import Role

SOUTH = Reader("p-two", "South", (Held(Role.OWNER, "/south/"),))


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    yield made
    made.house.close()


def files(book):
    work = book.folder / "workspace"
    return sorted(p.relative_to(work).as_posix() for p in work.rglob("*") if p.is_file() and ".db" not in p.name)


def refuse_entries(book):
    """Have the database itself refuse every new entry, as a full disk would."""
    if book.house.database.sqlite:
        steps = ["CREATE TRIGGER refuse BEFORE INSERT ON log_entries BEGIN SELECT RAISE(FAIL, 'disk full'); END"]
    else:
        steps = [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$",
            "CREATE TRIGGER refuse BEFORE INSERT ON log_entries FOR EACH ROW EXECUTE FUNCTION refuse()",
        ]
    with book.house.database.unrecorded() as connection:
        for step in steps:
            connection.execute(text(step))


def paper(book, reader, data=b"a model card", **changes):
    fields = {"about_kind": "use", "about": "ward", "type": "model-card", "title": "Card", "media_type": "text/plain"}
    return file_paper(book.house, reader, data, **(fields | changes))


def with_noise(body, number):
    """The same envelope with a signature more that nobody here can check."""
    envelope = json.loads(body)
    envelope["signatures"].append({"sig": base64.b64encode(number.to_bytes(64, "big")).decode(), "keyid": "x"})
    return json.dumps(envelope).encode()


def test_a_refused_statement_leaves_no_file(book):
    vendor = book.registered("vendor", owner_kind="vendor", origins=["developer"])
    refused = [
        (signed(book.key("unknown")), book.officer),
        (bare(subject="d" * 64), book.officer),
        (bare(evaluated_at="2027-01-01T00:00:00Z"), book.officer),
        (signed(vendor), book.officer),
        (bare(), Reader("p", "Viewer", (Held(Role.VIEWER),))),
    ]
    before = files(book)

    for body, reader in refused:
        with pytest.raises(CodmanError):
            file_evidence(book.house, body, reader)

    assert files(book) == before


def test_a_statement_that_the_log_or_an_earlier_request_refuses_leaves_no_file(book):
    once = Once("api:p-one", "key", "1" * 64)
    file_evidence(book.house, bare(), book.officer, once=once)
    key = book.registered("pipeline")
    before = files(book)

    with pytest.raises(KeyReused):
        file_evidence(book.house, bare(note="other"), book.officer, once=Once("api:p-one", "key", "2" * 64))
    assert files(book) == before
    refuse_entries(book)
    for body in (bare(note="new"), signed(key, note="new"), signed(key)):
        with pytest.raises(NotRecorded):
            file_evidence(book.house, body, book.officer)

    assert files(book) == before


def test_one_envelope_is_kept_for_a_key_however_many_are_sent(book):
    body = signed(book.registered("pipeline"))
    first = file_evidence(book.house, body, book.officer)
    before = files(book)

    for number in range(5):
        assert file_evidence(book.house, with_noise(body, number), book.officer) == first

    assert files(book) == before
    (envelope,) = book.house.store.envelopes(first.digest)
    assert len(envelope.signatures) == 1


def test_what_somebody_put_beside_a_signature_that_counts_is_not_kept(book):
    receipt = file_evidence(book.house, with_noise(signed(book.registered("pipeline")), 1), book.officer)

    (envelope,) = book.house.store.envelopes(receipt.digest)
    assert [one.keyid for one in envelope.signatures] == [book.key("pipeline").public.keyid]


def test_an_envelope_of_two_registered_keys_counts_for_both(book):
    one, two = book.registered("one"), book.registered("two", owner="other")
    receipt = file_evidence(book.house, sign(bare(), one, two).to_bytes(), book.officer)

    (envelope,) = book.house.store.envelopes(receipt.digest)
    assert len(envelope.signatures) == 2
    audit(book.house, book.officer)


def test_an_owner_signs_a_statement_a_bounded_number_of_times(book):
    names = [f"k{number}" for number in range(MOST_OF_AN_OWNER + 1)]
    for name in names[:-1]:
        receipt = file_evidence(book.house, signed(book.registered(name)), book.officer)
    before = files(book)

    last = book.registered(names[-1])
    with pytest.raises(SignatureRefused, match="8 times already"):
        file_evidence(book.house, signed(last), book.officer)
    other = file_evidence(book.house, signed(book.registered("lab", owner="another")), book.officer)

    assert other.digest == receipt.digest
    assert len([name for name in files(book) if name not in before and "envelopes" in name]) == 1


def test_a_refused_document_leaves_no_file(book):
    before = files(book)
    for reader, changes, error in (
        (SOUTH, {}, NotAllowed),
        (book.officer, {"about": "nothing"}, BadField),
        (Reader("p", "Viewer", (Held(Role.VIEWER),)), {}, NotAllowed),
    ):
        with pytest.raises(error):
            paper(book, reader, **changes)
    refuse_entries(book)
    with pytest.raises(NotRecorded):
        paper(book, book.officer)

    assert files(book) == before


def test_a_document_that_another_one_has_the_bytes_of_stays_when_the_other_is_refused(book):
    kept = paper(book, book.officer)

    with pytest.raises(NotAllowed):
        paper(book, SOUTH)

    assert read_paper(book.house, book.officer, kept.id).data == b"a model card"


def test_bytes_are_not_taken_from_a_statement_that_somebody_else_filed(book):
    receipt = file_evidence(book.house, bare(), book.officer)
    key = book.registered("pipeline")
    refuse_entries(book)
    with pytest.raises(NotRecorded):
        file_evidence(book.house, signed(key), book.officer)

    assert book.house.store.get(receipt.digest).statement.subject[0].digest.sha256 == ARTEFACT
