"""How long Harrell's C and the IPCW C take, with intervals, beside lifelines and scikit-survival (both without).

Run: python bench/survival.py [rows]. Peers that grow with the square of the rows are timed on fewer and marked est.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np

from codman.evaluate.groups import make_slices
from codman.evaluate.survival.followup import follow
from codman.evaluate.survival.points import Cohort, Wanted, table

SQUARED_ROWS = 10_000  # at most this many for peers that compare every pair
HORIZONS = (365.0, 730.0, 1095.0)


def cohort(rows: int, seed: int = 7) -> dict[str, np.ndarray]:
    """Follow-up in days, about half censored, scores with six digits."""
    rng = np.random.default_rng(seed)
    risk = np.round(rng.normal(size=rows), 6)
    event_at = rng.exponential(900 * np.exp(-0.8 * risk))
    left_at = np.minimum(rng.exponential(1500, rows), 2000.0)
    time = np.ceil(np.minimum(event_at, left_at))
    return {
        "time": time,
        "event": (event_at <= left_at) & (time < 2000),  # a tie of event and censoring at the very end has no weight
        "risk": risk,
        "stated": np.array([np.exp(-h / 900 * np.exp(0.8 * risk)) for h in HORIZONS]),
    }


def ours(
    data: dict[str, np.ndarray], metrics: set[str], horizons: tuple[float, ...] = HORIZONS
) -> Callable[[], object]:
    def once() -> object:
        stated = dict(zip(HORIZONS, data["stated"], strict=True))
        rows = follow(data["time"], data["event"], data["risk"], survival=stated)
        wanted = Wanted(metrics=frozenset(metrics), horizons=horizons, stated=horizons)
        return table(
            Cohort(
                rows=rows,
                slices=make_slices({}, [], len(rows.time)),
                subject=None,
                outside=None,
                outside_subject=None,
                wanted=wanted,
            )
        )

    return once


def best(work: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(times):
        start = perf_counter()
        work()
        found.append(perf_counter() - start)
    return min(found)


def main(rows: int) -> None:
    from lifelines.utils import concordance_index
    from sksurv import metrics as sk
    from sksurv.util import Surv

    data = cohort(rows)
    few = {k: v[..., :SQUARED_ROWS] for k, v in data.items()}
    scale = (rows / min(rows, SQUARED_ROWS)) ** 2
    est = " est" if scale > 1 else ""
    outcome = Surv.from_arrays(data["event"], data["time"])
    some = Surv.from_arrays(few["event"], few["time"])
    print(f"{rows:,} rows, one thread, best of several")
    print(f"{'':34}{'codman':>10}{'lifelines':>16}{'scikit-survival':>22}")

    mine = best(ours(data, {"cindex_harrell"}), 7)
    life = best(lambda: concordance_index(data["time"], -data["risk"], data["event"]), 2)
    theirs = scale * best(lambda: sk.concordance_index_censored(few["event"], few["time"], few["risk"]), 2)
    row("Harrell C (ours with interval)", mine, life, theirs, est)

    mine = best(ours(data, {"cindex_ipcw"}), 7)
    theirs = scale * best(lambda: sk.concordance_index_ipcw(some, some, few["risk"], tau=HORIZONS[-1]), 2)
    row("IPCW C (ours with interval)", mine, None, theirs, est)

    mine = best(ours(data, {"auroc_t"}), 5)
    theirs = best(lambda: sk.cumulative_dynamic_auc(outcome, outcome, data["risk"], HORIZONS), 2)
    row("AUROC at 3 horizons", mine, None, theirs, "")

    mine = best(ours(data, {"brier_t", "integrated_brier"}), 5)
    theirs = best(lambda: sk.integrated_brier_score(outcome, outcome, data["stated"].T, HORIZONS), 2)
    row("Brier at 3 horizons, integrated", mine, None, theirs, "")

    everything = {"cindex_harrell", "cindex_ipcw", "auroc_t", "brier_t", "integrated_brier", "oe_ratio_t"}
    mine = best(ours(data, everything | {"calibration_slope_t"}), 3)
    print(f"{'all seven, 3 horizons':34}{mine:9.3f}s")


def row(name: str, mine: float, life: float | None, theirs: float, est: str) -> None:
    by_life = "" if life is None else f"{life:.2f}s {life / mine:.0f}×"
    print(f"{name:34}{mine:9.3f}s{by_life:>16}{f'{theirs:.2f}s {theirs / mine:.0f}×{est}':>22}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
