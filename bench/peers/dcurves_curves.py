"""dcurves on every slice: net benefit at 99 thresholds, without intervals."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from dcurves import dca
from given import Given, say, seconds_of

THRESHOLDS = [round(k / 100, 2) for k in range(1, 100)]


def curves(given: Given, slices: list[np.ndarray]) -> list[list[float]]:
    """Net benefit of the model at each threshold."""
    found = []
    for rows in slices:
        data = pd.DataFrame({"event": given.event[rows], "risk": given.risk[rows]})
        table = dca(data, "event", ["risk"], thresholds=THRESHOLDS)
        found.append(table.loc[table["model"] == "risk", "net_benefit"].astype(float).tolist())
    return found


def main(path: Path) -> None:
    given = Given(path)
    seconds, values = seconds_of(lambda: curves(given, given.slices), warm=lambda: curves(given, given.slices[-1:]))
    say(seconds=seconds, values=values)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
