"""Average precision (AUPRC) and how far each row moves it."""

from __future__ import annotations

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import FloatArray


def average_precision(
    event: BoolArray, score: FloatArray, weight: FloatArray | None = None
) -> tuple[float, FloatArray]:
    """Mean PPV over the patients with the event, from the highest score down, and its influence function.

    Args:
        event: (n,) True where the event happened; at least one is.
        score: (n,) higher is riskier; ties are one block.
        weight: (n,) above zero; None is 1 for all.

    Returns:
        The average precision in (0, 1], and (n,) how far each row moves it (sums to zero).

    Source: the derivative of Σ w·y·TP/(TP+FP) / Σ w·y in each row's weight w.
    """
    w = np.ones(len(score)) if weight is None else weight
    order = np.argsort(-score)
    ranked, weights = score[order], w[order]
    hits = np.where(event[order], weights, 0.0)
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))  # last row of each block of ties
    block = np.zeros(len(ranked), dtype=np.int64)
    block[last[:-1] + 1] = 1
    block = np.cumsum(block)
    true, flagged = np.cumsum(hits)[last], np.cumsum(weights)[last]
    hits_in_block = np.diff(true, prepend=0.0)
    total = true[-1]
    precision = true / flagged
    value = float(hits_in_block @ precision / total)
    # a row scored at or above a block's score raises that block's TP (if an event) and its flagged count
    gain = np.cumsum((hits_in_block / flagged)[::-1])[::-1]
    loss = np.cumsum((hits_in_block * true / flagged**2)[::-1])[::-1]
    event_ranked = event[order]
    moved = np.where(event_ranked, precision[block] - value + gain[block], 0.0) - loss[block]
    influence = np.empty(len(score))
    influence[order] = moved * weights / total
    return value, influence
