"""readiness: whether this server can serve: its database, its log, its store, its disk, its rounds."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codman.errors import CodmanError
from codman.evidence.files import PARTIAL
from codman.flows.house import House
from codman.registry.database import NotRecorded
from codman.registry.log import size_of
from codman.registry.migrate import is_migrated

OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was looked at, and what is wrong with it; `ok` where nothing is. Without names, paths and secrets."""

    checks: Mapping[str, str]

    @property
    def failed(self) -> dict[str, str]:
        """What is wrong."""
        return {name: said for name, said in self.checks.items() if said != OK}


def readiness(house: House) -> Readiness:
    """Look at everything this server needs to serve.

    Returns:
        A clause for each; what depends on a database that is away is not looked at.
    """
    away = _database(house)
    if away is not None:
        return Readiness({"database": away, **{name: check(house) or OK for name, check in _APART.items()}})
    return Readiness({"database": OK, **{name: check(house) or OK for name, check in {**_IN_IT, **_APART}.items()}})


def _database(house: House) -> str | None:
    try:
        with house.database.reading() as connection:
            size_of(connection)
    except CodmanError:
        return "it does not answer"
    return None


def _tables(house: House) -> str | None:
    try:
        done = is_migrated(house.database)
    except CodmanError:
        return "their step cannot be read"
    return None if done else "they are not at this release's step; restart it, so that they are brought there"


def _log(house: House) -> str | None:
    try:
        house.database.require_writable()
    except NotRecorded:
        return "it takes no entry, so nothing can be changed"
    except CodmanError:
        return "the database cannot be written to"
    return None


def _store(house: House) -> str | None:
    workspace = house.settings.workspace.absolute()
    for folder in (workspace / "evidence", house.documents):
        try:
            _write_into(folder)
        except OSError:
            return f"nothing can be written into {folder.name}/"
    return None


def _write_into(folder: Path) -> None:
    path = folder / f".{secrets.token_hex(8)}{PARTIAL}"  # what a crash leaves here is known for what it is
    try:
        path.write_bytes(b"ready")
    finally:
        path.unlink(missing_ok=True)


def _disk(house: House) -> str | None:
    least = house.settings.least_free_mb
    try:
        free = shutil.disk_usage(house.settings.workspace).free >> 20
    except OSError:
        return "it cannot be looked at"
    return None if free >= least else f"{free:,} MiB are free, and CODMAN_LEAST_FREE_MB is {least:,}"


def _rounds(house: House) -> str | None:
    gone = house.beats.missing()
    return f"no longer made: {', '.join(gone)}; restart the server" if gone else None


_IN_IT: Final[Mapping[str, Callable[[House], str | None]]] = {"tables": _tables, "audit log": _log}
_APART: Final[Mapping[str, Callable[[House], str | None]]] = {"store": _store, "disk": _disk, "rounds": _rounds}
