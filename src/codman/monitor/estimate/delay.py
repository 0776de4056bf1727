"""How long labels take, and what a row whose label is already here must count for so that the whole window is judged.

Two cases. A label of its own date: each row's age says how likely its label is here by now, by Kaplan–Meier of the
delay (Kaplan & Meier 1958, doi:10.1080/01621459.1958.10501452). An event within a horizon: an event is known when it
happens, its absence only at the horizon, so each known row counts for those followed less long (Graf 1999,
doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.distributions import two_sided_p
from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.groups import CodeArray

LEAST_SHARE: Final = 0.05  # of labels here by an age: below it a row's weight is held at 20
ALIKE: Final = 0.01  # p value under which events and non-events are not equally quick
FEWEST: Final = 10  # labelled rows of each class, without which that cannot be tested


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Which labels count, and for how many rows each."""

    known: BoolArray  # (n,)
    weight: FloatArray  # (n,) at least 1 where known; 0 elsewhere
    held: int  # rows whose weight was held at its largest
    event: BoolArray  # (n,) what happened, as the question means it


def arrived_by(delay: FloatArray, age: FloatArray, here: BoolArray, at: FloatArray) -> FloatArray:
    """Chance that a label is here by each age: one minus Kaplan–Meier of the delay.

    Args:
        delay: (n,) days from prediction to label, where it is here.
        age: (n,) days since the prediction.
        here: (n,) True where the label is here; elsewhere it is awaited since `age` days.
        at: (m,) ages asked for.
    """
    waited = np.where(here, delay, age)
    moments, place = np.unique(waited, return_inverse=True)
    came = np.bincount(place, weights=here.astype(np.float64), minlength=len(moments))
    waiting = np.cumsum(np.bincount(place, minlength=len(moments))[::-1])[::-1]
    stays = np.cumprod(1 - came / waiting)
    found: FloatArray = 1 - np.append(1.0, stays)[np.searchsorted(moments, at, side="right")]
    return found


def by_arrival(
    delay: FloatArray, age: FloatArray, event: BoolArray, here: BoolArray, stratum: IntArray, window: IntArray
) -> Known:
    """Weights of labels that come with a delay of their own.

    Args:
        delay: (n,) days until the label was known; NaN where it is not here, or nobody wrote it down.
        age: (n,) days since the prediction.
        event: (n,) True where the event happened, as far as is known.
        here: (n,) True where the label is here.
        stratum: (n,) group within which delays are alike, 0….
        window: (n,) window of each row; one that has all its labels is not weighted.
    """
    share = np.ones(len(age))
    timed = ~here | ~np.isnan(delay)
    for group in range(int(stratum.max(initial=-1)) + 1):
        rows = np.flatnonzero((stratum == group) & timed)
        asked = (stratum == group) & here
        if len(rows):
            share[asked] = arrived_by(delay[rows], age[rows], here[rows], age[asked])
    whole = np.bincount(window[~here], minlength=int(window.max(initial=0)) + 1) == 0
    share[whole[window]] = 1.0
    held = here & (share < LEAST_SHARE)
    weight = np.where(here, 1 / np.maximum(share, LEAST_SHARE), 0.0)
    return Known(known=here, weight=weight, held=int(held.sum()), event=event)


def by_horizon(
    delay: FloatArray, age: FloatArray, event: BoolArray, here: BoolArray, horizon: float, window: IntArray
) -> Known:
    """Weights where the label is an event within a horizon: its absence is known only at the horizon.

    Within a window ages differ by when the model spoke, which says nothing about the patient.

    Args:
        delay: (n,) days from prediction to event.
        age: (n,) days since the prediction.
        event: (n,) True where the event happened.
        here: (n,) True where a label is here.
        horizon: Days.
        window: (n,) window of each row.
    """
    happened = here & event & ((delay <= horizon) | (np.isnan(delay) & (age >= horizon)))
    free = (age >= horizon) & here & ~happened
    known = happened | free
    until = np.where(happened & ~np.isnan(delay), np.minimum(delay, horizon), horizon)
    share = np.ones(len(age))
    for w in range(int(window.max(initial=-1)) + 1):
        rows = np.flatnonzero(window == w)
        ages = np.sort(age[rows])
        share[rows] = 1 - np.searchsorted(ages, until[rows], side="left") / max(len(rows), 1)
    held = known & (share < LEAST_SHARE)
    weight = np.where(known, 1 / np.maximum(share, LEAST_SHARE), 0.0)
    return Known(known=known, weight=weight, held=int(held.sum()), event=happened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Early:
    """Whether events and non-events were equally quick to be known, in windows that have nearly all their labels."""

    p_value: float | None  # Mann–Whitney of the delay; None where it cannot be tested
    sooner: bool  # events were known sooner than non-events
    all_rows: float  # prevalence of those windows
    early: float  # prevalence of their rows that were known by `age_days`
    age_days: float

    @property
    def biased(self) -> bool:
        """Whether labels so far may mislead: a difference was found, or none could be looked for."""
        return self.p_value is None or self.p_value < ALIKE

    @property
    def note(self) -> str | None:
        """What a reader must know; None where nothing speaks against the weights."""
        if self.p_value is None:
            return "possibly biased: no window has nearly all its labels, so nobody can tell if events are known sooner"
        if not self.biased:
            return None
        way = "sooner" if self.sooner else "later"
        return (
            f"possibly biased: in windows that have nearly all their labels events were known {way} than non-events:"
            f" prevalence {self.early:.3f} after {self.age_days:.0f} days, {self.all_rows:.3f} in the end"
        )


def early_against_final(
    delay: FloatArray, event: BoolArray, settled: BoolArray, age: float, subject: CodeArray | None = None
) -> Early:
    """Test whether the delay depends on the label, on windows that have nearly all their labels.

    Args:
        delay: (n,) days until the label was known; NaN where nobody wrote it down.
        event: (n,) True where the event happened.
        settled: (n,) True in windows that have nearly all their labels.
        age: Days at which early and final are set side by side.
        subject: (n,) patient of each row, where rows repeat them: each counts once, by the longest delay.
    """
    rows = settled & ~np.isnan(delay)
    took, happened = delay[rows], event[rows]
    if subject is not None and len(took):
        took, happened = _by_patient(took, happened, subject[rows])
    events = int(np.count_nonzero(happened))
    others = len(took) - events
    soon = took <= age
    early = float(np.mean(happened[soon])) if soon.any() else math.nan
    if min(events, others) < FEWEST or math.isnan(early):
        return Early(p_value=None, sooner=False, all_rows=math.nan, early=math.nan, age_days=age)
    values, place, count = np.unique(took, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    n = len(took)
    tied = float(np.sum(count.astype(np.float64) ** 3 - count))
    variance = events * others / 12 * (n + 1 - tied / (n * (n - 1)))
    lean = float(rank[happened].sum()) - events * (n + 1) / 2
    p_value = two_sided_p(lean / math.sqrt(variance)) if len(values) > 1 else 1.0
    return Early(p_value=p_value, sooner=lean < 0, all_rows=events / n, early=early, age_days=age)


def _by_patient(took: FloatArray, happened: BoolArray, subject: CodeArray) -> tuple[FloatArray, BoolArray]:
    _, place = np.unique(subject, return_inverse=True)
    longest = np.full(int(place.max()) + 1, -np.inf)
    np.maximum.at(longest, place, took)
    return longest, np.bincount(place, weights=happened) > 0
