"""The same Delta table counted here and on Spark, and whether the numbers are the same.

Run: python -m bench.spark [--rows 1000000] [--columns 20]

"here" is `monitor.summaries.run.run` in this process, "Spark" the same on a session of this machine's cores: its start,
the first run, which starts the workers, and the second. "rows" is the exact report from the rows themselves, which
holds both tables in memory; without `domain_auroc` and the effect on performance, as the others.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np
import pyarrow as pa

from codman.compute.spark import OnSpark
from codman.monitor.drift.run import DriftReport
from codman.monitor.drift.run import run as exact
from codman.monitor.summaries.run import run
from codman.spine.drift_spec import DriftSpec
from codman.tables.delta import append
from codman.tables.source import Source, open_source

T = TypeVar("T")
FILES = 8


def write(folder: Path, rows: int, columns: int, *, shift: float, seed: int) -> Source:
    """A Delta table of numbers, one category and a score, in several files."""
    rng = np.random.default_rng(seed)
    for _ in range(FILES):
        n = rows // FILES
        numbers = {f"x{k}": rng.normal(shift * (k < columns // 4), 1, n) for k in range(columns)}
        times = np.datetime64("2026-01-01", "us") + rng.integers(0, 180 * 86_400, n).astype("m8[s]")
        unit = rng.choice(["A", "B", "C", "D"], n)
        append(folder, pa.table({"t": times, "unit": unit, **numbers, "risk": rng.random(n)}))
    return open_source(folder, name=folder.name)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the seconds it takes."""
    started = perf_counter()
    found = work()
    return found, perf_counter() - started


def off(one: DriftReport, other: DriftReport) -> float:
    """The most that everyone's statistics differ by, beyond what they say."""
    values = {(m.metric, m.feature): m.value for m in one.measurements if not m.slice and m.value is not None}
    differ = [0.0]
    for m in other.measurements:
        if not m.slice and m.value is not None:
            differ.append(abs(m.value - values[m.metric, m.feature]) - m.params.get("error", 0.0))
    return max(differ)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--columns", type=int, default=20)
    given = asked.parse_args()
    plain = DriftSpec(score="risk", timestamp="t", by=[["unit"]], multivariate=False, effect=False)
    summed = plain.model_copy(update={"summed": True})
    with tempfile.TemporaryDirectory() as place:
        both = [
            write(Path(place) / name, rows, given.columns, shift=shift, seed=seed)
            for name, rows, shift, seed in (("before", given.rows, 0.0, 1), ("now", given.rows // 6, 0.2, 2))
        ]
        of_rows, seconds = timed(lambda: exact(*both, plain))
        print(f"{given.rows + given.rows // 6:,} rows, {given.columns + 2} columns, 5 slices")
        print(f"rows          {seconds:7.2f} s")
        here, seconds = timed(lambda: run(*both, summed))
        print(f"here          {seconds:7.2f} s")
        on, seconds = timed(OnSpark)
        print(f"Spark, start  {seconds:7.2f} s")
        for which in ("first", "again"):
            there, seconds = timed(lambda: run(*both, summed, on))
            print(f"Spark, {which}  {seconds:7.2f} s")
        on.session.stop()
    print(f"here and on Spark the same to the last bit: {'yes' if here == there else 'NO'}")
    print(f"beyond what they say, off from the rows' own by at most {off(of_rows, here):.1e}")


if __name__ == "__main__":
    main()
