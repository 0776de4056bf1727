"""Requests that came once and may come again: the same one gets the same reply, another body under its name none.

The reply is kept in the transaction of the change it answers, so a request that was answered was done, exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from codman.errors import CodmanError
from codman.registry.database import Change
from codman.registry.schema import requests


class KeyReused(CodmanError):
    """A request's key that came with another body before."""

    exit_code = 2

    def __init__(self, key: str) -> None:
        super().__init__(
            what="this request's key was used before",
            why=f"the key {key[:80]!r} came with another body",
            fix="give a new request a new key; repeat an old one as it was",
        )


@dataclass(frozen=True, slots=True)
class Once:
    """What makes two requests the same: who sent it, the key they gave it, and its bytes."""

    source: str  # who sent it: another sender's key is another key
    key: str
    body_digest: str  # sha256 of what was sent, and where to


def reply_to(connection: Connection, once: Once) -> dict[str, Any] | None:
    """What was replied to this request before; None where it is new.

    Raises:
        KeyReused: The key came with another body.
    """
    row = connection.execute(
        select(requests.c.body_digest, requests.c.reply).where(
            requests.c.source == once.source, requests.c.id == once.key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.body_digest != once.body_digest:
        raise KeyReused(once.key)
    reply: dict[str, Any] = row.reply
    return reply


def remember(change: Change, once: Once, reply: dict[str, Any]) -> None:
    """Keep a reply with the change it answers."""
    change.connection.execute(
        insert(requests).values(
            source=once.source, id=once.key, body_digest=once.body_digest, reply=reply, at=change.at
        )
    )
