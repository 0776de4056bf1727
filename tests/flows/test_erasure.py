"""People's own words can be taken out of the log by two people; the proof still holds, and a legal hold stops it."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, signed

from codman.evidence.canonical import canonical
from codman.flows import erasure
from codman.flows.audit import audit
from codman.flows.audit_pack import prove
from codman.flows.filing import file_evidence
from codman.flows.fresh import NotFresh
from codman.flows.receipts import checkpoint
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.erasure import OnHold, SamePerson, StillNeeded
from codman.registry.log import SYSTEM, LogBroken, NoSuchEntry, check
from codman.registry.nouns import PEOPLE, USES
from codman.registry.records import BadField
from codman.registry.schema import log_texts
from codman.spine.person import PersonFields, Role

SOON = "2026-11-01T09:05:00.000000Z"
AUDITOR = Reader("p-two", "Auditor", (Held(Role.AUDITOR),))


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    made.officer = replace(made.officer, fresh_until=SOON)
    made.second = replace(made.second, fresh_until=SOON)
    with made.house.database.changing(SYSTEM, "Mrs Example complained") as change:
        USES.change(change, "ward", {"purpose": "Find sepsis"}, None)
        made.entry = 8
    yield made
    made.house.close()


def rows(book):
    with book.house.database.reading() as connection:
        found = connection.execute(select(log_texts).where(log_texts.c.number == book.entry)).all()
    return {row.field: (row.text, bytes(row.salt)) for row in found}


def test_two_people_erase_a_text_and_its_salt_and_every_proof_still_holds(book, tmp_path):
    (tmp_path / "kept").write_text(checkpoint(book.house))

    asked = erasure.ask(book.house, book.officer, book.entry, field="why", why="she asked us to")
    assert rows(book)["why"][0] == "Mrs Example complained"
    done = erasure.agree(book.house, book.second, asked.id)

    assert (done.state.value, done.asked_by, done.agreed_by) == ("done", "p-one", "p-two")
    assert rows(book)["why"] == (None, b"")
    assert rows(book)["after.purpose"][0] == "Find sepsis"
    audit(book.house, book.officer, kept=tmp_path / "kept")
    pack = prove(book.house, book.officer, book.entry)
    assert pack["withheld"] == ["why"]
    script = Path(__file__).parents[2] / "docs" / "verify_pack.py"
    spec = importlib.util.spec_from_file_location("verify_pack", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.check(canonical(pack), book.house.log_key.public.pem)


def test_one_person_alone_erases_nothing(book):
    asked = erasure.ask(book.house, book.officer, book.entry)

    with pytest.raises(SamePerson):
        erasure.agree(book.house, book.officer, asked.id)
    for other in (replace(book.second, via="token"), AUDITOR, replace(book.second, read_only=True)):
        with pytest.raises(NotAllowed):
            erasure.agree(book.house, other, asked.id)
    erasure.withdraw(book.house, book.officer, asked.id)
    with pytest.raises(BadField, match="withdrawn"):
        erasure.agree(book.house, book.second, asked.id)

    assert rows(book)["why"][0] == "Mrs Example complained"


def test_the_second_person_proves_first_who_they_are(book):
    asked = erasure.ask(book.house, book.officer, book.entry)

    for late in (None, "2026-11-01T09:00:00.000000Z"):
        with pytest.raises(NotFresh, match="agree to an erasure"):
            erasure.agree(book.house, replace(book.second, fresh_until=late), asked.id)

    assert rows(book)["why"][0] == "Mrs Example complained"


def test_a_text_on_legal_hold_is_not_erased_whenever_the_hold_came(book):
    asked = erasure.ask(book.house, book.officer, book.entry)
    assert erasure.hold(book.house, AUDITOR, book.entry, field="why", on=True, why="litigation") == 1

    with pytest.raises(OnHold):
        erasure.agree(book.house, book.second, asked.id)
    with pytest.raises(OnHold):
        erasure.ask(book.house, book.officer, book.entry, field="why")
    with pytest.raises(NotAllowed):
        erasure.hold(book.house, book.officer, book.entry, on=False)
    assert rows(book)["why"][0] == "Mrs Example complained"

    assert erasure.hold(book.house, AUDITOR, book.entry, on=False) == 1
    erasure.agree(book.house, book.second, asked.id)
    assert {text for text, _ in rows(book).values()} == {None}


def test_what_is_not_there_cannot_be_erased_or_marked(book):
    for act, error in (
        (lambda: erasure.ask(book.house, book.officer, 99), NoSuchEntry),
        (lambda: erasure.ask(book.house, book.officer, book.entry, field="before.tier"), BadField),
        (lambda: erasure.hold(book.house, AUDITOR, 99, on=True), NoSuchEntry),
    ):
        with pytest.raises(error):
            act()
    assert erasure.privilege(book.house, book.officer, book.entry, on=True) == 2
    assert erasure.privilege(book.house, book.officer, book.entry, on=True) == 0
    assert len(erasure.requests(book.house, book.officer).items) == 0


def test_a_text_blanked_or_put_back_behind_the_log_is_noticed(book):
    before = rows(book)["why"]
    with book.house.database.unrecorded() as connection:
        connection.execute(
            update(log_texts).where(log_texts.c.field == "why").values(text=None, salt=b"", erased_at="2026-11-01")
        )
    with book.house.database.reading() as connection, pytest.raises(LogBroken, match="no entry erased it"):
        check(connection)
    with book.house.database.unrecorded() as connection:
        connection.execute(
            update(log_texts)
            .where(log_texts.c.field == "why", log_texts.c.number == book.entry)
            .values(text=before[0], salt=before[1], erased_at=None)
        )
    erasure.agree(book.house, book.second, erasure.ask(book.house, book.officer, book.entry, field="why").id)
    with book.house.database.unrecorded() as connection:
        connection.execute(
            update(log_texts)
            .where(log_texts.c.field == "why", log_texts.c.number == book.entry)
            .values(text=before[0], salt=before[1])
        )
    with book.house.database.reading() as connection, pytest.raises(LogBroken, match="is there again"):
        check(connection)


def test_what_somebody_was_called_stays_while_a_key_of_that_name_vouches_for_evidence(book):
    with book.house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PersonFields(name="Engineer 1", email="engineer@example.org"), "p-three")
    named = change.first_index
    evidence = signed(book.registered("nights", owner="Engineer@example.org"))
    asked = erasure.ask(book.house, book.officer, named, field="after.email", why="she left")
    file_evidence(book.house, evidence, book.officer)

    with pytest.raises(StillNeeded, match="a key is registered to this name or address"):
        erasure.agree(book.house, book.second, asked.id)
    with pytest.raises(StillNeeded):
        erasure.ask(book.house, book.officer, named)
    assert erasure.ask(book.house, book.officer, named, field="after.name").field == "after.name"
