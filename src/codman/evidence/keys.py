"""Ed25519 keys in PEM files: make, read, name.

A key's identifier is the sha256 of its public half (SubjectPublicKeyInfo, DER). In an envelope it is a hint that
helps to find the key, never a reason to trust it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codman.errors import BadInput
from codman.evidence.canonical import sha256
from codman.evidence.files import CannotWrite, read_whole

if TYPE_CHECKING:
    # loaded in the functions that need it: it is slow to load, and a statement that nobody signs needs none of it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_MAX_KEY_BYTES: Final = 64 * 1024
_OWNER_ONLY: Final = 0o600
_EVERYONE: Final = 0o644


class BadKey(BadInput):
    """A file that is not the Ed25519 key a command needs."""

    def __init__(self, path: Path, why: str, fix: str) -> None:
        super().__init__(what=f"{path} is not a key that can be used here", why=why, fix=fix)


class KeyExists(BadInput):
    """A key is never overwritten: what it signed would lose its signer."""

    def __init__(self, path: Path) -> None:
        super().__init__(what=f"{path} is there already", why="a key is never overwritten", fix="give another name")


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half of a signer's key."""

    key: Ed25519PublicKey
    name: str  # as the person who gave it calls it: the file's name
    keyid: str  # sha256 of the SubjectPublicKeyInfo in DER, 64 hexadecimal digits

    @classmethod
    def of(cls, key: Ed25519PublicKey, name: str) -> VerifyingKey:
        """Name a public key by its own bytes."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(key=key, name=name, keyid=sha256(der))

    @property
    def raw(self) -> bytes:
        """The key's own 32 bytes (RFC 8032)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def pem(self) -> str:
        """The key as others read it: SubjectPublicKeyInfo, PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made this signature over exactly these bytes."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private half of a signer's key. Its repr says nothing secret."""

    key: Ed25519PrivateKey
    name: str

    @property
    def public(self) -> VerifyingKey:
        """The half that others check with."""
        return VerifyingKey.of(self.key.public_key(), self.name)

    def sign(self, message: bytes) -> bytes:
        """64 bytes that only this key can make over this message."""
        return self.key.sign(message)


def generate(out: Path) -> VerifyingKey:
    """Make a key pair: `OUT.key` for its owner alone (PKCS#8, mode 0600), `OUT.pub` for everybody (SPKI).

    Raises:
        KeyExists: One of the two files is there already.
        CannotWrite: The folder is missing or not ours.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private, public = out.with_name(out.name + ".key"), out.with_name(out.name + ".pub")
    for path in (private, public):
        if os.path.lexists(path):
            raise KeyExists(path)
    key = Ed25519PrivateKey.generate()
    _create(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), _OWNER_ONLY)
    try:
        spki = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        _create(public, spki, _EVERYONE)
    except BadInput:
        private.unlink()
        raise
    return VerifyingKey.of(key.public_key(), public.name)


def read_signing_key(path: Path) -> SigningKey:
    """Read the private key that signs.

    Raises:
        BadKey: It is a public key, has a passphrase, is of another sort, or is no key at all.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = read_whole(path, at_most=_MAX_KEY_BYTES)
    if b"PUBLIC KEY" in pem:
        raise BadKey(path, "it is a public key, which cannot sign", "give the .key file")
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise BadKey(path, "it has a passphrase", "give an unencrypted PKCS#8 key that only you can read") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(path, "it holds no private key in PEM", "make one: codman evidence keygen --out NAME") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(path, "it is not an Ed25519 key", "make one: codman evidence keygen --out NAME")
    return SigningKey(key=key, name=path.name)


def read_verifying_key(path: Path) -> VerifyingKey:
    """Read the public key that checks.

    Raises:
        BadKey: It is a private key, of another sort, or no key at all.
    """
    return parse_verifying_key(read_whole(path, at_most=_MAX_KEY_BYTES), path)


def parse_verifying_key(pem: bytes, name: Path | str) -> VerifyingKey:
    """The same from bytes in memory; `name` is what errors call them."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    path = Path(name)
    if b"PRIVATE KEY" in pem:
        raise BadKey(path, "it is a private key; checking needs only the public one", "give the .pub file")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(path, "it holds no public key in PEM", "ask the signer for their .pub file") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(path, "it is not an Ed25519 key", "ask the signer for their Ed25519 .pub file")
    return VerifyingKey.of(key, path.name)


def _create(path: Path, data: bytes, mode: int) -> None:
    try:
        # the mode is set as the file is made, so that nobody can read it in between
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            try:
                file.write(data)
            except OSError:
                with suppress(OSError):
                    path.unlink()
                raise
    except FileExistsError:
        raise KeyExists(path) from None
    except OSError as error:
        raise CannotWrite(path, error) from None
