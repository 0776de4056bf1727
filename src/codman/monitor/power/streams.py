"""Many streams at once, invented: the false alarms of features × slices × windows, and what is found of planted shifts.

Patients have attributes that make overlapping slices, and features that hang together, some skewed, some yes or no.
Every number comes out of the same evidence and rules that watch real streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray
from codman.monitor.alarms.evidence import Evidence, Moments, means, over_memory, shares
from codman.monitor.alarms.watch import History, Rules, watch_all

_LEVELS: Final = (2, 3, 3, 3)  # of the patients' attributes: eleven single slices, pairs and triples of them
_UNEVEN: Final = ((0.5, 0.5), (0.6, 0.25, 0.15), (0.5, 0.3, 0.2), (0.7, 0.2, 0.1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A shift that begins in some window."""

    window: int
    size: float  # in standard deviations; of a yes-or-no feature, on its hidden scale
    features: tuple[int, ...] | None = None  # None: all
    slice: int | None = None  # the slice whose patients it befalls; None: everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """How many features, slices, windows and patients."""

    features: int = 50
    slices: int = 90
    windows: int = 52
    a_window: int = 2000  # patients
    reference: int = 52_000  # patients
    delta: float = 0.1  # standard deviations of a number; of yes or no, percentage points / 100 · half of it
    returning: float = 0.0  # part of a window's patients who were in the last one too


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one history of alarms came to."""

    raised: int  # alarms that went on
    false: int  # on streams that had not shifted by more than δ in any window so far
    shifted: int  # streams that had
    noticed: int  # of those
    delays: tuple[int, ...]  # windows from the shift to the first alarm, of those noticed
    any_after: int | None  # windows until any stream that had shifted was noticed; None: never

    @property
    def false_share(self) -> float:
        """Of this history's alarms, the share that is false; its mean over histories is the false-discovery rate."""
        return self.false / max(self.raised, 1)


def memberships(attributes: FloatArray, slices: int) -> BoolArray:
    """(slices, patients) who is in which: everybody, then each level, then pairs and triples of levels."""
    made = [np.ones(len(attributes), dtype=np.bool_)]
    for size in (1, 2, 3):
        for columns in combinations(range(len(_LEVELS)), size):
            for levels in product(*(range(_LEVELS[c]) for c in columns)):
                if len(made) >= slices:
                    return np.array(made)
                made.append(np.all(attributes[:, columns] == levels, axis=1))
    return np.array(made)


def simulate(ward: Ward, rules: Rules, seed: int, planted: Planted | None = None) -> Found:
    """One history: a reference, then windows, watched as a hospital would.

    Args:
        ward: Its size.
        rules: How alarms go on and off.
        seed: Of all chance.
        planted: A shift; None for a history in which nothing happens.
    """
    evidence, truth = history(ward, rules, seed, planted)
    alarms = watch_all(evidence, rules, np.ones(evidence.e.shape[1]))
    return _judged(alarms, truth)


def history(ward: Ward, rules: Rules, seed: int, planted: Planted | None = None) -> tuple[Evidence, BoolArray]:
    """The evidence of every window and stream, and (T, S) whether the stream's shift has truly been beyond δ so far."""
    random = np.random.default_rng(seed)
    yes_or_no = np.arange(ward.features) % 2 == 1
    threshold = np.linspace(0.3, 1.6, ward.features)  # shares from 38 % to 5 %
    held_values, held_in = _patients(ward.reference, ward, random, None, yes_or_no, threshold, None)
    held = _moments(held_values, held_in)
    shape = (ward.windows, *held.n.shape)
    n, total, squares, truly = np.empty(shape), np.empty(shape), np.empty(shape), np.zeros(shape, dtype=np.bool_)
    before: dict[str, FloatArray] | None = None
    kept: dict[str, FloatArray] = {}
    for t in range(ward.windows):
        now = planted if planted is not None and t >= planted.window else None
        values, within = _patients(ward.a_window, ward, random, now, yes_or_no, threshold, before, kept)
        before = dict(kept) if ward.returning else None
        one = _moments(values, within)
        n[t], total[t], squares[t] = one.n, one.total, one.squares
        if now is not None:
            truly[t] = _shifted(now, ward, held_in, yes_or_no, threshold)
    flat = (ward.windows, -1)
    kinds = np.broadcast_to(yes_or_no, held.n.shape).ravel()
    part = _part(ward, rules)

    def of(now: Moments, reference: Moments, columns: BoolArray, *, numbers: bool) -> Evidence:
        a = Moments(n=now.n[:, columns], total=now.total[:, columns], squares=now.squares[:, columns])
        b = Moments(n=reference.n[columns], total=reference.total[columns], squares=reference.squares[columns])
        delta = ward.delta if numbers else ward.delta / 2
        look = means(a, b, delta, repeats=part) if numbers else shares(a.total, a.n, b.total, b.n, delta, repeats=part)
        return over_memory(look, delta, memory=rules.memory, quiet=rules.quiet, off=rules.off)

    now_all = Moments(n=n.reshape(flat), total=total.reshape(flat), squares=squares.reshape(flat))
    held_all = Moments(n=held.n.ravel(), total=held.total.ravel(), squares=held.squares.ravel())
    merged = {}
    both = {True: of(now_all, held_all, ~kinds, numbers=True), False: of(now_all, held_all, kinds, numbers=False)}
    for name in ("e", "beyond", "back", "shift"):
        whole: Any = np.empty(now_all.n.shape, dtype=getattr(both[True], name).dtype)
        whole[:, ~kinds], whole[:, kinds] = getattr(both[True], name), getattr(both[False], name)
        merged[name] = whole
    return Evidence(**merged), np.maximum.accumulate(truly.reshape(flat), axis=0)


def _part(ward: Ward, rules: Rules) -> Any:
    """Windows out of m a patient stands in, when a fixed part of each window returns in the next."""
    r = ward.returning
    most = max((*rules.memory, rules.quiet))
    # visits are geometric: E[v²]/E[v] of a geometric cut off at m, which m itself bounds
    table = {m: min(float(m), (1 + r) / (1 - r)) for m in range(1, most + 1)}
    return table.__getitem__


def _patients(
    count: int, ward: Ward, random: np.random.Generator, planted: Planted | None, yes_or_no: BoolArray,
    threshold: FloatArray, before: dict[str, FloatArray] | None, keep: dict[str, FloatArray] | None = None,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """(patients, features) values and (slices, patients) who is in which slice."""
    attributes = np.stack(
        [random.choice(len(p), size=count, p=p) for p in _UNEVEN], axis=1
    ).astype(np.float64)  # fmt: skip
    hidden = random.standard_normal((count, ward.features)) * 0.8 + random.standard_normal((count, 1)) * 0.6
    if before is not None:
        again = int(count * ward.returning)
        who = random.choice(len(before["hidden"]), size=again, replace=False)
        attributes[:again], hidden[:again] = before["attributes"][who], before["hidden"][who]
    if keep is not None:
        keep["attributes"], keep["hidden"] = attributes, hidden
    within = memberships(attributes, ward.slices)
    values = hidden
    if planted is not None:
        values = hidden.copy()
        rows = within[planted.slice] if planted.slice is not None else slice(None)
        columns = list(planted.features) if planted.features is not None else list(range(ward.features))
        moved = values[rows]
        moved[:, columns] += planted.size
        values[rows] = moved
    out = np.where(yes_or_no, values > threshold, values)
    skewed = np.flatnonzero(~yes_or_no)[1::2]
    out[:, skewed] = np.exp(0.5 * values[:, skewed])  # laboratory values lean to one side
    return out, within.astype(np.float64)


def _moments(values: FloatArray, within: FloatArray) -> Moments:
    """(slices, features) patients, sums and sums of squares: two products of matrices."""
    n = np.broadcast_to(within.sum(axis=1)[:, None], (len(within), values.shape[1])).copy()
    return Moments(n=n, total=within @ values, squares=within @ values**2)


def _shifted(
    planted: Planted, ward: Ward, within: FloatArray, yes_or_no: BoolArray, threshold: FloatArray
) -> BoolArray:
    """(slices, features) whether the planted shift moves the stream by more than δ, from a large sample of each."""
    random = np.random.default_rng(1)
    z = random.standard_normal(200_000)
    part = np.ones(len(within)) if planted.slice is None else (within @ within[planted.slice]) / within.sum(axis=1)
    beyond = np.zeros((len(within), ward.features), dtype=np.bool_)
    skewed = np.flatnonzero(~yes_or_no)[1::2]
    for f in planted.features if planted.features is not None else range(ward.features):
        if yes_or_no[f]:
            moved, limit = np.mean(z + planted.size > threshold[f]) - np.mean(z > threshold[f]), ward.delta / 2
        elif f in skewed:
            held = np.exp(0.5 * z)
            moved, limit = (np.exp(0.5 * (z + planted.size)).mean() - held.mean()) / held.std(), ward.delta
        else:
            moved, limit = planted.size, ward.delta
        beyond[:, f] = np.abs(moved) * part > limit
    return beyond


def _judged(alarms: History, truth: BoolArray) -> Found:
    false = int((alarms.raised & ~truth).sum())
    ever = truth.any(axis=0)
    right = alarms.raised & truth
    hit = right.any(axis=0)
    start = np.argmax(truth, axis=0)
    delays = np.argmax(right, axis=0)[hit] - start[hit] + 1
    return Found(
        raised=int(alarms.raised.sum()),
        false=false,
        shifted=int(ever.sum()),
        noticed=int(hit.sum()),
        delays=tuple(int(d) for d in delays),
        any_after=int(delays.min()) if len(delays) else None,
    )
