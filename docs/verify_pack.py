"""Check a pack of Codman's audit log without Codman. Needs only Python and `pip install cryptography`.

    python verify_pack.py PACK.json LOG.pub [--since CHECKPOINT] [--origin NAME]

LOG.pub is the log's public key, from somebody you trust and not from the pack. CHECKPOINT is one you kept from earlier:
with it, a log that was cut short or put back is found out; without it, nobody can tell.

Exit 0: everything the pack says is proven. 1: not. 2: a file cannot be read.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

FORMAT = "codman-audit-pack/1"
NEEDED = {"format", "checkpoint", "entry", "inclusion", "texts", "withheld"}
ALLOWED = NEEDED | {"older", "statement", "envelope", "signer"}
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
HASH = re.compile(r"[0-9a-f]{64}")
BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
REFUSED = (ValueError, KeyError, TypeError, AttributeError, RecursionError, IndexError, InvalidSignature)


class NotProven(ValueError):
    """Something in the pack does not fit."""


def need(holds: bool, why: str) -> None:
    """Stop where something does not hold."""
    if not holds:
        raise NotProven(why)


# --- reading -------------------------------------------------------------------------------------------------------


def once(pairs: list) -> dict:
    """A JSON object; a key that stands twice would mean two things to two readers."""
    need(len(dict(pairs)) == len(pairs), "a key stands twice")
    return dict(pairs)


def read_json(text: str, name: str):
    """JSON with no key twice."""
    try:
        return json.loads(text, object_pairs_hook=once)
    except (json.JSONDecodeError, RecursionError):
        raise NotProven(f"{name} is not JSON") from None


def read_exactly(data: bytes, name: str):
    """JSON in its one canonical form, so every byte counts (RFC 8785, which for text, lists and objects is this)."""
    value = read_json(data.decode("utf-8"), name)
    again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    need(again == data, f"{name} is not in canonical form")
    return value


def decoded(text: str) -> bytes:
    """Base64 in its one plain form: two texts never stand for the same bytes."""
    need(isinstance(text, str) and BASE64.fullmatch(text) is not None, "a text is not base64")
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "a text is not base64 in its plain form")
    return data


def hashes(values: list) -> list:
    """A list of sha256 in lower-case hexadecimal, as bytes."""
    need(isinstance(values, list) and len(values) <= 64, "a proof is not a list of at most 64 hashes")
    need(all(isinstance(v, str) and HASH.fullmatch(v) for v in values), "a proof holds something that is no hash")
    return [bytes.fromhex(value) for value in values]


def public_key(pem: str) -> tuple:
    """An Ed25519 key and its identifier, the sha256 of its SubjectPublicKeyInfo."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise NotProven("a text is no public key") from None
    need(isinstance(key, Ed25519PublicKey), "a key is not Ed25519")
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key, hashlib.sha256(der).hexdigest()


# --- the log: RFC 9162 hashing, C2SP checkpoints -------------------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def read_checkpoint(text: str, key: Ed25519PublicKey, origin: str | None) -> tuple:
    """A checkpoint's name, size and root, with its one signature checked (C2SP tlog-checkpoint, signed-note)."""
    body, parted, signature = text.partition("\n\n")
    need(parted != "" and signature.endswith("\n") and signature.count("\n") == 1, "a checkpoint has another form")
    lines = body.split("\n")
    need(len(lines) == 3 and lines[0] != "", "a checkpoint has not three lines")
    need(re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]) is not None, "a checkpoint's size is no number")
    dash, name, encoded = signature[:-1].split(" ")
    need(dash == "\N{EM DASH}" and name == lines[0], "a checkpoint is not signed by its own log")
    raw = decoded(encoded)
    own = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    need(raw[:4] == hashlib.sha256(name.encode() + b"\n\x01" + own).digest()[:4], "another key signed a checkpoint")
    key.verify(raw[4:], (body + "\n").encode())
    need(origin is None or lines[0] == origin, f"this is the log {lines[0]}, not {origin}")
    root = decoded(lines[2])
    need(len(root) == 32, "a checkpoint's root is no hash")
    return lines[0], int(lines[1]), root


def proves_inclusion(leaf: bytes, index: int, size: int, proof: list, root: bytes) -> bool:
    """Whether a leaf is entry `index` of the tree of `size` with this root (RFC 9162 section 2.1.3.2)."""
    position, last, top = index, size - 1, leaf
    for node in proof:
        if last == 0:
            return False
        if position % 2 or position == last:
            top = node_hash(node, top)
            while position % 2 == 0 and position:
                position, last = position // 2, last // 2
        else:
            top = node_hash(top, node)
        position, last = position // 2, last // 2
    return 0 <= index < size and last == 0 and top == root


def proves_growth(older: int, newer: int, older_root: bytes, newer_root: bytes, proof: list) -> bool:
    """Whether the newer tree begins with the older one (RFC 9162 section 2.1.4.2)."""
    if older == newer:
        return not proof and older_root == newer_root
    if not 0 <= older < newer:
        return False
    if older == 0:
        return not proof and older_root == hashlib.sha256(b"").digest()
    nodes = [older_root, *proof] if older & (older - 1) == 0 else list(proof)
    position, last = older - 1, newer - 1
    while position % 2:
        position, last = position // 2, last // 2
    if not nodes:
        return False
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if position % 2 or position == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while position % 2 == 0 and position:
                position, last = position // 2, last // 2
        else:
            new = node_hash(new, node)
        position, last = position // 2, last // 2
    return last == 0 and old == older_root and new == newer_root


# --- what the entry is about ---------------------------------------------------------------------------------------


def check_texts(entry: dict, texts: list, withheld: list) -> None:
    """People's own words: each is the one whose salted hash the entry holds, and none is passed over in silence."""
    sealed = entry.get("sealed", [])
    fields = [text["field"] for text in texts]
    need(sorted(fields + withheld) == sorted(sealed), "the texts are not those the entry names")
    need(fields == sorted(fields) and withheld == sorted(withheld), "the texts are out of order")
    for text in texts:
        need(set(text) == {"field", "salt", "text"}, "a text has another form")
        (salt,) = hashes([text["salt"]])
        part, _, name = text["field"].partition(".")
        stands = entry["why"] if part == "why" else entry[part][name]
        found = hashlib.sha256(salt + text["text"].encode()).hexdigest()
        need(found == stands, f"the text '{text['field']}' is not the one that was written")


def check_statement(entry: dict, pack: dict) -> None:
    """The statement is the one the entry names, and the key the entry names signed it."""
    if "statement" not in pack:
        need("envelope" not in pack and "signer" not in pack, "an envelope without its statement")
        return
    about = entry["about"]
    digest = hashlib.sha256(pack["statement"].encode()).hexdigest()
    need(about == {"id": digest, "kind": "statement"}, "the statement is not the one the entry names")
    statement = read_json(pack["statement"], "the statement")
    need(statement["_type"] == STATEMENT_TYPE, "it is not an in-toto Statement")
    if "envelope" not in pack:
        need("signer" not in pack, "a signer without an envelope")
        return
    key, keyid = public_key(pack["signer"])
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    need(pem == pack["signer"], "the signer's key is not in its plain form")
    need(keyid == entry["after"]["keyid"], "the log names another key than the pack's")
    envelope = read_exactly(pack["envelope"].encode(), "the envelope")
    need(set(envelope) == {"payload", "payloadType", "signatures"}, "the envelope has another form")
    need(envelope["payloadType"] == PAYLOAD_TYPE, "the payload is not an in-toto statement")
    (signature,) = envelope["signatures"]
    need(set(signature) == {"keyid", "sig"} and signature["keyid"] == keyid, "the envelope names another key")
    payload, kind = decoded(envelope["payload"]), PAYLOAD_TYPE.encode()
    # DSSE: what is signed is the type and the payload, each with its length in front
    key.verify(decoded(signature["sig"]), b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload))
    need(read_json(payload.decode("utf-8"), "the payload") == statement, "what was signed is another statement")


def check(data: bytes, log_pem: str, since: str | None = None, origin: str | None = None) -> dict:
    """Check a whole pack; returns the entry. Raises one of REFUSED where anything is not proven."""
    log_key, _ = public_key(log_pem)
    pack = read_exactly(data, "the pack")
    need(isinstance(pack, dict) and NEEDED <= set(pack) <= ALLOWED, "the pack has another form")
    need(pack["format"] == FORMAT, f"the pack is not {FORMAT}")
    name, size, root = read_checkpoint(pack["checkpoint"], log_key, origin)
    entry = read_json(pack["entry"], "the entry")
    need(type(entry["index"]) is int, "the entry's index is no number")
    leaf = leaf_hash(pack["entry"].encode())
    need(proves_inclusion(leaf, entry["index"], size, hashes(pack["inclusion"]), root), "the entry is not in the log")
    if "older" in pack:
        older = pack["older"]
        need(set(older) == {"checkpoint", "consistency"}, "the older checkpoint has another form")
        _, before, older_root = read_checkpoint(older["checkpoint"], log_key, name)
        grew = proves_growth(before, size, older_root, root, hashes(older["consistency"]))
        need(grew, "the log does not begin with what it was at the older checkpoint")
    if since is not None:
        _, kept, kept_root = read_checkpoint(since, log_key, name)
        need(kept <= size, f"the log had {kept} entries when you kept that checkpoint; the pack's has {size}")
        same = kept == size and kept_root == root
        need(same or pack.get("older", {}).get("checkpoint") == since, "the pack has no proof from your checkpoint")
    check_texts(entry, pack["texts"], pack["withheld"])
    check_statement(entry, pack)
    return entry


def main() -> int:
    """Check the pack named on the command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("pack", type=Path)
    arguments.add_argument("log_key", type=Path)
    arguments.add_argument("--since", type=Path, help="a checkpoint of this log that you kept from earlier")
    arguments.add_argument("--origin", help="the log's name, where you know it")
    given = arguments.parse_args()
    try:
        pack, pem = given.pack.read_bytes(), given.log_key.read_text(encoding="utf-8")
        since = given.since.read_text(encoding="utf-8") if given.since else None
    except (OSError, UnicodeDecodeError) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    try:
        entry = check(pack, pem, since, given.origin)
    except REFUSED as error:
        print(f"NOT PROVEN: {error or 'a signature does not hold'}", file=sys.stderr)
        return 1
    print(f"proven: entry {entry['index']}, {entry['action']} at {entry['at']}", file=sys.stderr)
    if given.since is None:
        print("no checkpoint of your own was given: that the log was never cut short is not shown", file=sys.stderr)
    print(json.dumps(entry, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
