"""Estimated performance beside NannyML: fit on six months, six monthly estimates, three metrics, with intervals.

Run: python -m bench.estimate [--rows 1000000] [--coverage 2000]. Both are given tables already in memory; Codman's
seconds are the best of five calls, NannyML's those of one. With --coverage, how often the prediction intervals hold.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
from bench.peers.environment import ask, versions

from codman.monitor.estimate.calibration import calibrate
from codman.monitor.estimate.cbpe import foretell
from codman.monitor.estimate.foretold import await_labels
from codman.monitor.estimate.recalibrate import Labelled
from codman.monitor.estimate.run import estimate
from codman.spine.estimate_spec import EstimateSpec
from codman.tables.source import open_source

FOLDER = Path(__file__).parent / "data"
THRESHOLD = 0.2
METRICS = ["auroc", "sensitivity", "ppv"]
CUT = np.datetime64("2025-07-01", "us")


def rows(n: int) -> dict[str, np.ndarray]:
    """A year of a model that overstates its risks; prevalence at equal scores rises in the second half, unseen."""
    rng = np.random.default_rng(20261121)
    true = -2.9 + 1.3 * rng.normal(size=n)
    at = np.datetime64("2025-01-01", "us") + np.sort(rng.random(n) * 365 * 86_400e6).astype("m8[us]")
    risk = 1 / (1 + np.exp(-(1.1 * true + 0.3 + 0.3 * rng.normal(size=n))))
    shift = np.where(at >= CUT, 0.25, 0.0)
    return {"risk": risk, "event": rng.random(n) < 1 / (1 + np.exp(-(true + shift))), "at": at}


def codman(year: dict[str, np.ndarray]) -> tuple[float, dict[str, list[float]]]:
    """Best seconds of five, and each month's estimates."""
    before = year["at"] < CUT
    table = pa.table({name: pa.array(column) for name, column in year.items()})
    a, b = table.filter(pa.array(before)), table.filter(pa.array(~before)).drop_columns("event")
    spec = EstimateSpec(
        label="event", score="risk", timestamp="at", window="month", thresholds=[THRESHOLD], metrics=METRICS
    )
    seconds = []
    for _ in range(6):
        start = perf_counter()
        found = estimate(open_source(a), open_source(b), spec)
        seconds.append(perf_counter() - start)
    return min(seconds[1:]), {
        metric: [m.value or 0.0 for m in found.measurements.where(f"estimated_{metric}")] for metric in METRICS
    }


def formulas(year: dict[str, np.ndarray]) -> float:
    """The largest difference from NannyML's formulas, given the same calibrated scores and windows."""
    before = year["at"] < CUT
    order = np.argsort(year["risk"][before], kind="stable")
    learned = calibrate(Labelled(score=year["risk"][before][order], event=year["event"][before][order]), "isotonic")
    score = year["risk"][~before]
    window = (np.arange(len(score)) * 6 // len(score)).astype(np.int64)
    place = FOLDER / "calibrated.npz"
    np.savez(place, score=score, calibrated=learned.risk(score), window=window, threshold=THRESHOLD)
    theirs = ask("nannyml_cbpe", place, environment="nannyml")["values"]
    worst = 0.0
    for w in range(6):
        part = np.sort(score[window == w])
        for one in foretell(await_labels(part, learned.risk(part), None, learned), [THRESHOLD], list(theirs)):
            worst = max(worst, abs(one.value - theirs[one.metric][w]))
    return worst


def coverage(replicates: int) -> None:
    """How often a 95 % prediction interval holds the realised number, by world."""
    import sys

    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "monitor" / "estimate"))
    from estimate_worlds import ascending, patients, realised

    worlds = {
        "calibrated": (5000, 400, {}), "too extreme": (5000, 400, {"stretch": 1.6, "shift": 0.4}),
        "too flat": (20_000, 1500, {"stretch": 0.6, "base": -2.5}), "small reference": (2000, 1000, {"stretch": 1.4}),
    }  # fmt: skip
    for name, (before, now, kind) in worlds.items():
        rng = np.random.default_rng(7)
        held: dict[str, list[bool]] = {}
        for _ in range(replicates):
            score, event = ascending(*patients(rng, before, **kind))
            learned = calibrate(Labelled(score=score, event=event))
            score, event = ascending(*patients(rng, now, **kind))
            for one in foretell(await_labels(score, learned.risk(score), None, learned), [THRESHOLD]):
                if one.metric != "alert_rate" and not np.isnan(one.lower):
                    came = realised(one.metric, score, event, THRESHOLD)
                    held.setdefault(one.metric, []).append(one.lower - 1e-12 <= came <= one.upper + 1e-12)
        print(
            f"{name:16}", "  ".join(f"{metric} {100 * np.mean(hits):.1f}" for metric, hits in held.items()), flush=True
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--coverage", type=int, default=0, metavar="REPLICATES")
    asked = parser.parse_args()
    if asked.coverage:
        coverage(asked.coverage)
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    year = rows(asked.rows)
    print(f"{asked.rows:,} rows, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {versions('nannyml')}")
    seconds, ours = codman(year)
    place = FOLDER / "year.npz"
    stored = {"at": year["at"].view(np.int64), "cut": CUT.astype(np.int64), "threshold": THRESHOLD}
    np.savez(place, risk=year["risk"], event=year["event"], **stored)
    theirs = ask("nannyml_cbpe", place, environment="nannyml")
    total = theirs["fit"] + theirs["estimate"]
    print(f"Codman   {seconds:.3f} s, with intervals")
    print(
        f"NannyML  {total:.3f} s (fit {theirs['fit']:.2f}, estimate {theirs['estimate']:.2f}): {total / seconds:.0f} x"
    )
    for metric in METRICS:
        gap = float(np.max(np.abs(np.array(ours[metric]) - np.array(theirs["values"][metric]))))
        print(f"{metric:12} each calibrated its own way: at most {gap:.4f} apart")
    print(f"given the same calibrated scores and windows: at most {formulas(year):.1e} apart")


if __name__ == "__main__":
    main()
