"""A backup is taken while the house is in use, comes back with the same root, and is refused where a byte differs."""

from __future__ import annotations

import sys
import tarfile
import threading
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, bare, signed

from codman.errors import CodmanError
from codman.evidence.archive import BadArchive
from codman.evidence.keys import generate, read_verifying_key
from codman.evidence.passphrase import WeakPassphrase, WrongPassphrase
from codman.evidence.store import EvidenceTampered
from codman.flows.audit import audit
from codman.flows.backup import CannotRestore, WouldReplace, backup, restore
from codman.flows.filing import file_evidence
from codman.flows.operator import OPERATOR
from codman.flows.receipts import checkpoint, receipt_for
from codman.registry.access import NotAllowed
from codman.registry.database import BadDatabaseUrl
from codman.registry.log import SYSTEM, check
from codman.registry.nouns import USES
from codman.registry.schema import statements
from codman.registry.snapshot import NotEmpty
from codman.settings import Settings
from codman.wiring import open_house

PASSPHRASE = "five random words are enough"  # noqa: S105


@pytest.fixture
def book(tmp_path, database_url, request):
    made = Book(tmp_path, database_url if "postgresql" in database_url else None)
    made.fresh_url = lambda: None
    if "postgresql" in database_url:
        made.fresh_url = partial(request.getfixturevalue("postgresql"), empty=True)
    file_evidence(made.house, signed(made.registered("ci")), made.officer)
    yield made
    made.house.close()


@pytest.fixture
def sqlite_book(tmp_path):
    made = Book(tmp_path)
    file_evidence(made.house, bare(measurements=[]), made.officer)
    yield made
    made.house.close()


def reopened(workspace, url=None):
    return open_house(Settings(workspace=workspace, database_url=url))


def contents(folder):
    return sorted(p.name for p in folder.iterdir())


def test_what_is_restored_has_the_same_root_evidence_keys_and_receipts(book, tmp_path):
    (tmp_path / "documents-made").mkdir()
    (book.house.documents / "ab").mkdir()
    (book.house.documents / "ab" / "abcd").write_bytes(b"a document")
    (tmp_path / "kept").write_text(checkpoint(book.house))
    kept = backup(book.house, OPERATOR, tmp_path / "b.tar", passphrase=PASSPHRASE)
    url = book.fresh_url()

    made = restore(
        tmp_path / "b.tar", tmp_path / "new", database_url=url, passphrase=PASSPHRASE, key=book.house.log_key.public
    )
    house = reopened(tmp_path / "new", url)

    assert (made.root, made.entries, made.statements) == (kept.root, kept.entries, 1)
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new" / "documents" / "ab" / "abcd").read_bytes() == b"a document"
    with house.database.reading() as connection:
        digest = connection.execute(select(statements.c.digest)).scalar_one()
        assert check(connection).root.hex() == kept.root
    assert receipt_for(house, digest) == receipt_for(book.house, digest)
    assert house.log_key.public.keyid == book.house.log_key.public.keyid
    assert oct((tmp_path / "new" / "keys" / "log.key").stat().st_mode & 0o777) == "0o600"
    audit(house, OPERATOR, kept=tmp_path / "kept")
    with house.database.changing(SYSTEM) as change:  # and it goes on
        USES.change(change, "ward", {"tier": "high"}, None)
    house.close()


def test_without_its_private_keys_a_restored_house_makes_new_ones_and_still_knows_the_old_ones_word(book, tmp_path):
    (tmp_path / "kept").write_text(checkpoint(book.house))
    backup(book.house, OPERATOR, tmp_path / "b.tar")
    url = book.fresh_url()
    restore(tmp_path / "b.tar", tmp_path / "new", database_url=url)
    house = reopened(tmp_path / "new", url)

    assert house.log_key.public.keyid != book.house.log_key.public.keyid
    assert house.log_origin == "test.hospital/log"
    with tarfile.open(tmp_path / "b.tar") as opened:  # any tar program reads it; nothing secret is in it
        names = opened.getnames()
    assert not [n for n in names if n.endswith(".key")]
    assert "keys/log.pub" in names
    audit(house, OPERATOR, kept=tmp_path / "kept")
    house.close()


def test_any_byte_changed_is_refused_and_nothing_is_left_behind(sqlite_book, tmp_path, whole):
    backup(sqlite_book.house, OPERATOR, tmp_path / "b.tar", passphrase=PASSPHRASE)
    good = (tmp_path / "b.tar").read_bytes()
    before = contents(tmp_path)
    # every byte of a small archive is changed in tests/evidence/test_archive.py
    places = [*range(0, 3000, 37), *range(3000, len(good), 101 if whole else 4999), len(good) - 1]
    for place in places:
        (tmp_path / "b.tar").write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(BadArchive):
            restore(tmp_path / "b.tar", tmp_path / "new")
    for bad in (good[:-1], good + b"\0", good[: len(good) // 2], b"", b"not a tar" * 200):
        (tmp_path / "b.tar").write_bytes(bad)
        with pytest.raises(BadArchive):
            restore(tmp_path / "b.tar", tmp_path / "new")
    assert contents(tmp_path) == before


def test_a_backup_by_another_key_or_with_a_wrong_passphrase_is_refused(sqlite_book, tmp_path):
    backup(sqlite_book.house, OPERATOR, tmp_path / "b.tar", passphrase=PASSPHRASE)
    backup(sqlite_book.house, OPERATOR, tmp_path / "bare.tar")
    stranger = generate(tmp_path / "stranger")
    before = contents(tmp_path)
    for act, error in (
        (lambda: restore(tmp_path / "b.tar", tmp_path / "new", key=stranger), BadArchive),
        (lambda: restore(tmp_path / "b.tar", tmp_path / "new", passphrase="another " * 3), WrongPassphrase),
        (lambda: restore(tmp_path / "bare.tar", tmp_path / "new", passphrase=PASSPHRASE), CannotRestore),
        (lambda: restore(tmp_path / "b.tar", tmp_path / "new", database_url="postgresql://x/y"), CannotRestore),
        (lambda: restore(tmp_path / "b.tar", tmp_path / "new", database_url="mysql://x/y"), BadDatabaseUrl),
        (lambda: restore(tmp_path / "b.tar", tmp_path / "new", database_url="nonsense"), BadDatabaseUrl),
        (lambda: restore(tmp_path / "b.tar", tmp_path / "workspace"), WouldReplace),
        (lambda: restore(tmp_path / "b.tar", tmp_path / "b.tar"), WouldReplace),
        (lambda: restore(tmp_path / "gone.tar", tmp_path / "new"), CodmanError),
        (lambda: backup(sqlite_book.house, OPERATOR, tmp_path / "c.tar", passphrase=PASSPHRASE[:11]), WeakPassphrase),
        (lambda: backup(sqlite_book.house, sqlite_book.officer, tmp_path / "c.tar"), NotAllowed),
    ):
        with pytest.raises(error):
            act()
        assert contents(tmp_path) == before
    assert read_verifying_key(tmp_path / "workspace" / "keys" / "log.pub").keyid != stranger.keyid


def test_a_house_that_lost_evidence_is_told_when_it_is_backed_up(sqlite_book, tmp_path):
    next((tmp_path / "workspace" / "evidence" / "statements").rglob("*.json")).unlink()

    with pytest.raises(EvidenceTampered):
        backup(sqlite_book.house, OPERATOR, tmp_path / "b.tar")

    assert not (tmp_path / "b.tar").exists()


def test_a_database_in_use_is_never_restored_over(tmp_path, postgresql):
    book = Book(tmp_path, postgresql())
    backup(book.house, OPERATOR, tmp_path / "b.tar")
    used = postgresql(empty=True)
    Book(tmp_path / "other", used).house.close()

    with pytest.raises(NotEmpty):
        restore(tmp_path / "b.tar", tmp_path / "new", database_url=used)

    assert not (tmp_path / "new").exists()
    book.house.close()


def test_backups_taken_under_write_load_miss_nothing_that_was_acknowledged(book, tmp_path, whole):
    acked: list[str] = []
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            acked.append(file_evidence(book.house, bare(note=str(number)), book.officer).digest)

    writer = threading.Thread(target=write)
    writer.start()
    taken = []
    try:
        for number in range(50 if whole else 3):
            surely = list(acked)
            kept = backup(book.house, OPERATOR, tmp_path / f"{number}.tar")
            taken.append((number, surely, kept))
    finally:
        stop.set()
        writer.join()
    for number, surely, kept in taken:
        url = book.fresh_url()
        made = restore(tmp_path / f"{number}.tar", tmp_path / f"new{number}", database_url=url)
        house = reopened(tmp_path / f"new{number}", url)
        with house.database.reading() as connection:
            there = set(connection.execute(select(statements.c.digest)).scalars())
            assert check(connection).root.hex() == kept.root == made.root
        house.close()
        assert set(surely) <= there
    assert len(acked) > len(taken)
