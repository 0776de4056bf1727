"""False alarms and power of the alarms over features x slices x windows, and how long it takes.

    python bench/alarms.py [--runs 100] [--features 50] [--slices 90] [--windows 52] [--patients 2000] [--seed 1]

Nothing moves in the first lines; then shifts are planted beside. All numbers come out of the same alarms that watch
real streams (monitor/power/streams.py).
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from codman.monitor.alarms.watch import Rules
from codman.monitor.power.streams import Planted, Ward, simulate


def main() -> None:
    parser = argparse.ArgumentParser()
    usual = {"runs": 100, "features": 50, "slices": 90, "windows": 52, "patients": 2000, "seed": 1}
    for name, value in usual.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    ward = Ward(
        features=asked.features, slices=asked.slices, windows=asked.windows, a_window=asked.patients,
        reference=26 * asked.patients,
    )  # fmt: skip
    back = Ward(**{**{name: getattr(ward, name) for name in Ward.__slots__}, "returning": 0.5})
    rules, half = Rules(), asked.windows // 2
    start = time.perf_counter()
    worlds = [
        ("nothing moves", ward, None, asked.runs),
        ("nothing moves, half of the patients return", back, None, max(asked.runs // 4, 1)),
        ("all move by exactly what is tolerated", ward, Planted(window=0, size=ward.delta), max(asked.runs // 4, 1)),
        (
            "one feature in one slice, 0.6 SD",
            ward,
            Planted(window=half, size=0.6, features=(4,), slice=5),
            asked.runs // 4,
        ),
        ("one feature everywhere, 0.3 SD", ward, Planted(window=half, size=0.3, features=(4,)), asked.runs // 4),
        ("all features everywhere, 0.3 SD", ward, Planted(window=half, size=0.3), asked.runs // 4),
    ]
    print(f"{ward.features} features x {ward.slices} slices x {ward.windows} windows of {ward.a_window:,} patients")
    for name, of, planted, runs in worlds:
        one = time.perf_counter()
        found = [simulate(of, rules, asked.seed * 1000 + i, planted) for i in range(max(runs, 1))]
        delays = np.array([delay for each in found for delay in each.delays])
        first = [each.any_after for each in found if each.any_after is not None]
        print(
            f"{name}: {len(found)} runs, false-discovery rate {np.mean([each.false_share for each in found]):.3f}, "
            f"runs with a false alarm {np.mean([each.false > 0 for each in found]):.3f}, "
            f"false alarms {sum(each.false for each in found)} of {sum(each.raised for each in found)}"
            + (
                f", noticed {sum(e.noticed for e in found) / sum(e.shifted for e in found):.1%} of shifted streams"
                f", median {np.median(delays):.0f} windows, first alarm after {np.median(first):.0f}"
                if len(delays)
                else ""
            )
            + f" ({time.perf_counter() - one:.0f} s)",
            flush=True,
        )
    print(f"{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
