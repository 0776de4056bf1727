"""Files that are whole or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from errno import EISDIR
from pathlib import Path

from codman.errors import BadInput

PARTIAL = ".partial"  # what a crash half way leaves behind ends so; nothing reads it


class CannotRead(BadInput):
    """A file that is not there, or that may not be read."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            what=f"{path} cannot be read",
            why=(error.strerror or "the system refused").lower(),
            fix="check the name and who may read it",
        )


class CannotWrite(BadInput):
    """A place nothing can be written to."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            what=f"{path} cannot be written",
            why=(error.strerror or "the system refused").lower(),
            fix="name a file, in a folder that exists and that you may write to",
        )


class WouldOverwrite(BadInput):
    """A result that would take the place of what it was made from."""

    def __init__(self, out: Path) -> None:
        super().__init__(
            what=f"{out} would be overwritten",
            why="--out names a file that is read here",
            fix="name another file for the result",
        )


def refuse_overwriting(out: Path, *read: Path | str | None) -> None:
    """Refuse a place for a result that is one of the files it is made from, under whatever name.

    Raises:
        WouldOverwrite: It is.
    """
    for one in read:
        with suppress(OSError, ValueError):  # what is not there cannot be overwritten
            if one is not None and out.exists() and out.samefile(one):
                raise WouldOverwrite(out)


def write_whole(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file so that a reader finds the old one or the new one, never a half.

    Args:
        path: Where it goes; one that is there is replaced.
        data: All of it.
        durable: Wait until the disk has it; for what must survive a power cut.

    Raises:
        CannotWrite: The folder is missing, full or not ours.
    """
    if not path.name or path.is_dir():
        raise CannotWrite(path, IsADirectoryError(EISDIR, os.strerror(EISDIR)))
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        with beside.open("xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise CannotWrite(path, error) from None


def sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's list of names: a file it forgets is lost, however well it was written."""
    if os.name == "nt":  # Windows cannot open a folder, and keeps its names without being asked
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_whole(path: Path, *, at_most: int) -> bytes:
    """All of a file, unless it is larger than `at_most` bytes.

    Raises:
        CannotRead: It is missing, a folder, or not ours to read.
        BadInput: It is larger than that.
    """
    try:
        with path.open("rb") as file:
            data = file.read(at_most + 1)  # the size on disk is no guard: a pipe has none
    except OSError as error:
        raise CannotRead(path, error) from None
    if len(data) > at_most:
        raise BadInput(
            what=f"{path} is too large",
            why=f"it holds more than {at_most:,} bytes",
            fix="give the file that Codman wrote",
        )
    return data
