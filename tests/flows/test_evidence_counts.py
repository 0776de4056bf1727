"""What counts as evidence: a statement signed by a key whose signature still counts; what does not is told apart."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))
from book import ARTEFACT, PREDICTIONS, Book, bare, evaluation, signed
from committee import Committee, cast

from codman.evidence.envelope import sign
from codman.evidence.statements import build, canonical_statement
from codman.flows.filed import list_evidence
from codman.flows.filing import file_evidence
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.review.evidence import exhibits_of
from codman.registry.inventory import MISSING, Question, search
from codman.registry.keys import KEYS, by_keyid, revoke
from codman.registry.log import SYSTEM
from codman.registry.mine import with_evidence
from codman.registry.nouns import USES
from codman.registry.schema import statements
from codman.registry.standing import STANDS, Tally, evidence_counts, standing_of, tally_of
from codman.spine.engine_statements import DatasetPredicate
from codman.spine.review import CaseOutcome, Choice
from codman.spine.statement import Digest, Kind, Subject
from codman.spine.use import UseFields
from codman.web.app import make_web


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    yield made
    made.house.close()


def revoked(book, key, since=None):
    with book.house.database.changing(SYSTEM) as change:
        revoke(change, by_keyid(change.connection, [key.public.keyid])[0].id, since)


def without_evidence(book):
    with book.house.database.reading() as connection:
        return [use.id for use in search(connection, Question(where={"evidence": [MISSING]})).items]


def counted(book):
    with book.house.database.reading() as connection:
        counts = evidence_counts(connection, ["ward", "ward-south"])
        assert set(counts) == with_evidence(connection, ["ward", "ward-south"])
        return counts, tally_of(connection, "ward")


def page_of(book):
    app = make_web(book.house)
    app.state.reader_of = lambda _request: book.officer
    page = TestClient(app, base_url="http://localhost").get("/uses/ward").text
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_a_statement_counts_as_evidence_until_its_key_is_revoked_from_before_it(book):
    key = book.registered("pipeline")
    file_evidence(book.house, signed(key), book.officer)
    assert without_evidence(book) == ["ward-south"]
    assert counted(book) == ({"ward": 1}, Tally(verified=1, measured_at="2026-10-31T10:00:00.000000Z"))

    revoked(book, key, "2026-10-01T00:00:00Z")

    assert without_evidence(book) == ["ward", "ward-south"]
    assert counted(book) == ({}, Tally(revoked=1))
    page = page_of(book)
    assert "No filed evidence counts (1 statement whose key was revoked)" in page
    assert "last measured" not in page


def test_evidence_that_names_its_product_and_no_use_is_each_uses_wherever_evidence_is_shown_or_asked_for(book):
    filed = file_evidence(book.house, signed(book.registered("pipeline"), use=None), book.officer)

    assert without_evidence(book) == []
    assert counted(book) == (
        {"ward": 1, "ward-south": 1},
        Tally(verified=1, measured_at="2026-10-31T10:00:00.000000Z"),
    )
    assert [one.digest for one in list_evidence(book.house, book.officer, where={"use": ["ward"]}).items] == [
        filed.digest
    ]
    page = page_of(book)
    assert "Nothing is filed for this use" not in page
    assert "Evidence 1 statement last measured 31 Oct 2026" in page
    with book.house.database.reading() as connection:
        for use in (USES.get(connection, "ward"), USES.get(connection, "ward-south")):
            assert [one.digest for one in exhibits_of(book.house, connection, use)] == [filed.digest]


def test_evidence_that_may_mean_either_of_two_uses_is_both_s_and_what_names_none_of_them_is_nobodys(book):
    with book.house.database.changing(SYSTEM) as change:
        USES.add(change, UseFields(product="sepsis", name="ward sepsis ", site="south"), "ward-again")
    key = book.registered("pipeline")
    file_evidence(book.house, signed(key), book.officer)
    file_evidence(book.house, signed(key, use="A use of before"), book.officer)

    names = ["ward", "ward-again", "ward-south"]
    with book.house.database.reading() as connection:
        judged = {
            use.id: len(exhibits_of(book.house, connection, use)) for use in USES.get_many(connection, names).values()
        }
        shown = evidence_counts(connection, names)

    assert judged == {"ward": 1, "ward-again": 1, "ward-south": 0}
    assert shown == {"ward": 1, "ward-again": 1}
    assert without_evidence(book) == ["ward-south"]


def test_a_claim_is_no_evidence_and_is_named(book):
    file_evidence(book.house, bare(), book.officer)

    assert without_evidence(book) == ["ward", "ward-south"]
    assert counted(book) == ({}, Tally(claims=1))
    assert "No filed evidence counts (1 claim nobody signed)" in page_of(book)


def test_what_does_not_count_is_named_beside_what_does(book):
    key, other = book.registered("pipeline"), book.registered("other")
    file_evidence(book.house, signed(key, note="lost"), book.officer)
    file_evidence(book.house, signed(other, note="kept", evaluated_at="2026-10-30T10:00:00Z"), book.officer)
    file_evidence(book.house, bare(note="said"), book.officer)
    revoked(book, key, "2026-10-01T00:00:00Z")

    page = page_of(book)

    assert counted(book)[0] == {"ward": 1}
    told = "1 statement last measured 30 Oct 2026; 1 statement whose key was revoked, 1 claim nobody signed"
    assert told in page


def test_the_database_and_the_reader_of_one_statement_judge_its_standing_alike(book):
    early, late, both = (book.registered(name) for name in ("early", "late", "both"))
    digests = [
        file_evidence(book.house, signed(early, note="1"), book.officer).digest,
        file_evidence(book.house, signed(both, note="2"), book.officer).digest,
        file_evidence(book.house, bare(note="3"), book.officer).digest,
    ]
    file_evidence(book.house, signed(late, note="2"), book.officer)  # a second signature under the same
    book.clock.forward(days=1)
    digests.append(file_evidence(book.house, signed(early, note="4"), book.officer).digest)
    digests.append(file_evidence(book.house, signed(late, note="5"), book.officer).digest)
    book.clock.forward(days=1)
    revoked(book, early, "2026-11-01T12:00:00Z")
    revoked(book, both, "2026-10-01T00:00:00Z")
    with book.house.database.changing(SYSTEM) as change:  # rotated after its first word, at the very moment of the next
        found = by_keyid(change.connection, [late.public.keyid])[0]
        KEYS.change(change, found.id, {"valid_to": "2026-11-02T09:00:00Z"}, None)

    with book.house.database.reading() as connection:
        by_database = {row.digest: row[1] for row in connection.execute(select(statements.c.digest, STANDS))}
        one_by_one = {digest: worth.word for digest, worth in standing_of(connection, digests).items()}

    assert by_database == one_by_one
    assert [one_by_one[digest] for digest in digests] == ["verified", "verified", "claim", "revoked", "verified"]


def test_a_committees_own_signature_and_a_document_are_no_evidence_that_it_works(tmp_path, database_url):
    house = Committee(tmp_path, database_url)
    case = house.opened()
    house.seated(case, "clin", "stat", "safe")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.DEFER, reason="nothing is measured")
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.DEFERRED, "nothing is measured yet")
    paper = DatasetPredicate(
        product="Sepsis alert", use="Ward sepsis", evaluated_at="2026-10-30T10:00:00Z", dataset="wards",
        digest=Digest(sha256=PREDICTIONS), format="parquet", measurements=evaluation().predicate["measurements"],
    )  # fmt: skip
    subject = Subject(name="Sepsis alert", digest=Digest(sha256=ARTEFACT))
    body = sign(canonical_statement(build(Kind.DATASET, subject, paper)), house.registered("lab")).to_bytes()
    file_evidence(house.house, body, house.officer)

    try:
        with house.house.database.reading() as connection:
            standing = connection.execute(select(statements.c.kind, STANDS).order_by(statements.c.kind)).all()
        assert [tuple(row) for row in standing] == [("dataset", "verified"), ("decision", "verified")]
        assert without_evidence(house) == ["ward", "ward-south"]
        assert counted(house) == ({}, Tally(others=2))
        page = page_of(house)
        assert "No evidence is filed: how well it works for local patients is not known" in page
        assert "Evidence None 2 other statements that say nothing of how it works" in page
        assert "last measured" not in page
    finally:
        house.house.close()
