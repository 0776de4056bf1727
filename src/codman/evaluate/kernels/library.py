"""The compiled kernels, as typed Python functions. Arrays are checked here; C trusts what it gets.

ctypes releases the interpreter's lock, so groupings run side by side in threads.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from codman.errors import BadInput
from codman.evaluate.estimates import FloatArray

ByteArray = NDArray[np.uint8]
Codes = NDArray[np.int32]
Longs = NDArray[np.int64]
T = TypeVar("T")
R = TypeVar("R")

SWEEP_SUMS: Final = 18  # as SUMS in sweep.c
FIT_SUMS: Final = 11  # as FIT in logistic.c


class KernelsMissing(BadInput):
    """The compiled library is not beside this file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            what="Codman's compiled kernels are not installed",
            why=f"{path.name} is missing from the package",
            fix="install a wheel, or build with `pip install .` (a C compiler is fetched if there is none)",
        )


class OutOfMemory(BadInput):
    """A kernel could not get the memory it needs."""

    def __init__(self) -> None:
        super().__init__(
            what="not enough memory", why="a kernel's work space was refused", fix="use fewer rows or groups at once"
        )


@cache
def library() -> ctypes.CDLL:
    """Load the shared library once."""
    path = Path(__file__).with_name("_kernels.so")
    if not path.exists():
        raise KernelsMissing(path)
    return ctypes.CDLL(str(path))


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do `work` on every item, as many at once as there are cores; results in order."""
    todo = list(items)
    if len(todo) < 2 or cores() < 2:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(work, todo))


def ref(array: NDArray[Any] | None) -> ctypes.c_void_p | None:
    """Where a contiguous array begins; None is a null pointer."""
    if array is None:
        return None
    if not array.flags.c_contiguous:
        raise AssertionError("kernels take contiguous arrays")
    return ctypes.c_void_p(array.ctypes.data)


long = ctypes.c_int64
real = ctypes.c_double


def checked(code: int) -> None:
    """Raise OutOfMemory where a kernel says it got none."""
    if code:
        raise OutOfMemory


def rank_sweep(code: Codes, fresh: ByteArray, weight: FloatArray | None, slices: int, of_cell: Codes) -> FloatArray:
    """(slices, 18) sums of one grouping; their order stands in sweep.c."""
    out = np.zeros((slices, SWEEP_SUMS))
    checked(
        library().rank_sweep(
            long(len(code)),
            ref(code),
            ref(fresh),
            ref(weight),
            long(slices),
            ref(of_cell),
            ref(out),
        )
    )
    return out


def rank_influence(
    order: Longs, code: Codes, fresh: ByteArray, weight: FloatArray | None, of_cell: Codes, sums: FloatArray
) -> FloatArray:
    """(n, 2) influence of each row on its slice's AUROC and average precision, in the rows' own order."""
    out = np.empty((len(code), 2))
    with np.errstate(all="ignore"):
        checked(
            library().rank_influence(
                long(len(code)), ref(order), ref(code), ref(fresh), ref(weight), long(len(sums)), ref(of_cell),
                ref(np.ascontiguousarray(sums)), ref(out),
            )
        )  # fmt: skip
    return out


def count_between(edges: Longs, code: Codes, weight: FloatArray | None, codes: int) -> FloatArray:
    """(segments, codes, 3): rows, weight and squared weight of each code between cuts of the arranged rows."""
    segments = len(edges) - 1
    out = np.zeros((segments, codes) if weight is None else (segments, codes, 3))
    library().count_between(long(segments), ref(edges), ref(code), ref(weight), long(codes), ref(out))
    return np.repeat(out[:, :, None], 3, axis=2) if weight is None else out


def gram(
    columns: FloatArray, cell: Codes, of_cell: Codes, slices: int, subject: Codes | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Totals (slices, k), second moments (slices, k, k) of patients' sums, and patients (slices,)."""
    n, k = columns.shape
    totals, moments, units = np.zeros((slices, k)), np.zeros((slices, k, k)), np.zeros(slices)
    checked(
        library().gram(
            long(n), long(k), ref(columns), ref(cell), ref(of_cell), ref(subject), long(slices), ref(totals),
            ref(moments), ref(units),
        )
    )  # fmt: skip
    return totals, moments, units


def order_by_patient(subject: Codes) -> Longs:
    """(n,) stable order of rows by patient."""
    out = np.empty(len(subject), np.int64)
    patients = int(subject.max()) + 1 if len(subject) else 0
    checked(library().order_by_patient(long(len(subject)), ref(subject), long(patients), ref(out)))
    return out


def patient_squares(subject: Codes, code: Codes, weight: FloatArray | None, slices: int, slice_of: Codes) -> FloatArray:
    """(slices, 3) patients, squares of their events and of their non-events, every grouping; subject non-decreasing."""
    out = np.zeros((slices, 3))
    checked(
        library().patient_squares(
            long(len(code)), ref(subject), ref(code), ref(weight), long(slices), long(slice_of.shape[1]),
            ref(slice_of), ref(out),
        )
    )  # fmt: skip
    return out


def patient_moments(
    subject: Codes, code: Codes, reached: Codes, slices: int, of_cell: Codes, thresholds: int
) -> tuple[FloatArray, FloatArray]:
    """(slices, thresholds, 9) second moments of patients' sums at ascending thresholds, and (slices, 6) of the whole.

    Moments of true and false positives a, b beside events and non-events P, N: a, b, aa, bb, ab, aP, aN, bP, bN; then
    P, N, PP, NN, PN and patients.
    """
    steps, whole = np.zeros((slices, thresholds + 1, 9)), np.zeros((slices, 6))
    checked(
        library().patient_moments(
            long(len(code)), ref(subject), ref(code), ref(reached), None, long(slices), ref(of_cell),
            long(thresholds), ref(steps), ref(whole),
        )
    )  # fmt: skip
    return np.cumsum(steps[:, :0:-1], axis=1)[:, ::-1], whole


def kind_moments(
    subject: Codes, cell: Codes, kind: ByteArray, weight: FloatArray | None, slices: int, of_cell: Codes
) -> tuple[FloatArray, FloatArray]:
    """(slices, 8, 8) second moments of patients' weight of each kind of row, and (slices, 256) patients by kinds."""
    moments, mixes = np.zeros((slices, 8, 8)), np.zeros((slices, 256))
    checked(
        library().kind_moments(
            long(len(kind)), ref(subject), ref(cell), ref(kind), ref(weight), long(slices), ref(of_cell),
            ref(moments), ref(mixes),
        )
    )  # fmt: skip
    return moments, mixes


def chebyshev_sums(
    x: FloatArray, code: Codes, weight: FloatArray | None, low: float, width: float, bins: int, degree: int, codes: int
) -> FloatArray:
    """(codes, bins, degree) sums of Chebyshev polynomials of the rows' places in their bins."""
    out = np.zeros((codes, bins, degree))
    library().chebyshev_sums(
        long(len(x)),
        ref(x),
        ref(code),
        ref(weight),
        real(low),
        real(width),
        long(bins),
        long(degree),
        ref(out),
    )
    return out


def logistic_pass(
    x: FloatArray,
    code: Codes,
    weight: FloatArray | None,
    of_cell: Codes,
    coefficients: FloatArray,
    *,
    residuals: bool = False,
) -> tuple[FloatArray, FloatArray | None]:
    """(slices, 11) gradient, information and meat at (slices, 3) coefficients; residuals (n, 3) on request."""
    out = np.zeros((len(coefficients), FIT_SUMS))
    parts = np.empty((len(x), 3)) if residuals else None
    library().logistic_pass(
        long(len(x)),
        ref(x),
        ref(code),
        ref(weight),
        ref(of_cell),
        ref(np.ascontiguousarray(coefficients)),
        ref(out),
        ref(parts),
    )
    return out, parts


def profile_interval(
    x: FloatArray, y: ByteArray, weight: FloatArray | None, *, slope: bool, a: float, b: float, se: float, fall: float
) -> tuple[float, float]:
    """Profile likelihood interval of the slope, or of the intercept with slope 1."""
    ends = np.empty(2)
    library().profile_interval(
        long(len(x)), ref(x), ref(y), ref(weight), ctypes.c_int(0 if slope else 1), real(a), real(b), real(se),
        real(fall), ref(ends),
    )  # fmt: skip
    return float(ends[0]), float(ends[1])


def loess(
    x: FloatArray, y: FloatArray, mass: FloatArray, variance: FloatArray, at: FloatArray, *, span: float
) -> tuple[FloatArray, FloatArray]:
    """(m,) local linear smooth of sorted points at sorted places, and its standard deviation."""
    out, spread = np.empty(len(at)), np.empty(len(at))
    library().loess(
        long(len(x)),
        ref(x),
        ref(y),
        ref(mass),
        ref(variance),
        real(span),
        long(len(at)),
        ref(at),
        ref(out),
        ref(spread),
    )
    return out, spread


def poisson_bytes(ids: NDArray[np.uint32], seed: int, replicate: int) -> ByteArray:
    """(n,) Poisson(1) weights of one replicate, from (seed, replicate, patient)."""
    out = np.empty(len(ids), np.uint8)
    library().poisson_bytes(long(len(ids)), ref(ids), ctypes.c_uint64(seed), ctypes.c_uint64(replicate), ref(out))
    return out


def bootstrap_sweep(
    code: Codes, fresh: ByteArray, alone: ByteArray, weight: ByteArray, slices: int, slice_of: Codes, cuts: Longs
) -> FloatArray:
    """(slices, 4 + 2 cuts) sums of one replicate, every grouping's; slice_of is (cells, groupings)."""
    out = np.zeros((slices, 4 + 2 * len(cuts)))
    checked(
        library().bootstrap_sweep(
            long(len(code)), ref(code), ref(fresh), ref(alone), ref(weight), long(slices),
            long(slice_of.shape[1]), ref(slice_of), long(len(cuts)), ref(cuts), ref(out),
        )
    )  # fmt: skip
    return out


def weighted_sums(columns: FloatArray, code: Codes, weight: ByteArray, cells: int) -> FloatArray:
    """(cells, k) sums of columns under replicate weights."""
    out = np.zeros((cells, columns.shape[1]))
    library().weighted_sums(long(len(code)), long(columns.shape[1]), ref(columns), ref(code), ref(weight), ref(out))
    return out


def probability_columns(score: FloatArray, code: Codes, weight: FloatArray | None, clip: float) -> FloatArray:
    """(n, 7) columns that probability metrics add up; their order stands in probability.c."""
    out = np.empty((len(score), 7))
    library().probability_columns(long(len(score)), ref(score), ref(code), ref(weight), real(clip), ref(out))
    return out


def logits(score: FloatArray, clip: float) -> tuple[FloatArray, int]:
    """(n,) logit of risks kept inside [clip, 1 − clip], and how many had to be moved."""
    out = np.empty(len(score))
    function = library().logits
    function.restype = ctypes.c_int64
    return out, int(function(long(len(score)), ref(score), real(clip), ref(out)))


def half_normal_quantile(spread: FloatArray, mass: FloatArray, share: float) -> float:
    """Quantile of |N(0, spread)| mixed over points in proportion to mass."""
    function = library().half_normal_quantile
    function.restype = ctypes.c_double
    return float(function(long(len(spread)), ref(spread), ref(mass), real(share)))
