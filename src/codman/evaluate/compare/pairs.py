"""Pairs: the rows two models both scored, beside what then happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Two scores of the same rows. Made by run.py from the joined files, cut to a slice of patients by `take`."""

    event: BoolArray  # (n,) True where the event happened
    a: FloatArray  # (n,) score of A, higher is riskier
    b: FloatArray  # (n,) score of B
    weight: FloatArray | None  # (n,) above 0; None: 1 for all
    subject: CodeArray | None  # (n,) patient of each row; None: each row is a patient

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.event)

    @property
    def positives(self) -> int:
        """Rows with the event."""
        return int(np.count_nonzero(self.event))

    @property
    def patients(self) -> int:
        """Patients: subjects where they are named, else rows."""
        return self.n if self.subject is None or self.n == 0 else int(self.subject.max()) + 1

    @property
    def clustered(self) -> bool:
        """True when some patient has several rows."""
        return self.patients < self.n

    def take(self, rows: IntArray) -> Pairs:
        """The same pairs over some of the rows; patients are numbered anew."""
        return Pairs(
            event=self.event[rows],
            a=self.a[rows],
            b=self.b[rows],
            weight=None if self.weight is None else self.weight[rows],
            subject=None if self.subject is None else renumbered(self.subject[rows]),
        )


def summed(rows: FloatArray, subject: CodeArray, patients: int) -> FloatArray:
    """(patients,) sum of each patient's rows."""
    return np.bincount(subject, weights=rows, minlength=patients).astype(np.float64, copy=False)


def renumbered(subject: CodeArray) -> CodeArray:
    """Codes without gaps, 0 to one less than the number of patients."""
    if len(subject) == 0:
        return subject
    seen = np.zeros(int(subject.max()) + 1, dtype=bool)
    seen[subject] = True
    return (np.cumsum(seen, dtype=np.int32) - 1)[subject].astype(np.int32)
