"""Somebody's file, read whole and never waited for: a pipe or a device is refused, whatever it would give."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

_NOT_WAITING: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class TooLarge(OSError):
    """A file with more bytes than are read."""


def regular_bytes(path: Path, at_most: int) -> bytes:
    """All of a regular file.

    Raises:
        TooLarge: It holds more than `at_most` bytes.
        OSError: It is not there, not ours to read, or no regular file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _NOT_WAITING)  # opening a pipe would wait for its writer
    except ValueError as error:  # a NUL in the name
        raise OSError(0, "no file can have that name") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is a folder, a pipe or a device, not a file")
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_size > at_most:
            raise TooLarge(0, f"it is larger than {at_most >> 20} MiB")
        return file.read(at_most)
