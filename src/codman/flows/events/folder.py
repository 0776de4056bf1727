"""Events that programs lay into the drop folder, each file taken once, with what became of it beside it.

FOLDER/events/inbox/     senders write here: under another name (.part, or beginning with a dot) until the file is whole
FOLDER/events/taken/     what was taken, and NAME.answer.json: the counts, and which events were refused
FOLDER/events/refused/   files that could not be read at all, and NAME.reason.json
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from codman.errors import CodmanError
from codman.flows.events.files import pieces
from codman.flows.events.opening import open_batch, open_table
from codman.flows.events.sending import SEND, RefusedEvent, Taken, send_opened
from codman.flows.house import House
from codman.flows.inbox import SETTLED_SECONDS, is_settled, refuse_unless_plain, take_each
from codman.registry.access import Reader, require
from codman.registry.accounts import reader_of_token

MOST_REFUSED: Final = 1000  # that an answer names


@dataclass(frozen=True, slots=True)
class TakenFile:
    """What became of one file."""

    name: str
    taken: Taken | None = None
    error: CodmanError | None = None


def send_file(house: House, path: Path, reader: Reader, *, after: int = 0) -> Taken:
    """Take a file's events.

    Args:
        house: The open house.
        path: NDJSON, Parquet or Arrow.
        reader: On whose behalf.
        after: How many of its events are passed over.

    Raises:
        NotAnEventFile: It cannot be read.
        NotAllowed: The reader sends for no use.
        EventsAway: The disk does not take them.
    """
    require(reader, SEND)
    whole = Taken()
    for first, events in pieces(path, after):
        opened = open_table(events, {}) if isinstance(events, pa.Table) else open_batch(events)
        part = send_opened(house, opened, reader)
        whole.accepted += part.accepted
        whole.repeated += part.repeated
        whole.refused += [RefusedEvent(first + one.index, one.why) for one in part.refused]
    return whole


def take_events(
    house: House, folder: Path, reader: Reader, *, settled_seconds: float = SETTLED_SECONDS
) -> list[TakenFile]:
    """Take what lies in the inbox, and move each file to where it belongs.

    Stopping at any point loses nothing: a file leaves the inbox after its answer is on the disk, and events that were
    taken already are not taken twice.

    Raises:
        NotAllowed: The reader sends for no use; nothing is touched.
        CannotWrite: The folder is not ours.
        Unreachable: The database or the store is away; what is left stays in the inbox.
    """
    require(reader, SEND)

    def send(path: Path) -> Taken | None:
        found = path.lstat()
        refuse_unless_plain(path, found)
        return send_file(house, path, reader) if is_settled(found, settled_seconds) else None

    done = take_each(folder / "events", "taken", ".answer.json", send, answer_of)
    return [
        TakenFile(name, error=became) if isinstance(became, CodmanError) else TakenFile(name, became)
        for name, became in done
    ]


def take_events_configured(house: House) -> list[TakenFile]:
    """The same for the folder and the token of the settings; nothing where either is not given, or no event ever came.

    Raises:
        NotSignedIn: The token has ended.
        NotAllowed: It sends for no use.
        Unreachable: The database or the store is away.
    """
    folder, token = house.settings.drop_folder, house.settings.drop_folder_token
    if folder is None or token is None or not (folder / "events" / "inbox").is_dir():
        return []
    return take_events(house, folder, reader_of_token(house.database, token.get_secret_value()))


def answer_of(taken: Taken) -> dict[str, Any]:
    """What became of a file's events, as its sender reads it."""
    named = [asdict(one) for one in taken.refused[:MOST_REFUSED]]
    answer = {"accepted": taken.accepted, "repeated": taken.repeated, "refused": named}
    return answer if len(taken.refused) <= MOST_REFUSED else answer | {"refused_in_all": len(taken.refused)}
