"""The tables of jobs/, taken into the book's own list: migrations, backups and restores know them by it."""

from __future__ import annotations

from codman.jobs.tables import add_tables
from codman.registry.columns import metadata

add_tables(metadata)
