"""Chi-square: whether category shares are equal, without continuity correction."""

from __future__ import annotations

import numpy as np

from codman.evaluate.distributions import chi2_sf
from codman.evaluate.estimates import FloatArray

FEWEST_EXPECTED = 5.0  # rows a cell should be expected to have for the p value to hold


def chi2(reference: FloatArray, current: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Pearson's statistic of a table of two rows.

    Args:
        reference: (..., K) rows of each category; one that neither has is passed over.
        current: (..., K) the same of the current rows.

    Returns:
        (...,) the statistic, its degrees of freedom, and the smallest count that was expected; NaN with fewer than two
        categories.

    Source: Pearson 1900, doi:10.1080/14786440009463897.
    """
    both = reference + current
    whole = both.sum(axis=-1, keepdims=True)
    square, fewest = np.zeros(both.shape[:-1]), np.full(both.shape[:-1], np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for counts in (reference, current):
            expected = both * counts.sum(axis=-1, keepdims=True) / whole
            square = square + np.where(both > 0, (counts - expected) ** 2 / expected, 0.0).sum(axis=-1)
            fewest = np.minimum(fewest, np.where(both > 0, expected, np.inf).min(axis=-1))
    free: FloatArray = (both > 0).sum(axis=-1) - 1.0
    empty = (free < 1) | (reference.sum(axis=-1) == 0) | (current.sum(axis=-1) == 0)
    return np.where(empty, np.nan, square), np.where(empty, np.nan, free), fewest


def chi2_p(square: float, free: float, design_effect: float = 1.0) -> float:
    """Chance of so large a statistic where nothing changed.

    Args:
        square: Pearson's statistic.
        free: Degrees of freedom.
        design_effect: Mean design effect of the shares where rows repeat patients (Rao & Scott 1981, first order,
            doi:10.1080/01621459.1981.10477633).
    """
    return chi2_sf(square / design_effect, free)
