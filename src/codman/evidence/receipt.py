"""A receipt: the log's proof that it took a statement, which anybody with the log's public key can check offline.

Made by flows from the book's log; read by client, cli and whoever keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from codman.errors import BadInput, NotProven
from codman.evidence.canonical import parse
from codman.evidence.checkpoint import Checkpoint, checkpoint_signed_by, read_checkpoint
from codman.evidence.keys import VerifyingKey
from codman.evidence.merkle import leaf_hash, proves_consistency, proves_inclusion
from codman.spine.statement import Sha256

MAX_PROOF = 64  # a log of 2^64 entries


class ReceiptBroken(NotProven):
    """A receipt that does not prove what it says."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="the receipt proves nothing", why=why, fix="send the statement again: the log gives the same receipt"
        )


class Receipt(BaseModel):
    """That a statement is in the log, at which place, with the log's signed state right after it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    digest: Sha256 = Field(description="sha256 of the canonical statement")
    log_index: int = Field(ge=0, description="The entry of its filing, counted from 0")
    tree_size: int = Field(ge=1, description="Entries of the log the proof is for")
    root: Sha256 = Field(description="The log's root at that size, hexadecimal")
    inclusion: Annotated[list[Sha256], Field(max_length=MAX_PROOF)] = Field(
        description="RFC 9162 inclusion proof, from the leaf up"
    )
    checkpoint: str = Field(description="The log's name, size and root, signed: a C2SP checkpoint")
    entry: str = Field(description="The log's entry, canonical JSON: the leaf that the proof begins with")


def verify_receipt(receipt: Receipt, log_key: VerifyingKey, origin: str | None = None) -> Checkpoint:
    """Check a receipt with nothing but the log's public key.

    Args:
        receipt: What the log gave.
        log_key: The log's public key, from somewhere else than the receipt.
        origin: The log's name, where the reader knows it.

    Returns:
        The log's signed state; keep the newest, an older one is a stale log.

    Raises:
        ReceiptBroken: The signature, the size, the root, the proof or the entry does not fit the others.
    """
    if not checkpoint_signed_by(receipt.checkpoint, log_key, origin):
        raise ReceiptBroken("its checkpoint is not signed by this log's key, or is of another log")
    state = read_checkpoint(receipt.checkpoint)
    # the size comes from the signed checkpoint: a proof alone does not bind it
    if (state.size, state.root.hex()) != (receipt.tree_size, receipt.root):
        raise ReceiptBroken("its size and root are not those of its checkpoint")
    leaf = leaf_hash(receipt.entry.encode())
    proof = [bytes.fromhex(node) for node in receipt.inclusion]
    if not proves_inclusion(leaf, receipt.log_index, state.size, proof, state.root):
        raise ReceiptBroken("its proof does not lead from its entry to the root")
    try:
        entry = parse(receipt.entry.encode(), name="the entry")
    except BadInput as error:
        raise ReceiptBroken(f"its entry is not JSON: {error.why}") from None
    about = entry.get("about") if isinstance(entry, dict) else None
    if entry.get("index") != receipt.log_index or about != {"id": receipt.digest, "kind": "statement"}:
        raise ReceiptBroken("its entry is about something else")
    return state


def verify_growth(
    older: str, newer: str, proof: Sequence[bytes], log_key: VerifyingKey, origin: str | None = None
) -> Checkpoint:
    """Check that a log only grew between two of its checkpoints; sizes are the signed ones, never a server's word.

    Args:
        older: The checkpoint that was kept.
        newer: The one the log gives now.
        proof: Its RFC 9162 consistency proof.
        log_key: The log's public key.
        origin: The log's name, where the reader knows it.

    Returns:
        The newer state; keep it instead of the older.

    Raises:
        ReceiptBroken: A signature does not hold, they are of two logs, the newer is older, or the proof does not fit.
    """
    if not all(checkpoint_signed_by(text, log_key, origin) for text in (older, newer)):
        raise ReceiptBroken("a checkpoint is not signed by this log's key, or is of another log")
    before, now = read_checkpoint(older), read_checkpoint(newer)
    if before.origin != now.origin:
        raise ReceiptBroken("the two checkpoints are of two logs")
    if now.size < before.size:
        raise ReceiptBroken(
            f"the log had {before.size:,} entries and has {now.size:,} now: it was cut short, or is stale"
        )
    if not proves_consistency(before.size, now.size, before.root, now.root, proof):
        raise ReceiptBroken("the log no longer begins with what it was")
    return now
