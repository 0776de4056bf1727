"""What each kind of decision is good for: how long it stands, for which tiers, how often a year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from codman.spine.review import EXPEDITED_TIERS, Procedure
from codman.spine.use import Tier


class DecisionKind(StrEnum):
    """How a decision was come to."""

    ORDINARY = "ordinary"
    EXPEDITED = "expedited"
    EMERGENCY = "emergency"


STRICT: Final = (DecisionKind.EMERGENCY, DecisionKind.EXPEDITED, DecisionKind.ORDINARY)  # by the fewest who decide


KIND_OF: Final[Mapping[Procedure, DecisionKind]] = {
    Procedure.FULL: DecisionKind.ORDINARY,
    Procedure.EXPEDITED: DecisionKind.EXPEDITED,
    Procedure.EMERGENCY: DecisionKind.EMERGENCY,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a kind of decision is good for."""

    days: int | None  # after which it ends by itself; None: when it says so
    tiers: frozenset[Tier]
    most_a_year: int | None = None  # of this kind for one product, whatever its uses; the next one is the committee's


# The house's own: no rule names these numbers. An emergency lasts until a committee that meets monthly has met; twice,
# and it is no emergency any more. An expedited decision lasts until two quarterly reports have come in.
TERMS: Final[Mapping[DecisionKind, Terms]] = {
    DecisionKind.ORDINARY: Terms(days=None, tiers=frozenset(Tier)),
    DecisionKind.EXPEDITED: Terms(days=180, tiers=EXPEDITED_TIERS),
    DecisionKind.EMERGENCY: Terms(days=30, tiers=frozenset(Tier), most_a_year=2),
}
