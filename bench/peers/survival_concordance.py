"""lifelines' and scikit-survival's concordance, without intervals; what grows with the square of the rows on a part."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from given import say, seconds_of
from lifelines.utils import concordance_index
from sksurv.metrics import concordance_index_censored, concordance_index_ipcw
from sksurv.util import Surv

SQUARED_ROWS = 10_000


def main(path: Path, horizon: float) -> None:
    with np.load(path) as stored:
        time, event, risk = stored["time"], stored["event"], stored["risk"]
    few = slice(0, SQUARED_ROWS)
    some = Surv.from_arrays(event[few], time[few])
    scale = (len(time) / min(len(time), SQUARED_ROWS)) ** 2
    life, c = seconds_of(lambda: concordance_index(time, -risk, event))
    harrell, h = seconds_of(lambda: concordance_index_censored(event[few], time[few], risk[few])[0])
    ipcw, i = seconds_of(lambda: concordance_index_ipcw(some, some, risk[few], tau=horizon)[0])
    say(
        lifelines=life,
        harrell=harrell * scale,
        ipcw=ipcw * scale,
        values={"harrell": float(c), "harrell_part": float(h), "ipcw_part": float(i)},
        part=min(len(time), SQUARED_ROWS),
        estimated=f"from {SQUARED_ROWS:,} rows, by the square" if scale > 1 else None,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
