"""One database, SQLite or PostgreSQL: opened safely, read by many, written by one change at a time.

A write takes the log's head first, so changes stand in one order on both databases and no two of them cross.
"""

from __future__ import annotations

import importlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from codman.errors import BadInput, CodmanError, MissingExtra, Unreachable
from codman.jobs.times import Clock as Clock
from codman.jobs.times import instant as instant
from codman.registry.database_watch import watch
from codman.registry.log import SYSTEM, Author, Entry, append
from codman.registry.schema import log_head
from codman.spine.day import day_in
from codman.telemetry import WRITE_WAIT

# SQLite before these loses committed pages when a checkpoint and a writer meet (the WAL-reset bug), sqlite.org/wal.html
_WAL_IS_SOUND: Final = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
_BUSY_MS: Final = 15_000


class DatabaseAway(Unreachable):
    """The database does not answer."""

    def __init__(self, where: str, error: Exception) -> None:
        super().__init__(
            what="the database does not answer",
            why=f"{where}: {str(getattr(error, 'orig', error)).splitlines()[0][:200]}",
            fix="see that it runs and that CODMAN_DATABASE_URL names it",
        )


class BadDatabaseUrl(BadInput):
    """A database that Codman cannot use."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="CODMAN_DATABASE_URL cannot be used",
            why=why,
            fix="give sqlite:///FILE or postgresql://USER@HOST/NAME",
        )


def read_url(text: str) -> URL:
    """A database's URL, of a kind that Codman keeps its book in.

    Raises:
        BadDatabaseUrl: It is none.
    """
    try:
        url = make_url(text)
    except ArgumentError:  # its own words repeat the URL, and with it a password
        raise BadDatabaseUrl("it is no URL") from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadDatabaseUrl(f"it names {url.get_backend_name()}")
    return url


class NotRecorded(CodmanError):
    """A change was refused because its audit entry could not be written; nothing changed."""

    exit_code = 4

    def __init__(self) -> None:
        super().__init__(
            what="the change was not made",
            why="its audit entry could not be written, and nothing is changed without one",
            fix="see the server's log and free disk space, then try again",
        )


def utc_now() -> datetime:
    """The time now, with its zone."""
    return datetime.now(UTC)


class Change:
    """One write: its connection, who makes it and why, and the audit entries that will stand with it."""

    def __init__(self, connection: Connection, author: Author, at: str, why: str | None, zone: tzinfo = UTC) -> None:
        self.connection = connection
        self.author = author
        self.at = at
        self.zone = zone  # of the house's days
        self.why = why
        self.entries: list[Entry] = []
        self.first_index: int | None = None  # of its entries in the log, once written

    @property
    def today(self) -> str:
        """The day on which it is made, in the house's zone, ISO 8601."""
        return day_in(self.at, self.zone).isoformat()

    def record(self, entry: Entry) -> None:
        """Have this written to the log with the change."""
        self.entries.append(entry)


class _TakenBack(Exception):  # never leaves this file
    """Ends a rehearsal, so that its transaction is rolled back."""


class Database:
    """The book's database.

    Args:
        url: `sqlite:///…` or `postgresql://…`.
        clock: Gives the time; tests set it back and forward.
        zone: By whose days things are due and stand.
    """

    def __init__(self, url: str, clock: Clock = utc_now, zone: tzinfo = UTC) -> None:
        self.url = read_url(url)
        self.clock = clock
        self.zone = zone
        self.engine = _engine(url)
        watch(self.engine)
        self._writing = threading.Lock()  # one writer in this process: the others wait here, not in the database

    @property
    def sqlite(self) -> bool:
        """Whether it is a file here rather than a server."""
        return self.engine.dialect.name == "sqlite"

    def today(self) -> date:
        """The day that it is in the house's zone: whatever is due on a day, or stands until one, goes by it."""
        return day_in(self.clock(), self.zone)

    @property
    def is_writing(self) -> bool:
        """Whether a change is being made in this process: the next one would wait for it."""
        return self._writing.locked()

    @property
    def file(self) -> Path | None:
        """Where it lies, if it is a file here."""
        name = self.url.database
        return Path(name) if self.sqlite and name and name != ":memory:" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view; nothing can be written through it.

        Raises:
            DatabaseAway: It does not answer.
        """
        try:
            with self.engine.connect() as connection:
                if not self.sqlite:
                    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
                yield connection
        except OperationalError as error:
            raise DatabaseAway(self.url.render_as_string(hide_password=True), error) from error

    @contextmanager
    def changing(self, author: Author, why: str | None = None) -> Iterator[Change]:
        """One change and its audit entries: both or neither.

        Args:
            author: Who makes it.
            why: The reason they give; kept outside the log, which holds its salted hash.

        Raises:
            NotRecorded: The log could not be written; nothing was changed.
            DatabaseAway: It does not answer.
        """
        with self._alone(), self._begin() as connection:
            # held to the end of the transaction: entries get their places in the order changes are made
            connection.execute(select(log_head.c.size).with_for_update())
            change = Change(connection, author, instant(self.clock()), why, self.zone)
            yield change
            if change.entries:
                try:
                    change.first_index = append(connection, change.entries, author, change.at, why)
                except SQLAlchemyError as error:
                    raise NotRecorded from error

    @contextmanager
    def rehearsing(self, author: Author, why: str | None = None) -> Iterator[Change]:
        """A change that is made and taken back: it tells what would become of it, and nothing of it stands.

        Raises:
            DatabaseAway: It does not answer.
        """
        with suppress(_TakenBack), self.changing(author, why) as change:
            yield change
            raise _TakenBack

    @contextmanager
    def unrecorded(self) -> Iterator[Connection]:
        """A write that changes nothing anybody answers for: a session's last sight, a job's lease, a saved view."""
        with self._alone(), self._begin() as connection:
            yield connection

    def require_writable(self, within_s: float = 1.0) -> None:
        """See that a change could be written now: one is put into the log and taken back.

        Args:
            within_s: Who waits longer than this behind somebody's change has seen that changes are made.

        Raises:
            NotRecorded: The log takes no entry.
            DatabaseAway: It does not answer.
        """
        if not self._writing.acquire(timeout=within_s):
            return
        try:
            with suppress(_TakenBack), self._begin(round(within_s * 1000)) as connection:
                connection.execute(select(log_head.c.size).with_for_update())
                append(connection, [Entry("log.try", "log", "log")], SYSTEM, instant(self.clock()), None)
                raise _TakenBack
        except DatabaseAway as error:
            if not (isinstance(error.__cause__, DBAPIError) and is_lock_trouble(error.__cause__)):
                raise
        except SQLAlchemyError as error:
            raise NotRecorded from error
        finally:
            self._writing.release()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The one writer of this process, once the one before is done."""
        came = time.perf_counter()
        with self._writing:
            WRITE_WAIT.observe(time.perf_counter() - came)
            yield

    @contextmanager
    def _begin(self, wait_ms: int | None = None) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                if self.sqlite:
                    connection = connection.execution_options(codman_write=True, codman_wait_ms=wait_ms)
                with connection.begin():
                    if wait_ms is not None and not self.sqlite:
                        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {wait_ms}")
                    yield connection
        except OperationalError as error:
            raise DatabaseAway(self.url.render_as_string(hide_password=True), error) from error

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def sqlite_module() -> ModuleType:
    """The SQLite to use: a current one where it is installed, else Python's own."""
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return importlib.import_module("sqlite3")


def wal_is_sound(version: tuple[int, ...]) -> bool:
    """Whether this SQLite's write-ahead log is free of the WAL-reset bug (sqlite.org/wal.html)."""
    newest, *backports = _WAL_IS_SOUND
    return version >= newest or any(version[:2] == fixed[:2] and version >= fixed for fixed in backports)


def _engine(url: str) -> Engine:
    parsed = read_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url)
    try:
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"), pool_size=10, max_overflow=10, pool_pre_ping=True
        )
    except ModuleNotFoundError as error:
        raise MissingExtra("postgresql", "psycopg") from error
    event.listen(engine, "connect", _suit_short_questions)
    return engine


def _suit_short_questions(connection: Any, _record: object) -> None:
    """PostgreSQL counts on turning disks and long reports unless told: it would pass our indexes by, and compile.

    A plan made once for every question of a form knows no reader's sites, so each question has its own.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET random_page_cost = 1.1")
        cursor.execute("SET jit = off")
        cursor.execute("SET plan_cache_mode = force_custom_plan")
    connection.commit()  # or the settings would go with the first transaction that is rolled back


def _sqlite(url: str) -> Engine:
    module = sqlite_module()
    wal = wal_is_sound(module.sqlite_version_info)
    parsed = read_url(url)
    if parsed.database not in (None, "", ":memory:"):
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, module=module, connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000}, json_serializer=_json
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy begins; the driver must not
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        cursor.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
        cursor.execute("PRAGMA synchronous=FULL")  # NORMAL may forget the last commits when the power goes
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        wait_ms = options.get("codman_wait_ms")
        if wait_ms is not None:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={wait_ms}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("codman_write") else "BEGIN DEFERRED")
        finally:
            if wait_ms is not None:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={_BUSY_MS}")

    return engine


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_lock_trouble(error: DBAPIError) -> bool:
    """Whether an error says that somebody else holds what we need."""
    return any(
        word in str(error.orig).lower() for word in ("locked", "deadlock", "could not serialize", "lock timeout")
    )
