"""A log of a thousand entries: every change to it is noticed, by itself or against a checkpoint that was exported."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from codman.evidence.checkpoint import Checkpoint, sign_checkpoint
from codman.evidence.keys import generate, read_signing_key
from codman.evidence.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    proves_consistency,
    proves_inclusion,
    root,
)
from codman.evidence.receipt import ReceiptBroken, verify_growth
from codman.registry.database import Database
from codman.registry.log import (
    SYSTEM,
    Entry,
    LogBroken,
    append,
    check,
    entries,
    prove_consistency,
    prove_inclusion,
    root_at,
    size_of,
)
from codman.registry.migrate import migrate
from codman.registry.schema import log_entries, log_head, log_nodes, log_texts

SIZE = 1000


def _entry(number: int) -> Entry:
    return Entry("use.change", "use", f"use-{number}", before={"tier": None}, after={"tier": "high"})


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('log') / 'book.db'}")
    migrate(made)
    with made.changing(SYSTEM, "a reason") as change:
        change.entries += [_entry(n) for n in range(SIZE)]
    yield made
    made.close()


@pytest.fixture(scope="module")
def rows(book):
    with book.reading() as connection:
        return [written.raw for written in entries(connection)]


class Undone(Exception):
    """So that a change to the log is taken back when it was looked at."""


def noticed(book: Database, tamper) -> bool:
    """Whether the log's own check notices what `tamper` does, which is then undone."""
    found = False
    try:
        with book.unrecorded() as connection:
            tamper(connection)
            try:
                check(connection)
            except LogBroken:
                found = True
            raise Undone
    except Undone:
        return found


def test_every_single_byte_of_every_entry_counts_for_its_leaf_and_for_the_exported_root(book, rows):
    leaves = [leaf_hash(raw) for raw in rows]
    exported = root(leaves)
    with book.reading() as connection:
        assert root_at(connection, SIZE) == exported
        stored = dict(
            connection.execute(select(log_nodes.c.position, log_nodes.c.hash).where(log_nodes.c.level == 0)).all()
        )
    flipped = 0
    for number, raw in enumerate(rows):
        proof = inclusion_proof(leaves, number) if number % 50 == 0 else None
        for place in range(len(raw)):
            leaf = leaf_hash(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
            assert leaf != bytes(stored[number])  # the log's own nodes notice it
            if proof is not None:  # and where those were rewritten to fit, the exported root does
                assert not proves_inclusion(leaf, number, SIZE, proof, exported)
            flipped += 1
    assert flipped > 150_000


def test_the_check_itself_notices_flips_deletions_insertions_swaps_and_duplicates(book, rows, whole):
    def flip(number: int):
        raw = rows[number]
        place = number % len(raw)
        bad = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        return lambda c: c.execute(update(log_entries).where(log_entries.c.number == number).values(entry=bad))

    def remove(number: int):
        def tamper(c) -> None:
            c.execute(delete(log_texts).where(log_texts.c.number == number))
            c.execute(delete(log_entries).where(log_entries.c.number == number))

        return tamper

    def swap(number: int):
        def tamper(c) -> None:
            for here, there in ((number, number + 1), (number + 1, number)):
                c.execute(update(log_entries).where(log_entries.c.number == here).values(entry=rows[there]))

        return tamper

    def duplicate(number: int):
        def tamper(c) -> None:
            row = dict(c.execute(select(log_entries).where(log_entries.c.number == number)).one()._mapping)
            c.execute(insert(log_entries).values(row | {"number": SIZE}))
            c.execute(update(log_head).values(size=SIZE + 1))

        return tamper

    numbers = range(0, SIZE - 1, 3 if whole else 333)
    missed = [(t.__name__, n) for n in numbers for t in (flip, remove, swap, duplicate) if not noticed(book, t(n))]

    assert missed == []
    assert not noticed(book, lambda _: None)


def test_an_attacker_who_rebuilds_the_whole_log_is_found_out_by_the_exported_checkpoint(rows, whole):
    leaves = [leaf_hash(raw) for raw in rows]
    exported, other = root(leaves), leaf_hash(b"another entry")
    undetected = []
    for i in range(SIZE) if whole else (*range(0, SIZE, 17), SIZE - 1):
        cut = leaves[:i]  # truncated: too short for the checkpoint
        changed = {
            "deleted and made up at the end": [*leaves[:i], *leaves[i + 1 :], other],
            "inserted": [*leaves[:i], other, *leaves[i:]],
            "swapped": [*leaves[:i], *leaves[i : i + 2][::-1], *leaves[i + 2 :]],
            "duplicated": [*leaves[: i + 1], leaves[i], *leaves[i + 1 :]],
            "replaced": [*leaves[:i], other, *leaves[i + 1 :]],
        }
        assert len(cut) < SIZE
        for how, log in changed.items():
            same = log[:SIZE] == leaves
            if not same and root(log[:SIZE]) == exported:
                undetected.append((how, i))
            # a copy of the last entry at the end, or nothing to swap it with, is the log as it was, only longer
            assert not same or i == SIZE - 1
    assert undetected == []


def test_only_signed_sizes_of_the_same_log_count_when_a_log_says_it_only_grew(tmp_path, whole):
    generate(tmp_path / "log")
    generate(tmp_path / "stranger")
    key, stranger = read_signing_key(tmp_path / "log.key"), read_signing_key(tmp_path / "stranger.key")
    leaves = [leaf_hash(bytes([n])) for n in range(64)]
    signed = {n: sign_checkpoint(Checkpoint("a.log", n, root(leaves[:n])), key) for n in range(65)}
    passed = forged = 0
    for newer in range(1, 65):
        for older in range(1, newer + 1, 1 if whole else 5):
            proof = consistency_proof(leaves[:newer], older)
            assert verify_growth(signed[older], signed[newer], proof, key.public, "a.log").size == newer
            passed += 1
            wrong = [
                (signed[older], signed[wrong_size], proof) for wrong_size in range(older, 65, 31) if wrong_size != newer
            ]
            wrong += [(signed[newer], signed[older], proof)] if older < newer else []
            wrong += [(signed[older], signed[newer], [*proof, leaves[0]])]
            wrong += [(signed[older], signed[newer], proof[:-1])] if proof else []
            for one in wrong:
                forged += 1
                with pytest.raises(ReceiptBroken):
                    verify_growth(*one, key.public, "a.log")
    other = sign_checkpoint(Checkpoint("b.log", 64, root(leaves)), key)
    theirs = sign_checkpoint(Checkpoint("a.log", 64, root(leaves)), stranger)
    for one in (other, theirs, signed[64].replace("64", "63"), "nonsense"):
        with pytest.raises(ReceiptBroken):
            verify_growth(signed[32], one, consistency_proof(leaves, 32), key.public, "a.log")
    with pytest.raises(ReceiptBroken, match="of two logs"):
        verify_growth(signed[64], other, [], key.public)
    assert passed == (64 * 65 // 2 if whole else 442)
    assert forged > 3 * passed


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=40), st.data())
def test_a_second_program_agrees_on_roots_and_proofs(values, data):
    pymerkle = pytest.importorskip("pymerkle")
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for value in values:
        tree.append_entry(value)
    leaves = [leaf_hash(value) for value in values]
    index = data.draw(st.integers(0, len(values) - 1))
    older = data.draw(st.integers(1, len(values)))

    assert tree.get_root() == root(leaves)
    theirs = tree.prove_inclusion(index + 1)
    pymerkle.verify_inclusion(leaf_hash(values[index]), root(leaves), theirs)
    assert proves_inclusion(leaves[index], index, len(values), inclusion_proof(leaves, index), tree.get_root())
    mine = consistency_proof(leaves, older)
    assert proves_consistency(older, len(values), tree.get_root(older), tree.get_root(), mine)


def test_proofs_of_a_long_log_are_short_and_quick(tmp_path, whole, record_property):
    book = Database(f"sqlite:///{tmp_path / 'long.db'}")
    migrate(book)
    size, batch = (1_000_000, 20_000) if whole else (20_000, 10_000)
    started = time.perf_counter()
    with book.changing(SYSTEM) as change:
        for low in range(0, size, batch):
            append(change.connection, [_entry(n) for n in range(low, low + batch)], SYSTEM, change.at, None)
    record_property("entries_per_second", round(size / (time.perf_counter() - started)))
    most = size.bit_length() + 1  # ceil(log2 n) + 1
    with book.reading() as connection:
        assert size_of(connection) == size
        top = root_at(connection, size)
        started = time.perf_counter()
        for index in range(0, size, size // 50):
            raw = next(iter(entries(connection, index, index + 1))).raw
            proof = prove_inclusion(connection, index)
            assert len(proof) <= most
            assert proves_inclusion(leaf_hash(raw), index, size, proof, top)
            grown = prove_consistency(connection, index + 1)
            assert len(grown) <= most
            assert proves_consistency(index + 1, size, root_at(connection, index + 1), top, grown)
        each = (time.perf_counter() - started) / 50
    record_property("milliseconds_per_entry_and_two_proofs", round(1000 * each, 2))
    assert each < 0.5
    book.close()


@settings(max_examples=5)
@given(st.lists(st.integers(-90 * 24 * 3600, 90 * 24 * 3600), min_size=1, max_size=25))
def test_a_clock_that_jumps_in_either_direction_breaks_neither_order_nor_proof(tmp_path_factory, jumps):
    # through the end of daylight saving, a leap second's day, and years the machine never saw
    clock = [datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)]
    book = Database(f"sqlite:///{tmp_path_factory.mktemp('clock') / 'book.db'}", lambda: clock[0])
    migrate(book)
    roots = []
    for number, jump in enumerate(jumps):
        clock[0] += timedelta(seconds=jump)
        with book.changing(SYSTEM) as change:
            change.record(_entry(number))
        with book.reading() as connection:
            roots.append(root_at(connection, number + 1))
    with book.reading() as connection:
        state = check(connection)
        assert [e.value["about"]["id"] for e in entries(connection)] == [f"use-{n}" for n in range(len(jumps))]
        assert state.size == len(jumps)
        for older in range(1, len(jumps)):
            proof = prove_consistency(connection, older)
            assert proves_consistency(older, len(jumps), roots[older - 1], roots[-1], proof)
    book.close()
