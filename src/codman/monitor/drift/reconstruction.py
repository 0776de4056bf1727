"""Reconstruction: how badly the reference's principal components rebuild the current rows.

Columns that used to move together and no longer do are rebuilt badly, though none of them has moved by itself. Source:
Jackson & Mudholkar 1979, doi:10.1080/00401706.1979.10489779; as a drift measure, NannyML's data reconstruction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.distributions import two_sided_p, z_of_level
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import CodeArray
from codman.monitor.drift.encoded import Encoded, SingleArray, variance_of_mean

FEWEST_ROWS: Final = 50
KEPT: Final = 0.65  # of the variance, by the components
_AT_ONCE: Final = 16_384
_SAMPLED: Final = 50_000  # rows that tell the components


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction:
    """The current rows' mean error beside what the reference's would be."""

    value: float
    lower: float
    upper: float
    p_value: float
    reference: float
    limits: tuple[float, float]  # where the mean error of so many reference rows would lie
    components: int
    columns: int


def reconstruction_error(
    encoded: Encoded,
    *,
    subjects: tuple[CodeArray, CodeArray] | None = None,
    level: float = 0.95,
    seed: int = 7,
) -> Reconstruction | None:
    """Mean distance of rows from their shadow on the components that hold 65 % of the reference's variance.

    Components are fitted on one half of the reference (of its patients) and the other half is rebuilt, then the other
    way round, so that the reference's own error is not too kind.

    Args:
        encoded: Both samples.
        subjects: (nr,) and (nc,) patients; None where rows are independent.
        level: Of the interval and the limits.
        seed: Of the halves.

    Returns:
        None with fewer than 50 rows on a side or fewer than 2 columns.
    """
    before, now = encoded.reference, encoded.current
    if before.shape[1] < 2 or min(len(before), len(now)) < FEWEST_ROWS:
        return None
    half = _halves(len(before), None if subjects is None else subjects[0], seed)
    of_reference, of_current, components = np.empty(len(before)), np.zeros(len(now)), []
    for which in (False, True):
        mean, axes = _fit(before[half != which])
        components.append(axes.shape[1])
        of_reference[half == which] = _errors(before[half == which], mean, axes)
        of_current += _errors(now, mean, axes) / 2
    usual, value = float(of_reference.mean()), float(of_current.mean())
    se = [
        math.sqrt(float(variance_of_mean((e - e.mean())[:, None], None if subjects is None else subjects[k])[0, 0]))
        for k, e in enumerate((of_reference, of_current))
    ]
    z = z_of_level(level)
    as_usual = se[0] * math.sqrt(1 + len(before) / len(now))
    return Reconstruction(
        value=value,
        lower=max(value - z * se[1], 0.0),
        upper=value + z * se[1],
        p_value=two_sided_p((value - usual) / math.hypot(*se)) if math.hypot(*se) > 0 else 1.0,
        reference=usual,
        limits=(max(usual - z * as_usual, 0.0), usual + z * as_usual),
        components=max(components),
        columns=before.shape[1],
    )


def _halves(n: int, subject: CodeArray | None, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if subject is None:
        return rng.permutation(n) < n // 2
    patients = int(subject.max()) + 1
    return (rng.permutation(patients) < patients // 2)[subject]


def _fit(rows: SingleArray) -> tuple[FloatArray, FloatArray]:
    """Mean and (d, k) axes of the components that hold enough of the variance, at least 1 and not all."""
    rows = rows[:: max(len(rows) // _SAMPLED, 1)]
    mean: FloatArray = rows.mean(axis=0, dtype=np.float64)
    centred = rows - mean.astype(np.float32)
    variances, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64) / len(rows))
    share = np.cumsum(variances[::-1]) / variances.sum()
    count = min(int(np.searchsorted(share, KEPT)) + 1, rows.shape[1] - 1)
    return mean, axes[:, ::-1][:, :count]


def _errors(rows: SingleArray, mean: FloatArray, axes: FloatArray) -> FloatArray:
    found, middle, towards = np.empty(len(rows)), mean.astype(np.float32), axes.astype(np.float32)
    for start in range(0, len(rows), _AT_ONCE):
        centred = rows[start : start + _AT_ONCE] - middle
        shadow = centred @ towards
        found[start : start + _AT_ONCE] = np.einsum("ij,ij->i", centred, centred) - np.einsum(
            "ij,ij->i", shadow, shadow
        )
    return np.sqrt(np.maximum(found, 0.0))
