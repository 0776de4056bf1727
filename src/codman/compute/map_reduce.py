"""Job: what is made of a batch of rows, and how two of it become one. Where it runs changes no count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import pyarrow as pa

S = TypeVar("S")
Part = Callable[[], Iterator[pa.RecordBatch]]  # some of a table's rows; every row is in one part
ROWS_AT_ONCE: Final = 131_072  # what a job is given at least, but for a part's last rows: Spark's batches are small
HELD: Final = 8  # results that are added up together


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Generic[S]):
    """A map-reduce. Its functions take no state with them but their own fields."""

    map: Callable[[pa.RecordBatch], S]
    add: Callable[[Sequence[S]], S]  # one or more; neither their order nor their grouping may matter
    write: Callable[[S], bytes]  # for the way between processes
    read: Callable[[bytes], S]


class Place(Protocol):
    """Where jobs run."""

    def map_reduce(self, rows: Sequence[Part] | Any, job: Job[S]) -> S | None:
        """The job's result over all rows; None where there are none.

        Args:
            rows: Parts of a table; on Spark also a DataFrame.
            job: What to do.
        """
        ...


def gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at least `ROWS_AT_ONCE`, but for the last."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if batch.num_rows == 0:
            continue
        held.append(batch)
        rows += batch.num_rows
        if rows >= ROWS_AT_ONCE:
            yield _one(held)
            held, rows = [], 0
    if held:
        yield _one(held)


def summed(results: Iterable[S], add: Callable[[Sequence[S]], S]) -> S | None:
    """All results as one, a few held at a time; None where there are none."""
    held: list[S] = []
    for result in results:
        held.append(result)
        if len(held) == HELD:
            held = [add(held)]
    return add(held) if len(held) > 1 else held[0] if held else None


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
