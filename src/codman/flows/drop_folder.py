"""drop_folder: statements that programs lay into a folder, each filed once, with its receipt or the reason beside it.

FOLDER/inbox/     senders write here: under another name (.part, or beginning with a dot) until the file is whole
FOLDER/filed/     what was filed, and NAME.receipt.json
FOLDER/refused/   what was not, and NAME.reason.json
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from codman.errors import CodmanError
from codman.evidence.files import CannotRead
from codman.evidence.receipt import Receipt
from codman.flows.filing import SUBMIT, TooLarge, file_evidence
from codman.flows.house import House
from codman.flows.inbox import SETTLED_SECONDS, is_settled, printable, refuse_unless_plain, take_each
from codman.registry.access import Reader, require
from codman.registry.accounts import reader_of_token


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file."""

    name: str
    receipt: Receipt | None = None
    error: CodmanError | None = None


def take(house: House, folder: Path, reader: Reader, *, settled_seconds: float = SETTLED_SECONDS) -> list[Taken]:
    """File what lies in a folder's inbox and move each file to where it belongs.

    A file that changed within the last seconds is still being written and left for the next time. Stopping at any point
    loses nothing: a file leaves the inbox only after its receipt is on the disk, and filing it again changes nothing.

    Args:
        house: The open house.
        folder: The drop folder; its three folders are made where they are not there.
        reader: On whose behalf they are filed.
        settled_seconds: For how long a file must not have changed.

    Returns:
        What became of each that was ready, by name.

    Raises:
        NotAllowed: The reader may file nothing; nothing is touched.
        CannotWrite: The folder is not ours.
        Unreachable: The database does not answer; what is left stays in the inbox.
    """
    require(reader, SUBMIT)

    def file(path: Path) -> Receipt | None:
        body = _read(path, house.settings.max_body_mb, settled_seconds)
        if body is None:
            return None
        return file_evidence(house, body, reader, source=f"drop folder: {printable(path.name)}"[:300])

    done = take_each(folder, "filed", ".receipt.json", file, lambda receipt: receipt.model_dump(mode="json"))
    return [
        Taken(name, error=became) if isinstance(became, CodmanError) else Taken(name, became) for name, became in done
    ]


def take_configured(house: House) -> list[Taken]:
    """The same for the folder and the token of the settings; nothing where either is not given.

    Raises:
        NotSignedIn: The token has ended.
        NotAllowed: It may file nothing.
        Unreachable: The database does not answer.
    """
    folder, token = house.settings.drop_folder, house.settings.drop_folder_token
    if folder is None or token is None:
        return []
    return take(house, folder, reader_of_token(house.database, token.get_secret_value()))


def _read(path: Path, limit_mb: int, settled_seconds: float) -> bytes | None:
    """A plain file's bytes; None while it is being written."""
    refuse_unless_plain(path, path.lstat())
    try:
        # looked at again once open: what was a file a moment ago may be a link now
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CannotRead(Path(printable(path.name)), error) from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        refuse_unless_plain(path, found)
        if not is_settled(found, settled_seconds):
            return None
        if found.st_size > limit_mb * 1024 * 1024:
            raise TooLarge(limit_mb)
        body = file.read(limit_mb * 1024 * 1024 + 1)
        after = os.fstat(file.fileno())
        return None if (after.st_mtime_ns, after.st_size) != (found.st_mtime_ns, len(body)) else body
