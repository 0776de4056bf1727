"""More tables of the book of record: who signed which statement."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table

from codman.registry.columns import DIGEST, TIME, WHOLE, metadata

statement_signatures = Table(  # every registered key whose signature was checked, and when: revocation looks at both
    "statement_signatures",
    metadata,
    Column("digest", DIGEST, ForeignKey("statements.digest"), primary_key=True),
    Column("keyid", DIGEST, primary_key=True, index=True),
    Column("at", TIME, nullable=False),
    Column("log_index", WHOLE, nullable=False),
)
