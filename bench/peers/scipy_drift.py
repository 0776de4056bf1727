"""scipy on every column: KS and Wasserstein of numbers, chi-square of categories."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from drift_rows import Rows, say, timed
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance


def main(path: Path) -> None:
    rows = Rows(path)
    (a, b), (c, d) = rows.numbers, rows.codes

    def ks() -> list[list[float]]:
        found = [ks_2samp(a[:, k], b[:, k], method="asymp") for k in range(a.shape[1])]
        return [[one.statistic, one.pvalue] for one in found]

    def chi2() -> list[list[float]]:
        both = [np.stack([np.bincount(x[:, k], minlength=64) for x in (c, d)]) for k in range(c.shape[1])]
        found = [chi2_contingency(one[:, one.any(axis=0)], correction=False) for one in both]
        return [[one.statistic, one.pvalue] for one in found]

    tests = timed(lambda: (ks(), chi2()))
    areas = timed(lambda: [wasserstein_distance(a[:, k], b[:, k]) for k in range(a.shape[1])])
    say(seconds=tests[0] + areas[0], tests=tests[0], ks=tests[1][0], chi2=tests[1][1], wasserstein=areas[1])


main(Path(sys.argv[1]))
