"""Placements: how far each patient moves one model's AUROC.

They come from sorting (ties count half), never from a patients-by-patients matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One model's AUROC and what each row adds to it."""

    auroc: float
    of_positive: FloatArray  # (n,) w(V10 − AUROC)/W+ for rows with the event, else 0
    of_negative: FloatArray  # (n,) w(V01 − AUROC)/W− for rows without it, else 0

    @property
    def influence(self) -> FloatArray:
        """(n,) how far each row moves the AUROC; sums to zero."""
        return self.of_positive + self.of_negative


def place(event: BoolArray, score: FloatArray, weight: FloatArray | None = None) -> Placed:
    """Share of the other class each patient is ranked right against (its placement), and their mean, the AUROC.

    Args:
        event: (n,) True where the event happened; both classes occur.
        score: (n,) higher is riskier.
        weight: (n,) above zero; None is 1 for all.

    Returns:
        AUROC in [0, 1], and each row's centred, scaled placement.

    Source: DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595.
    """
    positive, negative = score[event], score[~event]
    weight_positive = np.ones(len(positive)) if weight is None else weight[event]
    weight_negative = np.ones(len(negative)) if weight is None else weight[~event]
    below = _share_below(positive, negative, weight_negative)  # V10
    above = 1.0 - _share_below(negative, positive, weight_positive)  # V01
    total_positive, total_negative = float(weight_positive.sum()), float(weight_negative.sum())
    auroc = min(1.0, max(0.0, float(weight_positive @ below) / total_positive))
    of_positive, of_negative = np.zeros(len(score)), np.zeros(len(score))
    of_positive[event] = weight_positive * (below - auroc) / total_positive
    of_negative[~event] = weight_negative * (above - auroc) / total_negative
    return Placed(auroc=auroc, of_positive=of_positive, of_negative=of_negative)


def _share_below(score: FloatArray, others: FloatArray, weight: FloatArray) -> FloatArray:
    """(k,) weighted share of `others` below each score, ties half."""
    order = np.argsort(others)
    ranked = others[order]
    cumulated = np.concatenate([[0.0], np.cumsum(weight[order])])
    left = cumulated[np.searchsorted(ranked, score, side="left")]
    right = cumulated[np.searchsorted(ranked, score, side="right")]
    share: FloatArray = (left + right) / (2.0 * cumulated[-1])
    return share
