"""The audit log is worked out again; packs of it are checked by a second program that knows nothing of Codman."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, update

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, bare, evaluation, signed

from codman.errors import NotProven
from codman.evidence.canonical import canonical
from codman.evidence.checkpoint import BadCheckpoint, sign_checkpoint
from codman.evidence.envelope import sign
from codman.evidence.merkle import root
from codman.evidence.store import EvidenceTampered, NotInStore
from codman.flows.audit import NotOurCheckpoint, audit
from codman.flows.audit_pack import prove
from codman.flows.filing import file_evidence
from codman.flows.receipts import checkpoint
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.keys import by_keyid, revoke
from codman.registry.log import SYSTEM, LogBroken, NoSuchEntry, entries
from codman.registry.nouns import USES
from codman.registry.schema import log_texts, statements
from codman.spine.person import Role

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_pack.py"


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    yield made
    made.house.close()


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("verify_pack", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kept(book, tmp_path, name="kept"):
    (tmp_path / name).write_text(checkpoint(book.house))
    return tmp_path / name


def change_a_use(book, why="asked by the ward"):
    with book.house.database.changing(SYSTEM, why) as change:
        use = USES.get(change.connection, "ward")
        USES.change(change, "ward", {"purpose": f"Find sepsis, take {use.revision}", "tier": None}, None)


def test_an_untouched_book_is_verified_against_a_checkpoint_kept_elsewhere(book, tmp_path):
    old = kept(book, tmp_path)
    file_evidence(book.house, signed(book.registered("k")), book.officer)

    found = audit(book.house, book.officer, kept=old, export=tmp_path / "now")

    assert (found.entries, found.statements, found.against) == (10, 1, 8)
    assert (tmp_path / "now").read_text() == found.checkpoint
    assert audit(book.house, book.officer, kept=tmp_path / "now").against == 10


def test_a_log_cut_short_or_a_database_put_back_whole_agrees_with_itself_and_not_with_the_checkpoint(tmp_path):
    book = Book(tmp_path)
    database = tmp_path / "workspace" / "codman.db"
    book.house.close()
    shutil.copy(database, tmp_path / "yesterday.db")
    change_a_use(book)
    today = kept(book, tmp_path)
    book.house.close()

    shutil.copy(tmp_path / "yesterday.db", database)
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)

    audit(book.house, book.officer)  # nothing inside can tell
    with pytest.raises(LogBroken, match="cut short"):
        audit(book.house, book.officer, kept=today)
    change_a_use(book, "another history")
    with pytest.raises(LogBroken, match="not those it had"):
        audit(book.house, book.officer, kept=today)
    book.house.close()


def test_a_checkpoint_of_another_log_or_key_is_refused(book, tmp_path):
    good = checkpoint(book.house)
    from codman.evidence.checkpoint import read_checkpoint

    state = read_checkpoint(good)
    (tmp_path / "stranger").write_text(sign_checkpoint(state, book.key("stranger")))
    (tmp_path / "other").write_text(good.replace("test.hospital", "best.hospital"))
    (tmp_path / "none").write_text("hello")
    for name, error in (("stranger", NotOurCheckpoint), ("other", NotOurCheckpoint), ("none", BadCheckpoint)):
        with pytest.raises(error):
            audit(book.house, book.officer, kept=tmp_path / name)


def test_evidence_changed_on_disk_or_taken_out_of_the_book_is_noticed(book):
    receipt = file_evidence(book.house, bare(), book.officer)
    place = next((book.folder / "workspace" / "evidence").rglob(f"{receipt.digest}.json"))
    good = place.read_bytes()
    place.write_bytes(good.replace(b"0.8", b"0.9"))
    with pytest.raises(EvidenceTampered):
        audit(book.house, book.officer)
    place.write_bytes(good)

    with book.house.database.unrecorded() as connection:
        connection.execute(update(statements).values(log_index=0))
    with pytest.raises(LogBroken, match="is not what entry 0 filed"):
        audit(book.house, book.officer)
    with book.house.database.unrecorded() as connection:
        connection.execute(delete(statements))
    with pytest.raises(LogBroken, match="no longer has"):
        audit(book.house, book.officer)


def test_a_pack_is_proven_by_the_script_alone(book, tmp_path):
    old = kept(book, tmp_path)
    receipt = file_evidence(book.house, signed(book.registered("k")), book.officer)
    change_a_use(book)

    prove(book.house, book.officer, receipt.digest, since=old.read_text(), out=tmp_path / "pack.json")
    public = book.folder / "workspace" / "keys" / "log.pub"
    arguments = [tmp_path / "pack.json", public, "--since", old, "--origin", "test.hospital/log"]
    # -I: nothing of this checkout is on the path, so nothing of Codman can help
    done = subprocess.run([sys.executable, "-I", SCRIPT, *arguments], capture_output=True, text=True, check=False)
    gone = subprocess.run([sys.executable, "-I", SCRIPT, "gone", public], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["about"]["id"] == receipt.digest
    assert gone.returncode == 2
    assert len(SCRIPT.read_text().splitlines()) <= 300
    imported = {
        line.split()[1].split(".")[0] for line in SCRIPT.read_text().splitlines() if line[:5] in ("impor", "from ")
    }
    assert imported <= {*sys.stdlib_module_names, "cryptography"}


def test_every_entrys_pack_is_proven_and_fits_no_other_log_key_or_checkpoint(book, script):
    file_evidence(book.house, bare(), book.officer)
    file_evidence(book.house, signed(book.registered("k")), book.officer)
    for _ in range(4):
        change_a_use(book)
    pem = book.house.log_key.public.pem
    with book.house.database.reading() as connection:
        every = [e.index for e in entries(connection)]
    for index in every:
        pack = canonical(prove(book.house, book.officer, index))
        assert script.check(pack, pem, origin="test.hospital/log")["index"] == index
        with pytest.raises(script.REFUSED):
            script.check(pack, book.key("stranger").public.pem)
        with pytest.raises(script.REFUSED):
            script.check(pack, pem, origin="other.hospital/log")
    stale = canonical(prove(book.house, book.officer, 3))
    change_a_use(book)
    with pytest.raises(script.REFUSED, match="when you kept that checkpoint"):
        script.check(stale, pem, checkpoint(book.house))
    with pytest.raises(script.REFUSED, match="no proof from your checkpoint"):
        script.check(canonical(prove(book.house, book.officer, 3)), pem, json.loads(stale)["checkpoint"])


def test_a_payload_that_another_tool_wrote_in_its_own_way_is_proven_too(book, script):
    key = book.registered("k")
    loose = json.dumps(json.loads(bare()), indent=1).encode()
    receipt = file_evidence(book.house, sign(loose, key).to_bytes(), book.officer)

    pack = prove(book.house, book.officer, receipt.digest)

    assert "envelope" in pack
    script.check(canonical(pack), book.house.log_key.public.pem)
    assert evaluation().predicate_type == json.loads(pack["statement"])["predicateType"]


def test_every_single_byte_changed_is_refused(tmp_path, script, whole):
    book = Book(tmp_path)
    old = checkpoint(book.house)
    # a small statement, and an entry with a reason beside it: packs with every part, a few thousand bytes long
    receipt = file_evidence(book.house, signed(book.registered("k"), measurements=[]), book.officer)
    change_a_use(book)
    pem, passed, tried = book.house.log_key.public.pem, [], 0
    for index in (receipt.log_index, receipt.log_index + 1):
        good = canonical(prove(book.house, book.officer, index, since=old))
        script.check(good, pem)
        for place, byte in enumerate(good):
            others = (byte ^ change for change in (range(1, 256) if whole else (1,)))
            bad = [good[:place] + bytes([other]) + good[place + 1 :] for other in others]
            bad += [good[:place] + good[place + 1 :]]
            for one in bad:
                tried += 1
                try:
                    script.check(one, pem)
                except script.REFUSED:
                    continue
                passed.append((index, place))
    assert passed == []
    assert tried > 10_000
    book.house.close()


def test_peoples_words_go_along_only_where_the_reader_may_read_them(book, script):
    change_a_use(book)
    pem = book.house.log_key.public.pem
    with book.house.database.reading() as connection:
        last = list(entries(connection))[-1].index
    with book.house.database.unrecorded() as connection:
        connection.execute(update(log_texts).where(log_texts.c.field == "why").values(privileged=True))
    auditor = Reader("p-two", "Auditor", (Held(Role.AUDITOR),))

    whole, part, none = (
        prove(book.house, reader, last, texts=texts)
        for reader, texts in ((book.officer, True), (auditor, True), (book.officer, False))
    )

    assert [t["field"] for t in whole["texts"]] == ["after.purpose", "why"]
    assert [t["field"] for t in part["texts"]] == ["after.purpose"]
    assert (part["withheld"], none["texts"]) == (["why"], [])
    for pack in (whole, part, none):
        script.check(canonical(pack), pem)
    lied = part | {"withheld": []}
    with pytest.raises(script.REFUSED, match="not those the entry names"):
        script.check(canonical(lied), pem)


def test_who_may_not_read_the_log_proves_nothing(book, tmp_path):
    viewer = Reader("p-one", "Viewer", (Held(Role.VIEWER),))
    for act in (
        lambda: audit(book.house, viewer),
        lambda: prove(book.house, viewer, 0),
        lambda: audit(
            book.house, Reader("p", "P", (Held(Role.OFFICER),), scopes=frozenset({"audit.read"})), export=tmp_path / "x"
        ),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(NoSuchEntry):
        prove(book.house, book.officer, 99)
    with pytest.raises(NotInStore):
        prove(book.house, book.officer, "f" * 64)
    assert not (tmp_path / "x").exists()
    assert issubclass(LogBroken, NotProven)
    assert root([]) is not None


def test_a_statements_pack_proves_the_newest_entry_that_gives_it_its_standing(book, script):
    filed = file_evidence(book.house, bare(), book.officer)
    assert json.loads(prove(book.house, book.officer, filed.digest)["entry"])["index"] == filed.log_index
    first, second = book.registered("first"), book.registered("second")
    for key in (first, second):
        file_evidence(book.house, signed(key), book.officer)

    pack = prove(book.house, book.officer, filed.digest)
    with book.house.database.changing(SYSTEM) as change:
        revoke(change, by_keyid(change.connection, [second.public.keyid])[0].id, "2026-10-01T00:00:00Z")
    after = prove(book.house, book.officer, filed.digest)

    for one, key in ((pack, second), (after, first)):
        entry = json.loads(one["entry"])
        assert (entry["action"], entry["after"]["keyid"]) == ("evidence.sign", key.public.keyid)
        script.check(canonical(one), book.house.log_key.public.pem)
