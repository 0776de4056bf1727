"""Events of two versions of a use as two tables to compare: the same patients in pairs, or each patient in one arm."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codman.errors import BadInput
from codman.evaluate.suppression import FEWEST as FEWEST_PATIENTS
from codman.flows.house import House
from codman.flows.watch.rows import LABEL, SCORE, SUBJECT, TIME, EventRows, rows_of
from codman.monitor.challenge import first_shown, nearest_pairs
from codman.spine.product import Version
from codman.tables.events.view import first_predicted

DIFFER: Final = "the outcomes of the two predictions differ"
_MICROSECOND: Final = timedelta(microseconds=1)


class NothingToCompare(BadInput):
    """Two versions whose events have nothing that could be compared."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(what="the champion and the challenger cannot be compared yet", why=why, fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What of two versions is compared, and what is not."""

    a: pa.Table  # the champion's predictions: subject, time, score, label
    b: pa.Table  # the challenger's
    excluded: dict[str, int]  # predictions left out, by reason
    notes: tuple[str, ...]
    start: datetime  # the challenger's first prediction
    table_version: int | None


def sides_of(
    house: House, use: str, champion: Version, challenger: Version, at: datetime, within: timedelta, design: str
) -> Sides:
    """The predictions of two versions since the challenger's first, with outcomes known by a time.

    Args:
        house: The open house.
        use: The use's id.
        champion: The version in use.
        challenger: The other.
        at: Later predictions do not count, and what is observed later is not known.
        within: The most that two predictions of a pair are apart.
        design: `paired`, or `ab`.

    Raises:
        NothingToCompare: The challenger never spoke, outcomes are no events, or no pair or no arm is there.
        MissingExtra: What reads the tables is not installed.
    """
    start = first_predicted(house.events.tables, use, _names(challenger))
    if start is None or start > at:
        raise NothingToCompare("no prediction of the challenger is here", "send its predictions, shown: false")
    rows = rows_of(house, use, start - within, at + _MICROSECOND, at)
    of = np.asarray(rows.table["version"].to_pylist(), dtype=object)
    champions, challengers = (np.isin(of, list(_names(one))) for one in (champion, challenger))
    if not rows.take(champions | challengers).binary:
        raise NothingToCompare("outcomes are not events of 0 and 1", "compare them with codman compare, from files")
    both = rows.take(champions), rows.take(challengers)
    found, excluded, said = _arms(*both, start) if design == "ab" else _pairs(*both, start, within)
    version = rows.view.versions.get("predictions", -1)
    return Sides(
        a=found[0],
        b=found[1],
        excluded={reason: count for reason, count in excluded.items() if count},
        notes=(*rows.notes, *said),
        start=start,
        table_version=version if version >= 0 else None,
    )


Found = tuple[tuple[pa.Table, pa.Table], dict[str, int], list[str]]


def _pairs(a: EventRows, b: EventRows, start: datetime, within: timedelta) -> Found:
    paired = nearest_pairs(_subjects(a), _times(a), _subjects(b), _times(b), within // _MICROSECOND)
    begun = _times(a) >= start.timestamp() * 1e6  # what the champion said before the challenger began is not missed
    minutes = f"{within / timedelta(minutes=1):g} minutes"
    label_a, label_b = _labels(a)[paired.a], _labels(b)[paired.b]
    differ = ~np.isnan(label_a) & ~np.isnan(label_b) & (label_a != label_b)
    label = np.where(np.isnan(label_a), label_b, label_a)[~differ]  # an outcome may name one of the two alone
    excluded = {
        "a patient whom the challenger never scored": int(begun[paired.alone_a].sum()),
        "a patient whom the champion never scored": len(paired.alone_b),
        f"no prediction of the challenger within {minutes}": int(begun[paired.far_a].sum()),
        f"no prediction of the champion within {minutes}": len(paired.far_b),
        DIFFER: int(differ.sum()),
    }
    if len(label) == 0:
        raise NothingToCompare(_why(excluded), "see that both name patients alike, or give another --within")
    notes = []
    if (~a.shown).all() != (~b.shown).all():
        seen, silent = ("champion", "challenger") if a.shown.any() else ("challenger", "champion")
        notes.append(
            f"staff saw the {seen}'s predictions and not the {silent}'s: where care that follows an alert prevents the"
            f" event, the {seen} looks worse than it is"
        )
    elif b.shown.any():
        notes.append(f"{int(b.shown.sum()):,} predictions of the challenger were shown: it is not in shadow")
    kept = (_side(a, paired.a[~differ], label), _side(b, paired.b[~differ], label))
    return kept, excluded, notes


def _arms(a: EventRows, b: EventRows, start: datetime) -> Found:
    silent = int((~a.shown & (_times(a) >= start.timestamp() * 1e6)).sum()) + int((~b.shown).sum())
    a, b = a.take(a.shown & (_times(a) >= start.timestamp() * 1e6)), b.take(b.shown)
    subject = np.concatenate([_subjects(a), _subjects(b)])
    of_b = np.repeat([False, True], [a.n, b.n])
    arm, crossed = first_shown(subject, np.concatenate([_times(a), _times(b)]), of_b)
    excluded = {"nobody was shown it": silent, "shown after the other version": int(crossed.sum())}
    kept_a, kept_b = np.flatnonzero(~crossed[: a.n]), np.flatnonzero(~crossed[a.n :])
    if min(len(kept_a), len(kept_b)) == 0:
        raise NothingToCompare("one of the two arms has nobody", "see which version the events say was shown")
    sizes = [len(set(subject[arm == side])) for side in (False, True)]
    both = len(set(subject[crossed]))
    notes = [
        f"a patient's arm is the version shown first: {_people(sizes[0])} had the champion, {_people(sizes[1])} the"
        f" challenger; {_people(both)} were shown the other later, which is left out",
        "whether patients were assigned by chance is not known here; outcomes follow from what staff did on each score",
    ]
    return (_side(a, kept_a, _labels(a)[kept_a]), _side(b, kept_b, _labels(b)[kept_b])), excluded, notes


def _side(rows: EventRows, which: NDArray[np.int64], label: NDArray[np.float64]) -> pa.Table:
    table = rows.table.select([SUBJECT, TIME, SCORE]).take(pa.array(which))
    return table.append_column(LABEL, pa.array(label, mask=np.isnan(label)))


def _people(count: int) -> str:
    return f"{count:,}" if count == 0 or count >= FEWEST_PATIENTS else f"fewer than {FEWEST_PATIENTS}"


def _why(excluded: dict[str, int]) -> str:
    counted = "; ".join(f"{count:,}: {reason}" for reason, count in excluded.items() if count)
    return f"no two predictions of the same patient belong together ({counted})"


def _names(version: Version) -> Collection[str]:
    return {version.id, version.label}


def _subjects(rows: EventRows) -> NDArray[Any]:
    return np.asarray(rows.table[SUBJECT].to_pylist(), dtype=object)


def _times(rows: EventRows) -> NDArray[np.int64]:
    return np.asarray(rows.table[TIME].cast(pa.int64()).to_numpy(), dtype=np.int64)


def _labels(rows: EventRows) -> NDArray[np.float64]:
    """(n,) NaN where it is not known."""
    return np.asarray(rows.table[LABEL].to_numpy(), dtype=np.float64)
