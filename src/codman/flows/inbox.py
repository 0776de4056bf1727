"""An inbox: files that programs lay into a folder, each taken once and moved away beside its answer.

FOLDER/inbox/     senders write here: under another name (.part, or beginning with a dot) until the file is whole
FOLDER/refused/   what could not be taken, and NAME.reason.json
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from codman.errors import BadInput, CodmanError
from codman.evidence.canonical import sha256
from codman.evidence.files import CannotWrite, write_whole

SETTLED_SECONDS: Final = 2.0
_UNFINISHED: Final = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
_LONGEST: Final = 200  # of a name with an answer's ending, which most disks bound at 255 bytes
_AWAY: Final = 4

T = TypeVar("T")


class NotAPlainFile(BadInput):
    """A link, a folder, a pipe: something that would lead elsewhere."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"{name} is not a plain file",
            why="links, folders and pipes are not followed out of the drop folder",
            fix="lay a copy of the file itself into inbox",
        )


def take_each(
    folder: Path,
    taken: str,
    ending: str,
    take: Callable[[Path], T | None],
    answer: Callable[[T], dict[str, Any]],
) -> list[tuple[str, T | CodmanError]]:
    """Take what lies in a folder's inbox and move each file to where it belongs.

    A file leaves the inbox only after its answer is on the disk: stopping at any point loses nothing, as long as taking
    a file again changes nothing.

    Args:
        folder: Where its folders are, made where they are not there.
        taken: The folder for what was taken.
        ending: Of the answer's name there, after the file's.
        take: Takes one file; None where it is still being written.
        answer: What the sender reads of it.

    Returns:
        By name, what came of each that was ready, or why it was refused.

    Raises:
        CannotWrite: The folder is not ours.
        Unreachable: What should take them is away; what is left stays in the inbox.
    """
    inbox, kept, refused = (folder / name for name in ("inbox", taken, "refused"))
    for one in (inbox, kept, refused):
        try:
            one.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(one, error) from None
    done: list[tuple[str, T | CodmanError]] = []
    for path in sorted(inbox.iterdir()):
        if path.name.startswith(".") or path.name.lower().endswith(_UNFINISHED):
            continue
        try:
            became = take(path)
        except FileNotFoundError:
            continue  # another process took it
        except CodmanError as error:
            if error.exit_code == _AWAY:
                raise
            why = {"what": error.what, "why": error.why, "fix": error.fix}
            _move_beside_answer(path, refused, why, ".reason.json")
            done.append((path.name, error))
            continue
        if became is not None:
            _move_beside_answer(path, kept, answer(became), ending)
            done.append((path.name, became))
    return done


def refuse_unless_plain(path: Path, found: os.stat_result) -> None:
    """Refuse what would lead out of the inbox.

    Raises:
        NotAPlainFile: It is a link, a folder or a pipe.
    """
    if not stat.S_ISREG(found.st_mode):
        raise NotAPlainFile(printable(path.name))


def is_settled(found: os.stat_result, settled_seconds: float) -> bool:
    """Whether a file has not changed for so long; until then it may still be being written."""
    return abs(time.time() - found.st_mtime) >= settled_seconds


def _move_beside_answer(path: Path, into: Path, answer: dict[str, Any], ending: str) -> None:
    """Move a file: the answer first, then the file; a name that is taken there gets a number of its own before it."""
    name = path.name if len(os.fsencode(path.name)) <= _LONGEST else sha256(os.fsencode(path.name))[:24]
    number = 1
    target, beside = into / name, into / f"{name}{ending}"
    while os.path.lexists(target) or _is_another(beside, answer):
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


def _is_another(beside: Path, answer: dict[str, Any]) -> bool:
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
