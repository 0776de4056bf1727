"""Estimates to Measurements: one row a slice, small groups hidden, notes kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import Estimates, IntArray
from codman.evaluate.groups import Slices
from codman.evaluate.suppression import FEWEST
from codman.spine.measurement import SUPPRESSED, Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What every metric shares about the slices."""

    slices: Slices
    n: IntArray  # (S,) rows
    positives: IntArray | None  # (S,) rows with the event; None where the task has none
    hidden: BoolArray  # (S,) suppressed
    level: float
    patients: IntArray | None  # (S,) distinct patients, where rows repeat them; None: rows and patients are as many

    def subjects(self, s: int) -> dict[str, int]:
        """What params say of slice s where its rows are more than its patients: how many patients."""
        return {} if self.patients is None else {"subjects": int(self.patients[s])}

    def hides(self, estimate: Estimates, s: int) -> bool:
        """Whether slice s may not show this estimate: too few patients, or too few that it rests on."""
        return bool(self.hidden[s]) or (estimate.n is not None and 0 < int(estimate.n[s]) < FEWEST)


def finite(number: float) -> float | None:
    """The number, or None where it has no value."""
    return float(number) if math.isfinite(number) else None


def measurements(estimates: Sequence[Estimates], standing: Standing) -> Iterator[Measurement]:
    """Every estimate on every slice, in order."""
    for estimate in estimates:
        yield from _of_one(estimate, standing)


def _of_one(estimate: Estimates, standing: Standing) -> Iterator[Measurement]:
    lower, upper = estimate.bounds(standing.level) if estimate.bounds else (None, None)
    counts = standing.n if estimate.n is None else estimate.n
    events = standing.positives if estimate.positives is None else estimate.positives
    partial = estimate.n is not None and estimate.positives is None
    for s, name in enumerate(standing.slices.names):
        if standing.hides(estimate, s):
            yield Measurement(
                metric=estimate.metric, slice=name, value=None, method=estimate.method_of(s),
                params=dict(estimate.params), note=SUPPRESSED,
            )  # fmt: skip
            continue
        value = finite(estimate.value[s])
        low = finite(lower[s]) if lower is not None and value is not None else None
        high = finite(upper[s]) if upper is not None and value is not None else None
        bounded = low is not None and high is not None
        extra = {key: of_slice[s] for key, of_slice in estimate.slice_params.items() if of_slice[s] is not None}
        yield Measurement(
            metric=estimate.metric,
            slice=name,
            value=value,
            lower=low if bounded else None,
            upper=high if bounded else None,
            level=standing.level if bounded else None,
            p_value=None if estimate.p_value is None or value is None else finite(estimate.p_value[s]),
            n=int(counts[s]),
            # of some of the slice's rows, nobody counted those with the event
            positives=None if events is None or (partial and counts[s] < standing.n[s]) else int(events[s]),
            method=estimate.method_of(s),
            params={**estimate.params, **extra, **(standing.subjects(s) if estimate.n is None else {})},
            note=estimate.notes.get(s) or ("it has no value here" if value is None else None),
        )
