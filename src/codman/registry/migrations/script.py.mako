"""${message}."""

# ruff: noqa: E501 - a condition stands here as the database has it
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Take the step."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """A book is never taken back: restore the backup made before the step."""
    raise NotImplementedError("restore the backup that was made before this step")
