"""The house: what a journey needs of it, ready made by wiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codman.evidence.keys import SigningKey
from codman.evidence.store import Store
from codman.flows.beats import Beats
from codman.flows.event_room import EventRoom
from codman.jobs.notifier import Notifier
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
    events: EventRoom  # what models said, and what then happened
    provider: Provider | None = None  # of people's identities; local accounts only without
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)  # ways to tell somebody outside, by kind of message
    beats: Beats = field(default_factory=Beats)  # the rounds of the server that serves it

    def close(self) -> None:
        """Let go of the database and the events."""
        self.events.close()
        self.database.close()
