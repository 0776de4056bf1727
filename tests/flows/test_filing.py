"""Evidence is filed once, by what its signer may say, and the receipt proves it offline."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))
from book import ARTEFACT, PREDICTIONS, Book, bare, evaluation, signed

from codman.errors import CodmanError
from codman.evidence.canonical import sha256
from codman.evidence.receipt import ReceiptBroken, verify_receipt
from codman.evidence.schemas import BadPredicate
from codman.evidence.statements import NotAStatement, canonical_statement
from codman.flows.filing import TooLarge, file_evidence
from codman.registry.about import SubjectMismatch
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.filing import OutOfTime, SignatureRefused
from codman.registry.keys import KEYS, KeyFields, revoke, rotate
from codman.registry.log import SYSTEM, check, size_of
from codman.registry.nouns import PRODUCTS
from codman.registry.records import AlreadyThere, BadField
from codman.registry.schema import statements
from codman.registry.standing import promised_before, standing_of
from codman.spine.person import Role
from codman.spine.product import ProductFields


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    yield made
    made.house.close()


def row_of(book, digest):
    with book.house.database.reading() as connection:
        return connection.execute(select(statements).where(statements.c.digest == digest)).one()


def standing(book, digest):
    with book.house.database.reading() as connection:
        return standing_of(connection, [digest])[digest]


def size(book):
    with book.house.database.reading() as connection:
        return size_of(connection)


def test_a_signed_statement_is_filed_under_what_the_book_knows_and_its_receipt_proves_it(book):
    key = book.registered("pipeline")

    receipt = file_evidence(book.house, signed(key), book.officer, source="ci")

    assert receipt.digest == sha256(bare())
    state = verify_receipt(receipt, book.house.log_key.public, "test.hospital/log")
    assert (state.size, receipt.tree_size) == (receipt.log_index + 1, receipt.log_index + 1)
    row = row_of(book, receipt.digest)
    assert (row.product_id, row.version_id, row.use_id) == ("sepsis", "sepsis-120", "ward")
    assert (row.standing, row.keyid, row.origin) == ("verified", key.public.keyid, "local")
    assert row.evaluated_at == "2026-10-31T10:00:00.000000Z"
    assert row.headline == "AUROC 0.800 (0.750 to 0.850), n 1,000, 100 events"
    assert canonical_statement(book.house.store.get(receipt.digest).statement) == bare()
    with book.house.database.reading() as connection:
        check(connection)


def test_sending_again_gives_the_same_receipt_and_writes_nothing(book):
    key = book.registered("pipeline")
    first = file_evidence(book.house, signed(key), book.officer)
    before = size(book)

    again = file_evidence(book.house, signed(key), book.second)
    as_claim = file_evidence(book.house, bare(), book.second)

    assert first == again == as_claim
    assert size(book) == before


def test_an_unsigned_statement_is_the_senders_claim_until_a_registered_key_signs_it(book):
    first = file_evidence(book.house, bare(), book.officer)
    assert standing(book, first.digest).word == "claim"
    key = book.registered("pipeline")
    before = size(book)

    again = file_evidence(book.house, signed(key), book.officer)

    assert again == first
    assert size(book) == before + 1
    assert row_of(book, first.digest).standing == "verified"
    assert standing(book, first.digest).word == "verified"


REFUSED = {
    "by nobody we know": ({}, {}, "no registered key"),
    "local by a vendor": ({"owner_kind": "vendor", "origins": ["developer"]}, {}, "may claim developer"),
    "another product": ({"products": ["Stroke alert"]}, {}, "may not speak about this product"),
    "another site": ({"site": "south"}, {}, "another site"),
    "before its key was good": ({"valid_from": "2026-10-31T12:00:00Z"}, {}, "is good from"),
    "after its key was rotated": ({"valid_to": "2026-10-31T12:00:00Z"}, {}, "was rotated"),
    "after its key was revoked": ({"revoked_from": "2026-10-31T12:00:00Z"}, {}, "is revoked from"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_a_signature_counts_only_as_far_as_its_keys_role_goes(book, how):
    key_changes, changes, why = REFUSED[how]
    key = book.registered("k", **key_changes) if how != "by nobody we know" else book.key("k")
    before = size(book)

    with pytest.raises(SignatureRefused, match=why) as refused:
        file_evidence(book.house, signed(key, **changes), book.officer)

    assert refused.value.exit_code == 1
    assert size(book) == before
    assert book.house.store.digests() == []


def test_a_vendors_key_cannot_be_given_the_hospitals_own_word(book):
    with pytest.raises(ValueError, match="cannot claim 'local'"):
        book.registered("vendor", owner_kind="vendor", origins=["developer", "local"])


def test_bytes_altered_after_signing_are_refused_and_a_wrong_hint_is_not_believed(book):
    mine, other = book.registered("mine"), book.registered("other")
    good = signed(mine)

    hinted = good.replace(mine.public.keyid.encode(), other.public.keyid.encode())
    assert row_of(book, file_evidence(book.house, hinted, book.officer).digest).keyid == mine.public.keyid
    forged = signed(mine, use="Ward sepsis south").replace(
        signed(mine, use="Ward sepsis south").split(b'"sig":"')[1][:88], good.split(b'"sig":"')[1][:88]
    )
    with pytest.raises(SignatureRefused, match="altered after signing"):
        file_evidence(book.house, forged, book.officer)


def test_a_statement_about_another_artefact_is_refused_and_one_about_predictions_alone_is_not(book):
    with pytest.raises(SubjectMismatch, match="another artefact"):
        file_evidence(book.house, bare(subject="c" * 64), book.officer)

    receipt = file_evidence(book.house, bare(subject=PREDICTIONS), book.officer)

    assert row_of(book, receipt.digest).version_id == "sepsis-120"
    assert ARTEFACT != PREDICTIONS


def test_names_are_resolved_only_where_exactly_one_record_within_reach_has_them(book):
    engineer = Reader("p-one", "Engineer", (Held(Role.ENGINEER, "/south/"),))

    beyond = file_evidence(book.house, bare(note="x"), engineer)
    within = file_evidence(book.house, bare(use="ward SEPSIS south"), engineer)
    with book.house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Stroke alert"))
        PRODUCTS.add(change, ProductFields(name="Stroke alert"))
    ambiguous = file_evidence(book.house, bare(product="Stroke alert"), book.officer)

    assert row_of(book, beyond.digest).use_id is None
    assert row_of(book, within.digest).use_id == "ward-south"
    assert row_of(book, ambiguous.digest).product_id is None


def test_who_may_not_submit_files_nothing(book):
    viewer = Reader("p-one", "Viewer", (Held(Role.VIEWER),))
    scoped = Reader("p-one", "Token", (Held(Role.OFFICER),), scopes=frozenset({"inventory.read"}))

    for reader in (viewer, scoped):
        with pytest.raises(NotAllowed):
            file_evidence(book.house, bare(), reader)

    assert book.house.store.digests() == []


def test_what_is_no_statement_is_refused_with_a_clear_reason(book):
    for body, error in (
        (b"", NotAStatement),
        (b"{}", NotAStatement),
        (b"[1,2]", NotAStatement),
        (bare().replace(b'"rows":{"eligible":1000', b'"rows":{"eligible":-1'), BadPredicate),
        (b" " * (65 * 1024 * 1024), TooLarge),
        (bare(evaluated_at="2026-11-03T09:00:00Z"), OutOfTime),
    ):
        with pytest.raises(error) as refused:
            file_evidence(book.house, body, book.officer)
        assert isinstance(refused.value, CodmanError)


def test_a_revoked_keys_later_word_loses_its_standing_and_its_earlier_word_keeps_it(book):
    key = book.registered("pipeline")
    early = file_evidence(book.house, signed(key, note="early"), book.officer)
    book.clock.forward(days=2)
    late = file_evidence(book.house, signed(key, note="late"), book.officer)
    book.clock.forward(days=1)
    with book.house.database.changing(SYSTEM) as change:
        name = KEYS.page(change.connection).items[0].id
        revoke(change, name, "2026-11-02T00:00:00+01:00")

    assert standing(book, early.digest).word == "verified"
    assert standing(book, late.digest).word == "revoked"
    assert "revoked from 2026-11-01T23:00:00.000000Z" in standing(book, late.digest).why
    with pytest.raises(BadField), book.house.database.changing(SYSTEM) as change:
        revoke(change, name, "2026-11-10T00:00:00Z")
    with pytest.raises(AlreadyThere):
        book.registered("pipeline")
    # another good key's signature gives the statement its standing back
    file_evidence(book.house, signed(book.registered("successor"), note="late"), book.officer)
    assert standing(book, late.digest).word == "verified"


def test_a_rotated_key_signs_nothing_new_and_what_it_signed_stands(book):
    key, fresh = book.registered("old"), book.key("new")
    receipt = file_evidence(book.house, signed(key), book.officer)
    book.clock.forward(days=1)
    with book.house.database.changing(SYSTEM) as change:
        old = KEYS.page(change.connection).items[0]
        made = rotate(change, old.id, fresh.public.pem.encode(), "new")
    book.clock.forward(hours=1)

    assert (made.owner, made.origins) == (old.owner, old.origins)
    assert standing(book, receipt.digest).word == "verified"
    with pytest.raises(SignatureRefused, match="was rotated"):
        file_evidence(book.house, signed(key, note="new"), book.officer)
    late = signed(fresh, note="new", evaluated_at="2026-11-02T09:30:00Z")
    assert standing(book, file_evidence(book.house, late, book.officer).digest).word == "verified"


def test_a_promise_counts_only_where_the_log_took_it_before_the_run(book, tmp_path):
    from codman.flows.criteria import commit

    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "policy: p\nedition: 2026-11\ncheckpoint: validation\nrequires:\n"
        "  - id: r\n    title: t\n    evidence: evaluation\n    measurement: {metric: auroc, at_least: 0.6}\n"
    )
    promise = canonical_statement(commit(policy, at="2020-01-01T00:00:00Z"))
    receipt = file_evidence(book.house, promise, book.officer)

    with book.house.database.reading() as connection:
        assert promised_before(connection, receipt.digest, "2026-11-01T12:00:00Z").counts
        backdated = promised_before(connection, receipt.digest, "2026-10-31T12:00:00Z")
        assert not promised_before(connection, "d" * 64, "2026-10-31T12:00:00Z").counts
    assert not backdated.counts
    assert backdated.at == "2026-11-01T09:00:00.000000Z"


def test_any_part_of_a_receipt_changed_is_refused(book):
    good = file_evidence(book.house, bare(), book.officer)
    key = book.house.log_key.public
    for changes in (
        {"digest": "e" * 64},
        {"log_index": good.log_index - 1},
        {"tree_size": good.tree_size + 1},
        {"root": "e" * 64},
        {"inclusion": ["e" * 64, *good.inclusion[1:]]},
        {"inclusion": good.inclusion[:-1]},
        {"inclusion": [*good.inclusion, "e" * 64]},
        {"checkpoint": good.checkpoint.replace("test.hospital", "best.hospital")},
        {"entry": good.entry.replace("claim", "clame")},
    ):
        with pytest.raises(ReceiptBroken):
            verify_receipt(good.model_copy(update=changes), key)
    with pytest.raises(ReceiptBroken, match="another log"):
        verify_receipt(good, key, "other.hospital/log")
    with pytest.raises(ReceiptBroken):
        verify_receipt(good, book.key("stranger").public)


def test_a_key_whose_identifier_is_not_its_own_is_not_registered(book):
    with pytest.raises(BadField, match="not the sha256"):
        book.registered("liar", keyid="f" * 64)
    assert KeyFields.model_fields["keyid"].is_required()
    assert evaluation().subject[0].digest.sha256 == ARTEFACT


def test_a_clock_set_back_brings_no_revoked_key_to_life_and_breaks_no_receipt(book):
    key = book.registered("pipeline")
    first = file_evidence(book.house, signed(key, note="first"), book.officer)
    book.clock.forward(days=1)
    with book.house.database.changing(SYSTEM) as change:
        revoke(change, KEYS.page(change.connection).items[0].id, None)
    book.clock.forward(days=-2)

    with pytest.raises(SignatureRefused, match="is revoked from"):
        file_evidence(book.house, signed(key, note="second"), book.officer)
    claim = file_evidence(book.house, bare(note="third", evaluated_at="2026-10-30T00:00:00Z"), book.officer)

    assert claim.log_index == first.log_index + 2
    for receipt in (first, claim):
        verify_receipt(receipt, book.house.log_key.public)
    with book.house.database.reading() as connection:
        check(connection)


def test_who_cannot_see_a_use_cannot_hide_its_evidence_by_sending_it_first(book):
    elsewhere = Reader("p-two", "Engineer", (Held(Role.ENGINEER, "/south/"),))
    key = book.registered("pipeline")
    first = file_evidence(book.house, signed(key), elsewhere)
    assert row_of(book, first.digest).use_id is None

    again = file_evidence(book.house, signed(key), book.officer)
    before = size(book)
    file_evidence(book.house, signed(key), book.officer)

    assert again == first
    assert row_of(book, first.digest).use_id == "ward"
    assert size(book) == before
    with book.house.database.reading() as connection:
        check(connection)


def test_a_name_with_letters_beyond_ascii_is_found_as_it_is_written(book):
    with book.house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Évaluation"), "evaluation")

    receipt = file_evidence(book.house, bare(product="Évaluation"), book.officer)

    assert row_of(book, receipt.digest).product_id == "evaluation"


@pytest.mark.parametrize("since", [None, "2026-10-01T00:00:00Z"])
def test_what_was_filed_before_its_key_was_revoked_gives_the_same_receipt_when_sent_again(book, since):
    key = book.registered("pipeline")
    first = file_evidence(book.house, signed(key), book.officer)
    book.clock.forward(days=1)
    with book.house.database.changing(SYSTEM) as change:
        revoke(change, KEYS.page(change.connection).items[0].id, since)
    book.clock.forward(days=1)
    before = size(book)

    again = file_evidence(book.house, signed(key), book.officer)

    assert again.model_dump_json() == first.model_dump_json()
    assert size(book) == before
    assert standing(book, first.digest).word == ("verified" if since is None else "revoked")
    with pytest.raises(SignatureRefused, match="is revoked from"):
        file_evidence(book.house, signed(key, note="new"), book.officer)


def test_a_claim_does_not_become_more_by_a_key_that_was_revoked_before_it_signed(book):
    first = file_evidence(book.house, bare(), book.officer)
    key = book.registered("pipeline", revoked_from="2026-10-01T00:00:00Z")

    with pytest.raises(SignatureRefused, match="is revoked from"):
        file_evidence(book.house, signed(key), book.officer)

    assert standing(book, first.digest).word == "claim"
