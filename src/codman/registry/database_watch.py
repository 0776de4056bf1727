"""How long the database takes: every statement is timed, counted, and told to the tracer; never what it says."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext

from codman.telemetry import OTHER, STATEMENT_FAULTS, STATEMENTS, UNTRACED, VERBS, tracer

_BEGAN: Final = "codman_began"


def watch(engine: Engine) -> None:
    """Time every statement of an engine from now on."""
    system = engine.dialect.name
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", lambda *of: _end(system, of[0], of[2]))
    event.listen(engine, "handle_error", lambda of: _fail(system, of))


def _begin(connection: Connection, *_statement: Any) -> None:
    connection.info[_BEGAN] = time.perf_counter()


def _end(system: str, connection: Connection, statement: str, failed: str | None = None) -> None:
    began = connection.info.pop(_BEGAN, None)
    if began is None:
        return
    seconds = time.perf_counter() - began
    verb = statement[:6].lower()
    verb = verb if verb in VERBS else OTHER
    STATEMENTS.observe(seconds, verb)
    if failed is not None:
        STATEMENT_FAULTS.add(verb)
    if tracer() is not UNTRACED:
        about = {"db.system.name": system, "db.operation.name": verb.upper()}
        tracer().past(f"database {verb}", time.time_ns() - round(seconds * 1e9), about, failed)


def _fail(system: str, of: ExceptionContext) -> None:
    if of.connection is not None and of.statement is not None:
        _end(system, of.connection, of.statement, type(of.original_exception).__name__)
