"""drop_folder: statements that programs lay into a folder, each filed once, with its receipt or the reason beside it.

FOLDER/inbox/     senders write here: under another name (.part, or beginning with a dot) until the file is whole
FOLDER/filed/     what was filed, and NAME.receipt.json
FOLDER/refused/   what was not, and NAME.reason.json
"""

from __future__ import annotations

import json
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from codman.errors import BadInput, CodmanError
from codman.evidence.canonical import sha256
from codman.evidence.files import CannotRead, CannotWrite, write_whole
from codman.evidence.receipt import Receipt
from codman.flows.filing import SUBMIT, TooLarge, file_evidence
from codman.flows.house import House
from codman.registry.access import Reader, require
from codman.registry.accounts import reader_of_token

SETTLED_SECONDS: Final = 2.0
_UNFINISHED: Final = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
_LONGEST: Final = 200  # of a name with an answer's ending, which most disks bound at 255 bytes
_AWAY: Final = 4


class NotAPlainFile(BadInput):
    """A link, a folder, a pipe: something that would lead elsewhere."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"{name} is not a plain file",
            why="links, folders and pipes are not followed out of the drop folder",
            fix="lay a copy of the file itself into inbox",
        )


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
    inbox, filed, refused = (folder / name for name in ("inbox", "filed", "refused"))
    for one in (inbox, filed, refused):
        try:
            one.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(one, error) from None
    taken = []
    for path in sorted(inbox.iterdir()):
        if is_unfinished(path.name):
            continue
        try:
            body = _read(path, house.settings.max_body_mb, settled_seconds)
            if body is None:
                continue
            receipt = file_evidence(house, body, reader, source=f"drop folder: {printable(path.name)}"[:300])
        except FileNotFoundError:
            continue  # another process took it
        except CodmanError as error:
            if error.exit_code == _AWAY:
                raise
            why = {"what": error.what, "why": error.why, "fix": error.fix}
            move_beside_answer(path, refused, why, ".reason.json")
            taken.append(Taken(path.name, error=error))
            continue
        move_beside_answer(path, filed, receipt.model_dump(mode="json"), ".receipt.json")
        taken.append(Taken(path.name, receipt))
    return taken


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
    if not stat.S_ISREG(path.lstat().st_mode):
        raise NotAPlainFile(printable(path.name))
    try:
        # looked at again once open: what was a file a moment ago may be a link now
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CannotRead(Path(printable(path.name)), error) from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise NotAPlainFile(printable(path.name))
        if abs(time.time() - found.st_mtime) < settled_seconds:
            return None
        if found.st_size > limit_mb * 1024 * 1024:
            raise TooLarge(limit_mb)
        body = file.read(limit_mb * 1024 * 1024 + 1)
        after = os.fstat(file.fileno())
        return None if (after.st_mtime_ns, after.st_size) != (found.st_mtime_ns, len(body)) else body


def is_unfinished(name: str) -> bool:
    """Whether a file's name says that it is still being written."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def move_beside_answer(path: Path, into: Path, answer: dict[str, Any], ending: str) -> None:
    """Move a file: the answer first, then the file; a name that is taken there gets a number of its own before it."""
    name = path.name if len(os.fsencode(path.name)) <= _LONGEST else sha256(os.fsencode(path.name))[:24]
    number = 1
    target, beside = into / name, into / f"{name}{ending}"
    while os.path.lexists(target) or _taken(beside, answer):
        number += 1
        target, beside = into / f"{number}-{name}", into / f"{number}-{name}{ending}"
    write_whole(
        beside, (json.dumps(answer, indent=2, ensure_ascii=False) + "\n").encode(errors="replace"), durable=True
    )
    try:
        path.rename(target)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CannotWrite(target, error) from None


def _taken(beside: Path, answer: dict[str, Any]) -> bool:
    """Whether another file's answer has this name; the same answer was left by a crash before the file was moved."""
    if not beside.exists():
        return False
    try:
        there: Any = json.loads(beside.read_bytes())
    except ValueError:
        return True
    return bool(there != answer)


def printable(name: str) -> str:
    """A file's name as a message may show it."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)[:_LONGEST]
