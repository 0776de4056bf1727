import json

import pytest
from evidence_examples import evaluation

from codman.errors import BadInput
from codman.evidence.envelope import sign
from codman.evidence.statements import canonical_statement, digest, from_value, read_bytes
from codman.evidence.store import EvidenceTampered, NotInStore, Store
from codman.spine.statement import Kind


def read(statement, *keys):
    if keys:
        return read_bytes(sign(canonical_statement(statement), *keys).to_bytes(), name="x")
    return read_bytes(canonical_statement(statement), name="x")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_statement_is_stored_once_under_the_sha256_of_its_bytes(store, tmp_path):
    statement = evaluation()

    assert store.put(read(statement)) == store.put(read(statement)) == digest(statement)
    assert files(tmp_path / "store") == [f"statements/{digest(statement)[:2]}/{digest(statement)}.json"]
    assert store.get(digest(statement)).statement == statement
    assert store.digests() == [digest(statement)]


def test_signed_and_unsigned_are_one_statement_and_every_signature_is_kept(store, mine, other):
    statement = evaluation()

    names = {store.put(read(statement)), store.put(read(statement, mine)), store.put(read(statement, other))}

    assert names == {digest(statement)}
    assert len(store.envelopes(digest(statement))) == 2
    assert store.get(digest(statement)).envelope is not None


def test_changed_bytes_are_found_and_never_written_over(store, tmp_path):
    name = store.put(read(evaluation()))
    [path] = (tmp_path / "store").rglob("*.json")
    path.write_bytes(path.read_bytes().replace(b"0.831", b"0.931"))

    with pytest.raises(EvidenceTampered):
        store.get(name)
    with pytest.raises(EvidenceTampered):
        store.put(read(evaluation()))
    assert b"0.931" in path.read_bytes()


def test_a_changed_or_swapped_envelope_is_found(store, tmp_path, mine):
    name = store.put(read(evaluation(), mine))
    elsewhere = store.put(read(evaluation(version="2"), mine))
    [path] = (tmp_path / "store" / "envelopes" / name[:2] / name).iterdir()
    [stranger] = (tmp_path / "store" / "envelopes" / elsewhere[:2] / elsewhere).iterdir()

    stranger.rename(path.with_name(stranger.name))
    with pytest.raises(EvidenceTampered):
        store.envelopes(name)
    path.with_name(stranger.name).unlink()
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(EvidenceTampered):
        store.envelopes(name)


def test_a_crash_half_way_leaves_nothing_that_is_read_and_the_next_try_succeeds(store, tmp_path, monkeypatch):
    from pathlib import Path

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            store.put(read(evaluation()))
    assert files(tmp_path / "store")  # the half is there
    assert store.digests() == []
    assert store.list() == []

    name = store.put(read(evaluation()))
    assert store.digests() == [name]


def test_a_crash_between_statement_and_envelope_leaves_it_unsigned(store, mine, monkeypatch):
    from codman.evidence import store as module

    written = module.write_whole

    def crash_on_the_second(path, data, **more):
        if "envelopes" in str(path):
            raise KeyboardInterrupt
        written(path, data, **more)

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_whole", crash_on_the_second)
        with pytest.raises(KeyboardInterrupt):
            store.put(read(evaluation(), mine))

    assert store.get(digest(evaluation())).envelope is None
    store.put(read(evaluation(), mine))
    assert store.get(digest(evaluation())).envelope is not None


def test_the_newest_supersedes_whatever_zone_it_was_written_in(store):
    old = store.put(read(evaluation(evaluated_at="2026-11-20T10:00:00Z")))
    new = store.put(read(evaluation(evaluated_at="2026-11-20T09:30:00-05:00")))  # half past two in the afternoon, UTC
    elsewhere = store.put(read(evaluation(evaluated_at="2026-11-21T10:00:00Z", use="other-clinic")))

    assert store.superseded_by(old) == new
    assert store.superseded_by(new) is None
    assert store.superseded_by(elsewhere) is None
    assert [r.digest for r in store.list(use="olmsted-clinic")] == [new, old]
    assert [r.digest for r in store.list(kind=Kind.EVALUATION, product="flc-mortality")] == [elsewhere, new, old]
    assert store.list(kind=Kind.SCAN) == []


@pytest.mark.parametrize("name", ["", "a" * 64, "../../etc/passwd", "A" * 64, "a" * 63])
def test_what_is_not_there_is_said_and_no_name_leaves_the_folder(store, name):
    with pytest.raises(NotInStore):
        store.get(name)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        Store(tmp_path / "file").put(read(evaluation()))


def test_what_is_stored_is_what_sha256sum_says(store, tmp_path):
    import hashlib

    name = store.put(from_value(json.loads(canonical_statement(evaluation())), name="x"))
    [path] = (tmp_path / "store").rglob("*.json")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == name
