"""${message}."""

# ruff: noqa: E501 - a condition stands here as the database has it
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from codman.registry.migrate import NoWayBack

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Take the step."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """A book is never taken back."""
    raise NoWayBack(revision)
