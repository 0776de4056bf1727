"""Where a server answers, as other commands on its workspace find it: a link they print must reach it too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from codman.evidence.files import write_whole
from codman.settings import Settings

_FILE: Final = "serving"
_LONGEST: Final = 300


@contextmanager
def answering_at(workspace: Path, address: str) -> Iterator[None]:
    """Say in the workspace where a server answers, for as long as it does."""
    file = workspace / _FILE
    write_whole(file, f"{address}\n".encode())
    try:
        yield
    finally:
        if _said(workspace) == address:  # another server may have taken its place since
            file.unlink(missing_ok=True)


def address_of(settings: Settings) -> str:
    """What links begin with: the public address, else where a server answers now, else where one would."""
    return settings.address if settings.public_url else _said(settings.workspace) or settings.address


def _said(workspace: Path) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        text = (workspace / _FILE).read_text("utf-8")[:_LONGEST].strip()
        return text if text.startswith(("http://", "https://")) else None
    return None
