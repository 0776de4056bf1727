import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from codman.errors import BadInput
from codman.evidence import keys


def test_a_pair_is_pem_only_its_owner_reads_the_private_half(tmp_path):
    made = keys.generate(tmp_path / "mine")

    private, public = tmp_path / "mine.key", tmp_path / "mine.pub"
    assert private.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert public.read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    half = load_pem_private_key(private.read_bytes(), None).public_key()
    assert half == load_pem_public_key(public.read_bytes())
    hasher = Hash(SHA256())
    hasher.update(half.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    assert made.keyid == hasher.finalize().hex() == keys.read_verifying_key(public).keyid


def test_the_mode_holds_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        keys.generate(tmp_path / "mine")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "mine.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["mine.key", "mine.pub"])
def test_an_existing_key_is_never_overwritten(tmp_path, there):
    (tmp_path / there).write_text("precious")

    with pytest.raises(keys.KeyExists):
        keys.generate(tmp_path / "mine")

    assert (tmp_path / there).read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_not_even_through_a_dangling_link(tmp_path):
    (tmp_path / "mine.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(keys.KeyExists):
        keys.generate(tmp_path / "mine")
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(BadInput, match="cannot be written"):
        keys.generate(tmp_path / "no" / "mine")


def test_the_wrong_half_the_wrong_sort_and_no_key_at_all_are_told_apart(tmp_path):
    keys.generate(tmp_path / "mine")
    mine = load_pem_private_key((tmp_path / "mine.key").read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(mine.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")))
    curve = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "ec.key").write_bytes(curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "ec.pub").write_bytes(curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "no.key").write_text("hello")

    for name, why in {
        "mine.pub": "public key",
        "locked.key": "passphrase",
        "ec.key": "not an Ed25519",
        "no.key": "no private key",
        "gone.key": "no such",
    }.items():
        with pytest.raises(BadInput, match=why):
            keys.read_signing_key(tmp_path / name)
    for name, why in {"mine.key": "private key", "ec.pub": "not an Ed25519", "no.key": "no public key"}.items():
        with pytest.raises(BadInput, match=why):
            keys.read_verifying_key(tmp_path / name)


def test_nothing_secret_is_printed(tmp_path):
    keys.generate(tmp_path / "mine")
    signer = keys.read_signing_key(tmp_path / "mine.key")
    secret = signer.key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    assert secret.hex() not in repr(signer)
    assert repr(secret) not in repr(signer)
