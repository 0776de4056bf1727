"""Alembic's entry: runs the steps on the connection it is given."""

from __future__ import annotations

from alembic import context

# their tables belong to the same metadata
from codman.registry import schema, schema_accounts, schema_filing, schema_jobs, schema_review, schema_watch  # noqa: F401
from codman.registry.columns import metadata

_connection = context.config.attributes["connection"]
context.configure(
    connection=_connection,
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=_connection.dialect.name == "sqlite",  # SQLite changes a table by copying it
)
context.run_migrations()
