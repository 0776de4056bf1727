"""How often each kind of decision was used, for the report to the board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codman.review.stages import Standing, has_ended
from codman.review.terms import TERMS, DecisionKind, Terms
from codman.spine.statement import when
from codman.spine.use import FAVOURABLE, Decision


@dataclass(frozen=True, slots=True)
class Counted:
    """How often a kind of decision was used."""

    kind: DecisionKind
    given: int
    in_force: int
    ended: int  # by themselves
    followed: int  # by an ordinary decision later: what such decisions are meant to end in


def counted(uses: Iterable[Standing], at: str, terms: Mapping[DecisionKind, Terms] = TERMS) -> tuple[Counted, ...]:
    """Every kind of decision over many uses, for the report to the board."""
    now = when(at)
    tallies = {kind: [0, 0, 0, 0] for kind in DecisionKind}
    for use in uses:
        for decided in use.decisions:
            if when(decided.at) > now or decided.outcome is Decision.DEFERRED:  # which decides nothing yet
                continue
            over = has_ended(decided, now, terms)
            tally = tallies[decided.kind]
            tally[0] += 1
            tally[1] += decided.outcome in FAVOURABLE and not over
            tally[2] += over
            tally[3] += any(
                d.kind is DecisionKind.ORDINARY
                and d.outcome is not Decision.DEFERRED
                and when(decided.at) < when(d.at) <= now
                for d in use.decisions
            )
    return tuple(Counted(kind, *tally) for kind, tally in tallies.items())
