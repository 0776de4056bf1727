"""What a server says that is no record of the book: receipts, filed statements, tokens, proofs."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from codman.evidence.receipt import Receipt
from codman.spine.record import Record


class Answered(BaseModel):
    """What came over the network: a newer server may say more than this client knows."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Filed(Answered):
    """A filed statement, as lists show it."""

    digest: str
    kind: str
    product: str | None
    version: str | None
    use: str | None
    product_id: str | None
    version_id: str | None
    use_id: str | None
    origin: str | None
    evaluated_at: str | None
    standing: str
    why: str
    measurements: int | None
    headline: str | None
    size: int
    filed_at: str
    filed_by: str
    log_index: int


class Evidence(Filed):
    """A filed statement with what it says."""

    statement: dict[str, Any]
    envelopes: list[dict[str, Any]]


class Verification(Answered):
    """What a statement is worth now."""

    digest: str
    standing: str
    why: str
    bytes_match: bool
    receipt: Receipt


class BatchItem(Answered):
    """What became of one event of a batch."""

    index: int
    source: str | None
    id: str | None
    receipt: Receipt | None
    problem: dict[str, Any] | None


class BatchReply(Answered):
    """What became of each event of a batch."""

    items: list[BatchItem]
    filed: int
    refused: int


class Token(Answered):
    """A token; its secret only in the reply that made it."""

    id: str
    person: str
    name: str
    scopes: list[str]
    created_at: str
    ends_at: str
    revoked_at: str | None
    seen_at: str | None
    secret: str | None = None


class View(Answered):
    """A kept question to the inventory."""

    id: str
    person: str | None
    name: str
    query: str
    shared: bool
    created_at: str


class Row(Answered):
    """A use as the inventory shows it."""

    id: str
    product: str
    product_id: str
    name: str
    organisation: str | None
    stage: str
    stage_since: str | None
    impact: str | None
    tier: str | None
    owner: str | None
    owner_id: str | None
    vendor: str | None
    kind: str | None
    decision: str
    monitoring: str | None
    sites: list[str]
    revision: int
    updated_at: str


class Key(Record):
    """A registered public key."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    keyid: str
    name: str
    owner_kind: str
    owner: str
    origins: list[str]
    products: list[str] | None
    site: str | None
    public_pem: str
    valid_from: str
    valid_to: str | None
    revoked_from: str | None
    replaced_by: str | None


class Said(Record):
    """A document or a fact about a product, a version or a use."""

    model_config = ConfigDict(frozen=True, extra="allow")

    about_kind: str
    about: str


class LogEntry(Answered):
    """One entry of the audit log."""

    index: int
    entry: dict[str, Any]
    texts: dict[str, str | None]
    leaf: str


class Inclusion(Answered):
    """That an entry is in the log at a size."""

    index: int
    size: int
    leaf: str
    root: str
    inclusion: list[str]


class Consistency(Answered):
    """That the log begins with itself at a smaller size."""

    older: int
    newer: int
    older_root: str
    newer_root: str
    consistency: list[str]
