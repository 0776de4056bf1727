"""The house: what a journey needs of it, ready made by wiring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codman.evidence.keys import SigningKey
from codman.evidence.store import Store
from codman.registry.accounts_provider import Provider
from codman.registry.database import Database
from codman.settings import Settings


@dataclass(frozen=True, slots=True)
class House:
    """The open book of record and what belongs to it."""

    settings: Settings
    database: Database
    store: Store  # statements by digest
    documents: Path  # documents by digest
    log_key: SigningKey  # signs the log's checkpoints
    notary_key: SigningKey  # people sign through it
    log_origin: str  # the log's name
    provider: Provider | None = None  # of people's identities; local accounts only without

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()
