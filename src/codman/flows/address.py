"""Where a server answers, as other commands on its workspace find it: a link they print must reach it too.

A server holds a lock on the file that says where, which the system lets go of however the server ends: what a killed
one left there stands for nothing. On SQLite one server at a time has the workspace; on PostgreSQL several may share it.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from codman.errors import BadInput
from codman.evidence.files import CannotWrite
from codman.settings import Settings

_FILE: Final = "serving"
_LONGEST: Final = 300
_PATIENCE_S: Final = 1.0  # a command that looks whether a server lives holds the lock for a moment

try:
    _LOCKS: Any = importlib.import_module("fcntl")
except ModuleNotFoundError:  # no such locks on this system: whoever wrote last is taken to answer
    _LOCKS = None


class ServedAlready(BadInput):
    """A workspace that another server has in hand."""

    def __init__(self, workspace: Path, where: str | None) -> None:
        super().__init__(
            what=f"{workspace} is served already",
            why=f"a server on it answers{f' at {where}' if where else ''}, and SQLite is for one server at a time",
            fix="stop that one first, give this one its own --workspace, or use PostgreSQL",
        )


@contextmanager
def answering_at(workspace: Path, address: str, *, alone: bool) -> Iterator[None]:
    """Say in the workspace where a server answers, for as long as it does.

    Args:
        workspace: The folder it serves.
        address: Where it answers.
        alone: Whether it must be the only one.

    Raises:
        ServedAlready: It must be, and is not.
        CannotWrite: The workspace is not ours.
    """
    file = workspace / _FILE
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CannotWrite(file, error) from None
    try:
        if not _take(handle, alone=alone):
            raise ServedAlready(workspace, _said(handle))
        _say(handle, f"{address}\n")
        try:
            yield
        finally:
            if _said(handle) == address:  # another server may have taken its place since
                _say(handle, "")
    finally:
        os.close(handle)


def address_of(settings: Settings) -> str:
    """What links begin with: the public address, else where a server answers now, else where one would."""
    return settings.address if settings.public_url else _answers(settings.workspace) or settings.address


def _answers(workspace: Path) -> str | None:
    """Where a living server answers; None where there is none."""
    with suppress(OSError):
        handle = os.open(workspace / _FILE, os.O_RDWR)
        try:
            nobody = _LOCKS is not None and _lock(handle, _LOCKS.LOCK_EX)
            return None if nobody else _said(handle)
        finally:
            os.close(handle)
    return None


def _take(handle: int, *, alone: bool) -> bool:
    """Hold the file for as long as this process lives; False where another server has it."""
    if _LOCKS is None:
        return True
    until = time.monotonic() + _PATIENCE_S
    while not _lock(handle, _LOCKS.LOCK_EX if alone else _LOCKS.LOCK_SH):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _lock(handle: int, how: int) -> bool:
    try:
        _LOCKS.flock(handle, how | _LOCKS.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a disk that has no locks cannot tell
        return True
    return True


def _said(handle: int) -> str | None:
    os.lseek(handle, 0, os.SEEK_SET)
    text = os.read(handle, _LONGEST).decode("utf-8", "replace").strip()
    return text if text.startswith(("http://", "https://")) else None


def _say(handle: int, text: str) -> None:
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, text.encode())
