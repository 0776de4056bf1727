"""The whole process a user waits for: `codman evaluate` on a Parquet file, with its start, reading, digest and writing.

Run: python -m bench.process [--rows 10000,1000000]. Wall seconds of the second run and the process's peak resident
memory; with --subject patient every interval is clustered. Beside it, what starting costs: Python alone, Codman's help,
and the peers' bare imports.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bench.cohort import BY, files
from bench.peers.environment import python as peers_python

GOALS = {10_000: (1.2, None), 1_000_000: (2.5, 700)}

IMPORTS = ("sklearn.metrics", "fairlearn.metrics", "dcurves", "confidenceinterval", "lifelines", "sksurv.metrics")


def once(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak MiB of one process."""
    start = perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _pid, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{command} ended with status {status}")
    return perf_counter() - start, used.ru_maxrss / 1024


def later(command: list[str], times: int = 4) -> tuple[float, float, float]:
    """The second run's seconds, the best of the later ones, and the largest peak."""
    found = [once(command) for _ in range(times)]
    return found[1][0], min(s for s, _ in found[1:]), max(m for _, m in found)


def codman(table: Path, out: Path, *more: str) -> list[str]:
    """The command line."""
    by = [word for columns in BY for word in ("--by", ",".join(columns))]
    return [
        str(Path(sys.executable).with_name("codman")), "evaluate", str(table), "--label", "died", "--score", "risk",
        *by, "--threshold", "0.2", "--out", str(out), *more,
    ]  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="10000,1000000")
    asked = parser.parse_args()
    print(f"{'':46}{'2nd run':>9}{'best':>9}{'peak':>11}")

    def line(name: str, command: list[str], goal: tuple[float | None, int | None] = (None, None)) -> None:
        second, best, peak = later(command)
        kept = "" if goal[0] is None else f"   goal {goal[0]} s: {'kept' if second <= goal[0] else 'MISSED'}"
        kept += "" if goal[1] is None else f", {goal[1]} MiB: {'kept' if peak <= goal[1] else 'MISSED'}"
        print(f"{name:46}{second:8.2f}s{best:8.2f}s{peak:8.0f}MiB{kept}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for rows in map(int, asked.rows.split(",")):
            table, _ = files(rows)
            out = Path(folder) / "evaluation.json"
            line(f"codman evaluate, {rows:,} rows", codman(table, out), GOALS.get(rows, (None, None)))
            more = ("--subject", "patient")
            line(f"codman evaluate --subject, {rows:,} rows", codman(table, out, *more), GOALS.get(rows, (None, None)))
    line("codman --help", [str(Path(sys.executable).with_name("codman")), "--help"], (0.25, None))
    line("python -c pass", [sys.executable, "-c", "pass"])
    line("python -c 'import numpy, pyarrow'", [sys.executable, "-c", "import numpy, pyarrow"])
    for name in (
        "sklearn.metrics",
        "fairlearn.metrics",
        "dcurves",
        "confidenceinterval",
        "lifelines",
        "sksurv.metrics",
    ):
        line(f"import {name}", [str(peers_python()), "-c", f"import {name}"])


if __name__ == "__main__":
    main()
