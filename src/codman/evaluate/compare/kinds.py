"""Kinds: at one threshold a row is one of eight: with the event or without, flagged by A or not, by B or not.

Every metric at the threshold, and its variance, follows from patients' weight of each kind, so the rows are counted
once for all metrics and all slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.compare.cohort import Cohort
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.kernels.library import kind_moments, side_by_side

KINDS: Final = 8
CANCELLED: Final = 1e-12  # of the parts that are subtracted: what is left under it is rounding
EVENT, FLAG_A, FLAG_B = (np.arange(KINDS) >> bit & 1 == 1 for bit in (2, 1, 0))  # (8,) each
_MIXES: Final = np.arange(2**KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """How many rows of each kind a slice has, and how they lie among its patients."""

    rows: IntArray  # (8,)
    weight: FloatArray  # (8,) the rows themselves where they have no weight
    moments: FloatArray  # (8, 8) second moments of patients' weight of each kind
    mixes: IntArray | None  # (256,) patients by the kinds they have, a bit each; None: each row is a patient

    def count(self, which: BoolArray) -> int:
        """Rows of some kinds."""
        return int(self.rows[which].sum())

    def weighed(self, which: BoolArray) -> float:
        """Their weight."""
        return float(self.weight[which].sum())

    def patients(self, which: BoolArray) -> int:
        """Patients who have a row of some kinds."""
        if self.mixes is None:
            return self.count(which)
        bits = int((which << np.arange(KINDS)).sum())
        return int(self.mixes[(_MIXES & bits) != 0].sum())

    def product(self, x: FloatArray, y: FloatArray) -> float:
        """Sum over patients of what x and y, (8,) for each unit of weight of a kind, add up to in their rows."""
        found = float(x @ self.moments @ y)
        return found if abs(found) > CANCELLED * float(np.abs(x) @ self.moments @ np.abs(y)) else 0.0


def kinds_of(cohort: Cohort, threshold: float) -> list[Kinds]:
    """Count the rows of every slice by kind; flagged is score >= threshold."""
    slices = cohort.slices
    kind = cohort.event * np.uint8(4) + (cohort.a.score >= threshold) * np.uint8(2) + (cohort.b.score >= threshold)
    cells = slices.of_cell.shape[1]
    code = slices.cell.astype(np.int64) * KINDS + kind

    def totals(weight: FloatArray | None) -> FloatArray:
        per_cell = np.bincount(code, weights=weight, minlength=cells * KINDS).astype(np.float64)
        return slices.totals(per_cell.reshape(cells, KINDS))

    rows = totals(None)
    weight = rows if cohort.weight is None else totals(cohort.weight)
    moments, mixes = np.zeros((slices.count, KINDS, KINDS)), None
    if cohort.subject is None:
        squares = rows if cohort.weight is None else totals(cohort.weight**2)
        moments[:, np.arange(KINDS), np.arange(KINDS)] = squares
    else:
        mixes = np.zeros((slices.count, len(_MIXES)), dtype=np.int64)
        _by_patient(cohort, kind, moments, mixes)
    return [
        Kinds(
            rows=rows[s].astype(np.int64),
            weight=weight[s],
            moments=moments[s],
            mixes=None if mixes is None else mixes[s],
        )
        for s in range(slices.count)
    ]


def _by_patient(cohort: Cohort, kind: np.ndarray, moments: FloatArray, mixes: IntArray) -> None:
    """Fill in moments and mixes, one grouping at a time."""
    slices, subject = cohort.slices, cohort.subject
    assert subject is not None  # noqa: S101 (the caller checked)

    def one(g: int) -> None:
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - members[0], dtype=np.int32)
        moments[members], mixes[members] = kind_moments(
            subject, slices.cell, kind, cohort.weight, len(members), of_cell
        )

    side_by_side(one, range(len(slices.groupings)))
