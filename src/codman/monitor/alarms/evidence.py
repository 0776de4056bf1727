"""Evidence over time: e-values of the last window, the last two, four, … together, so that small lasting shifts add up.

Each is an e-value of its own for "no shift beyond δ in these windows", and so is their mean, however the windows hang
together: the same reference, the same patients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.monitor.alarms.e_values import as_normal, either_side, mean_deviate, of_deviate, share_deviate

MEMORY: Final = (1, 2, 4, 8, 16, 32)  # windows looked at together; each doubling keeps some power at any speed of drift
Side = Literal["rise", "fall", "both"]
FEWEST: Final = 11  # patients without whom a window says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What T windows of S streams say: read by watch.py."""

    e: FloatArray  # (T, S) e-value at each window
    beyond: BoolArray  # (T, S) the window alone is beyond δ
    back: BoolArray  # (T, S) the last windows together are back within the lower level
    shift: FloatArray  # (T, S) the window's own estimate of the shift, in the direction that matters


Repeats = Callable[[int], float]
# the last m windows together -> their e-values (T, S), and their shift in the direction that matters (NaN: too little)
Look = Callable[[int], tuple[FloatArray, FloatArray]]


def over_memory(
    look: Look, delta: FloatArray | float, *, memory: Sequence[int] = MEMORY, quiet: int = 3, off: float = 0.8
) -> Evidence:
    """Put looks at the last m windows together.

    Args:
        look: What the last m windows together say, for any m.
        delta: (S,) or one: the largest shift that does not matter.
        memory: The m that are averaged.
        quiet: Windows together that decide whether a shift is over.
        off: Part of δ the shift must fall below to be over (hysteresis).
    """
    seen = {m: look(m) for m in sorted({*memory, 1, quiet})}
    together = np.mean([seen[m][0] for m in memory], axis=0)
    shift, lately = seen[1][1], seen[quiet][1]
    with np.errstate(invalid="ignore"):
        return Evidence(
            e=np.asarray(together), beyond=shift > delta, back=lately <= off * np.asarray(delta), shift=shift
        )


def sided(up: FloatArray, down: FloatArray, shift: FloatArray, side: Side) -> tuple[FloatArray, FloatArray]:
    """e-values and the shift that matters, from the deviates of a rise and of a fall, and the signed shift."""
    if side == "rise":
        return of_deviate(up), shift
    if side == "fall":
        return of_deviate(down), -shift
    return either_side(of_deviate(up), of_deviate(down)), np.abs(shift)


def once(m: int) -> float:  # noqa: ARG001 (the shape every answer has)
    """Each patient stands in one row of one window."""
    return 1.0


def repeats_of(subject: np.ndarray[Any, Any], window: IntArray) -> Repeats:
    """How many rows of m windows a patient has, as weighs on all rows of the m together; for any m.

    A patient's rows are taken to say all the same, so that dividing patients' counts by this is on the safe side.

    Args:
        subject: (n,) patients of a stretch of history.
        window: (n,) numbers of the windows their rows stand in.
    """
    _, who = np.unique(subject, return_inverse=True)
    when = window - window.min() if len(window) else window

    def repeats(m: int) -> float:
        _, rows = np.unique(who * (int(when.max(initial=0)) + 1) + when // m, return_counts=True)
        return float((rows**2).sum() / rows.sum()) if len(rows) else 1.0

    return lru_cache(maxsize=None)(repeats)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Patients, sum and sum of squares of one value a patient: (T, S) of windows, or (S,) of the reference."""

    n: FloatArray
    total: FloatArray
    squares: FloatArray


def means(
    now: Moments, reference: Moments, delta: FloatArray | float, *, side: Side = "both", repeats: Repeats = once
) -> Look:
    """Look at shifts of means in the reference's standard deviations (δ in the same), one value a patient.

    Args:
        now: (T, S) windows.
        reference: (S,) the reference's patients.
        delta: (S,) or one: the largest shift that does not matter.
        side: `rise`, `fall` or `both`; with both the shift is its size.
        repeats: Windows out of m that a patient stands in; once unless said (`repeats_of` counts it).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = reference.total / reference.n
        variance = np.maximum(reference.squares / reference.n - mean**2, 0.0)
        unit = np.sqrt(variance)

    def look(m: int) -> tuple[FloatArray, FloatArray]:
        n, total, squares = (trailing(one, m) / repeats(m) for one in (now.n, now.total, now.squares))
        with np.errstate(invalid="ignore", divide="ignore"):
            here = total / n
            spread = np.maximum(squares / n - here**2, 0.0) * n / np.maximum(n - 1, 1)
            shift = np.where((n >= FEWEST) & (unit > 0), (here - mean) / unit, np.nan)
            # the unit is the reference's, and its own chance counts where the shift is not 0
            se = np.sqrt(spread / n + variance / reference.n + shift**2 * variance / (2 * reference.n)) / unit
        return sided(mean_deviate(shift, se, n - 1, delta), mean_deviate(-shift, se, n - 1, delta), shift, side)

    return look


def shares(
    events: FloatArray, n: FloatArray, reference_events: FloatArray, reference_n: FloatArray,
    delta: FloatArray | float, *, side: Side = "both", repeats: Repeats = once,
) -> Look:  # fmt: skip
    """Look at shifts of a share of patients, `rise`, `fall` or `both`: counts (T, S) now and (S,) in the reference."""

    def look(m: int) -> tuple[FloatArray, FloatArray]:
        x, size = trailing(events, m) / repeats(m), trailing(n, m) / repeats(m)
        few = size < FEWEST
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = np.where(few, np.nan, x / size - reference_events / reference_n)
        up = np.where(few, np.nan, share_deviate(x, size, reference_events, reference_n, delta))
        down = np.where(few, np.nan, share_deviate(size - x, size, reference_n - reference_events, reference_n, delta))
        return sided(up, down, shift, side)

    return look


def values(
    value: FloatArray, se: FloatArray, n: FloatArray, standard: FloatArray | float, standard_se: FloatArray | float,
    delta: FloatArray | float, *, side: Side = "both", shared: bool = False, repeats: Repeats = once,
) -> Look:  # fmt: skip
    """Look at measured values with their standard errors, against a standard that has one too.

    Args:
        value: (T, S) measured; NaN where there is none.
        se: (T, S) standard errors, of patients.
        n: (T, S) patients.
        standard: (S,) or one: what it should be.
        standard_se: (S,) or one: how sure that is; the same chance in every window.
        delta: (S,) or one: the largest shift that does not matter.
        side: `rise`, `fall` or `both`.
        shared: Windows share one reference, as drift distances do: then several together are no surer than one.
        repeats: Windows out of m that a patient stands in; once unless said (`repeats_of` counts it).
    """
    usable = np.isfinite(value) & (se > 0) & (n >= FEWEST)
    if shared:
        # distances from one sample move together: each window weighs the same and their error does not shrink
        weight = usable.astype(np.float64)
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            weight = np.where(usable, 1 / se**2, 0.0)

    def look(m: int) -> tuple[FloatArray, FloatArray]:
        much = trailing(weight, m)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = trailing(np.where(usable, value, 0.0) * weight, m) / much
            own = trailing(np.where(usable, se, 0.0), m) / much if shared else np.sqrt(repeats(m) / much)
            spread = np.sqrt(own**2 + np.asarray(standard_se) ** 2)
            x_up, x_down = (mean - standard - delta) / spread, (standard - delta - mean) / spread
        shift = mean - standard
        df = trailing(np.where(usable, n, 0.0), m) / repeats(m) - 1
        return sided(as_normal(x_up, df), as_normal(x_down, df), shift, side)

    return look


def trailing(numbers: FloatArray, m: int) -> FloatArray:
    """(T, …) sums over the last m windows; fewer where there are not that many yet."""
    sums = np.cumsum(numbers, axis=0)
    if m < len(sums):
        sums[m:] = sums[m:] - sums[:-m]
    return sums
