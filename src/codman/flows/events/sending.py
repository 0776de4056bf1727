"""Send events: each is held against who may send for which use, taken once, and on the disk before it is said to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from codman.flows.events.opening import Opened, open_events
from codman.flows.events.refusals import EventRefused, EventReused
from codman.flows.house import House
from codman.registry.access import Reader, may, named_in_scopes, paths_for, require
from codman.registry.inventory import paths_of
from codman.registry.nouns import USES
from codman.registry.schema import uses
from codman.tables.events.checks import NotEvents, check
from codman.tables.events.features import BadFeatures
from codman.tables.events.store import OTHER, REPEATED, Part

SEND: Final = "event.send"
_MOST_USES: Final = 1000  # one request's
_ANOTHER: Final = "an event of this source and id was taken with another body; a correction is a new id with `replaces`"
_NOT_YOURS: Final = "its use is not in the book, or not one you send for"
_NO_USE: Final = "it names no use, and you send for some uses only; give `use`"


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """One event of several that was not taken."""

    index: int
    why: str


@dataclass(slots=True)
class Taken:
    """What became of the events of a request; those accepted are on the disk."""

    accepted: int = 0
    repeated: int = 0  # taken before, with the same body
    refused: list[RefusedEvent] = field(default_factory=list)


def send_request(house: House, headers: Mapping[str, str], body: bytes, reader: Reader) -> Taken:
    """Take everything a request carries.

    Raises:
        NotAllowed: The reader sends for no use.
        EventRefused: A single event cannot be taken.
        EventReused: A single event was taken with another body.
        EventsCrowded: Too many wait.
        EventsAway: The disk does not take them.
    """
    require(reader, SEND)
    return send_opened(house, open_events(headers, body), reader)


def send_opened(house: House, opened: Opened, reader: Reader) -> Taken:
    """Take events that were read already; one that is refused does not keep the others out.

    Raises:
        The same as send_request.
    """
    refused = dict(opened.refused)
    parts: list[tuple[Part, np.ndarray[Any, Any]]] = []
    now = house.database.clock()
    reach = _Reach(house, reader)
    for sheet in opened.sheets:
        try:
            checked = check(sheet.kind, sheet.table, now)
        except (NotEvents, BadFeatures) as error:
            if not opened.many:
                raise EventRefused(error.why) from None
            raise
        refused |= {int(sheet.places[one.place]): one.why for one in checked.refused}
        places = sheet.places[checked.places]
        rows, kept, barred = reach.hold(checked.rows)
        refused |= {int(places[at]): words for at, words in barred.items()}
        if rows.num_rows:
            parts.append((Part(sheet.kind, rows), places[kept]))
    taken = Taken()
    became = house.events.store().take(reader.person, [part for part, _ in parts]) if parts else []
    for result, (_, places) in zip(became, parts, strict=True):
        taken.repeated += int((result == REPEATED).sum())
        taken.accepted += int((result == 0).sum())
        refused |= {int(places[at]): _ANOTHER for at in np.flatnonzero(result == OTHER)}
    if refused and not opened.many:
        why = next(iter(refused.values()))
        raise EventReused if why is _ANOTHER else EventRefused(why)
    taken.refused = [RefusedEvent(index, refused[index]) for index in sorted(refused)]
    return taken


class _Reach:
    """For which uses somebody sends: those of their sites, and only those their token names, where it names any."""

    def __init__(self, house: House, reader: Reader) -> None:
        self._house, self._reader = house, reader
        self._named = named_in_scopes(reader, SEND)
        self._whole = "/" in paths_for(reader, SEND)
        self._known: dict[str, bool] = {}

    def hold(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, np.ndarray[Any, Any], dict[int, str]]:
        """Rows the reader may send, with the use filled in where it can be only one; and why the others not."""
        column = rows.column("use")
        if column.null_count and self._named is not None and len(self._named) == 1:
            rows, column = _with_use(rows, next(iter(self._named)))
        given = pc.unique(column.drop_null()).to_pylist()
        self._look_up(given)
        good = pc.is_in(column, value_set=pa.array([use for use in given if self._known.get(use)], pa.string()))
        # an outcome or action that names its prediction alone goes to whichever use that is of: only the whole
        # house's senders may say so
        free = self._whole and self._named is None
        allowed = pc.or_(good, column.is_null()) if free else good
        mask = np.asarray(allowed.to_numpy(zero_copy_only=False), bool)
        nulls = column.is_null().to_numpy(zero_copy_only=False)
        why = {int(at): _NO_USE if nulls[at] else _NOT_YOURS for at in np.flatnonzero(~mask)}
        kept = np.flatnonzero(mask)
        return (rows.take(pa.array(kept)) if why else rows), kept, why

    def _look_up(self, given: Iterable[str]) -> None:
        asked = [use for use in given if use not in self._known][: _MOST_USES + 1]
        if len(asked) > _MOST_USES:
            raise NotEvents(f"more than {_MOST_USES:,} uses", "send fewer uses at once")
        if not asked:
            return
        with self._house.database.reading() as connection:
            there = set(connection.execute(select(uses.c.id).where(uses.c.id.in_(asked))).scalars())
            for use in asked:
                self._known[use] = use in there and self._may(connection, use)

    def _may(self, connection: Connection, use: str) -> bool:
        if self._named is not None and use not in self._named:
            return False
        return self._whole or may(self._reader, SEND, paths_of(connection, USES.get(connection, use)))


def _with_use(rows: pa.RecordBatch, use: str) -> tuple[pa.RecordBatch, pa.Array]:
    filled = rows.column("use").fill_null(use)
    return rows.set_column(rows.schema.get_field_index("use"), rows.schema.field("use"), filled), filled
