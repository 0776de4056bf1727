"""Codman beside other libraries on the same rows in one run: seconds after loading, and how far the numbers differ.

Run: python -m bench.evaluate [--rows 1000000] [--skip fairlearn,…] [--replicates 1000] [--out results.json]

"engine" starts, as the peers do, from arrays in memory and columns coded as whole numbers, and ends with every
Measurement made: sorting, counting, intervals. "call" is `codman.evaluate.run.run` on an Arrow table in memory: it also
codes the text columns, checks the rows and compares the groups.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from bench.cohort import BY, SLICES, as_table, files, make_cohort
from bench.peers.environment import ask, versions
from bench.survival import HORIZONS, ours
from bench.survival import cohort as survivors

from codman.evaluate.binary import Scored, measure_scores
from codman.evaluate.curves import decision
from codman.evaluate.ranked import rank
from codman.evaluate.rows import measurements
from codman.evaluate.run import run
from codman.evaluate.sample import Exclusions, Sample, make_sample
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurements
from codman.tables.source import open_source

AT = 0.2
RANKING = ["auroc", "auprc", "brier", "sensitivity", "specificity", "ppv", "npv", "f1"]
CALIBRATION = ["calibration_slope", "calibration_intercept", "oe_ratio", "ece"]
FIVE = RANKING[:5]


@dataclass
class Line:
    """One row of the table."""

    work: str
    engine: float
    call: float | None
    goal: float
    peers: dict[str, dict[str, Any]]
    agreement: str


class Rows:
    """The cohort, ready for the engine and for the call."""

    def __init__(self, rows: int, *, decimals: int | None = None) -> None:
        self.cohort = make_cohort(rows, decimals=decimals)
        self.source = open_source(as_table(self.cohort))

    def spec(self, metrics: Sequence[str] | None, **asked: Any) -> EvaluationSpec:
        """What to measure, on every slice."""
        return EvaluationSpec(
            task="binary", label="died", score="risk", by=BY, thresholds=[AT],
            metrics=None if metrics is None else list(metrics), **asked,
        )  # fmt: skip

    def sample(self, spec: EvaluationSpec) -> Sample:
        """Columns coded, ready for the engine."""
        return make_sample(self.source.read(list(self.source.columns)), spec, self.source, Exclusions(self.n))

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self.cohort.event)

    def timed(
        self, spec: EvaluationSpec, times: int, *, outer: bool = True
    ) -> tuple[float, float | None, Measurements]:
        """Best engine seconds, best call seconds, and what was measured."""
        sample = self.sample(spec)

        def engine() -> list[Any]:
            found: Scored = measure_scores(sample, self.cohort.event, self.cohort.risk, spec, curves=False)
            return list(measurements(found.estimates, found.standing))

        inner, found = best(engine, times)
        whole = best(lambda: run(self.source, spec), min(times, 3))[0] if outer else None
        return inner, whole, Measurements(found)


def best(work: Callable[[], Any], times: int) -> tuple[float, Any]:
    """The shortest of several, after one to warm up unless only one is asked for."""
    found = None
    seconds = []
    for _ in range(times + (times > 1)):
        start = perf_counter()
        found = work()
        seconds.append(perf_counter() - start)
    return min(seconds[times > 1 :]), found


def values_of(found: Measurements, metric: str, **params: Any) -> np.ndarray:
    """(slices, 3) value and ends of a metric on every slice, in their order."""
    rows = [m for m in found if m.metric == metric and all(m.params.get(k) == v for k, v in params.items())]
    return np.array([[m.value, m.lower, m.upper] for m in rows], dtype=float)


def furthest(a: Any, b: Any) -> float:
    """The largest absolute difference; NaN in both is none."""
    return float(np.nanmax(np.abs(np.asarray(a, float) - np.asarray(b, float))))


def ranking(rows: Rows, arrays: Path, skip: set[str], part: int) -> Line:
    engine, call, found = rows.timed(rows.spec(RANKING), 7)
    mine = np.column_stack([values_of(found, m)[:, 0] for m in RANKING])
    peers: dict[str, dict[str, Any]] = {}
    said = []
    if "scikit-learn" not in skip:
        peers["scikit-learn, points"] = {**ask("scikit_learn", arrays, "points"), "goal": 25}
        said.append(f"scikit-learn {furthest(mine, peers['scikit-learn, points'].pop('values')):.0e}")
    if "confidenceinterval" not in skip:
        answer = np.array(ask_into(peers, "confidenceinterval", 65, "confidence_interval", arrays)).reshape(
            SLICES, 5, 3
        )
        plain = rows.timed(rows.spec(["auroc"], auroc_interval="delong"), 1)[2]
        wide = smaller_class(found) >= 30
        delong = furthest(values_of(plain, "auroc")[wide], answer[wide, 0])
        shares = furthest([values_of(found, m)[wide] for m in RANKING[3:7]], answer[wide, 1:].transpose(1, 0, 2))
        said.append(f"confidenceinterval's DeLong ends {delong:.0e}, Wilson ends {shares:.0e}")
    if "fairlearn" not in skip:
        answer = ask_into(peers, "fairlearn, points", 800, "fairlearn_frames", arrays, "points", part)
        if answer is not None:
            said.append(f"fairlearn {furthest(mine, answer):.0e}")
    return Line(f"AUROC+DeLong, AUPRC, Brier, sens, spec, PPV, NPV, F1, intervals, {SLICES} slices",
                engine, call, 0.15, peers, "; ".join(said))  # fmt: skip


def ask_into(peers: dict[str, dict[str, Any]], name: str, goal: float, program: str, *arguments: object) -> Any:
    """Ask a peer, keep its seconds, give its values."""
    peers[name] = {**ask(program, *arguments), "goal": goal}
    return peers[name].pop("values", None)


def smaller_class(found: Measurements) -> np.ndarray:
    """(slices,) rows of the smaller class."""
    area = [m for m in found if m.metric == "auroc"]
    return np.array([min(m.positives or 0, (m.n or 0) - (m.positives or 0)) for m in area])


def calibration(rows: Rows, arrays: Path, skip: set[str]) -> Line:
    engine, call, found = rows.timed(rows.spec(CALIBRATION), 5)
    peers: dict[str, dict[str, Any]] = {}
    said = ""
    if "scikit-learn" not in skip:
        theirs = np.array(ask_into(peers, "scikit-learn, points", 20, "scikit_learn", arrays, "calibration"))
        joint = values_of(found, "calibration_intercept", kind="joint")[:, 0]
        ours_ = [values_of(found, "calibration_slope")[:, 0], joint]
        exact = [values_of(found, m)[:, 0] for m in ("oe_ratio", "ece")]
        said = f"slope and joint intercept {furthest(ours_, theirs[:, :2].T):.0e} (their solver's tolerance); "
        said += f"O:E and ECE {furthest(exact, theirs[:, 2:].T):.0e}"
    return Line("calibration slope, intercept, O:E, intervals; ECE", engine, call, 0.3, peers, said)


def decisions(rows: Rows, arrays: Path, skip: set[str]) -> Line:
    spec = rows.spec(["auroc"])
    ranked = rank(rows.sample(spec), rows.cohort.event, rows.cohort.risk)
    engine, curves = best(lambda: decision(ranked, range(ranked.slices.count), 0.95), 5)
    peers: dict[str, dict[str, Any]] = {}
    said = ""
    if "dcurves" not in skip:
        theirs = np.array(ask_into(peers, "dcurves", 400, "dcurves_curves", arrays))
        gaps = [
            abs(y - theirs[s, round(x * 100) - 1]) for s, c in enumerate(curves) for x, y in zip(c.x, c.y, strict=True)
        ]
        said = f"dcurves {max(gaps):.0e} on {len(gaps):,} points"
    sort = best(lambda: rank(rows.sample(spec), rows.cohort.event, rows.cohort.risk), 3)[0]
    return Line(f"decision curve, 99 thresholds, intervals (rows already sorted; coding and sorting them {sort:.3f} s)",
                engine, None, 0.06, peers, said)  # fmt: skip


def bootstrap(rows: Rows, arrays: Path, skip: set[str], replicates: int) -> Line:
    spec = rows.spec(FIVE, interval="percentile", replicates=replicates)
    engine, _call, found = rows.timed(spec, 1, outer=False)
    analytic = rows.timed(rows.spec(FIVE), 1)[2]
    widths = []
    for m in FIVE:
        a, b = values_of(found, m), values_of(analytic, m)
        widths.append(float(np.nanmedian((a[:, 2] - a[:, 1]) / (b[:, 2] - b[:, 1]))))
    peers: dict[str, dict[str, Any]] = {}
    if "scikit-learn" not in skip:
        ask_into(peers, "scikit-learn", 0, "scikit_learn", arrays, "bootstrap")
    if "fairlearn" not in skip:
        ask_into(peers, "fairlearn", 0, "fairlearn_frames", arrays, "bootstrap")
    said = "median width over the analytic interval's: " + ", ".join(
        f"{m} {w:.3f}" for m, w in zip(FIVE, widths, strict=True)
    )
    return Line(f"{replicates:,}-replicate bootstrap of five, ties exact", engine, None, 10.0, peers, said)


def clustered(rows: Rows) -> Line:
    spec = rows.spec(["auroc"], subject="patient")
    engine, call, found = rows.timed(spec, 5)
    plain = rows.timed(rows.spec(["auroc"]), 1)[2]
    gap = furthest(values_of(found, "auroc")[:, 0], values_of(plain, "auroc")[:, 0])
    said = f"value as without clusters {gap:.0e}; nobody else has the interval"
    return Line(f"cluster-robust AUROC, {rows.n // 5:,} patients", engine, call, 0.5, {}, said)


def survival(rows: int, folder: Path, skip: set[str]) -> list[Line]:
    data = survivors(rows)
    path = folder / f"survivors-{rows}.npz"
    np.savez(path, time=data["time"], event=data["event"], risk=data["risk"])
    harrell = best(ours(data, {"cindex_harrell"}), 5)
    ipcw = best(ours(data, {"cindex_ipcw"}), 5)
    first: dict[str, dict[str, Any]] = {}
    second: dict[str, dict[str, Any]] = {}
    said = ["", ""]
    if "survival" not in skip:
        answer = ask("survival_concordance", path, HORIZONS[-1])
        first["lifelines"] = {"seconds": answer["lifelines"], "goal": 6}
        first["scikit-survival"] = {"seconds": answer["harrell"], "goal": 200, "estimated": answer["estimated"]}
        second["scikit-survival"] = {"seconds": answer["ipcw"], "goal": 200, "estimated": answer["estimated"]}
        part = {k: v[..., : answer["part"]] for k, v in data.items()}
        mine = {m: _c_of(ours(part, {m})()) for m in ("cindex_harrell", "cindex_ipcw")}
        said[0] = f"lifelines {abs(_c_of(harrell[1]) - answer['values']['harrell']):.0e}"
        said[0] += f", scikit-survival {abs(mine['cindex_harrell'] - answer['values']['harrell_part']):.0e}"
        said[1] = f"scikit-survival {abs(mine['cindex_ipcw'] - answer['values']['ipcw_part']):.0e}"
    return [
        Line(f"Harrell C with interval, {rows:,} rows", harrell[0], None, 0.1, first, said[0]),
        Line(f"IPCW C with interval, {rows:,} rows", ipcw[0], None, 0.1, second, said[1]),
    ]


def _c_of(found: Any) -> float:
    return float(found.value[0, 0])


def sort_cost(rows: Rows) -> float:
    """What sorting the scores alone costs: no exact AUROC is cheaper."""
    return best(lambda: np.argsort(rows.cohort.risk), 5)[0]


def show(lines: list[Line]) -> None:
    """The table, one work a block."""
    for line in lines:
        call = "" if line.call is None else f", whole call {line.call:.3f} s"
        print(f"\n{line.work}\n  codman engine {line.engine:.3f} s (goal {line.goal} s: "
              f"{'kept' if line.engine <= line.goal else 'MISSED'}){call}")  # fmt: skip
        for name, peer in line.peers.items():
            est = f" est ({peer['estimated']})" if peer.get("estimated") else ""
            goal = f", goal {peer['goal']:g}×" if peer.get("goal") else ""
            print(f"  {name:24}{peer['seconds']:12.2f} s{est}  {peer['seconds'] / line.engine:,.0f}×{goal}")
        if line.agreement:
            print(f"  agreement: {line.agreement}")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = next(
        (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")),
        platform.processor(),
    )
    load = os.getloadavg()[0]
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "numpy": np.__version__,
            "load": load, **versions()}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--survivors", type=int, default=100_000)
    parser.add_argument("--replicates", type=int, default=1_000)
    parser.add_argument("--skip", default="", help="scikit-learn, confidenceinterval, fairlearn, dcurves, survival")
    parser.add_argument("--only", default="", help="ranking,calibration,decision,bootstrap,clustered,survival")
    parser.add_argument("--fairlearn-rows", type=int, default=100_000, help="its points on so many rows; 0 is all")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    skip = {x for x in asked.skip.split(",") if x}
    only = {x for x in asked.only.split(",") if x}
    _table, arrays = files(asked.rows)
    rows = Rows(asked.rows)
    print(f"{asked.rows:,} rows, {SLICES} slices, prevalence {rows.cohort.event.mean():.3f}; {machine()}")
    print(f"np.argsort of the scores alone: {sort_cost(rows):.3f} s")
    works: dict[str, Callable[[], Line | list[Line]]] = {
        "ranking": lambda: ranking(rows, arrays, skip, asked.fairlearn_rows),
        "calibration": lambda: calibration(rows, arrays, skip),
        "decision": lambda: decisions(rows, arrays, skip),
        "clustered": lambda: clustered(rows),
        "survival": lambda: survival(asked.survivors, arrays.parent, skip),
        "bootstrap": lambda: bootstrap(rows, arrays, skip, asked.replicates),
    }
    lines: list[Line] = []
    for name, work in works.items():
        if only and name not in only:
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        found = work()
        new = found if isinstance(found, list) else [found]
        show(new)
        lines += new
    if asked.out:
        asked.out.write_text(json.dumps({"machine": machine(), "lines": [asdict(x) for x in lines]}, indent=1))


if __name__ == "__main__":
    main()
