"""Drift beside other libraries: one month of 1,000,000 rows a year against the six months before, 50 columns.

Run: python -m bench.drift [--rows 1000000] [--peers scipy,nannyml,evidently,whylogs,alibi] [--year]

"columns" starts, as the peers do, from columns in memory and ends with every statistic of every column: KS,
Wasserstein, PSI, Jensen–Shannon, Hellinger, chi-square, missing rates, with intervals and p values. "call" is
`monitor.drift.run.run` on an Arrow table: it also reads the columns and writes the Measurements. --year windows a year
of 50 million predictions again from summaries of their days.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pyarrow as pa
from bench.cohort import BY, FOLDER, LEVELS, SHARES
from bench.peers.environment import ask

from codman.evaluate.kernels.library import side_by_side
from codman.monitor.drift.domain import tell_apart
from codman.monitor.drift.encoded import encode
from codman.monitor.drift.mmd import mmd
from codman.monitor.drift.prepared import prepare
from codman.monitor.drift.reconstruction import reconstruction_error
from codman.monitor.drift.run import MATTERS, run, shifts_of
from codman.monitor.summaries.day import Day, Summary, summarise
from codman.monitor.summaries.file import read_summary, write_summary
from codman.monitor.summaries.grid import make_grid
from codman.monitor.summaries.statistics import drift_of, performance_of
from codman.monitor.summaries.windows import total, windows
from codman.spine.drift_spec import DriftSpec
from codman.tables.source import open_source

NUMERIC, CATEGORICAL = 40, 10
GOALS = {"scipy": 15, "nannyml": 35, "evidently": 120, "whylogs": 60, "alibi": 4}
ENVIRONMENTS = {
    "scipy": "peers",
    "nannyml": "nannyml",
    "evidently": "evidently",
    "whylogs": "whylogs",
    "alibi": "alibi",
}


def draw(rows: int, seed: int = 20261121) -> tuple[Path, list[pa.Table]]:
    """Reference and current rows: 10 of 40 numeric and 3 of 10 categorical columns have moved."""
    rng = np.random.default_rng(seed)
    before, now = rows * 497 // 1000, rows * 846 // 10_000
    numbers = [rng.normal(size=(n, NUMERIC)) for n in (before, now)]
    numbers[1][:, :10] += np.linspace(0.02, 0.4, 10)
    for x in numbers:
        x[:, 30:] = np.round(np.exp(x[:, 30:]), 1)  # skewed, with ties
    codes = [rng.integers(0, 4 + np.arange(CATEGORICAL), size=(n, CATEGORICAL)) for n in (before, now)]
    codes[1][: now // 5, :3] = 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"drift-{rows}.npz"
    np.savez(
        path, numbers_reference=numbers[0], numbers_current=numbers[1], codes_reference=codes[0], codes_current=codes[1]
    )
    levels = np.array([f"level {k}" for k in range(64)])
    tables = [
        pa.table(
            {f"x{k}": np.ascontiguousarray(x[:, k]) for k in range(NUMERIC)}
            | {f"c{k}": pa.array(levels[c[:, k]]) for k in range(CATEGORICAL)}
        )
        for x, c in zip(numbers, codes, strict=True)
    ]
    return path, tables


def best(work: Any, times: int = 5) -> tuple[float, float, Any]:
    """Shortest wall and processor seconds of several, and what came of it."""
    found, wall, busy = None, [], []
    for _ in range(times):
        start, used = perf_counter(), process_time()
        found = work()
        wall.append(perf_counter() - start)
        busy.append(process_time() - used)
    return min(wall), min(busy), found


def columns(rows: int, peers: list[str]) -> None:
    """Every statistic, all together, and the peers."""
    path, tables = draw(rows)
    sources = (open_source(tables[0], name="reference"), open_source(tables[1], name="current"))
    spec = DriftSpec(delta=dict(MATTERS), multivariate=False, effect=False)
    ready = prepare(*sources, spec)
    mine, busy, found = best(lambda: side_by_side(lambda pair: shifts_of(pair, ready), ready.pairs))
    call, _, report = best(lambda: run(*sources, spec), 3)
    print(f"{tables[0].num_rows:,} against {tables[1].num_rows:,} rows, {NUMERIC + CATEGORICAL} columns")
    print(
        f"  codman, columns          {mine:8.3f} s ({busy:.3f} s of processors; goal 0.3 s)   whole call {call:.3f} s"
    )
    apart, busy, _ = best(lambda: tell_apart(ready.pairs), 1)
    print(f"  classifier two-sample    {apart:8.3f} s ({busy:.3f} s of processors; goal 5 s)")
    encoded = encode(ready.pairs)
    for name, work in (("MMD", mmd), ("reconstruction", reconstruction_error)):
        seconds, busy, _ = best(lambda work=work: work(encoded), 1)
        print(f"  {name:24} {seconds:8.3f} s ({busy:.3f} s of processors)")
    if len(report.measurements) != sum(len(one) for one in found):
        raise SystemExit("the call and the columns do not say the same")
    for peer in peers:
        answer = ask(f"{peer}_drift", path, environment=ENVIRONMENTS[peer])
        print(f"  {peer:24} {answer['seconds']:8.2f} s   {answer['seconds'] / mine:,.0f}×, goal {GOALS[peer]}×")
        if peer == "scipy":
            print(f"    agreement: {agreement(report.measurements, answer)}")


def agreement(found: Any, theirs: dict[str, Any]) -> str:
    """The largest differences from scipy."""
    values = {(m.metric, m.feature): m for m in found}
    ks = max(abs(values["ks", f"x{k}"].value - theirs["ks"][k][0]) for k in range(NUMERIC))
    p = max(abs(values["ks", f"x{k}"].p_value - theirs["ks"][k][1]) for k in range(NUMERIC))
    area = max(abs(values["wasserstein", f"x{k}"].value - theirs["wasserstein"][k]) for k in range(NUMERIC))
    square = max(abs(values["chi2", f"c{k}"].value / theirs["chi2"][k][0] - 1) for k in range(CATEGORICAL))
    return f"KS {ks:.0e}, its p {p:.0e}, Wasserstein {area:.0e}, chi-square {square:.0e} relative"


def year(rows_a_day: int) -> None:
    """A year of predictions: one day is counted from its rows, then 365 of them are windowed by month in 90 slices."""
    _, (reference, _) = draw(100_000)
    ready = prepare(open_source(reference), open_source(reference), DriftSpec(multivariate=False, effect=False))
    grid = make_grid(ready.pairs, by=LEVELS, thresholds=[0.2], score=True)
    rng = np.random.default_rng(1)
    days = []
    for _ in range(4):
        rows = Day(
            day=np.full(rows_a_day, np.datetime64("2026-01-01")),
            columns={
                f"x{k}": rng.normal(size=rows_a_day) for k in range(NUMERIC)
            } | {f"c{k}": rng.integers(0, 4 + k, rows_a_day).astype(np.int32) for k in range(CATEGORICAL)},
            by={name: rng.choice(len(share), rows_a_day, p=np.array(share) / sum(share)).astype(np.int32)
                for name, share in SHARES.items()},
            score=rng.beta(1, 9, rows_a_day),
            label=rng.random(rows_a_day) < 0.1,
        )  # fmt: skip
        start = perf_counter()
        days.append(summarise(grid, rows))
        seconds = perf_counter() - start
    print(f"\n{rows_a_day:,} rows of a day, 50 columns and a score, counted in {seconds:.2f} s")
    whole = tiled(days, 365)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "year.arrow"
        write_summary(whole, path)
        start, used = perf_counter(), process_time()
        back = read_summary(path)
        by = [[*columns] for columns in BY]
        usual = total(back, by=by, start="2026-01-01", end="2026-07-01")
        found = 0
        for first, last in windows(back, "month"):
            window = total(back, by=by, start=first, end=last)
            found += sum(1 for _ in drift_of(usual, window)) + sum(1 for _ in performance_of(window))
        size = path.stat().st_size / 2**20
    print(f"  {whole.rows.sum():,} predictions, {size:,.0f} MiB: 12 months, 90 slices, {found:,} measurements in "
          f"{perf_counter() - start:.1f} s ({process_time() - used:.1f} s of processors; goal 10 s)")  # fmt: skip


def tiled(days: list[Summary], count: int) -> Summary:
    """So many days, each a copy of one that was counted."""
    first = np.datetime64("2026-01-01")
    parts = [days[k % len(days)] for k in range(count)]
    fields = ("cell", "counts", "rows", "patients", "sums", "least", "most", "score_sums")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in fields}
    return Summary(
        grid=days[0].grid,
        day=np.repeat(first + np.arange(count), [len(part.day) for part in parts]),
        **joined,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peers", default="scipy,nannyml,evidently,whylogs,alibi")
    parser.add_argument("--year", action="store_true", help="only the year of predictions")
    parser.add_argument("--day", type=int, default=137_000, help="its rows a day")
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if not asked.year:
        columns(asked.rows, [peer for peer in asked.peers.split(",") if peer])
    year(asked.day)


if __name__ == "__main__":
    main()
