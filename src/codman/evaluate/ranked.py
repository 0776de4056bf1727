"""Ranked: binary outcomes and scores, sorted once, ready for every sweep.

Rows are kept in patients' order where rows repeat patients, so that sums by patient run through memory once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray, Slices
from codman.evaluate.kernels.library import ByteArray, arrange, gram, side_by_side
from codman.evaluate.sample import Sample

FEW: Final = 30  # rows of either class under which large-sample intervals are not trusted
FEW_EFFECTIVE: Final = 15  # the same in independent patients' worth, where rows repeat patients or are weighted


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """What a model said and what happened, in two orders."""

    slices: Slices
    event: BoolArray  # (n,) rows' own order
    score: FloatArray  # (n,)
    weight: FloatArray | None  # (n,)
    subject: CodeArray | None  # (n,) non-decreasing; None where each row is a patient
    row: IntArray  # (n,) position in the source
    code: CodeArray  # (n,) finest cell * 2 + event
    order: IntArray  # (n,) ascending argsort of score
    sorted_code: CodeArray  # (n,) from the highest score down
    sorted_score: FloatArray
    sorted_weight: FloatArray | None
    fresh: ByteArray  # (n,) 1 where the score differs from the one above
    n: IntArray  # (S,) rows
    positives: IntArray  # (S,) rows with the event
    effective: FloatArray  # (S, 2) independent patients' worth of non-events and events (Kish)

    @property
    def few(self) -> BoolArray:
        """(S,) True where a class is too small for large-sample intervals."""
        smaller = np.minimum(self.positives, self.n - self.positives)
        few: BoolArray = (smaller < FEW) | ~(self.effective.min(axis=1) >= FEW_EFFECTIVE)
        return few

    @property
    def clustered(self) -> bool:
        """Whether variances are summed by patient."""
        return self.subject is not None

    @property
    def df(self) -> FloatArray | None:
        """(S,) degrees of freedom of a variance by patient: those of the smaller class; None for independent rows."""
        return None if self.plain else self.effective.min(axis=1) - 1

    def by_row(self) -> Ranked:
        """The same rows as if each were a patient: for counts, which do not depend on it."""
        return self if self.subject is None else replace(self, subject=None)

    @property
    def plain(self) -> bool:
        """Independent rows of equal weight: exact small-sample intervals hold."""
        return self.subject is None and self.weight is None


def rank(sample: Sample, event: BoolArray, score: FloatArray) -> Ranked:
    """Sort once.

    Args:
        sample: Whose rows these are.
        event: (n,) True where the event happened.
        score: (n,) higher is likelier; no NaN.
    """
    slices, subject, weight, row = sample.slices, sample.subject, sample.weight, sample.row
    if not sample.repeats:
        subject = None
    elif subject is not None and np.any(subject[1:] < subject[:-1]):
        by_patient = np.argsort(subject, kind="stable")
        subject, event, score, row = subject[by_patient], event[by_patient], score[by_patient], row[by_patient]
        weight = None if weight is None else weight[by_patient]
        slices = Slices(
            names=slices.names,
            grouping=slices.grouping,
            groupings=slices.groupings,
            cell=slices.cell[by_patient],
            of_cell=slices.of_cell,
        )
    code = slices.cell * 2 + event.astype(np.int32)
    order = np.argsort(score)
    sorted_code, sorted_score, sorted_weight, fresh = arrange(order, score, code, weight)
    return Ranked(
        slices=slices,
        event=event,
        score=score,
        weight=weight,
        subject=subject,
        row=row,
        code=code,
        order=order,
        sorted_code=sorted_code,
        sorted_score=sorted_score,
        sorted_weight=sorted_weight,
        fresh=fresh,
        n=_counts(slices, code, (0, 1)),
        effective=_effective(slices, event, weight, subject),
        positives=_counts(slices, code, (1,)),
    )


def _counts(slices: Slices, code: CodeArray, wanted: tuple[int, ...]) -> IntArray:
    per_code = np.bincount(code, minlength=slices.of_cell.shape[1] * 2).reshape(-1, 2)
    return slices.totals(per_code[:, wanted].sum(axis=1).astype(np.float64)).astype(np.int64)


def _effective(slices: Slices, event: BoolArray, weight: FloatArray | None, subject: CodeArray | None) -> FloatArray:
    w = np.ones(len(event)) if weight is None else weight
    columns = np.column_stack([w * ~event, w * event])
    out = np.empty((slices.count, 2))

    def one(g: int) -> None:
        members = slices.members(g)
        of_cell = np.ascontiguousarray(slices.of_cell[g] - int(members[0]))
        totals, moments, _units = gram(columns, slices.cell, of_cell, len(members), subject)
        with np.errstate(divide="ignore", invalid="ignore"):
            out[members] = totals**2 / np.stack([moments[:, 0, 0], moments[:, 1, 1]], axis=1)

    if weight is None and subject is None:
        per_code = np.bincount(slices.cell * 2 + event, minlength=slices.of_cell.shape[1] * 2).reshape(-1, 2)
        return slices.totals(per_code.astype(np.float64))
    side_by_side(one, range(len(slices.groupings)))
    return np.nan_to_num(out)
