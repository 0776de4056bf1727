"""The compiled kernels of monitor, as typed Python functions. Arrays are checked here; C trusts what it gets."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray
from codman.evaluate.kernels.library import KernelsMissing, OutOfMemory, checked, long, real, ref

Bins = NDArray[np.uint16]
ByteArray = NDArray[np.uint8]

MOST_BINS: Final = 256  # of a column of the additive model, as in additive.c


@cache
def library() -> ctypes.CDLL:
    """Load the shared library once."""
    path = Path(__file__).with_name("_kernels.so")
    if not path.exists():
        raise KernelsMissing(path)
    return ctypes.CDLL(str(path))


def two_samples(a: FloatArray, b: FloatArray) -> tuple[float, float]:
    """The largest gap between the distribution functions of two ascending samples, and the area between them.

    Args:
        a: (m,) ascending, no NaN, at least one.
        b: (n,) the same.

    Returns:
        Gap, 0 to 1, and area in the values' unit; the area is not finite where a value is not.
    """
    out = np.empty(2)
    library().two_samples(long(len(a)), ref(a), long(len(b)), ref(b), ref(out))
    return float(out[0]), float(out[1])


def place(x: FloatArray, edges: FloatArray, *, missing: int) -> Bins:
    """(n,) how many edges lie at or below each value: bin k holds [edge k−1, edge k); NaN is `missing`."""
    out = np.empty(len(x), np.uint16)
    library().place(long(len(x)), ref(x), long(len(edges)), ref(edges), long(missing), ref(out))
    return out


def count_bins(bins: Bins, cell: CodeArray, first: int, out: IntArray) -> None:
    """Add the rows of each bin to `out` (cells, width), whose column `first` is bin 0."""
    library().count_bins(long(len(bins)), ref(bins), ref(cell), long(out.shape[1]), long(first), ref(out))


def patient_bins(
    run: IntArray, slice_of_run: CodeArray, bins: Bins, count: int, slices: int, *, cumulative: bool
) -> FloatArray:
    """(slices, 2 · count + 1) sums of squares and products of patients' rows in bins; their order stands in place.c."""
    out = np.zeros((slices, 2 * count + 1))
    checked(
        library().patient_bins(
            long(len(run) - 1), ref(run), ref(slice_of_run), ref(bins), long(count), ctypes.c_int(cumulative), ref(out)
        )
    )  # fmt: skip
    return out


def additive_fit(
    bins: ByteArray,
    label: ByteArray,
    first: IntArray,
    without: tuple[int, int],
    *,
    intercept: float,
    ridge: float,
    tolerance: float,
    cycles: int,
) -> FloatArray:
    """(effects,) of an additive logistic model fitted on all rows but `without`.

    Args:
        bins: (columns, n) bin of each row in each column.
        label: (n,) 1 or 0.
        first: (columns + 1,) where each column's effects begin.
        without: First row that is left out, and the one after the last.
        intercept: Log odds before any effect.
        ridge: How strongly effects are drawn to 0: as many rows' worth at even odds, times 4.
        tolerance: Stops once no step changes a bin's sum of chances by more.
        cycles: At most so many rounds through the columns.

    Raises:
        OutOfMemory: The work space was refused.
    """
    effect = np.zeros(int(first[-1]))
    columns, n = bins.shape
    fit = library().additive_fit
    fit.restype = ctypes.c_int64
    done = fit(
        long(n), long(columns), ref(bins), ref(label), ref(first), long(without[0]), long(without[1]), real(intercept),
        real(ridge), real(tolerance), long(cycles), ref(effect),
    )  # fmt: skip
    if done < 0:
        raise OutOfMemory
    return effect


def additive_margin(
    bins: ByteArray, first: IntArray, rows: tuple[int, int], intercept: float, effect: FloatArray, margin: FloatArray
) -> None:
    """Write the log odds of rows [rows[0], rows[1]) into `margin` (n,)."""
    columns, n = bins.shape
    library().additive_margin(
        long(n), long(columns), ref(bins), ref(first), long(rows[0]), long(rows[1]), real(intercept), ref(effect),
        ref(margin),
    )  # fmt: skip
