"""The patients every comparison is made on: seeded, so that all programs of one run read the same rows.

1,000,000 rows by default, of 200,000 patients, 8 % with the event; three sensitive columns with 2, 5 and 4 levels, of
which every combination occurs: with everyone that is 1 + 11 + 38 + 40 = 90 slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

LEVELS = {
    "sex": ("F", "M"),
    "race": ("Asian", "Black", "Hispanic", "Other", "White"),
    "age_band": ("18-39", "40-64", "65-79", "80+"),
}
SHARES = {"sex": (0.53, 0.47), "race": (0.07, 0.16, 0.13, 0.06, 0.58), "age_band": (0.2, 0.34, 0.31, 0.15)}
BY = [[*columns] for depth in (1, 2, 3) for columns in combinations(LEVELS, depth)]
SLICES = 90
PREVALENCE = 0.08
ROWS_A_PATIENT = 5
FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Cohort:
    """What a model said of patients, and what then happened."""

    event: NDArray[np.bool_]  # (n,)
    risk: NDArray[np.float64]  # (n,) 0 to 1
    codes: NDArray[np.int32]  # (n, 3) place in LEVELS of each sensitive column
    patient: NDArray[np.int64]  # (n,)


def make_cohort(rows: int, *, seed: int = 20261121, decimals: int | None = None) -> Cohort:
    """Draw the cohort.

    Args:
        rows: How many.
        seed: From which seed.
        decimals: Round the risks to so many digits, which makes ties.
    """
    rng = np.random.default_rng(seed)
    codes = np.column_stack(
        [rng.choice(len(share), rows, p=np.array(share) / sum(share)) for share in SHARES.values()]
    ).astype(np.int32)
    patient = rng.integers(0, max(1, rows // ROWS_A_PATIENT), rows)
    ill = rng.normal(size=max(1, rows // ROWS_A_PATIENT))[patient]  # rows of one patient resemble each other
    known = 0.6 * ill + 0.8 * rng.normal(size=rows)
    truth = known + 0.25 * (codes[:, 2] - 1.5) + 0.1 * (codes[:, 0] == 1)
    shift = _shift_for(truth, PREVALENCE)
    event = rng.random(rows) < 1 / (1 + np.exp(-(1.3 * truth + shift)))
    risk = 1 / (1 + np.exp(-(1.1 * truth + 0.95 * shift + 0.3 * rng.normal(size=rows))))
    if decimals is not None:
        risk = np.clip(np.round(risk, decimals), 10.0**-decimals, 1 - 10.0**-decimals)
    return Cohort(event=event, risk=risk, codes=codes, patient=patient)


def _shift_for(truth: NDArray[np.float64], prevalence: float) -> float:
    """The constant at which the mean risk is the prevalence."""
    some = truth[:50_000]
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if float(np.mean(1 / (1 + np.exp(-(1.3 * some + middle))))) < prevalence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def as_table(cohort: Cohort) -> pa.Table:
    """The cohort as a hospital would keep it: text levels, one label, one score, a patient column."""
    columns = {name: pa.array(np.array(levels)[cohort.codes[:, k]]) for k, (name, levels) in enumerate(LEVELS.items())}
    return pa.table({"died": cohort.event, "risk": cohort.risk, "patient": cohort.patient, **columns})


def files(rows: int, *, decimals: int | None = None) -> tuple[Path, Path]:
    """The cohort as Parquet (for Codman's process) and as arrays (for peers, which would read either as fast)."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = f"cohort-{rows}" + ("" if decimals is None else f"-{decimals}")
    table, arrays = FOLDER / f"{name}.parquet", FOLDER / f"{name}.npz"
    if not (table.exists() and arrays.exists()):
        cohort = make_cohort(rows, decimals=decimals)
        pq.write_table(as_table(cohort), table)
        np.savez(arrays, event=cohort.event, risk=cohort.risk, codes=cohort.codes, patient=cohort.patient)
    return table, arrays
