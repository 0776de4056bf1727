"""What the tables of the book are made of: the shapes of their columns, and the columns that every record has."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, String, Table, UniqueConstraint

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID: Final = String(64)
DIGEST: Final = String(64)
TIME: Final = String(40)
DAY: Final = String(10)
WORD: Final = String(64)
LINE: Final = String(400)
WHOLE: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rows in INTEGER only


def ref(name: str, target: str, *, needed: bool = False) -> Column[str]:
    """A column that names a record of another table, with an index."""
    return Column(name, ID, ForeignKey(f"{target}.id"), nullable=not needed, index=True)


def record_table(name: str, *columns: Column[Any] | UniqueConstraint) -> Table:
    """A table of records: an id, a revision, when it was made and last changed, and columns of its own."""
    return Table(
        name,
        metadata,
        Column("id", ID, primary_key=True),
        Column("revision", Integer, nullable=False),
        Column("created_at", TIME, nullable=False),
        Column("updated_at", TIME, nullable=False),
        *columns,
    )
