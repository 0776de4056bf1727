"""The audit log: what stands in it, what it proves, what it notices."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import OperationalError

from codman.evidence.merkle import inclusion_proof, leaf_hash, proves_consistency, proves_inclusion, root
from codman.registry.database import Database, NotRecorded
from codman.registry.log import (
    SYSTEM,
    Entry,
    LogBroken,
    check,
    entries,
    prove_consistency,
    prove_inclusion,
    root_at,
    salted_hash,
    size_of,
)
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema import log_entries, log_nodes, log_texts, products
from codman.spine.product import ProductFields
from codman.spine.use import UseFields


def _write(database: Database, count: int) -> None:
    for number in range(count):
        with database.changing(SYSTEM) as change:
            change.record(Entry("use.change", "use", f"use-{number}", before={"tier": None}, after={"tier": "high"}))


def test_every_prefix_of_the_log_proves_every_entry_and_every_older_state(database):
    _write(database, 33)

    with database.reading() as connection:
        leaves = [leaf_hash(written.raw) for written in entries(connection)]
        for size in range(1, 34):
            assert root_at(connection, size) == root(leaves[:size])
            for index in range(size):
                proof = prove_inclusion(connection, index, size)
                assert proof == inclusion_proof(leaves[:size], index)
                assert len(proof) <= math.ceil(math.log2(size)) + 1
                assert proves_inclusion(leaves[index], index, size, proof, root(leaves[:size]))
            for older in range(1, size + 1):
                proof = prove_consistency(connection, older, size)
                assert proves_consistency(older, size, root(leaves[:older]), root(leaves[:size]), proof)


def test_an_entry_says_who_when_what_before_and_after_and_seals_peoples_own_words(database):
    with database.changing(SYSTEM, "asked by the ward") as change:
        product = PRODUCTS.add(change, ProductFields(name="Sepsis alert"))
        use = USES.add(change, UseFields(product=product.id, name="Sepsis", purpose="Find sepsis early"))
    with database.changing(SYSTEM) as change:
        USES.change(change, use.id, {"purpose": "Find it sooner", "tier": "high"}, 1)

    with database.reading() as connection:
        first, second, third = entries(connection)
        salt = connection.execute(
            select(log_texts.c.salt).where(log_texts.c.number == 2, log_texts.c.field == "after.purpose")
        ).scalar_one()
    assert second.value["action"] == "use.create"
    assert second.value["about"] == {"kind": "use", "id": use.id}
    assert second.texts == {"after.name": "Sepsis", "after.purpose": "Find sepsis early", "why": "asked by the ward"}
    assert third.value["before"]["tier"] is None
    assert third.value["after"]["tier"] == "high"
    assert third.value["after"]["purpose"] == salted_hash(bytes(salt), "Find it sooner")
    assert b"Find" not in first.raw + second.raw + third.raw
    assert b"Sepsis" not in first.raw + second.raw + third.raw


def test_what_fails_after_its_change_leaves_neither_change_nor_entry(database):
    with suppress(ZeroDivisionError), database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Half"))
        _ = 1 / 0

    with database.reading() as connection:
        assert size_of(connection) == 0
        assert connection.execute(select(products)).all() == []


def test_a_change_whose_audit_entry_cannot_be_written_is_not_made(database, monkeypatch):
    def full_disk(*_: object) -> int:
        raise OperationalError("insert", {}, Exception("disk full"))

    monkeypatch.setattr("codman.registry.database.append", full_disk)
    with pytest.raises(NotRecorded), database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Unaudited"))

    with database.reading() as connection:
        assert connection.execute(select(products)).all() == []


def _flip(connection, number):
    raw = bytes(connection.execute(select(log_entries.c.entry).where(log_entries.c.number == number)).scalar_one())
    connection.execute(
        update(log_entries).where(log_entries.c.number == number).values(entry=raw.replace(b"high", b"loww"))
    )


TAMPERED = {
    "a changed entry": lambda c: _flip(c, 3),
    "a deleted entry": lambda c: c.execute(delete(log_entries).where(log_entries.c.number == 3)),
    "a changed column": lambda c: c.execute(
        update(log_entries).where(log_entries.c.number == 3).values(actor="somebody-else")
    ),
    "a changed node": lambda c: c.execute(update(log_nodes).where(log_nodes.c.level == 1).values(hash=b"\0" * 32)),
    "a deleted node": lambda c: c.execute(delete(log_nodes).where(log_nodes.c.level == 2)),
    "a truncated log": lambda c: c.execute(delete(log_entries).where(log_entries.c.number == 7)),
    "a text put in": lambda c: c.execute(
        insert(log_texts).values(number=3, field="why", salt=b"x", text="because", hold=False, privileged=False)
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_is_changed_behind_the_log_is_noticed(database, how):
    _write(database, 8)
    with database.reading() as connection:
        assert check(connection).size == 8

    with database.unrecorded() as connection:
        TAMPERED[how](connection)

    with database.reading() as connection, pytest.raises(LogBroken):
        check(connection)
