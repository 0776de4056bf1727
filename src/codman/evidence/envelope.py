"""The DSSE envelope: a payload, its type, and who signed exactly those bytes.

Source: DSSE 1.0.2, protocol.md and envelope.md (secure-systems-lab/dsse).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from codman.errors import BadInput
from codman.evidence.canonical import canonical
from codman.evidence.keys import SigningKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
MAX_SIGNATURES: Final = 64
_STANDARD: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}")


class BadEnvelope(BadInput):
    """A file that looks like a DSSE envelope and is not one."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(what=f"{name} is not a DSSE envelope", why=why, fix="give the file as its signer wrote it")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature over the payload and its type."""

    sig: bytes
    keyid: str | None = None  # which key the writer says made it; a hint, never trusted


@dataclass(frozen=True, slots=True)
class Envelope:
    """Exact bytes and the signatures over them. The bytes are kept as they came: a signature is over nothing else."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def pae(self) -> bytes:
        """The bytes that are signed."""
        return pae(self.payload_type, self.payload)

    def signed_by(self, key: SigningKey) -> Envelope:
        """The same with one more signature; the same key twice changes nothing (Ed25519 is deterministic)."""
        signature = Signature(sig=key.sign(self.pae), keyid=key.public.keyid)
        if any(signature.sig == there.sig for there in self.signatures):
            return self
        return replace(self, signatures=(*self.signatures, signature))

    def to_bytes(self) -> bytes:
        """The envelope as a file: canonical JSON and a line's end."""
        return (
            canonical(
                {
                    "payload": base64.b64encode(self.payload).decode(),
                    "payloadType": self.payload_type,
                    "signatures": [
                        {"sig": base64.b64encode(s.sig).decode()} | ({} if s.keyid is None else {"keyid": s.keyid})
                        for s in self.signatures
                    ],
                }
            )
            + b"\n"
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: lengths in front, so that type and payload cannot be moved into each other.

    Source: DSSE 1.0.2, protocol.md, "Signature Definition".
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, *keys: SigningKey, payload_type: str = PAYLOAD_TYPE) -> Envelope:
    """Put bytes in an envelope that each of the keys signs."""
    envelope = Envelope(payload=payload, payload_type=payload_type, signatures=())
    for key in keys:
        envelope = envelope.signed_by(key)
    return envelope


def looks_signed(value: Any) -> bool:
    """Whether parsed JSON is meant as an envelope rather than as a bare statement."""
    return isinstance(value, Mapping) and "payload" in value and "_type" not in value


def from_json(value: Any, *, name: str) -> Envelope:
    """Read an envelope; members it does not know are passed over, as DSSE asks.

    Args:
        value: Parsed JSON.
        name: What to call it in an error.

    Raises:
        BadEnvelope: A part is missing, of the wrong type, or not base64.
    """
    if not isinstance(value, Mapping):
        raise BadEnvelope(name, "it is not an object")
    signatures = value.get("signatures")
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise BadEnvelope(name, f"'signatures' is not a list of 1 to {MAX_SIGNATURES}")
    payload_type = value.get("payloadType")
    if not isinstance(payload_type, str):
        raise BadEnvelope(name, "'payloadType' is not text")
    try:
        payload_type.encode()
    except UnicodeEncodeError:
        raise BadEnvelope(name, "'payloadType' is not Unicode") from None
    return Envelope(
        payload=_decoded(value.get("payload"), name, "'payload'"),
        payload_type=payload_type,
        signatures=tuple(_signature(one, name, f"signature {i}") for i, one in enumerate(signatures, 1)),
    )


def _signature(value: Any, name: str, place: str) -> Signature:
    if not isinstance(value, Mapping):
        raise BadEnvelope(name, f"{place} is not an object")
    keyid = value.get("keyid")
    if keyid is not None and not isinstance(keyid, str):
        raise BadEnvelope(name, f"the keyid of {place} is not text")
    return Signature(sig=_decoded(value.get("sig"), name, f"'sig' of {place}"), keyid=keyid or None)


def _decoded(text: Any, name: str, place: str) -> bytes:
    if not isinstance(text, str):
        raise BadEnvelope(name, f"{place} is not text")
    # DSSE: either alphabet, padded. Python's decoder drops strange characters and stray bits by itself, so both are
    # refused here: two texts never stand for the same bytes within one alphabet
    if _STANDARD.fullmatch(text):
        plain = text
    elif _URL_SAFE.fullmatch(text):
        plain = text.replace("-", "+").replace("_", "/")
    else:
        raise BadEnvelope(name, f"{place} is not base64")
    try:
        data = base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        raise BadEnvelope(name, f"{place} is not base64") from None
    if base64.b64encode(data).decode() != plain:
        raise BadEnvelope(name, f"{place} is not base64 in its one plain form")
    return data
