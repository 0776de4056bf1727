"""More tables of the book of record: who signed which statement."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table

from codman.registry.schema import metadata

_DIGEST: Final = String(64)

statement_signatures = Table(  # every registered key whose signature was checked, and when: revocation looks at both
    "statement_signatures",
    metadata,
    Column("digest", _DIGEST, ForeignKey("statements.digest"), primary_key=True),
    Column("keyid", _DIGEST, primary_key=True, index=True),
    Column("at", String(40), nullable=False),
    Column("log_index", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
)
