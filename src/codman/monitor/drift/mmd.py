"""MMD: the distance between two samples in a kernel's space, where any change of their joint distribution shows.

A Gaussian kernel by random Fourier features, all rows in time proportional to their number (Rahimi & Recht 2007;
Gretton 2012, JMLR 13:723). Its bandwidth is the median distance between rows. The p value is that of the quadratic form
the squared distance is where nothing changed, by three moments (Imhof 1961, doi:10.1093/biomet/48.3-4.419).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.distributions import chi2_sf, z_of_level
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import CodeArray
from codman.monitor.drift.encoded import Encoded, SingleArray, variance_of_mean

FREQUENCIES: Final = 128
FEWEST_ROWS: Final = 50
_AT_ONCE: Final = 16_384
_SAMPLED: Final = 8_000  # rows the variance is taken from
_MEDIAN_OF: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """The distance and how sure it is."""

    value: float
    lower: float
    upper: float
    p_value: float
    bandwidth: float


def mmd(
    encoded: Encoded,
    *,
    subjects: tuple[CodeArray, CodeArray] | None = None,
    level: float = 0.95,
    seed: int = 7,
) -> Discrepancy | None:
    """The distance between the reference and the current rows, freed of what chance adds.

    Args:
        encoded: Both samples.
        subjects: (nr,) and (nc,) patients; None where rows are independent.
        level: Of the interval.
        seed: Of the frequencies and of the rows that are sampled.

    Returns:
        The value is 0 where chance explains it; None with fewer than 50 rows on a side, or where nothing varies.
    """
    if encoded.reference.shape[1] == 0 or min(len(encoded.reference), len(encoded.current)) < FEWEST_ROWS:
        return None
    rng = np.random.default_rng(seed)
    bandwidth = _median_distance(encoded, rng)
    if not bandwidth > 0:
        return None
    waves = (rng.normal(size=(encoded.reference.shape[1], FREQUENCIES)) / bandwidth).astype(np.float32)
    sides = (encoded.reference, encoded.current)
    means, spread = [], np.zeros((2 * FREQUENCIES, 2 * FREQUENCIES))
    for which, x in enumerate(sides):
        mean = _mean(x, waves)
        spread += _spread(x, waves, None if subjects is None else subjects[which], rng)
        means.append(mean)
    apart = means[1] - means[0]
    square, chance = float(apart @ apart), float(np.trace(spread))
    second, third = float((spread * spread).sum()), float(np.sum((spread @ spread) * spread))
    free = second**3 / third**2
    p = chi2_sf((square - chance) * math.sqrt(free / second) + free, free)
    se = math.sqrt(4 * float(apart @ spread @ apart) + 2 * second)
    z = z_of_level(level)
    ends = [math.sqrt(max(square - chance + way * z * se, 0.0)) for way in (0.0, -1.0, 1.0)]
    return Discrepancy(value=ends[0], lower=ends[1], upper=ends[2], p_value=p, bandwidth=bandwidth)


def _median_distance(encoded: Encoded, rng: np.random.Generator) -> float:
    parts = [x[rng.integers(0, len(x), _MEDIAN_OF // 2)] for x in (encoded.reference, encoded.current)]
    some = np.concatenate(parts).astype(np.float64)
    other = some[rng.permutation(len(some))]
    return float(np.median(np.sqrt(((some - other) ** 2).sum(axis=1))))


def _waves(x: SingleArray, waves: SingleArray) -> SingleArray:
    turned = x @ waves
    found: SingleArray = np.concatenate([np.cos(turned), np.sin(turned)], axis=1)
    return found


def _mean(x: SingleArray, waves: SingleArray) -> FloatArray:
    total = np.zeros(2 * FREQUENCIES)
    for start in range(0, len(x), _AT_ONCE):
        total += _waves(x[start : start + _AT_ONCE], waves).sum(axis=0, dtype=np.float64)
    return total / (len(x) * math.sqrt(FREQUENCIES))


def _spread(x: SingleArray, waves: SingleArray, subject: CodeArray | None, rng: np.random.Generator) -> FloatArray:
    """Covariance of the mean; of many rows (or patients) from a sample of them."""
    rows: np.ndarray
    if len(x) <= _SAMPLED:
        rows = np.arange(len(x))
    elif subject is None:
        rows = rng.choice(len(x), _SAMPLED, replace=False)
    else:
        patients = int(subject.max()) + 1
        kept = np.zeros(patients, bool)
        kept[rng.permutation(patients)[: max(int(patients * _SAMPLED / len(x)), 2)]] = True
        rows = np.flatnonzero(kept[subject])
    of = _waves(x[rows], waves).astype(np.float64) / math.sqrt(FREQUENCIES)
    of -= of.mean(axis=0)
    return variance_of_mean(of, None if subject is None else subject[rows]) * (len(rows) / len(x))
