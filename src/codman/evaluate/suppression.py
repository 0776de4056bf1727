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


def suppressed(
    slices: Slices, patients: IntArray, *, strict: bool = False, smaller_class: IntArray | None = None
) -> BoolArray:
    """(S,) True where a slice's numbers may not be shown.

    Args:
        slices: The slices.
        patients: (S,) distinct patients in each.
        strict: Also judge the smaller class, and hide what subtraction would reveal.
        smaller_class: (S,) patients in the smaller class, where there are classes.
    """
    hidden: BoolArray = patients < FEWEST
    if not strict:
        return hidden
    if smaller_class is not None:
        hidden = hidden | (smaller_class < FEWEST)
    families = _families(slices)
    changed = True
    while changed:
        changed = False
        for parent, children in families:
            shown = [c for c in children if not hidden[c]]
            hidden_children = len(children) - len(shown)
            revealed = hidden_children == 1 and not hidden[parent]  # the parent less the others
            summed = hidden_children == 0 and bool(hidden[parent]) and parent != 0  # the children added up
            if shown and (revealed or summed):
                hidden[min(shown, key=lambda c: (patients[c], c))] = True
                changed = True
    return hidden


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
