"""Check a signed Codman statement without Codman. Needs only Python and `pip install cryptography`.

    python verify.py STATEMENT.dsse.json SIGNER.pub

Exit 0: whole and signed by that key; the statement is printed. 1: not. 2: a file cannot be read.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def decoded(text: str) -> bytes:
    """Base64 in either alphabet; anything looser is refused, so that one text stands for one sequence of bytes."""
    if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}|[A-Za-z0-9_-]*={0,2}", text):
        raise ValueError("not base64")
    plain = text.replace("-", "+").replace("_", "/")
    data = base64.b64decode(plain, validate=True)
    if base64.b64encode(data).decode() != plain:
        raise ValueError("not base64 in its one plain form")
    return data


def once(pairs: list) -> dict:
    """A JSON object; a key that stands twice would mean two things to two readers."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def verified(envelope: bytes, public_pem: bytes) -> bytes:
    """The signed bytes. Raises ValueError or InvalidSignature where anything is not as it was signed."""
    key = load_pem_public_key(public_pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("the key is not Ed25519")
    parts = json.loads(envelope.decode("utf-8"), object_pairs_hook=once)
    payload, kind = decoded(parts["payload"]), parts["payloadType"].encode()
    # DSSE: what is signed is the type and the payload, each with its length in front
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    keyid = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    for signature in parts["signatures"]:
        # Codman names the key by its sha256; the name is only a hint, but one that names another key is not this one's
        if signature.get("keyid") not in (None, "", keyid):
            continue
        try:
            key.verify(decoded(signature["sig"]), message)
        except InvalidSignature:
            continue
        if parts["payloadType"] != PAYLOAD_TYPE:
            raise ValueError("the payload is not an in-toto statement")
        return payload
    raise InvalidSignature


def main() -> int:
    """Verify the file named on the command line."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        envelope, public = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).read_bytes()
    except OSError as error:
        print(f"cannot read {error.filename}", file=sys.stderr)
        return 2
    try:
        payload = verified(envelope, public)
        statement = json.loads(payload, object_pairs_hook=once)
        if statement["_type"] != "https://in-toto.io/Statement/v1":
            raise ValueError("not an in-toto Statement v1")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidSignature) as error:
        print(f"NOT VERIFIED: {error or 'this key did not sign these bytes'}", file=sys.stderr)
        return 1
    # Codman signs canonical JSON (RFC 8785), so the sha256 of the payload is the statement's digest
    print(f"verified: {statement['predicateType']} sha256:{hashlib.sha256(payload).hexdigest()}", file=sys.stderr)
    print(json.dumps(statement, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
