"""sha256 of files: the digest an evaluation's inputs are pinned by."""

from __future__ import annotations

import hashlib
from pathlib import Path

from codman.tables.reader import UnreadableFile


def sha256_of_file(path: Path) -> str:
    """sha256, in hex, of a file's bytes, read piece by piece.

    Raises:
        UnreadableFile: The file went away, or may not be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(str(path), "it is missing, damaged or may not be read", "restore it") from error
