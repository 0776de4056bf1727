"""foretold.c as typed Python functions."""

from __future__ import annotations

import ctypes

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.kernels.library import long, ref
from codman.monitor.kernels.library import library


def pooled(
    score: FloatArray, event: BoolArray, weight: FloatArray | None
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Last row, weight, squared weight and weight of events of each block of isotonic risk.

    Args:
        score: (n,) ascending.
        event: (n,) True where it happened.
        weight: (n,) above 0; None: 1 for all.
    """
    n = len(score)
    last, parts = np.empty(n, np.int64), [np.empty(n) for _ in range(3)]
    function = library().isotonic
    function.restype = ctypes.c_int64
    blocks = function(long(n), ref(score), ref(event.view(np.uint8)), ref(weight), ref(last), *map(ref, parts))
    mass, squares, events = (part[:blocks].copy() for part in parts)
    return last[:blocks].copy(), mass, squares, events


def expected_auroc(
    score: FloatArray, risk: FloatArray, edges: IntArray, *, pulls: bool = False
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Expected events, pairs in order, variance and third moment of the AUROC; (K,) its reach by block; (n,) by row.

    Args:
        score: (n,) ascending.
        risk: (n,) chance of the event.
        edges: (K + 1,) where each block's rows begin, and n.
        pulls: Whether the last is wanted.
    """
    out, reach = np.empty(4), np.empty(len(edges) - 1)
    pull = np.empty(len(score)) if pulls else None
    library().expected_auroc(
        long(len(score)), ref(score), ref(risk), long(len(reach)), ref(edges), ref(out), ref(reach), ref(pull)
    )
    return out, reach, pull
