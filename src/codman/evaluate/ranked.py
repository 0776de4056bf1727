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
from codman.evaluate.kernels.library import ByteArray, order_by_patient, patient_squares
from codman.evaluate.kernels.order import order_by_score
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
        by_patient = order_by_patient(subject)
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
    per_class = _per_class(slices, code, weight=None)
    ordered = order_by_score(score, code, weight)
    return Ranked(
        slices=slices,
        event=event,
        score=score,
        weight=weight,
        subject=subject,
        row=row,
        code=code,
        order=ordered.order,
        sorted_code=ordered.code,
        sorted_score=ordered.score,
        sorted_weight=ordered.weight,
        fresh=ordered.fresh,
        n=per_class.sum(axis=1).astype(np.int64),
        effective=_effective(slices, code, weight, subject, per_class),
        positives=per_class[:, 1].astype(np.int64),
    )


def _per_class(slices: Slices, code: CodeArray, weight: FloatArray | None) -> FloatArray:
    """(S, 2) rows, or their weight, of non-events and events."""
    per_code = np.bincount(code, weights=weight, minlength=slices.of_cell.shape[1] * 2)
    return slices.totals(per_code.reshape(-1, 2).astype(np.float64))


def _effective(
    slices: Slices, code: CodeArray, weight: FloatArray | None, subject: CodeArray | None, per_class: FloatArray
) -> FloatArray:
    """Kish's number: the square of the weight over the squares of patients' weights."""
    if weight is None and subject is None:
        return per_class
    total = per_class if weight is None else _per_class(slices, code, weight)
    if subject is None:
        assert weight is not None  # noqa: S101 (else rows are plain)
        squares = _per_class(slices, code, weight**2)
    else:
        slice_of = np.ascontiguousarray(slices.of_cell.T)
        squares = patient_squares(subject, code, weight, slices.count, slice_of)[:, :0:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(total**2 / squares)
