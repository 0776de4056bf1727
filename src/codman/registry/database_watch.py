"""How long the database takes: every statement is timed, counted, and told to the tracer; never what it says."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext

from codman.telemetry import OTHER, STATEMENT_FAULTS, STATEMENTS, UNTRACED, VERBS, tracer


def watch(engine: Engine) -> None:
    """Time every statement of an engine from now on."""
    system = engine.dialect.name

    def end(_connection: Connection, _cursor: Any, statement: str, _given: Any, context: Any, _many: bool) -> None:
        _end(system, statement, context)

    event.listen(engine, "before_cursor_execute", _begin, retval=True)
    event.listen(engine, "after_cursor_execute", end)
    event.listen(engine, "handle_error", lambda of: _fail(system, of))


def _begin(
    _connection: Connection, _cursor: Any, statement: str, given: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    context.codman_began = time.perf_counter()
    return statement, given


def _end(system: str, statement: str, context: Any, failed: str | None = None) -> None:
    began: float | None = getattr(context, "codman_began", None)
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
    if of.execution_context is not None and of.statement is not None:
        _end(system, of.statement, of.execution_context, type(of.original_exception).__name__)
