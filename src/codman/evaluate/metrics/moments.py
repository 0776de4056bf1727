"""Means of per-row numbers on every slice, with everything the variance of a function of them needs.

A row's numbers z = (1, x₁ … xₖ), weighted, are summed per finest cell; so are the products z zᵀ, within patients first
where patients repeat. Any smooth function of the means then has its cluster-robust variance without another pass.

Source: linearisation (delta method) with clusters as the units, Binder 1983, doi:10.2307/1402588; the effective number
of clusters, Carter, Schnepel & Steigerwald 2017, doi:10.1162/REST_a_00639.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.columns import BoolArray
from codman.evaluate.distributions import t_ppf
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.kernels.library import gram, side_by_side
from codman.evaluate.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Weighted means of k numbers on S slices, and the sums their variances need."""

    weight: FloatArray  # (S,) sum of weights
    mean: FloatArray  # (S, k)
    product: FloatArray  # (S, k+1, k+1) sum over patients of (Σ w z)(Σ w z)ᵀ
    effective: FloatArray  # (S,) effective number of patients: all of them when they weigh the same
    rows: IntArray  # (S,) rows it rests on
    row_effective: FloatArray  # (S,) effective number of rows (Kish)

    def variance(self, gradient: FloatArray) -> FloatArray:
        """(S,) variance of a function of the means.

        Args:
            gradient: (S, k) its slope in each mean.

        Returns:
            NaN where fewer than two patients are left.
        """
        return self.covariance(gradient, gradient)

    def covariance(self, one: FloatArray, other: FloatArray) -> FloatArray:
        """(S,) covariance of two functions of the means, by their gradients (S, k)."""
        a, b = self.influence(one), self.influence(other)
        with np.errstate(divide="ignore", invalid="ignore"):
            correction = np.where(self.effective > 1, self.effective / (self.effective - 1), np.nan)
        out: FloatArray = np.einsum("si,sij,sj->s", a, self.product, b) * correction
        return out

    def influence(self, gradient: FloatArray) -> FloatArray:
        """(S, k+1) coefficients on w z that make each row's share in the function's error."""
        with np.errstate(divide="ignore", invalid="ignore"):
            own = -np.sum(gradient * self.mean, axis=1)
            out: FloatArray = np.column_stack([own, gradient]) / self.weight[:, None]
        return out

    def t(self, level: float) -> FloatArray:
        """(S,) Student's t quantile at the effective number of patients less one."""
        return t_of(level, self.effective - 1)


@lru_cache(maxsize=65536)
def _t(level: float, df: float) -> float:
    return t_ppf(0.5 + level / 2, df)


def t_of(level: float, df: FloatArray) -> FloatArray:
    """Student's t quantile of a two-sided interval at each df; NaN below one half, where an interval says nothing."""
    out = np.full(len(df), np.nan)
    for s in np.flatnonzero(df > 0.5):
        out[s] = _t(level, round(float(df[s]), 6))
    return out


def moments(
    sample: Sample, columns: list[FloatArray], *, keep: BoolArray | None = None, times: FloatArray | None = None
) -> Moments:
    """Sum k columns over every slice.

    Args:
        sample: The rows.
        columns: k arrays (n,), finite where kept.
        keep: (n,) the rows it is about; None is all.
        times: (n,) how often each row counts, for the bootstrap.
    """
    n, slices = sample.n, sample.slices
    cells = slices.of_cell.shape[1]
    weight = np.ones(n) if sample.weight is None else sample.weight
    if times is not None:
        weight = weight * times
    if keep is not None:
        weight = np.where(keep, weight, 0.0)
        columns = [np.where(keep, column, 0.0) for column in columns]
    z = [weight, *(weight * column for column in columns)]
    k = len(z)
    counted = np.bincount(slices.cell, weights=None if keep is None else keep.astype(np.float64), minlength=cells)
    rows = slices.totals(counted.astype(np.float64))
    if not sample.repeats:
        sums = slices.totals(_by_cell(z, slices.cell, cells))
        product = np.empty((slices.count, k, k))
        for i in range(k):
            for j in range(i, k):
                of_cell = np.bincount(slices.cell, z[i] * z[j], minlength=cells).astype(np.float64)
                product[:, i, j] = product[:, j, i] = slices.totals(of_cell)
        squared_rows = product[:, 0, 0]
    else:
        sums, product = _by_patient(sample, z, keep)
        squared_rows = slices.totals(_by_cell([weight * weight], slices.cell, cells))[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        total = sums[:, 0]
        return Moments(
            weight=total,
            mean=sums[:, 1:] / total[:, None],
            product=product,
            effective=total**2 / product[:, 0, 0],
            rows=np.rint(rows).astype(np.int64),
            row_effective=total**2 / squared_rows,
        )


def _by_cell(parts: list[FloatArray], cell: NDArray[Any], cells: int) -> FloatArray:
    """(cells, k) sums of k columns."""
    out = np.empty((cells, len(parts)))
    for k, part in enumerate(parts):
        out[:, k] = np.bincount(cell, part, minlength=cells)
    return out


def _by_patient(sample: Sample, z: list[FloatArray], keep: BoolArray | None) -> tuple[FloatArray, FloatArray]:
    """(S, k) totals, and (S, k, k) products of patients' sums."""
    assert sample.subject is not None  # noqa: S101 (repeats says so)
    slices = sample.slices
    inside = np.arange(sample.n) if keep is None else np.flatnonzero(keep)
    order = inside[np.argsort(sample.subject[inside], kind="stable")]
    columns = np.empty((len(order), len(z)))
    for k, part in enumerate(z):
        columns[:, k] = part[order]
    cell, subject = slices.cell[order], sample.subject[order]
    sums, product = np.zeros((slices.count, len(z))), np.zeros((slices.count, len(z), len(z)))

    def one(g: int) -> None:
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - int(members[0]))
        sums[members], product[members], _ = gram(columns, cell, of_cell, len(members), subject)

    side_by_side(one, range(len(slices.groupings)))
    return sums, product


def steady_df(second: FloatArray, fourth: FloatArray, patients: FloatArray) -> FloatArray:
    """(S,) degrees of freedom of a variance that few patients may carry.

    Args:
        second: (S,) sum of patients' squared influences.
        fourth: (S,) sum of their fourth powers.
        patients: (S,) effective number of patients m.

    Returns:
        Satterthwaite's 2V²/Var(V), from the influences' own fourth moment; at most m − 1, which normal influences give.

    Source: Satterthwaite 1946, doi:10.2307/3002019; with clusters, Bell & McCaffrey 2002, Survey Methodology 28:169.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = fourth - second**2 / patients
        own = np.where(spread > 0, 2 * second**2 / spread, np.inf)
    out: FloatArray = np.fmin(np.maximum(own, 1.0), patients - 1)
    return out
