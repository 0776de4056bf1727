"""Which shifts are called, so that few of those called are false: e-BH for one window, e-LOND over all of them.

False-discovery rate: of the alarms raised, the share expected to be false. Both hold it under any dependence between
features, slices and windows, which overlap and share patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray
from codman.monitor.alarms.stream import WatchImpossible

_SUM_OF_SERIES: Final = 2.109742801236892  # Σ 1/(w ln² w), w from 2: so that an endless level's parts sum to 1


def e_bh(e: FloatArray, level: float, share: FloatArray | None = None) -> BoolArray:
    """Shifts called in one window alone: the most whose e-values all reach 1 over their part of the level.

    Args:
        e: (S,) e-values, in any way dependent.
        level: False-discovery rate, in (0, 1).
        share: (S,) each one's part of the level, summing to at most 1; equal parts without it.

    Source: Wang & Ramdas 2022, doi:10.1111/rssb.12489.
    """
    return _step_up(e, level * (np.full(len(e), 1 / max(len(e), 1)) if share is None else share), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """How far e-LOND has come: which window is next, and how many shifts it has called in the running period."""

    level: float = 0.05  # false-discovery rate in each period, in (0, 1)
    period: int | None = 52  # windows the level is shared over before it starts anew; None: one endless period
    window: int = 0  # of the running period, from 0
    found: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.level < 1 or (self.period is not None and self.period < 1):
            raise WatchImpossible(
                what="this level cannot be held",
                why=f"level {self.level:g}, period {self.period}",
                fix="say 0.05 and 52",
            )

    def part(self) -> float:
        """The part of the level that the next window may spend."""
        if self.period is not None:
            return 1 / self.period
        w = self.window + 2
        return 1 / (w * float(np.log(w)) ** 2) / _SUM_OF_SERIES

    def call(self, e: FloatArray, share: FloatArray) -> tuple[BoolArray, Ledger]:
        """Which of this window's shifts are called, and the ledger after it.

        e-LOND with all of a window's streams judged at once: the most streams k whose e-values all reach
        1 / (level · part · share · (found + k)). With one stream a window it is Xu and Ramdas's e-LOND, with one
        window Wang and Ramdas's e-BH.

        It holds the level because each false call costs at most level · part · share · its e-value of the final
        number of calls, and an e-value is at most 1 on average: the sum over all of them is at most the level.
        That needs `share` to be fixed beforehand, not chosen by what was seen.

        Args:
            e: (S,) e-values; 0 where a stream is not tested now.
            share: (S,) each stream's part, summing to at most 1, the same in every window.

        Source: Xu & Ramdas 2024, Online multiple testing with e-values, AISTATS (PMLR 238); Wang & Ramdas 2022.
        """
        called = _step_up(e, self.level * self.part() * share, self.found)
        ended = self.period is not None and self.window + 1 >= self.period
        return called, Ledger(
            level=self.level,
            period=self.period,
            window=0 if ended else self.window + 1,
            found=0 if ended else self.found + int(called.sum()),
        )

    def written(self) -> dict[str, Any]:
        """As plain JSON types; `Ledger(**written)` reads it back."""
        return {"level": self.level, "period": self.period, "window": self.window, "found": self.found}


def _step_up(e: FloatArray, part: FloatArray, found: int) -> BoolArray:
    """(S,) the largest set of k with e · part ≥ 1 / (found + k) throughout."""
    strength = np.nan_to_num(e, nan=0.0) * part
    order = np.argsort(-strength, kind="stable")
    with np.errstate(divide="ignore"):
        enough = strength[order] * (found + np.arange(1, len(e) + 1)) >= 1
    called = np.zeros(len(e), dtype=np.bool_)
    if enough.any():
        called[order[: int(np.flatnonzero(enough)[-1]) + 1]] = True
    return called
