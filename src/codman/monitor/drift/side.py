"""Side: the reference's rows, or the current ones: whose they are and which slices they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from codman.evaluate.estimates import IntArray
from codman.evaluate.groups import CodeArray, Slices
from codman.evaluate.kernels.library import order_by_patient
from codman.evaluate.sample import Sample
from codman.evaluate.sample import patients as distinct_patients


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """Rows in order of one grouping's slices, and of patients within each where rows repeat them."""

    order: IntArray | None  # (n,) None: the rows' own order, of everyone
    edges: IntArray  # (members + 1,) where each slice begins
    run: IntArray | None  # (runs + 1,) where each patient's rows in a slice begin; None: rows are independent
    slice_of_run: CodeArray | None  # (runs,) which of the grouping's slices


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two samples."""

    slices: Slices  # with the names of both sides
    subject: CodeArray | None  # (n,) patient; None where each row is a patient
    rows: IntArray  # (S,)
    patients: IntArray  # (S,) distinct
    arranged: tuple[Arranged, ...] = field(repr=False)  # (G,)

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self.slices.cell)

    @property
    def clustered(self) -> bool:
        """Whether some patient has several rows."""
        return self.subject is not None


def make_side(slices: Slices, subject: CodeArray | None) -> Side:
    """Arrange the rows once for each grouping.

    Args:
        slices: Of these rows.
        subject: (n,) patient of each row, 0…; None where nobody says.
    """
    n = len(slices.cell)
    repeats = subject is not None and n > 0 and len(np.unique(subject)) < n
    sample = Sample(slices=slices, subject=subject, weight=None, row=np.arange(n), repeats=repeats)
    per_cell = np.bincount(slices.cell, minlength=slices.of_cell.shape[1]).astype(np.float64)
    by_patient = order_by_patient(subject) if repeats and subject is not None else None
    return Side(
        slices=slices,
        subject=subject if repeats else None,
        rows=slices.totals(per_cell).astype(np.int64),
        patients=distinct_patients(sample),
        arranged=tuple(_arrange(slices, g, subject, by_patient) for g in range(len(slices.groupings))),
    )


def _arrange(slices: Slices, g: int, subject: CodeArray | None, by_patient: IntArray | None) -> Arranged:
    members = slices.members(g)
    place = (slices.of_rows(g) - int(members[0])).astype(np.uint16)
    n = len(place)
    if len(members) == 1:
        order = by_patient
        edges = np.array([0, n], np.int64)
    else:
        of = place if by_patient is None else place[by_patient]
        stable = np.argsort(of, kind="stable")
        order = stable if by_patient is None else by_patient[stable]
        edges = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(members)))]).astype(np.int64)
    if by_patient is None or subject is None or order is None:
        return Arranged(order=order, edges=edges, run=None, slice_of_run=None)
    who, where = subject[order], place[order]
    fresh = np.ones(n, bool)
    fresh[1:] = (who[1:] != who[:-1]) | (where[1:] != where[:-1])
    begin = np.flatnonzero(fresh)
    return Arranged(
        order=order,
        edges=edges,
        run=np.append(begin, n).astype(np.int64),
        slice_of_run=where[begin].astype(np.int32),
    )
