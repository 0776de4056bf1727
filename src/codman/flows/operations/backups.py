"""backups: when the last one was made, by the audit log's word."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from codman.flows.house import House
from codman.jobs.times import read_instant
from codman.registry.schema import log_entries


def last_backup(house: House) -> datetime | None:
    """When the last backup was made with `codman backup`; None where none was.

    Raises:
        DatabaseAway: It does not answer.
    """
    with house.database.reading() as connection:
        at = connection.execute(select(func.max(log_entries.c.at)).where(log_entries.c.action == "backup.create"))
        found = at.scalar_one_or_none()
    return None if found is None else read_instant(found)
