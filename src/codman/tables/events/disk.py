"""The disk under the segments: the few things asked of it, so that a test can stand in and fail at each of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from codman.evidence.files import sync_folder


class OpenFile(Protocol):
    """A file that is written from its beginning to its end."""

    def write(self, data: bytes) -> None:
        """Write all of it."""

    def sync(self) -> None:
        """Wait until the disk has it."""

    def close(self) -> None:
        """Let go of it."""


class Disk(Protocol):
    """A folder's files."""

    def create(self, name: str) -> OpenFile:
        """A file, empty even if there was one of the name."""

    def read(self, name: str) -> bytes:
        """All of a file."""

    def names(self) -> list[str]:
        """The files there are."""

    def remove(self, name: str) -> None:
        """Remove a file."""

    def sync(self) -> None:
        """Wait until the disk has the folder's list of names."""


class _File:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


class RealDisk:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def create(self, name: str) -> OpenFile:
        """A file, empty even if there was one of the name."""
        return _File(self._folder / name)

    def read(self, name: str) -> bytes:
        """All of a file."""
        return (self._folder / name).read_bytes()

    def names(self) -> list[str]:
        """The files there are."""
        return sorted(path.name for path in self._folder.iterdir())

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._folder / name).unlink(missing_ok=True)

    def sync(self) -> None:
        """Wait until the disk has the folder's list of names."""
        sync_folder(self._folder)
