"""Does every interval of the binary engine cover what it says? Replicates are slices of one large table, so ten
thousand evaluations cost one sweep.

Scores are binormal with stated AUROC and right as risks, so the truth of every metric is known by quadrature.
Run: python -m bench.coverage [--replicates N] [--full] [--out docs/coverage.md]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codman.evaluate.binary import ALL, measured
from codman.evaluate.distributions import norm_cdf, norm_ppf
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import Factor, make_slices
from codman.evaluate.ranked import rank
from codman.evaluate.sample import Sample
from codman.spine.evaluation_spec import EvaluationSpec

LEVEL = 0.95
SEED = 20261121
LOWEST, HIGHEST = 0.935, 0.965
ENOUGH = 30  # of each class
CLUSTER_ROWS = 4
WITHIN = 0.5  # correlation of scores, and of the outcomes' latent variable, within a patient
MOST_ROWS = 4_000_000  # at once


@dataclass(frozen=True)
class Setting:
    """One design."""

    n: int
    prevalence: float
    auroc: float
    clustered: bool

    @property
    def separation(self) -> float:
        """Distance between the two normals."""
        return float(np.sqrt(2) * norm_ppf(self.auroc))

    @property
    def threshold(self) -> float:
        """Patients above average risk are flagged."""
        return self.prevalence


def risk_of(x: FloatArray, s: Setting) -> FloatArray:
    """The right risk at a score."""
    d, odds = s.separation, s.prevalence / (1 - s.prevalence)
    risk: FloatArray = 1 / (1 + np.exp(-(np.log(odds) + d * x - d * d / 2)))
    return risk


def truth(s: Setting) -> dict[str, float]:
    """Every metric of the population, by quadrature."""
    x = np.linspace(-12, 12 + s.separation, 400_001)
    step = x[1] - x[0]
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    of_events = np.exp(-((x - s.separation) ** 2) / 2) / np.sqrt(2 * np.pi)
    p, pi, d = risk_of(x, s), s.prevalence, s.separation
    mixed = pi * of_events + (1 - pi) * density
    brier = float(np.sum((pi * of_events * (1 - p) ** 2 + (1 - pi) * density * p**2) * step))
    loss = float(-np.sum((pi * of_events * np.log(p) + (1 - pi) * density * np.log1p(-p)) * step))
    tail_events = np.cumsum(of_events[::-1])[::-1] * step
    tail_all = np.cumsum(mixed[::-1])[::-1] * step
    ap = float(np.sum(of_events * pi * tail_events / np.maximum(tail_all, 1e-300)) * step)
    cut = (np.log(s.threshold / (1 - s.threshold)) - np.log(pi / (1 - pi)) + d * d / 2) / d
    sens, spec = 1 - norm_cdf(cut - d), norm_cdf(cut)
    tp, fn, fp, tn = pi * sens, pi * (1 - sens), (1 - pi) * (1 - spec), (1 - pi) * spec
    odds = s.threshold / (1 - s.threshold)
    net = tp - odds * fp
    mcc = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (fn + tn) * (tp + fn) * (fp + tn))
    return {
        "auroc": s.auroc, "auprc": ap, "prevalence": pi, "brier": brier, "brier_skill": 1 - brier / (pi * (1 - pi)),
        "log_loss": loss, "oe_ratio": 1.0, "calibration_slope": 1.0, "calibration_intercept": 0.0,
        "sensitivity": sens, "specificity": spec, "ppv": tp / (tp + fp), "npv": tn / (tn + fn), "accuracy": tp + tn,
        "alert_rate": tp + fp, "balanced_accuracy": (sens + spec) / 2, "f1": 2 * tp / (2 * tp + fp + fn), "mcc": mcc,
        "number_needed_to_evaluate": (tp + fp) / tp, "likelihood_ratio_positive": sens / (1 - spec),
        "likelihood_ratio_negative": (1 - sens) / spec, "net_benefit": net, "standardized_net_benefit": net / pi,
        "interventions_avoided": tn - fn / odds,
    }  # fmt: skip


def draw(s: Setting, replicates: int, r: np.random.Generator) -> tuple[Sample, np.ndarray, FloatArray]:
    """`replicates` samples of n rows, each a slice."""
    rows = replicates * s.n
    replicate = np.repeat(np.arange(replicates, dtype=np.int32), s.n)
    subject = None
    latent, noise = r.standard_normal(rows), r.standard_normal(rows)
    if s.clustered:
        sizes_total = s.n // CLUSTER_ROWS
        # one row to seven, four on average: patients differ in how often they are scored
        within = np.sort(r.integers(0, sizes_total, (replicates, s.n)), axis=1).ravel()
        subject = np.unique(replicate.astype(np.int64) * sizes_total + within, return_inverse=True)[1].astype(np.int32)
        patients = int(subject.max()) + 1
        share, rest = np.sqrt(WITHIN), np.sqrt(1 - WITHIN)
        latent = share * r.standard_normal(patients)[subject] + rest * latent
        noise = share * r.standard_normal(patients)[subject] + rest * noise
    event = latent > norm_ppf(1 - s.prevalence)
    score = risk_of(noise + s.separation * event, s)
    factor = Factor(name="r", codes=replicate, levels=tuple(map(str, range(replicates))))
    slices = make_slices({"r": factor}, [["r"]], rows)
    sample = Sample(slices=slices, subject=subject, weight=None, row=np.arange(rows), repeats=s.clustered)
    return sample, event, score


@dataclass
class Tally:
    """How often one interval covered."""

    method: str = ""
    asked: int = 0
    given: int = 0
    covered: int = 0
    below: int = 0
    above: int = 0

    @property
    def coverage(self) -> float:
        """Share of given intervals that hold the truth."""
        return self.covered / self.given if self.given else float("nan")


def simulate(s: Setting, replicates: int, seed: int = SEED) -> dict[str, Tally]:
    """Coverage of every metric's interval in one design; samples with fewer than 30 of a class counted apart."""
    r = np.random.default_rng([seed, s.n, int(s.prevalence * 1000), int(s.auroc * 1000), s.clustered])
    true, tallies = truth(s), {}
    spec = EvaluationSpec(task="binary", label="y", score="s", thresholds=[s.threshold], level=LEVEL)
    left = replicates
    while left:
        now = min(left, max(1, MOST_ROWS // s.n))
        left -= now
        sample, event, score = draw(s, now, r)
        ranked = rank(sample, event, score)
        for estimate in measured(ranked, spec, {}, ALL, risks=True):
            if estimate.bounds is None or "kind" in estimate.params:
                continue
            lower, upper = (end[1:] for end in estimate.bounds(LEVEL))
            tally = tallies.setdefault(estimate.metric, Tally())
            given = np.isfinite(lower) & np.isfinite(upper)
            value = true[estimate.metric]
            tally.asked += now
            tally.given += int(given.sum())
            tally.below += int((upper[given] < value).sum())
            tally.above += int((lower[given] > value).sum())
            tally.covered += int(((lower[given] <= value) & (value <= upper[given])).sum())
            tally.method = estimate.method_of(1)
    return tallies


def settings(sizes: list[int]) -> Iterator[Setting]:
    """The grid."""
    for n in sizes:
        for prevalence in (0.02, 0.30):
            for auroc in (0.6, 0.8, 0.97):
                for clustered in (False, True):
                    yield Setting(n, prevalence, auroc, clustered)


def verdict(s: Setting, tally: Tally) -> str:
    """`ok`, or which way the goal is missed."""
    if tally.given < 0.1 * tally.asked:  # what is left are the oddest samples: nothing to judge an interval by
        return "null"
    error = 2.6 * np.sqrt(0.05 * 0.95 / tally.given)  # of the simulation itself
    enough = s.n * s.prevalence >= ENOUGH
    if tally.coverage < LOWEST - error:
        return "LOW"
    if enough and tally.coverage > HIGHEST + error:
        return "wide"
    return "ok"


def replicates_for(n: int, asked: int, *, full: bool) -> int:
    """Fewer where samples are large, unless all are asked: their rows are what costs."""
    return asked if full else max(100, min(asked, asked * 600 // n))


def kept_so_far(path: Path | None) -> dict[str, dict[str, Any]]:
    """Designs that an earlier run has finished, by their name and number of replicates."""
    return json.loads(path.read_text(encoding="utf-8")) if path is not None and path.exists() else {}


def keep(path: Path | None, finished: dict[str, dict[str, Any]]) -> None:
    """Written after each design, whole or not at all, so that hours of simulation survive a stop."""
    if path is not None:
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(finished), encoding="utf-8")
        beside.replace(path)


def cell(s: Setting, tally: Tally | None) -> str:
    """One design's coverage in percent, with what is to be said of it."""
    if tally is None or not tally.given:
        return "–"
    mark = {"LOW": " **low**", "wide": " wide"}.get(verdict(s, tally), "")
    withheld = 1 - tally.given / tally.asked
    return f"{100 * tally.coverage:.1f}{mark}" + (f" ({100 * withheld:.0f} % null)" if withheld >= 0.005 else "")


def table(found: dict[Setting, dict[str, Tally]], sizes: list[int]) -> Iterator[str]:
    """Coverage by metric, size and clustering, a column a design."""
    designs = sorted({(s.prevalence, s.auroc) for s in found})
    yield "| metric | n | rows | method | " + " | ".join(f"{100 * p:g} %, {a:g}" for p, a in designs) + " |"
    yield "|" + "---|" * (4 + len(designs))
    for metric in truth(next(iter(found))):
        for n in sizes:
            for clustered in (False, True):
                row = [found[Setting(n, p, a, clustered)].get(metric) for p, a in designs]
                methods = ", ".join(sorted({tally.method for tally in row if tally is not None and tally.given}))
                cells = (cell(Setting(n, p, a, clustered), tally) for (p, a), tally in zip(designs, row, strict=True))
                by = "by patient" if clustered else "independent"
                yield f"| `{metric}` | {n:,} | {by} | {methods} | " + " | ".join(cells) + " |"


HEAD = """# Do the intervals hold what they say?

Coverage in percent of every 95 % interval of the binary task, by simulation: scores of events and non-events are normal
with the stated AUROC, risks are right, patients at or above the prevalence are flagged, so the truth of every metric is
known by quadrature. `by patient`: about four rows a patient, scores and outcomes correlated 0.5 within a patient.
Columns: prevalence, AUROC. Replicates: {replicates}. Seed {seed}. Program: `python -m bench.coverage`.

Goal: 93.5 to 96.5 % with at least 30 patients in each class; with fewer, at least 93.5 %, or no interval (–, null).
**low** and wide: outside the goal by more than the simulation's own error. Known and meant: `wilson-min` (AUROC with
few patients, or near 1) and `boyd-logit` (average precision under 100 events) are wide: there nothing narrower holds.
Intervals that do not hold their level with fewer than 30 patients of a class are not given, and the measurement's note
says so. Where about 4 of 200 have the event, Wilson's coverage of a prevalence moves in steps and is 93.3 % exactly:
a note says so with fewer than 10 events. Survival has its own table in [survival](metrics/survival.md), regression and
classes in theirs.

"""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicates", type=int, default=2000, help="for n up to 2,000; fewer rows' worth above")
    parser.add_argument("--full", action="store_true", help="10,000 replicates a design")
    parser.add_argument("--sizes", default="200,2000,20000")
    parser.add_argument("--keep", type=Path, help="a JSON file of finished designs: a stopped run goes on from it")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    sizes = [int(n) for n in asked.sizes.split(",")]
    wanted = 10_000 if asked.full else asked.replicates
    found, finished = {}, kept_so_far(asked.keep)
    for s in settings(sizes):
        started, replicates = time.perf_counter(), replicates_for(s.n, wanted, full=asked.full)
        name = f"{s} x {replicates}"
        if name not in finished:
            finished[name] = {metric: asdict(tally) for metric, tally in simulate(s, replicates).items()}
            keep(asked.keep, finished)
        found[s] = {metric: Tally(**tally) for metric, tally in finished[name].items()}
        print(f"{s} {time.perf_counter() - started:.1f} s", file=sys.stderr)
    said = ", ".join(f"{replicates_for(n, wanted, full=asked.full):,} at n = {n:,}" for n in sizes)
    text = HEAD.format(replicates=said, seed=SEED) + "\n".join(table(found, sizes)) + "\n"
    print(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
