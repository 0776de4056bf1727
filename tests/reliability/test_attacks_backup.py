"""Attacks by a backup: somebody else's, rightly signed with a key of their own, and made to do harm when restored."""

from __future__ import annotations

import resource
import signal
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from attacker import Apart, Attacker, entry, refused, taken_apart
from sqlalchemy import inspect

from codman.evidence.archive import LIST, PAYLOAD_TYPE, BadArchive, CannotPack, pack, unpack
from codman.evidence.canonical import canonical
from codman.evidence.envelope import sign
from codman.evidence.keys import generate, read_signing_key
from codman.evidence.passphrase import seal
from codman.flows.backup import CannotRestore, WouldReplace, restore
from codman.registry.database import Database

PASSPHRASE = "five random words are enough"  # noqa: S105


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Apart:
    return taken_apart(tmp_path_factory.mktemp("theirs"))


@pytest.fixture
def attacker(theirs: Apart, tmp_path: Path) -> Attacker:
    return Attacker(tmp_path, *theirs)


@pytest.fixture(scope="module")
def in_tables(postgresql: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Apart:
    return taken_apart(tmp_path_factory.mktemp("tables"), postgresql())


def test_the_attackers_tool_makes_a_backup_that_is_restored_when_it_does_no_harm(attacker):
    made = restore(attacker.archive(), attacker.folder / "new")

    assert made.statements == 1


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "evidence/../../evil",
        "/tmp/evil",  # noqa: S108
        "//evil",
        "evidence//evil",
        "evidence/./evil",
        "./evidence/evil",
        "evidence/evil/",
        "evidence\\..\\..\\evil",
        "..",
        ".",
        "",
        "evidence/a\0b",
        "evidence/a\nb",
        "evidence/\u202egpj",
        "evidence/" + "a" * 256,
        "evidence/" + "/".join(["a" * 200] * 25),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_before_a_byte_is_written(attacker, name):
    files = attacker.files | {"evidence/evil": b"x"}
    listed = [entry(n if n != "evidence/evil" else name, d) for n, d in files.items()]

    error = refused(attacker, attacker.archive(files, listed))

    assert isinstance(error, BadArchive)


@pytest.mark.parametrize(
    "name",
    [
        "codman.toml",  # would tell the next server where its database and its sign-in are
        "codman.db",
        "keys/log.key",
        "keys/retired/old.KEY",
        "serving",
        "keys",
        "database",
        "evidence",
        "Evidence/x",
        ".profile",
    ],
)
def test_a_file_that_no_backup_of_ours_holds_is_refused(attacker, name):
    error = refused(attacker, attacker.archive(attacker.files | {name: b"evil"}))

    assert isinstance(error, BadArchive)


def test_one_place_named_twice_is_refused(attacker):
    name = next(n for n in attacker.files if n.startswith("evidence/statements/"))
    listed = [entry(n, d) for n, d in attacker.files.items()]
    for twice in ([*listed, entry(name, b"other")], [*listed, entry("evidence/statements", b"x")]):
        assert isinstance(refused(attacker, attacker.archive(listed=twice)), BadArchive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_a_link_or_device_is_no_file(attacker, kind):
    def turned(info: tarfile.TarInfo) -> None:
        if info.name.startswith("evidence/"):
            info.type, info.linkname = kind, "/etc/passwd"

    assert isinstance(refused(attacker, attacker.archive(header=turned)), BadArchive)


@pytest.mark.parametrize("field", [{"mode": 0o4755}, {"uid": 1000}, {"mtime": 1}, {"uname": "root"}])
def test_a_header_that_says_more_than_the_list_is_refused(attacker, field):
    def turned(info: tarfile.TarInfo) -> None:
        for name, value in field.items():
            setattr(info, name, value)

    assert isinstance(refused(attacker, attacker.archive(header=turned)), BadArchive)


@pytest.mark.parametrize("size", [-1, 0, 2, 1 << 40, (1 << 53) - 1, 1.5, "1", True, None, [1]])
def test_a_size_that_is_not_the_files_is_refused_and_fills_no_disk(attacker, size):
    files = attacker.files | {"evidence/evil": b"x"}
    listed = [entry(n, d, size if n == "evidence/evil" else None) for n, d in files.items()]
    if size is None:
        listed[-1]["size"] = None

    assert isinstance(refused(attacker, attacker.archive(files, listed)), BadArchive)


@pytest.mark.parametrize(
    "about",
    [
        {"files": ...},
        {"files": {}},
        {"files": ["evidence/x"]},
        {"files": [{"name": "x"}]},
        {"files": [{"name": 5, "size": 1, "sha256": "x"}]},
        {"files": [{"name": "evidence/x", "size": 1, "sha256": 5}]},
        {"key": ...},
        {"key": 5},
        {"key": "-----BEGIN PUBLIC KEY-----\n"},
        {"format": "codman-backup/2"},
        {"format": ...},
        {"database": ...},
        {"database": "oracle"},
        {"made_at": 5},
        {"step": ...},
        {"checkpoint": ...},
        {"checkpoint": 5},
        {"checkpoint": ""},
        {"checkpoint": "test.hospital/log\n99\nAAAA\n"},
    ],
    ids=str,
)
def test_a_list_that_leaves_out_or_twists_what_it_must_say_is_refused(attacker, about):
    refused(attacker, attacker.archive(**about))


@pytest.mark.parametrize("name", ["keys/log.pub", "database/codman.db"])
@pytest.mark.parametrize("data", [None, b"", b"nonsense" * 100])
def test_what_every_backup_holds_must_be_there_and_be_what_it_is(attacker, name, data):
    files = dict(attacker.files)
    del files[name]
    if data is not None:
        files[name] = data

    assert isinstance(refused(attacker, attacker.archive(files)), BadArchive)


def changed_database(attacker: Attacker, *statements: str) -> dict[str, bytes]:
    place = attacker.folder / "changed.db"
    place.write_bytes(attacker.files["database/codman.db"])
    with sqlite3.connect(place) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    data = place.read_bytes()
    place.unlink()
    return attacker.files | {"database/codman.db": data}


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER evil AFTER INSERT ON people BEGIN UPDATE grants SET role = 'admin'; END",
        "CREATE VIEW evil AS SELECT * FROM people",
        "CREATE VIRTUAL TABLE evil USING fts5(words)",
        "DROP TABLE log_entries",
        "DELETE FROM log_entries",
        "UPDATE alembic_version SET version_num = '9999'",
        "DROP TABLE statements",
    ],
)
def test_a_database_that_acts_by_itself_or_is_no_book_is_refused(attacker, statement):
    refused(attacker, attacker.archive(changed_database(attacker, statement)))


@pytest.mark.parametrize(
    "sealed",
    [
        {"../../evil.key": "eA=="},
        {"/tmp/evil.key": "eA=="},  # noqa: S108
        {"keys/../../evil.key": "eA=="},
        {"keys/log.pub": "eA=="},
        {"evidence/evil": "eA=="},
        {"keys/log.key": "not base64"},
        {"keys/log.key": 5},
        ["keys/log.key"],
    ],
    ids=str,
)
def test_what_is_sealed_with_a_known_passphrase_is_still_only_keys_and_settings(attacker, sealed):
    files = attacker.files | {"keys.sealed": seal(canonical(sealed), PASSPHRASE)}

    refused(attacker, attacker.archive(files), passphrase=PASSPHRASE)


def test_a_link_in_the_workspaces_place_is_not_followed(attacker):
    (attacker.folder / "real").mkdir()
    for target in ("real", "nowhere"):
        (attacker.folder / "new").symlink_to(attacker.folder / target)
        assert isinstance(refused(attacker, attacker.archive()), WouldReplace)
        (attacker.folder / "new").unlink()


def test_a_full_disk_is_not_blamed_on_the_backup(attacker):
    archive, before = attacker.archive(), resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        error = refused(attacker, archive)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)

    assert isinstance(error, CannotRestore)
    assert "file too large" in error.why


def test_with_the_houses_own_key_at_hand_nothing_of_the_attackers_is_restored(attacker, tmp_path):
    ours = generate(tmp_path / "ours")

    error = refused(attacker, attacker.archive(), key=ours)

    assert isinstance(error, BadArchive)
    assert "not" in error.why


def test_a_signature_moved_from_another_list_is_refused(attacker, tmp_path):
    generate(tmp_path / "ours")
    ours = read_signing_key(tmp_path / "ours.key")
    said = {**attacker.about, "key": ours.public.pem, "files": [entry(n, d) for n, d in attacker.files.items()]}
    theirs = sign(canonical(said), attacker.key, payload_type=PAYLOAD_TYPE)  # ours by name, theirs by hand
    both = theirs.signed_by(ours)
    for head in (theirs, both):
        archive = attacker.written([(LIST, head.to_bytes()), *attacker.files.items()], lambda _info: None)
        assert isinstance(refused(attacker, archive, key=ours.public), BadArchive)


def test_an_archive_cut_anywhere_is_refused(attacker):
    whole = attacker.archive().read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        cut = attacker.folder / "cut.tar"
        cut.write_bytes(whole[:length])
        assert isinstance(refused(attacker, cut), BadArchive)


def test_a_name_that_could_not_come_back_does_not_go_in(tmp_path):
    generate(tmp_path / "ours")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a\\b").write_bytes(b"x")

    with pytest.raises(CannotPack):
        pack(tmp_path / "a.tar", tmp_path / "folder", {}, read_signing_key(tmp_path / "ours.key"))
    assert not (tmp_path / "a.tar").exists()


def test_a_list_of_very_many_files_comes_back_too(tmp_path):
    generate(tmp_path / "ours")
    for name in ("folder", "out"):
        (tmp_path / name).mkdir()
    long = "x" * (70 << 20)  # as 400,000 files would make it: more than a statement may have

    pack(tmp_path / "a.tar", tmp_path / "folder", {"format": long}, read_signing_key(tmp_path / "ours.key"))

    assert unpack(tmp_path / "a.tar", tmp_path / "out") == {"format": long}


@pytest.mark.parametrize("step", ["nonsense", "head", "base", "0001:9999", "+1", ""])
def test_a_step_that_this_release_does_not_know_is_refused(in_tables, postgresql, tmp_path, step):
    attacker = Attacker(tmp_path, *in_tables)

    refused(attacker, attacker.archive(step=step), database_url=postgresql(empty=True))


@pytest.mark.parametrize(
    ("table", "data"),
    [("log_entries", data) for data in (None, b"", b"nonsense\n" * 100, b"\\.\n", b"\x00\xff")]
    + [(table, data) for table in ("statements", "people") for data in (b"nonsense\n", b"\x00\xff")],
)
def test_rows_that_are_none_are_refused_and_the_database_stays_empty(in_tables, postgresql, tmp_path, table, data):
    attacker, url = Attacker(tmp_path, *in_tables), postgresql(empty=True)
    files = {n: d for n, d in attacker.files.items() if n != f"database/{table}.copy"}
    if data is not None:
        files[f"database/{table}.copy"] = data

    refused(attacker, attacker.archive(files), database_url=url)

    database = Database(url)
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == []
    database.close()
