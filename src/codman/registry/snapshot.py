"""The whole database at one moment, as files, while others write on; and back into an empty one, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from alembic.command import upgrade
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from codman.errors import BadInput
from codman.evidence.checkpoint import Checkpoint
from codman.registry.columns import metadata
from codman.registry.database import Database, sqlite_module
from codman.registry.log import check, state_of
from codman.registry.migrate import NewerDatabase, config_of, known_steps

SQLITE_FILE: Final = "codman.db"
_CHUNK: Final = 1 << 20


class NotEmpty(BadInput):
    """A database that holds something already."""

    def __init__(self, where: str) -> None:
        super().__init__(
            what="this database is in use",
            why=f"{where} has tables already, and nothing is ever restored over them",
            fix="make an empty database and give its URL",
        )


class BadRows(BadInput):
    """A file of a backup that does not hold a table's rows."""

    def __init__(self, table: str) -> None:
        # the driver's own words quote the row
        super().__init__(
            what="the rows in the backup cannot be put back",
            why=f"those of the table {table} do not fit it, or rows they rest on are missing",
            fix="use another backup",
        )


def take(database: Database, folder: Path, origin: str) -> tuple[str, Checkpoint]:
    """Write the database as it is at this moment into a folder; writers go on meanwhile.

    SQLite gives one file, by its own online backup; PostgreSQL one a table, in COPY's text form, from one snapshot.

    Args:
        database: The open book.
        folder: An empty folder.
        origin: The log's name.

    Returns:
        The step its tables are at, and the log's state in the snapshot.
    """
    if database.sqlite:
        copy = folder / SQLITE_FILE
        _online_copy(Path(str(database.url.database)), copy)
        taken = Database(f"sqlite:///{copy}")
        try:
            with taken.reading() as connection:
                return _step(connection), state_of(connection, origin)
        finally:
            taken.close()
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            _copy(connection, table.name, [c.name for c in table.c], folder / f"{table.name}.copy", out=True)
        return _step(connection), state_of(connection, origin)


def put_into_postgresql(
    database: Database, folder: Path, step: str, holds: Callable[[Connection], None], finish: Callable[[], None]
) -> None:
    """Fill an empty PostgreSQL database from a snapshot's files; nothing is there if anything fails.

    Args:
        database: An empty one.
        folder: The snapshot's files.
        step: The step its tables were at.
        holds: Looks at what was put in, and raises where it is not what it should be.
        finish: The last thing before it stands.

    Raises:
        NotEmpty: It has tables.
        NewerDatabase: The step is not one of this release's.
        BadRows: A file does not hold its table's rows.
    """
    if step not in known_steps():  # Alembic would also take a range, or a word such as head
        raise NewerDatabase(step)
    with database.unrecorded() as connection:
        if inspect(connection).get_table_names():
            raise NotEmpty(database.url.render_as_string(hide_password=True))
        config = config_of(connection)
        upgrade(config, step)
        for table in metadata.sorted_tables:
            file = folder / f"{table.name}.copy"
            if file.exists():  # a later release's table has none in an older backup
                _copy(connection, table.name, [c.name for c in table.c], file, out=False)
        holds(connection)
        finish()


def refuse_another_state(connection: Connection, wanted: Checkpoint) -> None:
    """Recompute the log and hold it against the state it should have.

    Raises:
        LogBroken: It does not add up.
        BadInput: It adds up to something else.
    """
    found = check(connection)
    if (found.size, found.root) != (wanted.size, wanted.root):
        raise BadInput(
            what="the database in the backup is not the one its manifest describes",
            why=f"its log has {found.size:,} entries and another root",
            fix="use another backup",
        )


def refuse_what_acts(connection: Connection) -> None:
    """Refuse a SQLite file with anything in it but tables and indexes: a trigger would go on working unseen.

    Raises:
        BadInput: There is such a thing.
    """
    plain = "type IN ('table', 'index') AND (sql IS NULL OR sql NOT LIKE 'CREATE VIRTUAL%')"
    found = connection.execute(text(f"SELECT type FROM sqlite_master WHERE NOT ({plain})")).scalars().first()  # noqa: S608
    if found is not None:
        raise BadInput(
            what="the database in the backup does more than hold what was put into it",
            why=f"there is a {found} in it, which Codman makes none of",
            fix="use another backup",
        )


def _online_copy(source: Path, target: Path) -> None:
    module = sqlite_module()
    reader = module.connect(f"file:{source}?mode=ro", uri=True)
    writer = module.connect(target)
    try:
        reader.backup(writer)  # all pages in one go: one moment, and writers are not held up (WAL)
    finally:
        writer.close()
        reader.close()


def _step(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _copy(connection: Connection, table: str, columns: list[str], file: Path, *, out: bool) -> None:
    from psycopg import Error, sql  # the optional part `postgresql`

    raw: Any = connection.connection.driver_connection
    named = sql.SQL("{} ({})").format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)))
    with raw.cursor() as cursor:
        if out:
            with file.open("wb") as into, cursor.copy(sql.SQL("COPY {} TO STDOUT").format(named)) as copy:
                for block in copy:
                    into.write(block)
            return
        try:
            with file.open("rb") as source, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(named)) as copy:
                while block := source.read(_CHUNK):
                    copy.write(block)
        except Error:
            raise BadRows(table) from None
