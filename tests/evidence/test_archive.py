"""An archive is what was packed, to the last byte of its padding, or it is refused."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path

import pytest

from codman.errors import BadInput
from codman.evidence.archive import LIST, PAYLOAD_TYPE, BadArchive, pack, unpack
from codman.evidence.canonical import canonical
from codman.evidence.envelope import sign
from codman.evidence.files import CannotRead, CannotWrite
from codman.evidence.passphrase import WeakPassphrase, WrongPassphrase, seal, unseal


@pytest.fixture
def packed(tmp_path, mine):
    source = tmp_path / "source"
    (source / ("deep" * 20) / ("deeper" * 20)).mkdir(parents=True)
    (source / ("deep" * 20) / ("deeper" * 20) / "long name.txt").write_bytes(b"beyond the 100 letters of an old header")
    (source / "empty").write_bytes(b"")
    (source / "a block").write_bytes(b"x" * 512)
    pack(tmp_path / "a.tar", source, {"format": "test"}, mine)
    return tmp_path / "a.tar"


def test_what_is_packed_comes_back_and_any_tar_program_reads_it(packed, tmp_path, mine):
    (tmp_path / "out").mkdir()

    about = unpack(packed, tmp_path / "out", mine.public)

    assert about == {"format": "test"}
    for path in (tmp_path / "source").rglob("*"):
        if path.is_file():
            assert (tmp_path / "out" / path.relative_to(tmp_path / "source")).read_bytes() == path.read_bytes()
    with tarfile.open(packed) as opened:
        assert opened.getnames()[0] == LIST
        assert len(opened.getnames()) == 4


def test_every_byte_changed_left_out_or_put_in_is_refused(packed, tmp_path, mine, whole):
    good = packed.read_bytes()
    changed = [good[:p] + bytes([good[p] ^ 1]) + good[p + 1 :] for p in range(0, len(good), 1 if whole else 19)]
    for bad in (*changed, good + b"\0", good[:-1], good[:1024], b""):
        packed.write_bytes(bad)
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder, pytest.raises(BadArchive):
            unpack(packed, Path(folder), mine.public)


@pytest.mark.parametrize("name", ["/etc/passwd", "../out", "a/../../b", "a//b", "a\\b"])
def test_a_name_that_leads_out_of_the_folder_is_refused_though_it_is_signed(tmp_path, mine, name):
    listed = [{"name": name, "size": 1, "sha256": "0" * 64}]
    head = sign(canonical({"key": mine.public.pem, "files": listed}), mine, payload_type=PAYLOAD_TYPE).to_bytes()
    with tarfile.open(tmp_path / "evil.tar", "w", format=tarfile.GNU_FORMAT) as made:
        info = tarfile.TarInfo(LIST)
        info.size, info.mode = len(head), 0o600
        made.addfile(info, io.BytesIO(head))
    (tmp_path / "out").mkdir()

    with pytest.raises(BadArchive, match="outside the folder"):
        unpack(tmp_path / "evil.tar", tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []


def test_places_that_cannot_be_read_or_written_are_named(tmp_path, mine):
    (tmp_path / "out").mkdir()
    with pytest.raises(CannotRead):
        unpack(tmp_path / "gone.tar", tmp_path / "out")
    with pytest.raises(CannotWrite):
        pack(tmp_path / "no" / "a.tar", tmp_path / "out", {}, mine)


def test_a_passphrase_opens_what_it_sealed_and_nothing_else_does():
    sealed = seal(b"secret", "twelve letters")

    assert unseal(sealed, "twelve letters") == b"secret"
    assert b"secret" not in sealed
    for bad, phrase in (
        (sealed, "twelve lettera"),
        (sealed.replace(b'"n":131072', b'"n":1024'), "twelve letters"),
        (sealed.replace(b'"ciphertext":"', b'"ciphertext":"AAAA'), "twelve letters"),
        (b"{}", "twelve letters"),
    ):
        with pytest.raises(WrongPassphrase):
            unseal(bad, phrase)
    with pytest.raises(BadInput):
        unseal(b"nothing", "twelve letters")
    with pytest.raises(WeakPassphrase):
        seal(b"secret", "eleven char")
