"""Estimation under covariate shift: what a score means is learned from reference rows weighted to the window's mix.

Weights are the density ratio of the window's rows over the reference's, odds of a classifier that tells them apart
(Bickel 2009). It helps where the mix of patients changed and the meaning of a row did not; the effective sample size
says how much of the reference is left. Source: NannyML's PAPE, Białek 2024, arXiv:2401.08348.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from codman.evaluate.columns import codes, numbers
from codman.evaluate.estimates import FloatArray
from codman.tables.source import Source

LARGEST: Final = 20.0  # a row's weight, beside a mean of 1
SMALLEST: Final = 1e-3
FITTED_ROWS: Final = 50_000  # of each side, on which the classifier is fitted
MOST_LEVELS: Final = 20  # of a category; the rest are one
RIDGE: Final = 1.0
PASSES: Final = 25
FEW_EFFECTIVE: Final = 100  # effective rows under which the reference does not stand for the window


class DensityRatio(Protocol):
    """Says how much likelier each reference row is in the window than in the reference."""

    def __call__(self, reference: FloatArray, current: FloatArray) -> FloatArray:
        """(n,) ratios of the reference's rows, before clipping; features are (n, d) and (m, d)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Weights of the reference's rows, mean 1."""

    weight: FloatArray  # (n,)
    effective: float  # rows of equal weight they are worth
    clipped: int  # rows whose weight was held at its largest


def reweighted(reference: FloatArray, current: FloatArray, ratio: DensityRatio) -> Ratio:
    """Weights under which the reference has the window's mix.

    Args:
        reference: (n, d) features, no NaN.
        current: (m, d) of the window.
        ratio: How they are told apart.
    """
    found = ratio(reference, current)
    found = found / found.mean()
    clipped = int(np.count_nonzero(found > LARGEST))
    weight = np.clip(found, SMALLEST, LARGEST)
    weight = weight / weight.mean()
    return Ratio(weight=weight, effective=float(weight.sum() ** 2 / np.sum(weight**2)), clipped=clipped)


def logistic_ratio(reference: FloatArray, current: FloatArray) -> FloatArray:
    """Odds of a ridge logistic classifier, current against reference, times the ratio of their numbers."""
    a, b = (rows[:: max(len(rows) // FITTED_ROWS, 1)] for rows in (reference, current))
    x = np.column_stack([np.ones(len(a) + len(b)), np.vstack([a, b])])
    y = np.repeat([0.0, 1.0], [len(a), len(b)])
    beta = np.zeros(x.shape[1])
    penalty = np.full(x.shape[1], RIDGE)
    penalty[0] = 0.0
    for _ in range(PASSES):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        h = p * (1 - p)
        step = np.linalg.solve((x * h[:, None]).T @ x + np.diag(penalty + 1e-9), x.T @ (y - p) - penalty * beta)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-8:
            break
    log_odds = np.clip(beta[0] + reference @ beta[1:], -30, 30)
    found: FloatArray = np.exp(log_odds) * len(a) / len(b)
    return found


@dataclass(frozen=True, slots=True)
class Expansion:
    """How columns become features, decided on the reference: numbers with their squares, categories one by one."""

    columns: tuple[str, ...]
    scales: dict[str, tuple[float, float]]
    levels: dict[str, tuple[str, ...]]

    def of(self, table: pa.Table, source: Source) -> FloatArray:
        """(n, d) features, no NaN: a missing number is the reference's mean and says so in a feature of its own."""
        parts: list[FloatArray] = []
        for name in self.columns:
            if name in self.levels:
                coded = codes(table, name)
                place = [self.levels[name].index(one) if one in self.levels[name] else -1 for one in coded.levels]
                at = np.array(place, dtype=np.int64)[coded.codes]
                parts += [(at == k).astype(np.float64) for k in range(len(self.levels[name]))]
            else:
                middle, scale = self.scales[name]
                values = numbers(table, name, source)
                missing = np.isnan(values)
                standard = np.clip(np.where(missing, 0.0, (values - middle) / scale), -5, 5)
                parts += [standard, standard**2 - 1, missing.astype(np.float64)]
        return np.column_stack(parts) if parts else np.zeros((table.num_rows, 0))


def expand(table: pa.Table, columns: list[str], source: Source) -> Expansion:
    """Decide on the reference how its columns become features."""
    scales: dict[str, tuple[float, float]] = {}
    levels: dict[str, tuple[str, ...]] = {}
    for name in columns:
        kind = table.schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            values = numbers(table, name, source)
            there = values[np.isfinite(values)]
            scales[name] = (float(there.mean()), float(there.std()) or 1.0) if len(there) else (0.0, 1.0)
        else:
            coded = codes(table, name)
            count = np.bincount(coded.codes, minlength=len(coded.levels))
            kept = np.argsort(-count, kind="stable")[:MOST_LEVELS]
            levels[name] = tuple(coded.levels[int(k)] for k in kept)
    return Expansion(columns=tuple(columns), scales=scales, levels=levels)
