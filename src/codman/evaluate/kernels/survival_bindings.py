"""The survival kernels as typed Python functions; survival.c says what they compute."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.estimates import FloatArray
from codman.evaluate.kernels.library import ByteArray, Codes, OutOfMemory, library


def _at(array: NDArray[Any] | None) -> ctypes.c_void_p | None:
    return None if array is None else ctypes.c_void_p(array.ctypes.data)


def pairs_after(
    step: Codes, event: ByteArray, rank: Codes, ranks: int, mass: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """For each failure the mass of rows that outlived it: those with a lower score (ties by half), and all.

    Args:
        step: (n,) place of each row's time among the distinct times, ascending.
        event: (n,) 1 where the row failed.
        rank: (n,) place of its score among the distinct scores.
        ranks: Number of distinct scores.
        mass: (n,) weights; None is 1 each.

    Returns:
        (n,) lower and (n,) after; 0 in rows that did not fail.

    Raises:
        OutOfMemory: The work space was refused.
    """
    n = len(step)
    step, event, rank = _whole(step, np.int32), _whole(event, np.uint8), _whole(rank, np.int32)
    mass = None if mass is None else _whole(mass, np.float64)
    lower, after = np.zeros(n), np.zeros(n)
    code = library().survival_after(
        ctypes.c_int64(n), _at(step), _at(event), _at(rank), ctypes.c_int64(ranks), _at(mass), _at(lower), _at(after)
    )
    if code:
        raise OutOfMemory
    return lower, after


def pairs_before(
    step: Codes, event: ByteArray, rank: Codes, ranks: int, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """For each row the weight of failures it outlived: those with a higher score (ties by half), and all.

    Args:
        step: (n,) place of each row's time among the distinct times, ascending.
        event: (n,) 1 where the row failed.
        rank: (n,) place of its score among the distinct scores.
        ranks: Number of distinct scores.
        weight: (sets, n) weight of each failure as the first of a pair.

    Returns:
        (sets, n) higher and (sets, n) before.

    Raises:
        OutOfMemory: The work space was refused.
    """
    sets, n = weight.shape
    step, event, rank = _whole(step, np.int32), _whole(event, np.uint8), _whole(rank, np.int32)
    weight = _whole(weight, np.float64)
    higher, before = np.empty((sets, n)), np.empty((sets, n))
    code = library().survival_before(
        ctypes.c_int64(n), _at(step), _at(event), _at(rank), ctypes.c_int64(ranks), ctypes.c_int64(sets), _at(weight),
        _at(higher), _at(before),
    )  # fmt: skip
    if code:
        raise OutOfMemory
    return higher, before


def logistic_at(z: FloatArray, y: ByteArray, weight: FloatArray, a: float, b: float) -> list[float]:
    """Log likelihood of a weighted logistic fit at intercept a and slope b, its gradient (2) and information (3).

    Args:
        z: (n,) the one predictor.
        y: (n,) 1 for the event.
        weight: (n,) weights, 0 or more.
        a: Intercept.
        b: Slope.
    """
    z, y, weight = _whole(z, np.float64), _whole(y, np.uint8), _whole(weight, np.float64)
    out = np.empty(6)
    library().survival_logistic(
        ctypes.c_int64(len(z)), _at(z), _at(y), _at(weight), ctypes.c_double(a), ctypes.c_double(b), _at(out)
    )
    sums: list[float] = out.tolist()
    return sums


def _whole(array: NDArray[Any], kind: type) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=kind)
