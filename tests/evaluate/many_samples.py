"""Many simulated samples judged at once: each replicate is a slice, so coverage of an interval takes one call."""

from __future__ import annotations

import numpy as np

from codman.evaluate.estimates import Estimates
from codman.evaluate.groups import Slices
from codman.evaluate.sample import Sample


def replicates(count: int, rows: int, *, per_patient: int = 1, weight: np.ndarray | None = None) -> Sample:
    """`count` samples of `rows` rows; slice 0 is all of them, slice i + 1 replicate i."""
    cell = np.repeat(np.arange(count, dtype=np.int32), rows)
    return Sample(
        slices=Slices(
            names=({}, *({"replicate": str(i)} for i in range(count))),
            grouping=np.concatenate([[0], np.ones(count, dtype=np.int64)]),
            groupings=((), ("replicate",)),
            cell=cell,
            of_cell=np.stack([np.zeros(count, dtype=np.int32), np.arange(1, count + 1, dtype=np.int32)]),
        ),
        subject=np.arange(count * rows, dtype=np.int32) // per_patient if per_patient > 1 else None,
        weight=weight,
        row=np.arange(count * rows),
        repeats=per_patient > 1,
    )


def covered(estimate: Estimates, truth: float, *, level: float = 0.95, null_counts: bool = True) -> float:
    """Share of replicates whose interval holds the truth; a null interval makes no claim and counts as holding it."""
    assert estimate.bounds is not None
    lower, upper = (end[1:] for end in estimate.bounds(level))
    null = np.isnan(lower) | np.isnan(upper)
    holds = (lower <= truth) & (truth <= upper)
    return float(np.mean(holds | null)) if null_counts else float(np.mean(holds[~null]))


def named(estimates: list[Estimates], metric: str) -> Estimates:
    """The one estimate of this metric."""
    (found,) = [estimate for estimate in estimates if estimate.metric == metric]
    return found
