"""Here: a job in this process, on all cores. The kernels let go of Python's lock, so threads are enough."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from codman.compute.map_reduce import Job, Part, S, gathered, summed


class Here:
    """Threads of this process; a table larger than memory is read piece by piece."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or _cores()

    def map_reduce(self, rows: Sequence[Part], job: Job[S]) -> S | None:
        """The job's result over all parts; None where they have no rows.

        Args:
            rows: The parts, read one after the other.
            job: What to do.
        """
        batches = gathered(batch for part in rows for batch in part())
        pool = ThreadPoolExecutor(self.threads)
        try:
            return summed(self._mapped(batches, job, pool), job.add)
        finally:
            pool.shutdown(cancel_futures=True)

    def _mapped(self, batches: Iterator[pa.RecordBatch], job: Job[S], pool: ThreadPoolExecutor) -> Iterator[S]:
        """In the batches' order, with few of them in memory."""
        waiting: deque[Future[S]] = deque()
        for batch in batches:
            waiting.append(pool.submit(job.map, batch))
            if len(waiting) > self.threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
