"""AUROC, average precision and stated risks of two models on every slice: changes, and the sums their variances need.

The scores are sorted once for each model; a grouping's slices are then swept together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codman.evaluate.compare.cohort import Cohort
from codman.evaluate.compare.kinds import CANCELLED
from codman.evaluate.compare.rates import OF_RISK
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import CodeArray
from codman.evaluate.kernels.library import gram, rank_influence, rank_sweep, side_by_side
from codman.evaluate.ranked import Ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class Rankings:
    """Changes of how well patients are ranked, and sums over patients of what each adds to them."""

    auroc: FloatArray  # (S,) B minus A
    with_event: FloatArray  # (S,) squares of what patients' rows with the event add to it
    without: FloatArray  # (S,) the same of rows without it
    across: FloatArray  # (S,) products of the two
    auprc: FloatArray  # (S,) B minus A
    auprc_square: FloatArray  # (S,) squares of what patients add to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Change of the mean of one number a row, and the squares of what patients add to it."""

    value: FloatArray  # (S,)
    square: FloatArray  # (S,)


def rankings(cohort: Cohort) -> Rankings:
    """Sweep both models' scores, one grouping at a time.

    Sources: DeLong et al. 1988, doi:10.2307/2531595; clustered: Obuchowski 1997, doi:10.2307/2533958.
    """
    slices = cohort.slices
    found = Rankings(**{name: np.full(slices.count, np.nan) for name in Rankings.__dataclass_fields__})

    def one(g: int) -> None:
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - members[0], dtype=np.int32)
        auroc_a, auprc_a, of_a = _swept(cohort.a, of_cell, len(members))
        auroc_b, auprc_b, moved = _swept(cohort.b, of_cell, len(members))
        moved -= of_a
        columns = np.empty((len(moved), 3))
        columns[:, 0] = moved[:, 0] * cohort.event
        columns[:, 1] = moved[:, 0] - columns[:, 0]
        columns[:, 2] = moved[:, 1]
        _, moments, _ = gram(columns, slices.cell, of_cell, len(members), cohort.subject)
        found.auroc[members], found.auprc[members] = auroc_b - auroc_a, auprc_b - auprc_a
        found.with_event[members], found.without[members] = moments[:, 0, 0], moments[:, 1, 1]
        found.across[members], found.auprc_square[members] = moments[:, 0, 1], moments[:, 2, 2]

    side_by_side(one, range(len(slices.groupings)))
    return found


def _swept(ranked: Ranked, of_cell: CodeArray, slices: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(S,) AUROC and average precision of one model, and (n, 2) how far each row moves them."""
    sums = rank_sweep(ranked.sorted_code, ranked.fresh, ranked.sorted_weight, slices, of_cell)
    moved = rank_influence(ranked.order, ranked.sorted_code, ranked.fresh, ranked.sorted_weight, of_cell, sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip(sums[:, 2] / (sums[:, 0] * sums[:, 1]), 0.0, 1.0), sums[:, 9] / sums[:, 0], moved


def means(cohort: Cohort, metrics: list[str]) -> dict[str, Means]:
    """Changes of metrics in OF_RISK; without meaning where a score lies outside 0 to 1."""
    slices = cohort.slices
    weight = np.ones(len(cohort.event)) if cohort.weight is None else cohort.weight
    columns = np.empty((len(weight), len(metrics) + 1))
    with np.errstate(invalid="ignore", over="ignore"):
        for k, metric in enumerate(metrics):
            of_a, of_b = (OF_RISK[metric](cohort.event, score).top for score in (cohort.a.score, cohort.b.score))
            columns[:, k] = weight * (of_b - of_a)
    columns[:, -1] = weight
    totals, moments = np.empty((slices.count, len(metrics) + 1)), np.empty((slices.count, *[len(metrics) + 1] * 2))

    def one(g: int) -> None:
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - members[0], dtype=np.int32)
        totals[members], moments[members], _ = gram(columns, slices.cell, of_cell, len(members), cohort.subject)

    side_by_side(one, range(len(slices.groupings)))
    found: dict[str, Means] = {}
    for k, metric in enumerate(metrics):
        with np.errstate(invalid="ignore", over="ignore"):
            value = totals[:, k] / totals[:, -1]
            own, joint, whole = moments[:, k, k], 2.0 * value * moments[:, k, -1], value**2 * moments[:, -1, -1]
            square = own - joint + whole
            square = np.where(square > CANCELLED * (own + np.abs(joint) + whole), square, 0.0)
            found[metric] = Means(value=value, square=square / totals[:, -1] ** 2)
    return found
