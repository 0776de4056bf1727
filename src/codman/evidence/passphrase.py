"""Bytes that only a passphrase opens: AES-256-GCM under a key from scrypt.

Source: RFC 7914 (scrypt), NIST SP 800-38D (GCM).
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Final

from codman.errors import BadInput
from codman.evidence.canonical import canonical, parse

LEAST_CHARACTERS: Final = 12
_COST: Final = {"n": 1 << 17, "r": 8, "p": 1}  # 128 MiB and about a third of a second for every guess
_BOUND: Final = b"codman-sealed/1"


class WrongPassphrase(BadInput):
    """A passphrase that does not open it, or bytes that were changed."""

    def __init__(self) -> None:
        super().__init__(
            what="the passphrase does not open this",
            why="it is another passphrase, or the bytes were changed",
            fix="give the passphrase it was sealed with",
        )


class WeakPassphrase(BadInput):
    """A passphrase that can be guessed."""

    def __init__(self) -> None:
        super().__init__(
            what="the passphrase is too short",
            why=f"it has fewer than {LEAST_CHARACTERS} characters",
            fix="give a longer one, e.g. five random words",
        )


def seal(data: bytes, passphrase: str) -> bytes:
    """Lock bytes under a passphrase.

    Raises:
        WeakPassphrase: It is too short.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(passphrase) < LEAST_CHARACTERS:
        raise WeakPassphrase
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    locked = AESGCM(_key(passphrase, salt)).encrypt(nonce, data, _BOUND)
    parts = {"salt": salt, "nonce": nonce, "ciphertext": locked}
    return canonical({"kdf": "scrypt", **_COST, **{k: base64.b64encode(v).decode() for k, v in parts.items()}})


def unseal(sealed: bytes, passphrase: str) -> bytes:
    """Open them again.

    Raises:
        WrongPassphrase: It does not open them.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    value = parse(sealed, name="the sealed keys")
    try:
        # the cost is ours, never the file's: a stranger's could ask for all the memory there is
        if {name: value[name] for name in ("kdf", *_COST)} != {"kdf": "scrypt", **_COST}:
            raise WrongPassphrase
        salt, nonce, locked = (base64.b64decode(value[k], validate=True) for k in ("salt", "nonce", "ciphertext"))
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, locked, _BOUND)
    except (KeyError, TypeError, ValueError, binascii.Error, InvalidTag):
        raise WrongPassphrase from None


def _key(passphrase: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, **_COST).derive(passphrase.encode())
