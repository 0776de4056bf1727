"""Verification in numbered steps: each says whether it held, and why; the first that fails ends it.

The signature is checked over the exact bytes, and only bytes that a given key signed are parsed any further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codman.errors import BadInput
from codman.evidence.canonical import MAX_BYTES, parse
from codman.evidence.envelope import PAYLOAD_TYPE, BadEnvelope, Envelope
from codman.evidence.files import read_whole
from codman.evidence.keys import VerifyingKey
from codman.evidence.statements import NotAStatement, ReadStatement, from_value, open_envelope
from codman.spine.statement import STATEMENT_TYPE


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked."""

    step: str  # its number and name
    ok: bool
    why: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked, in order, and what came of it."""

    verified: bool
    steps: tuple[Step, ...]
    signers: tuple[str, ...]  # keyids of the given keys that signed these bytes, each once
    statement: ReadStatement | None  # what the signed bytes say; None unless verified

    @property
    def signer(self) -> str | None:
        """The keyid of the first given key that signed; None where none did."""
        return self.signers[0] if self.signers else None

    @property
    def why(self) -> str:
        """The reason of the last step: of the failure, where there is one."""
        return self.steps[-1].why

    def answer(self) -> dict[str, Any]:
        """The fixed shape of `codman evidence verify --format json`."""
        return {
            "verified": self.verified,
            "steps": [{"step": s.step, "ok": s.ok, "why": s.why} for s in self.steps],
            "signer": self.signer,
        }


def verify_file(path: Path | str, keys: Sequence[VerifyingKey], *, threshold: int = 1) -> Verification:
    """Check that a file is whole and signed by one of these keys.

    Args:
        path: An envelope; a bare statement fails at step 1.
        keys: Public keys that are trusted here.
        threshold: How many different keys must have signed.

    Raises:
        NotAStatement: The file is neither a statement nor an envelope, or signed bytes are no statement.
        BadPredicate: Signed bytes do not keep their kind's schema.
        CannotRead: It is not there.
    """
    path = Path(path)
    return verify_bytes(read_whole(path, at_most=2 * MAX_BYTES), keys, name=str(path), threshold=threshold, path=path)


def verify_bytes(
    data: bytes, keys: Sequence[VerifyingKey], *, name: str, threshold: int = 1, path: Path | None = None
) -> Verification:
    """The same from bytes in memory; `name` is what errors call them."""
    try:
        value, envelope = open_envelope(data, name=name)
    except BadEnvelope as error:
        return _ended([Step("1 envelope", False, error.why)])
    if envelope is None and not (isinstance(value, dict) and value.get("_type") == STATEMENT_TYPE):
        raise NotAStatement(name, "it is neither an in-toto Statement nor a DSSE envelope")
    return verify(envelope, keys, name=name, threshold=threshold, path=path)


def verify(
    envelope: Envelope | None,
    keys: Sequence[VerifyingKey],
    *,
    name: str = "the envelope",
    threshold: int = 1,
    path: Path | None = None,
) -> Verification:
    """Check an envelope that was read already; None is an unsigned statement, which fails at step 1.

    Raises:
        NotAStatement: Signed bytes are no statement.
        BadPredicate: Signed bytes do not keep their kind's schema.
    """
    if envelope is None:
        return _ended([Step("1 envelope", False, "the statement is not signed")])
    count = len(envelope.signatures)
    steps = [Step("1 envelope", True, f"a DSSE envelope with {count} signature{'s' if count > 1 else ''}")]

    # (2) the type is signed along with the payload; another type would give the same bytes another meaning
    if envelope.payload_type != PAYLOAD_TYPE:
        shown = envelope.payload_type[:80]
        return _ended([*steps, Step("2 payload type", False, f"it is {shown!r}, not {PAYLOAD_TYPE}")])
    steps.append(Step("2 payload type", True, PAYLOAD_TYPE))

    # (3) exact bytes, each key once, whatever the envelope says whose signature it is
    signers = _signers(envelope, keys)
    needed = max(threshold, 1)
    if len(signers) < needed:
        return _ended([*steps, Step("3 signature", False, _unsigned(envelope, keys, len(signers), needed))])
    names = ", ".join(f"{key.name} (sha256:{key.keyid[:12]}…)" for key in signers)
    steps.append(Step("3 signature", True, f"{len(envelope.payload):,} bytes signed by {names}"))

    # (4) and (5): only now are the bytes parsed
    try:
        value = parse(envelope.payload, name=f"the payload of {name}")
    except BadInput as error:
        raise NotAStatement(name, f"the signed bytes are not JSON: {error.why}") from None
    read = from_value(value, name=name, envelope=envelope, path=path)
    steps.append(Step("4 statement", True, f"in-toto Statement v1, sha256:{read.digest}"))
    steps.append(Step("5 predicate", True, f"keeps the {read.kind.value} schema, version 1"))
    return Verification(verified=True, steps=tuple(steps), signers=tuple(key.keyid for key in signers), statement=read)


def _signers(envelope: Envelope, keys: Sequence[VerifyingKey]) -> list[VerifyingKey]:
    message = envelope.pae
    unique = {key.keyid: key for key in reversed(keys)}
    found: dict[str, VerifyingKey] = {}
    for signature in envelope.signatures:
        # the hinted key first, then the others: a wrong hint costs time, never the answer
        for key in sorted(unique.values(), key=lambda key: key.keyid != signature.keyid):
            if key.keyid not in found and key.signed(signature.sig, message):
                found[key.keyid] = key
                break
    return list(found.values())


def _unsigned(envelope: Envelope, keys: Sequence[VerifyingKey], found: int, needed: int) -> str:
    if not keys:
        return "no key was given to check it with"
    if found:
        return f"{found} of the {needed} needed keys signed these bytes"
    hinted = {signature.keyid for signature in envelope.signatures if signature.keyid}
    if hinted & {key.keyid for key in keys}:
        return "the content was altered after signing: the signature names a given key, and does not fit these bytes"
    named = ", ".join(sorted(f"{hint[:12]}…" for hint in hinted)) or "nobody"
    return f"none of the given keys signed these bytes; the envelope names {named}"


def _ended(steps: list[Step]) -> Verification:
    return Verification(verified=False, steps=tuple(steps), signers=(), statement=None)
