"""What a server says that is no record of the book: receipts, filed statements, tokens, proofs."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from codman.evidence.receipt import Receipt
from codman.spine.record import Record
from codman.spine.use import Listed


class Answered(BaseModel):
    """What came over the network: a newer server may say more than this client knows."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


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


class Doubt(Answered):
    """A statement whose product or use has a namesake, and what it may mean."""

    digest: str
    product: str
    version: str | None
    use: str | None
    filed_at: str
    products: list[str]
    uses: list[str]


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


class Row(Listed):
    """A use as the inventory shows it."""

    model_config = ConfigDict(extra="ignore", defer_build=True)


class RejectedRow(Answered):
    """A row that could not become a use, counted from 1 as a spreadsheet does."""

    row: int
    reason: str


class RowNote(Answered):
    """What there is to say of one row."""

    row: int
    column: str
    why: str


class ImportReport(Answered):
    """What became of every row of a file; `rows` is the sum of the others."""

    dry_run: bool
    mapping: str
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: list[RejectedRow]
    skipped: dict[str, int]
    identity: dict[str, int]
    reading: list[str]
    not_in_file: list[str]
    notes: list[RowNote]


class NamedMapping(Answered):
    """A mapping as a list shows it."""

    name: str
    title: str | None
    reads: str
    ready: bool
    revision: int | None
    updated_at: str | None


class KeptMapping(Answered):
    """What a mapping says, and the ETag it came with."""

    mapping: dict[str, Any]
    etag: str


class Guess(Answered):
    """One field of the book, the column that seems to fill it, and how sure that is."""

    target: str
    column: str
    confidence: float
    why: str
    runner_up: str | None


class Proposal(Answered):
    """A mapping as guessed; its text is the same as YAML, with the reasons."""

    mapping: dict[str, Any]
    guesses: list[Guess]
    text: str


class Key(Record):
    """A registered public key."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

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

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

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
