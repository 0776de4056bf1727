"""Columns as one matrix of numbers, on the reference's own scale, for what looks at all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import CodeArray
from codman.monitor.drift.column import Pair

SingleArray = NDArray[np.float32]
FAR: Final = 5.0  # standard deviations at which a value is cut: a few far ones must not speak for all
_MOST_LEVELS: Final = 20
_MISSING_SHARE: Final = 0.01  # of the reference, from which a column's being missing is a number of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """(nr, d) and (nc, d): numbers in the reference's standard deviations, categories as 0 or 1 over theirs."""

    reference: SingleArray
    current: SingleArray


def encode(pairs: Sequence[Pair]) -> Encoded:
    """Every column with any spread in the reference; a missing number is the reference's mean."""
    before: list[FloatArray] = []
    now: list[FloatArray] = []
    for pair in pairs:
        for one, other in _numbers(pair) if pair.numeric else _categories(pair):
            centre, scale = float(one.mean()), float(one.std())
            if scale > 0:
                before.append(np.clip((one - centre) / scale, -FAR, FAR))
                now.append(np.clip((other - centre) / scale, -FAR, FAR))
    rows = (len(pairs[0].reference), len(pairs[0].current)) if pairs else (0, 0)
    return Encoded(
        reference=np.stack(before, axis=1).astype(np.float32) if before else np.empty((rows[0], 0), np.float32),
        current=np.stack(now, axis=1).astype(np.float32) if now else np.empty((rows[1], 0), np.float32),
    )


def variance_of_mean(centred: FloatArray, subject: CodeArray | None) -> FloatArray:
    """(k, k) covariance of the columns' means, by patient where rows repeat them.

    Args:
        centred: (n, k) rows less their mean.
        subject: (n,) patient of each row; None where rows are independent.
    """
    n = len(centred)
    if subject is None:
        product: FloatArray = centred.T @ centred / (n * max(n - 1, 1))
        return product
    order = np.argsort(subject, kind="stable")
    begin = np.flatnonzero(np.append(True, np.diff(subject[order]) != 0))
    sums = np.add.reduceat(centred[order], begin, axis=0)
    patients = len(begin)
    clustered: FloatArray = sums.T @ sums / n**2 * (patients / max(patients - 1, 1))
    return clustered


def _numbers(pair: Pair) -> list[tuple[FloatArray, FloatArray]]:
    columns = [np.asarray(x, np.float64) for x in (pair.reference, pair.current)]
    there = columns[0][np.isfinite(columns[0])]
    if len(there) == 0:
        return []
    middle = float(there.mean())
    low, high = middle - 10 * float(there.std()), middle + 10 * float(there.std())
    filled = [np.clip(np.where(np.isnan(x), middle, x), low, high) for x in columns]
    gone = [np.isnan(x).astype(np.float64) for x in columns]
    found = [(filled[0], filled[1])]
    return [*found, (gone[0], gone[1])] if gone[0].mean() >= _MISSING_SHARE else found


def _categories(pair: Pair) -> list[tuple[FloatArray, FloatArray]]:
    counts = np.bincount(pair.reference[pair.reference >= 0], minlength=max(len(pair.levels), 1))
    most = np.argsort(-counts, kind="stable")[: min(_MOST_LEVELS, max(pair.known - 1, 1))]  # the last follows from them
    return [
        ((pair.reference == level).astype(np.float64), (pair.current == level).astype(np.float64)) for level in most
    ]
