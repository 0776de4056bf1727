"""Rows in order of score, in time proportional to their number.

Rows are dealt into parts by score, each small enough for the processor's cache, then each part is sorted by the bytes
of its scores; parts are worked side by side. The sort is stable on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.evaluate.kernels.library import (
    ByteArray,
    Codes,
    Longs,
    checked,
    library,
    long,
    ref,
    side_by_side,
)

PART: Final = 1 << 14  # rows of a part: with its spare copy, half a megabyte
MOST_PARTS: Final = 1 << 10  # as many as can be dealt into at once without missing the cache
STRETCH: Final = 1 << 18  # rows dealt by one worker at a time
SAMPLED: Final = 32  # rows looked at for each bound between parts
_ITEM: Final = np.dtype([("key", "u8"), ("code", "i4"), ("at", "i4")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Rows by score."""

    order: Longs  # (n,) rows in ascending order of score
    code: Codes  # (n,) from the highest score down, as what follows
    score: FloatArray
    weight: FloatArray | None
    fresh: ByteArray  # (n,) 1 where the score differs from the one above


def order_by_score(score: FloatArray, code: Codes, weight: FloatArray | None) -> Ordered:
    """Sort rows by score, ties in the rows' own order from the lowest up.

    Args:
        score: (n,) no NaN.
        code: (n,) what goes along.
        weight: (n,) what goes along, if anything.
    """
    n = len(score)
    bounds = _bounds(score)
    parts = len(bounds) + 1
    starts = range(0, n, STRETCH)
    part, counts = np.empty(n, np.uint16), np.zeros((len(starts), parts), np.int64)

    def deal(stretch: int) -> None:
        rows = slice(stretch * STRETCH, min((stretch + 1) * STRETCH, n))
        library().deal(
            long(rows.stop - rows.start),
            ref(score[rows]),
            long(parts),
            ref(bounds),
            ref(part[rows]),
            ref(counts[stretch]),
        )

    side_by_side(deal, range(len(starts)))
    ends = np.cumsum(counts.T.ravel())  # by part, then by stretch within it
    next_place = np.ascontiguousarray((ends - counts.T.ravel()).reshape(parts, len(starts)).T)
    items: Any = np.empty(n, _ITEM)

    def spread(stretch: int) -> None:
        first = stretch * STRETCH
        library().spread(
            long(min(STRETCH, n - first)),
            long(first),
            ref(score),
            ref(code),
            ref(part),
            ref(next_place[stretch]),
            ref(items),
        )

    side_by_side(spread, range(len(starts)))
    found = Ordered(
        order=np.empty(n, np.int64),
        code=np.empty(n, np.int32),
        score=np.empty(n),
        weight=None if weight is None else np.empty(n),
        fresh=np.empty(n, np.uint8),
    )
    edges = np.concatenate([[0], np.cumsum(counts.sum(axis=0))]).astype(np.int64)

    def sort(p: int) -> None:
        first, rows = int(edges[p]), int(edges[p + 1] - edges[p])
        checked(
            library().sort_part(
                long(rows), ref(items[first : first + rows]), long(first), long(n), ref(weight), ref(found.order),
                ref(found.code), ref(found.score), ref(found.weight), ref(found.fresh),
            )
        )  # fmt: skip

    side_by_side(sort, range(parts))
    return found


def _bounds(score: FloatArray) -> FloatArray:
    """Ascending scores at which parts begin, from an even sample of the rows."""
    parts = min(len(score) // PART, MOST_PARTS)
    if parts < 2:
        return np.empty(0)
    sample = np.sort(score[:: max(len(score) // (parts * SAMPLED), 1)])
    bounds: FloatArray = np.unique(sample[np.arange(1, parts) * len(sample) // parts])
    return bounds
