"""audit: all that the log says, worked out again; against a checkpoint kept elsewhere, that nothing was taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from codman.errors import BadInput, NotProven
from codman.evidence.checkpoint import checkpoint_signed_by, read_checkpoint, sign_checkpoint
from codman.evidence.files import read_whole, write_whole
from codman.evidence.keys import VerifyingKey, read_verifying_key
from codman.flows.house import House
from codman.registry.access import Reader, require
from codman.registry.log import LogBroken, check, root_at, state_of
from codman.registry.replay import check_records
from codman.registry.schema import log_entries, statements

_MAX_CHECKPOINT = 64 * 1024


class NotOurCheckpoint(NotProven):
    """A checkpoint of another log, or signed by another key."""

    def __init__(self) -> None:
        super().__init__(
            what="the checkpoint cannot be held against this log",
            why="it is of another log, or this log's key did not sign it",
            fix="give a checkpoint that this log exported, and restore the log's own keys beside its database",
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """What was worked out again, and what it agrees with."""

    entries: int
    root: str
    statements: int  # whose stored bytes were held against their digest
    against: int | None  # size of the checkpoint it was held against
    checkpoint: str  # the log's state now, signed

    def answer(self) -> dict[str, Any]:
        """The shape of `codman audit verify --format json`."""
        return {
            "verified": True,
            "entries": self.entries,
            "root": self.root,
            "statements": self.statements,
            "against": self.against,
            "checkpoint": self.checkpoint,
        }


def audit(house: House, reader: Reader, *, kept: Path | None = None, export: Path | None = None) -> Audit:
    """Recompute every leaf, node, salted hash, record and statement; hold the log against a checkpoint kept elsewhere.

    Without such a checkpoint a log that was cut short, or a database put back whole to an earlier day, agrees with
    itself: nothing inside it can tell.

    Args:
        house: The open house.
        reader: Who asks; must hold `audit.read`, and `audit.export` to take the checkpoint away.
        kept: A checkpoint that was exported earlier and kept where this house's operators cannot change it.
        export: Where the log's state now is written, signed.

    Raises:
        NotAllowed: The reader may not.
        LogBroken: Something was changed, taken out, put in, moved, cut off or put back.
        EvidenceTampered: A stored statement is not the one that was filed.
        NotOurCheckpoint: The checkpoint is of another log.
        BadCheckpoint: It is none.
    """
    require(reader, "audit.read")
    if export is not None:
        require(reader, "audit.export")
    text = None if kept is None else _read(kept)
    with house.database.reading() as connection:
        state = check(connection)
        check_records(connection)
        against = None if text is None else held_against(connection, text, log_keys(house), house.log_origin)
        filed = _check_statements(house, connection)
        now = sign_checkpoint(state_of(connection, house.log_origin), house.log_key)
    if export is not None:
        write_whole(export, now.encode())
    return Audit(state.size, state.root.hex(), filed, against, now)


def log_keys(house: House) -> list[VerifyingKey]:
    """The log's public key, and those it signed with before it was restored without its private one."""
    retired = sorted((house.settings.workspace / "keys" / "retired").glob("log-*.pub"))
    return [house.log_key.public, *map(read_verifying_key, retired)]


def held_against(connection: Connection, text: str, keys: Sequence[VerifyingKey], origin: str) -> int:
    """Whether the log still begins with what a checkpoint says it was.

    Returns:
        The checkpoint's size.

    Raises:
        LogBroken: It was cut short, put back, or rewritten.
        NotOurCheckpoint: The checkpoint is of another log, or by another key.
    """
    old = read_checkpoint(text)
    if not any(checkpoint_signed_by(text, key, origin) for key in keys):
        raise NotOurCheckpoint
    size = state_of(connection, origin).size
    if old.size > size:
        raise LogBroken(
            f"it had {old.size:,} entries when the checkpoint was made and has {size:,} now: it was cut short"
        )
    if root_at(connection, old.size) != old.root:
        raise LogBroken(f"its first {old.size:,} entries are not those it had when the checkpoint was made")
    return old.size


def _read(path: Path) -> str:
    try:
        return read_whole(path, at_most=_MAX_CHECKPOINT).decode()
    except UnicodeDecodeError:
        raise BadInput(
            what=f"{path} is no checkpoint", why="it is not text", fix="give the text the log wrote"
        ) from None


def _check_statements(house: House, connection: Connection) -> int:
    """Hold every filed statement's row against its entry, and its bytes against its digest."""
    rows = connection.execute(
        select(
            statements.c.digest,
            statements.c.log_index,
            log_entries.c.action,
            log_entries.c.about,
            log_entries.c.about_kind,
        ).join(log_entries, log_entries.c.number == statements.c.log_index, isouter=True)
    ).all()
    for row in rows:
        if (row.action, row.about_kind, row.about) != ("evidence.file", "statement", row.digest):
            raise LogBroken(f"statement {row.digest[:12]}… is not what entry {row.log_index} filed")
        house.store.get(row.digest)
    in_log = connection.execute(
        select(log_entries.c.number, log_entries.c.about)
        .where(log_entries.c.action == "evidence.file")
        .where(log_entries.c.about.not_in(select(statements.c.digest)))
    ).first()
    if in_log is not None:
        raise LogBroken(f"entry {in_log.number} filed statement {in_log.about[:12]}…, which the book no longer has")
    return len(rows)
