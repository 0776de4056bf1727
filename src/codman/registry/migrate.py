"""Bring a database to this release's tables, once, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text

from codman.errors import BadInput
from codman.registry import schema_accounts, schema_filing  # noqa: F401  their tables belong to the same metadata
from codman.registry.database import Database
from codman.registry.schema import log_head, metadata

_FOLDER: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x636F646D616E  # "codman": one process migrates a PostgreSQL database at a time


class NewerDatabase(BadInput):
    """A database that a later release has already changed."""

    def __init__(self, found: str) -> None:
        super().__init__(
            what="this database belongs to a newer Codman",
            why=f"its tables are at step {found}, which this release does not know",
            fix="install that release, or restore a backup made with this one",
        )


def migrate(database: Database) -> str:
    """Bring the tables to this release's.

    Returns:
        The step they are at.

    Raises:
        NewerDatabase: A later release has been there.
    """
    config = _config()
    script = ScriptDirectory.from_config(config)
    newest = script.get_current_head() or ""
    with database.unrecorded() as connection:
        if not database.sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        found = MigrationContext.configure(connection).get_current_revision()
        if found == newest:
            return newest
        if found is not None and found not in {step.revision for step in script.walk_revisions()}:
            raise NewerDatabase(found)
        config.attributes["connection"] = connection
        upgrade(config, "head")
        if connection.execute(select(log_head.c.size)).one_or_none() is None:
            connection.execute(insert(log_head).values(id=1, size=0))
    return newest


def differences(connection: Connection) -> list[str]:
    """Where a database's tables are not what this release declares; empty when all is well."""
    return [str(step) for step in compare_metadata(MigrationContext.configure(connection), metadata)]


def config_of(connection: Connection) -> Config:
    """What Alembic needs to run steps on a connection that is in a transaction already."""
    config = _config()
    config.attributes["connection"] = connection
    return config


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config
