"""Which statement says the same of a later day."""

from __future__ import annotations

from sqlalchemy import Connection, and_, select

from codman.registry.schema import statements


def newer_than(connection: Connection, digest: str) -> str | None:
    """The newest statement of the same kind, origin, product, version and use; None where this is it.

    Args:
        connection: Where to read.
        digest: A filed statement.
    """
    this = statements.alias("this")
    same = [
        statements.c[name].is_not_distinct_from(this.c[name])
        for name in ("kind", "origin", "product", "version", "use_name")
    ]
    found = connection.execute(
        select(statements.c.digest)
        .join(this, and_(*same))
        .where(this.c.digest == digest, statements.c.evaluated_at > this.c.evaluated_at)
        .order_by(statements.c.evaluated_at.desc(), statements.c.digest)
        .limit(1)
    ).scalar_one_or_none()
    return None if found is None else str(found)
