"""The coverage matrix of the whole house: of each control, how many uses stand how, and which are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from codman.review.controls import Grid, Known, Standing
from codman.review.packs.framework import Control, ControlFramework


@dataclass(frozen=True, slots=True)
class ControlTally:
    """One control over all uses."""

    framework: ControlFramework
    control: Control
    counts: Mapping[Standing, int]

    @property
    def name(self) -> str:
        """As requirements cite it: framework/control."""
        return f"{self.framework.framework}/{self.control.id}"


@dataclass(frozen=True, slots=True)
class HouseMatrix:
    """All controls over all uses, on one date."""

    controls: tuple[ControlTally, ...]
    uses: tuple[str, ...]
    standings: tuple[bytes, ...]  # one a use, in the order of `uses`: a Standing a control

    def where(self, control: str, standing: Standing) -> tuple[str, ...]:
        """The uses whose control stands so; none where there is no such control."""
        place = next((i for i, tally in enumerate(self.controls) if tally.name == control), None)
        if place is None:
            return ()
        return tuple(use for use, row in zip(self.uses, self.standings, strict=True) if row[place] == standing)

    def framework_counts(self) -> dict[str, dict[Standing, int]]:
        """Of each framework, how many controls of how many uses stand how."""
        found: dict[str, dict[Standing, int]] = {}
        for tally in self.controls:
            counts = found.setdefault(tally.framework.framework, dict.fromkeys(Standing, 0))
            for standing, number in tally.counts.items():
                counts[standing] += number
        return found


def house_matrix(frameworks: Sequence[ControlFramework], known: Mapping[str, Known], at: datetime) -> HouseMatrix:
    """Every control of the frameworks over all uses, on a date.

    Args:
        frameworks: Those that hold on the date: `packs.frameworks(at)`.
        known: What is known of each use, by its id.
        at: The date; what was judged, said or filed after it does not count.
    """
    grid = Grid(frameworks)
    rows = tuple(grid.stand(one, at) for one in known.values())
    tallies = []
    for place, control in enumerate(grid.controls):
        column = bytes(row[place] for row in rows)
        counts = {standing: column.count(standing) for standing in Standing}
        tallies.append(ControlTally(grid.frameworks[place], control, counts))
    return HouseMatrix(tuple(tallies), tuple(known), rows)
