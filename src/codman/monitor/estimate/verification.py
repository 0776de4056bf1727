"""Labels that exist only because somebody looked: after an alert always, otherwise by chance or never.

Where non-alerts are looked at with a known chance, each looked-at row counts for those that were not (Begg & Greenes
1983, doi:10.2307/2530820, as inverse-probability weights). Where some never are, only what concerns alerts alone can be
known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.errors import BadInput
from codman.evaluate.estimates import BoolArray, FloatArray

VERIFICATION_BIAS: Final = (
    "verification bias: labels exist only after alerts, and non-alerts were not sampled with a known chance"
    " (Begg & Greenes 1983)"
)
KNOWN_ANYWAY: Final = frozenset({"ppv", "alert_rate"})  # rest on alerts alone, or on no label


class NotChances(BadInput):
    """A column of the chance of being looked at that cannot be one."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(
            what=f"column {column!r} does not say with what chance a label was looked for",
            why=why,
            fix="write 1 where it always is, 0 where it never is, and the share sampled elsewhere, such as 0.05",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Whose label was looked for, and what each then counts for."""

    weight: FloatArray  # (n,) one over the chance; 0 where the label was not looked for or is not here
    never: BoolArray  # (n,) rows nobody would ever have looked at


def looked_at(chance: FloatArray, here: BoolArray, column: str) -> Looked:
    """Weights from the chance with which each row's label was looked for.

    Args:
        chance: (n,) 0 to 1, known before anybody looked.
        here: (n,) True where the label is here.
        column: What the chances are called, for errors.

    Raises:
        NotChances: A chance is missing or outside 0 to 1.
    """
    if np.any(np.isnan(chance)):
        raise NotChances(column, "a row has none")
    if np.any((chance < 0) | (chance > 1)):
        raise NotChances(column, "a row's lies outside 0 to 1")
    counts = here & (chance > 0)
    weight = np.divide(1.0, chance, out=np.zeros(len(chance)), where=counts)
    return Looked(weight=weight, never=chance == 0)
