"""Small groups: which slices may not show their numbers.

Standard: fewer than 11 patients. Strict (what leaves the house): also fewer than 11 of either class, and enough
neighbours that nothing can be worked out by subtraction.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import IntArray
from codman.evaluate.groups import Slices

FEWEST: Final = 11  # CMS cell-size suppression: no cell of 1 to 10 patients is shown
SOLVED: Final = 1e-6  # distance of a hidden group's rows from a sum of shown ones, under which it is one
MOST_ENTRIES: Final = 1_000_000  # slices times finest cells up to which sums of shown groups are searched


def suppressed(
    slices: Slices, patients: IntArray, *, strict: bool = False, smaller_class: IntArray | None = None
) -> BoolArray:
    """(S,) True where a slice's numbers may not be shown.

    Args:
        slices: The slices.
        patients: (S,) distinct patients in each.
        strict: Also judge the smaller class, and hide what sums and differences of shown groups would reveal. With
            more groups than that can be searched for, no intersection is shown beside a hidden group.
        smaller_class: (S,) patients in the smaller class, where there are classes.
    """
    hidden: BoolArray = patients < FEWEST
    if not strict:
        return hidden
    if smaller_class is not None:
        hidden = hidden | (smaller_class < FEWEST)
    if not hidden.any():
        return hidden
    searched = slices.of_cell.shape[1] * slices.count <= MOST_ENTRIES
    if not searched:
        hidden = hidden | np.array([len(name) > 1 for name in slices.names])
    fewest = patients if smaller_class is None else np.minimum(patients, smaller_class)
    hidden = _within_families(slices, patients, fewest, hidden)
    return _within_sums(slices, patients, hidden) if searched else hidden


def _within_families(slices: Slices, patients: IntArray, fewest: IntArray, hidden: BoolArray) -> BoolArray:
    """Hide the smallest neighbour of a lone hidden group, and of several that are too small even together.

    What is hidden of a parent is what is left when its shown children are taken away, so it is itself a group.
    `fewest`: (S,) patients, or those of the smaller class.
    """
    families = _families(slices)
    changed = True
    while changed:
        changed = False
        for parent, children in families:
            shown = [c for c in children if not hidden[c]]
            hidden_children = len(children) - len(shown)
            left = sum(int(fewest[c]) for c in children if hidden[c])
            revealed = not hidden[parent] and (hidden_children == 1 or (hidden_children > 0 and left < FEWEST))
            summed = hidden_children == 0 and bool(hidden[parent]) and parent != 0  # the children added up
            if shown and (revealed or summed):
                hidden[min(shown, key=lambda c: (patients[c], c))] = True
                changed = True
    return hidden


def _within_sums(slices: Slices, patients: IntArray, hidden: BoolArray) -> BoolArray:
    """Hide the smallest part of every sum or difference of shown groups that is a hidden one, until there is none.

    Families are not enough: groupings that only share a column, or a lone cell between two hidden blocks, give more.
    """
    holds = np.zeros((slices.count, slices.of_cell.shape[1]))
    for mapping in slices.of_cell:
        holds[mapping, np.arange(len(mapping))] = 1.0
    while True:
        shown, secret = np.flatnonzero(~hidden), np.flatnonzero(hidden)
        if len(shown) == 0:
            return hidden
        parts = np.linalg.lstsq(holds[shown].T, holds[secret].T, rcond=None)[0]  # (shown, secret)
        missed = np.abs(holds[shown].T @ parts - holds[secret].T).max(axis=0)
        revealed = np.flatnonzero(missed < SOLVED)
        if len(revealed) == 0:
            return hidden
        used = shown[np.abs(parts[:, revealed[0]]) > SOLVED]
        hidden[min(used, key=lambda s: (s == 0, patients[s], s))] = True  # everyone goes last


def _families(slices: Slices) -> list[tuple[int, list[int]]]:
    """Every slice with the slices of a finer grouping that make it up."""
    families: list[tuple[int, list[int]]] = []
    for coarse, columns in enumerate(slices.groupings):
        for fine, finer in enumerate(slices.groupings):
            if fine == coarse or not set(columns) < set(finer):
                continue
            for parent in slices.members(coarse):
                cells = slices.of_cell[coarse] == parent
                children = np.unique(slices.of_cell[fine][cells])
                families.append((int(parent), [int(c) for c in children]))
    return families
