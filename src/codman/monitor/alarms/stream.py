"""Stream: one metric of one feature in one slice of patients, watched window by window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codman.errors import BadInput
from codman.spine.vocabulary import word


class WatchImpossible(BadInput):
    """What is asked of the alarms cannot be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What is watched, how far it may move, and whose it is."""

    metric: str  # a word of the vocabulary
    delta: float  # the largest shift that does not matter, in the metric's own unit; at least 0
    feature: str | None = None
    slice: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)  # what else names it: {"threshold": 0.2}
    use: str = ""
    lineage: tuple[str, ...] = ()  # what it is made from: pipelines, sources, tables, nearest first
    site: str | None = None
    owner: str = ""
    severe: float | None = None  # a shift beyond this is severe: it passes every budget
    weight: float = 1.0  # its part of the level against the others'; above 0

    def __post_init__(self) -> None:
        word(self.metric)
        if self.delta < 0 or self.weight <= 0 or (self.severe is not None and self.severe < self.delta):
            raise WatchImpossible(
                what=f"{self.metric} cannot be watched so",
                why=f"delta {self.delta:g}, severe {self.severe}, weight {self.weight:g}",
                fix="take a delta of at least 0, severe no smaller, and a weight above 0",
            )

    def written(self) -> dict[str, Any]:
        """What names it, as plain JSON types."""
        return {
            "metric": self.metric, "feature": self.feature, "slice": dict(self.slice), "use": self.use,
            "params": dict(self.params), "site": self.site, "delta": self.delta,
        }  # fmt: skip
