"""Write the next migration step from what the tables declare. Run: python build_support/migration.py NUMBER MESSAGE."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic.command import revision

from codman.registry.database import Database
from codman.registry.migrate import _config, migrate


def main() -> None:
    """Compare a fresh database at the newest step with the tables, and write what is missing."""
    number, message = sys.argv[1], sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/book.db")
        if any((Path("src/codman/registry/migrations/versions")).glob("[0-9]*.py")):
            migrate(database)
        config = _config()
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        with database.unrecorded() as connection:
            config.attributes["connection"] = connection
            revision(config, message, autogenerate=True, rev_id=number)
        database.close()


if __name__ == "__main__":
    main()
