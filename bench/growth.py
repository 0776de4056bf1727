"""How time grows: with rows, with slices, with patients; and where it goes.

Run: python -m bench.growth [--most 10000000]. Engine seconds: from arrays and coded
columns to Measurements, the best of three (of two beyond a million rows).
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import numpy as np
from bench.cohort import BY, SLICES
from bench.evaluate import AT, CALIBRATION, RANKING, Rows, best

from codman.evaluate import binary
from codman.evaluate.groups import Factor, make_slices
from codman.evaluate.kernels import library
from codman.evaluate.ranked import rank
from codman.evaluate.sample import Sample
from codman.spine.evaluation_spec import EvaluationSpec


def with_rows(most: int) -> None:
    """All metrics of the table but bootstrap and curves, on ever more rows."""
    print(f"\nrows ({SLICES} slices)\n{'':>12}{'ranking':>10}{'calibration':>13}{'clustered':>11}{'argsort':>10}")
    rows = 100_000
    while rows <= most:
        held = Rows(rows)
        times = 3 if rows <= 1_000_000 else 2
        ranking, _, _ = held.timed(held.spec(RANKING), times, outer=False)
        calibration, _, _ = held.timed(held.spec(CALIBRATION), times, outer=False)
        clustered, _, _ = held.timed(held.spec(["auroc"], subject="patient"), times, outer=False)
        sort = best(lambda h=held: np.argsort(h.cohort.risk), times)[0]  # type: ignore[misc]
        print(f"{rows:12,}{ranking:9.3f}s{calibration:12.3f}s{clustered:10.3f}s{sort:9.3f}s", flush=True)
        rows *= 10 if rows < 1_000_000 or most >= 10 * rows else 2


def with_slices(rows: int) -> None:
    """The same rows cut ever finer by one column, and by ever more groupings of the same cells."""
    held = Rows(rows)
    spec = EvaluationSpec(task="binary", label="died", score="risk", thresholds=[AT], metrics=[*RANKING, *CALIBRATION])
    rng = np.random.default_rng(1)

    def timed(factors: dict[str, Factor], by: list[list[str]]) -> tuple[int, float, float]:
        slices = make_slices(factors, by, rows)
        sample = Sample(slices=slices, subject=None, weight=None, row=np.arange(rows), repeats=False)

        def engine() -> Any:
            return binary.measure_scores(sample, held.cohort.event, held.cohort.risk, spec, curves=False)

        return slices.count, best(engine, 3)[0], 0.0

    print(f"\nslices of {rows:,} rows (ranking and calibration together)")
    for levels in (1, 10, 100, 1_000):
        codes = rng.integers(0, levels, rows).astype(np.int32)
        factor = Factor(name="ward", codes=codes, levels=tuple(f"{k:05}" for k in range(levels)))
        count, seconds, _ = timed({"ward": factor}, [["ward"]])
        print(f"  one column of {levels:>6,} levels: {count:>6,} slices {seconds:9.3f} s", flush=True)
    for groupings in (1, 3, 7):
        factors = {
            name: Factor(
                name=name, codes=np.ascontiguousarray(held.cohort.codes[:, k]), levels=tuple("abcdefgh"[:size])
            )
            for k, (name, size) in enumerate({"sex": 2, "race": 5, "age_band": 4}.items())
        }
        count, seconds, _ = timed(factors, BY[-groupings:])
        print(f"  {groupings} groupings of the same 40 cells: {count:>6,} slices {seconds:9.3f} s", flush=True)


def stages(rows: int) -> None:
    """Where the processor's time goes: one thread, ranking and calibration, beside the sort."""
    held = Rows(rows)
    for name, asked in (("independent rows", {}), ("clustered by patient", {"subject": "patient"})):
        spec = held.spec([*RANKING, *CALIBRATION], **asked)
        sample = held.sample(spec)
        shown = process_of(lambda s=sample, p=spec: binary.measure_scores(  # type: ignore[misc]
            s, held.cohort.event, held.cohort.risk, p, curves=False))  # fmt: skip
        print(f"\nwhere {rows:,} rows' processor time goes, {name} (both threads added)")
        for what, seconds in shown:
            print(f"  {what:40}{seconds * 1000:8.1f} ms")
    sorted_alone, _ = best(lambda: np.argsort(held.cohort.risk), 5)
    sample = held.sample(held.spec(["auroc"]))
    ranked, _ = best(lambda: rank(sample, held.cohort.event, held.cohort.risk), 5)
    print(f"\nnp.argsort {sorted_alone * 1000:.1f} ms; ranked, arranged and counted {ranked * 1000:.1f} ms")


def process_of(work: Callable[[], Any]) -> list[tuple[str, float]]:
    """Own processor time of the costliest functions, with side-by-side work done in turn."""
    import codman.evaluate as room  # noqa: F401 (its modules are searched below)

    replaced = []
    import sys

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("codman.") and hasattr(module, "side_by_side"):
            replaced.append(module)
            module.side_by_side = lambda do, items: [do(item) for item in items]  # type: ignore[attr-defined]
    try:
        work()
        profile = cProfile.Profile(process_time)
        start = perf_counter()
        profile.enable()
        work()
        profile.disable()
        whole = perf_counter() - start
    finally:
        for module in replaced:
            module.side_by_side = library_side_by_side  # type: ignore[attr-defined]
    entries = pstats.Stats(profile).stats.items()  # type: ignore[attr-defined]
    own = sorted(((f"{key[2]}", value[2]) for key, value in entries), key=lambda x: -x[1])[:10]
    return [*own, ("everything, one thread", whole)]


library_side_by_side = library.side_by_side


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=10_000_000)
    asked = parser.parse_args()
    stages(min(asked.most, 1_000_000))
    with_slices(min(asked.most, 1_000_000))
    with_rows(asked.most)


if __name__ == "__main__":
    main()
