"""How often survival's 95 % intervals hold the truth, by simulation: the table of docs/metrics/survival.md.

Run: python bench/survival_coverage.py [replicates]. Truth is the mean over large uncensored samples (Harrell's C: over
large censored ones, since censoring is part of what it measures).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from codman.evaluate.groups import make_slices
from codman.evaluate.survival.followup import follow
from codman.evaluate.survival.intervals import survival
from codman.evaluate.survival.points import Cohort, Wanted, values

METRICS = frozenset(
    {"cindex_harrell", "cindex_ipcw", "auroc_t", "brier_t", "integrated_brier", "oe_ratio_t", "calibration_slope_t"}
)
HORIZONS = (1.0, 2.0)
WANTED = Wanted(metrics=METRICS, horizons=HORIZONS, stated=HORIZONS)
LARGE, LARGE_TIMES = 200_000, 4


@dataclass(frozen=True)
class Scenario:
    """A cohort to draw again and again."""

    rows: int
    rate: float  # events a year at the mean risk
    beta: float  # how much the log hazard rises with the score
    said: float = 1.0  # spread of the stated risks over the true one
    rows_per_patient: int = 1

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, ...]:
        """Score, event time, censoring time and patient."""
        patient = np.arange(rows) // self.rows_per_patient
        shared = rng.normal(size=patient[-1] + 1)[patient]
        own = rng.normal(size=rows)
        score = shared if self.rows_per_patient == 1 else np.sqrt(0.8) * shared + np.sqrt(0.2) * own
        luck = rng.exponential(size=rows)
        if self.rows_per_patient > 1:  # rows of one patient mostly share their fate
            luck = np.where(rng.random(rows) < 0.7, rng.exponential(size=patient[-1] + 1)[patient], luck)
        event_at = luck / (self.rate * np.exp(self.beta * score))
        left_at = np.minimum(rng.exponential(1 / 0.25, rows), 5.0 + rng.random(rows))
        return score, event_at, left_at, patient

    def cohort(self, score: np.ndarray, time: np.ndarray, event: np.ndarray, patient: np.ndarray) -> Cohort:
        """What would be judged."""
        hazard = self.rate * np.exp(self.said * self.beta * score)
        rows = follow(time, event, score, survival={h: np.exp(-h * hazard) for h in HORIZONS})
        return Cohort(
            rows=rows,
            slices=make_slices({}, [], len(score)),
            subject=patient[rows.place].astype(np.int32) if self.rows_per_patient > 1 else None,
            outside=None,
            outside_subject=None,
            wanted=WANTED,
        )

    def truth(self) -> np.ndarray:
        """The numbers themselves, as far as large samples know them."""
        rng = np.random.default_rng(99)
        found = []
        for _ in range(LARGE_TIMES):
            score, event_at, left_at, patient = self.draw(rng, LARGE)
            whole = self.cohort(score, event_at, np.ones(LARGE, dtype=bool), patient)
            censored = self.cohort(score, np.minimum(event_at, left_at), event_at <= left_at, patient)
            number = values(whole, whole.rows, None)[0]
            number[0] = values(censored, censored.rows, None)[0, 0]
            found.append(number)
        return np.mean(found, axis=0)

    def coverage(self, replicates: int, level: float = 0.95) -> tuple[np.ndarray, np.ndarray, float]:
        """Share of intervals that hold the truth, share without an interval, and events by the last horizon."""
        truth, rng = self.truth(), np.random.default_rng(5)
        held, given, events = np.zeros(len(truth)), np.zeros(len(truth)), 0.0
        for _ in range(replicates):
            score, event_at, left_at, patient = self.draw(rng, self.rows)
            time, event = np.minimum(event_at, left_at), event_at <= left_at
            events += np.sum(event & (time <= HORIZONS[-1])) / replicates
            family = survival(self.cohort(score, time, event, patient), params={}, seed=7)
            for k, estimate in enumerate(family.estimates):
                lower, upper = (end[0] for end in estimate.bounds(level))
                given[k] += np.isfinite(lower)
                held[k] += lower <= truth[k] <= upper
        return held / given, 1 - given / replicates, events


SCENARIOS = (
    Scenario(200, 0.05, 1.0),
    Scenario(200, 0.2, 1.0),
    Scenario(300, 0.1, 2.5),
    Scenario(2000, 0.015, 1.0),
    Scenario(2000, 0.1, 0.4, said=1.5),
    Scenario(600, 0.15, 1.0, rows_per_patient=3),
)


def main(replicates: int) -> None:
    names = [metric if horizon is None else f"{metric} {horizon:g}" for metric, horizon in WANTED.names]
    columns = []
    for scenario in SCENARIOS:
        held, without, events = scenario.coverage(replicates)
        shown = [
            f"{100 * h:.1f}" + (f" ({100 * w:.0f} % null)" if w > 0 else "") for h, w in zip(held, without, strict=True)
        ]
        columns.append(shown)
        by = f", {scenario.rows_per_patient} rows a patient" if scenario.rows_per_patient > 1 else ""
        print(f"{scenario.rows} rows{by}, {events:.0f} events by 2, beta {scenario.beta}, said {scenario.said}")
        for name, share in zip(names, shown, strict=True):
            print(f"  {name:24}{share}", flush=True)
    print("| metric | " + " | ".join(f"{s.rows}, β {s.beta:g}" for s in SCENARIOS) + " |")
    for name, row in zip(names, zip(*columns, strict=True), strict=True):
        print(f"| `{name}` | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
