"""A log's checkpoint: which log, how many entries, which root, signed, in the text form that witnesses read.

Source: C2SP tlog-checkpoint and signed-note (c2sp.org): origin, size, root in base64, an empty line, signature lines.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from codman.errors import BadInput
from codman.evidence.keys import SigningKey, VerifyingKey

_ED25519: Final = b"\x01"  # signed-note's number for a plain Ed25519 key
_DASH: Final = "\N{EM DASH}"
_MAX_BYTES: Final = 64 * 1024


class BadCheckpoint(BadInput):
    """A text that is no checkpoint."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="this is no checkpoint",
            why=why,
            fix="give the text as the log wrote it: codman audit verify --export FILE",
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's state at one moment."""

    origin: str  # the log's name
    size: int  # entries
    root: bytes  # 32 bytes

    @property
    def body(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey, name: str | None = None) -> str:
    """Write a checkpoint with its signature.

    Args:
        checkpoint: The log's state.
        key: The log's own key.
        name: The signer's name in the note; the origin where none is given.

    Raises:
        BadCheckpoint: The origin or name holds a line break, a plus or white space where none may be.
    """
    signer = name or checkpoint.origin
    if not checkpoint.origin or "\n" in checkpoint.origin or not signer or any(c.isspace() or c == "+" for c in signer):
        raise BadCheckpoint("a log's name holds no line break, and a signer's no white space and no plus")
    signature = _key_hash(signer, key.public) + key.sign(checkpoint.body.encode())
    return f"{checkpoint.body}\n{_DASH} {signer} {base64.b64encode(signature).decode()}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """The log's state a checkpoint states; the signature is not looked at here.

    Raises:
        BadCheckpoint: It has another form.
    """
    body, _ = _parted(text)
    lines = body.split("\n")
    if len(lines) < 4 or lines[-1] or not lines[0]:
        raise BadCheckpoint("it has not the three lines of origin, size and root")
    size = lines[1]
    if not size.isascii() or not size.isdecimal() or (size != "0" and size.startswith("0")) or len(size) > 19:
        raise BadCheckpoint("its second line is not a size")
    root = _decoded(lines[2])
    if len(root) != 32:
        raise BadCheckpoint("its third line is not a root of 32 bytes in base64")
    return Checkpoint(origin=lines[0], size=int(size), root=root)


def checkpoint_signed_by(text: str, key: VerifyingKey, origin: str | None = None) -> bool:
    """Whether a checkpoint is whole, of this log, and signed by this key."""
    try:
        checkpoint = read_checkpoint(text)
    except BadCheckpoint:
        return False
    if origin is not None and checkpoint.origin != origin:
        return False
    body, signatures = _parted(text)
    for line in signatures:
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if dash != _DASH or not name or not encoded:
            return False
        raw = _decoded(encoded)
        if raw[:4] == _key_hash(name, key) and len(raw) == 68 and key.signed(raw[4:], body.encode()):
            return True
    return False


def _parted(text: str) -> tuple[str, list[str]]:
    if len(text.encode()) > _MAX_BYTES:
        raise BadCheckpoint(f"it is larger than {_MAX_BYTES:,} bytes")
    body, empty, rest = text.rpartition("\n\n")
    if not empty or not rest.endswith("\n"):
        raise BadCheckpoint("no empty line parts it from its signatures")
    return body + "\n", rest[:-1].split("\n")


def _key_hash(name: str, key: VerifyingKey) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.raw).digest()[:4]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadCheckpoint("a line is not base64") from None
