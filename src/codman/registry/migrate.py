"""Bring a database to this release's tables, once, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, column, insert, inspect, select, table, text

from codman.errors import BadInput

# their tables belong to the same metadata
from codman.registry import schema_accounts, schema_filing, schema_jobs, schema_review, schema_watch  # noqa: F401
from codman.registry.columns import metadata
from codman.registry.database import Database
from codman.registry.schema import log_head

if TYPE_CHECKING:
    # loaded in the functions that need it: it is slow to load, and a database that is up to date needs none of it
    from alembic.config import Config

_FOLDER: Final = Path(__file__).parent / "migrations"
_VERSION: Final = table("alembic_version", column("version_num"))
_LOCK: Final = 0x636F646D616E  # "codman": one process migrates a PostgreSQL database at a time


class NewerDatabase(BadInput):
    """A database that a later release has already changed."""

    def __init__(self, found: str) -> None:
        super().__init__(
            what="this database belongs to a newer Codman",
            why=f"its tables are at step {found}, which this release does not know",
            fix="install that release, or restore a backup made with this one",
        )


class NoWayBack(BadInput):
    """A database that is to be taken back to the tables of an earlier release."""

    def __init__(self, step: str) -> None:
        super().__init__(
            what=f"step {step} cannot be undone",
            why="what was recorded since would be lost, and the log would no longer prove it whole",
            fix="restore the backup that was made before this step, with the release that made it",
        )


def migrate(database: Database) -> str:
    """Bring the tables to this release's.

    Returns:
        The step they are at.

    Raises:
        NewerDatabase: A later release has been there.
    """
    newest = newest_step()
    if is_migrated(database):
        return newest
    with database.unrecorded() as connection:
        if not database.sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        found = _step_of(connection)  # again: another process may have been there meanwhile
        if found is not None and found not in known_steps():
            raise NewerDatabase(found)
        if found != newest:
            _upgrade(connection)
        if connection.execute(select(log_head.c.size)).one_or_none() is None:
            connection.execute(insert(log_head).values(id=1, size=0))
    return newest


def is_migrated(database: Database) -> bool:
    """Whether the tables are at this release's step.

    Raises:
        DatabaseAway: It does not answer.
    """
    with database.reading() as connection:
        return _step_of(connection) == newest_step()


def newest_step() -> str:
    """The step this release's tables are at."""
    return max(known_steps())


def differences(connection: Connection) -> list[str]:
    """Where a database's tables are not what this release declares; empty when all is well."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    return [str(step) for step in compare_metadata(MigrationContext.configure(connection), metadata)]


def config_of(connection: Connection) -> Config:
    """What Alembic needs to run steps on a connection that is in a transaction already."""
    config = _config()
    config.attributes["connection"] = connection
    return config


def known_steps() -> set[str]:
    """Every step this release can bring tables to."""
    return {path.name.partition("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*.py")}


def _step_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()


def _upgrade(connection: Connection) -> None:
    from alembic.command import upgrade

    upgrade(config_of(connection), "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config
