"""alibi-detect's tabular drift: KS of numbers, chi-square of categories."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from alibi_detect.cd import TabularDrift
from drift_rows import Rows, say, timed


def main(path: Path) -> None:
    rows = Rows(path)
    reference, current = (
        np.concatenate([x, c.astype(float)], axis=1) for x, c in zip(rows.numbers, rows.codes, strict=True)
    )
    first = len(rows.numeric)
    named = {first + k: None for k in range(len(rows.categorical))}
    seconds, _ = timed(lambda: TabularDrift(reference, p_val=0.05, categories_per_feature=named).predict(current))
    say(seconds=seconds)


main(Path(sys.argv[1]))
