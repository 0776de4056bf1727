"""Alarms going on and off: called by e-LOND, kept from flicker by persistence and hysteresis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.monitor.alarms.discoveries import Ledger
from codman.monitor.alarms.evidence import MEMORY, Evidence
from codman.monitor.alarms.stream import Stream, WatchImpossible


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How alarms go on and off. The defaults suit weekly windows."""

    level: float = 0.05  # of a period's alarms, the share expected to be false; in (0, 1)
    period: int | None = 52  # windows the level is for; None: for ever, and ever stricter
    persistence: tuple[int, int] = (2, 3)  # k of the last n windows must be beyond δ by themselves
    memory: tuple[int, ...] = MEMORY  # windows looked at together
    quiet: int = 3  # windows that together must be back for an alarm to go off
    off: float = 0.8  # part of δ they must be back within

    def __post_init__(self) -> None:
        k, n = self.persistence
        if not (1 <= k <= n and self.memory and min(self.memory) >= 1 and self.quiet >= 1 and 0 <= self.off <= 1):
            raise WatchImpossible(
                what="these rules cannot be kept",
                why=f"{k} of {n} windows, memory {self.memory}, quiet {self.quiet}, off {self.off:g}",
                fix="take k of at most n, windows of at least 1, and off from 0 to 1",
            )
        Ledger(level=self.level, period=self.period)

    def written(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "level": self.level, "period": self.period, "persistence": list(self.persistence),
            "memory": list(self.memory), "quiet": self.quiet, "off": self.off,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Where S streams stand between two windows. `after` gives the next; it never changes itself."""

    rules: Rules
    share: FloatArray  # (S,) each stream's fixed part of the level
    ledger: Ledger
    on: BoolArray  # (S,) alarm is on
    beyond: BoolArray = field(repr=False)  # (n − 1, S) which of the last windows were beyond δ, newest first

    @staticmethod
    def start(rules: Rules, weight: FloatArray | Sequence[Stream], *, others: float = 0.0) -> Watch:
        """A watch that has seen nothing, over streams (or their weights); `others` weigh that much and are not here."""
        of = [one.weight if isinstance(one, Stream) else float(one) for one in weight]
        parts = np.array(of) / (sum(of) + others) if of else np.zeros(0)
        return Watch(
            rules=rules,
            share=parts,
            ledger=Ledger(level=rules.level, period=rules.period),
            on=np.zeros(len(parts), dtype=np.bool_),
            beyond=np.zeros((rules.persistence[1] - 1, len(parts)), dtype=np.bool_),
        )

    def after(self, e: FloatArray, beyond: BoolArray, back: BoolArray) -> tuple[Watch, BoolArray, BoolArray]:
        """One window on: the watch then, (S,) alarms that go on, (S,) alarms that go off.

        A stream whose alarm is on is not tested again until it is off, and one without k of n windows beyond δ is not
        called: leaving a stream out can only lower the share of false calls.
        """
        lasting = beyond + self.beyond.sum(axis=0) >= self.rules.persistence[0]
        tested = lasting & ~self.on
        raised, ledger = self.ledger.call(np.where(tested, e, 0.0), self.share)
        ended = self.on & back
        kept = np.concatenate([beyond[None], self.beyond])[: self.rules.persistence[1] - 1]
        then = Watch(rules=self.rules, share=self.share, ledger=ledger, on=(self.on | raised) & ~ended, beyond=kept)
        return then, raised, ended

    def written(self) -> dict[str, Any]:
        """As plain JSON types, to stand beside the summaries between two runs."""
        return {
            "rules": self.rules.written(),
            "share": self.share.tolist(),
            "ledger": self.ledger.written(),
            "on": np.flatnonzero(self.on).tolist(),
            "beyond": [np.flatnonzero(one).tolist() for one in self.beyond],
        }

    @staticmethod
    def read(written: dict[str, Any]) -> Watch:
        """The watch that was written.

        Raises:
            WatchImpossible: It is not one.
        """
        try:
            rules = dict(written["rules"])
            rules |= {"persistence": tuple(rules["persistence"]), "memory": tuple(rules["memory"])}
            share = np.array(written["share"], dtype=np.float64)
            return Watch(
                rules=Rules(**rules),
                share=share,
                ledger=Ledger(**written["ledger"]),
                on=_flags(written["on"], len(share)),
                beyond=np.array([_flags(one, len(share)) for one in written["beyond"]]).reshape(-1, len(share)),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise WatchImpossible(
                what="the alarms' state cannot be read", why=f"{type(error).__name__}", fix="replay the history anew"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What alarms did over T windows of S streams."""

    raised: BoolArray  # (T, S) goes on at the end of this window
    ended: BoolArray  # (T, S) goes off
    on: BoolArray  # (T, S) is on after this window
    moved: IntArray  # (T, S) where raised: the window in which the shift most likely began; else −1


def watch_all(
    evidence: Evidence, rules: Rules, weight: FloatArray | Sequence[Stream], *, others: float = 0.0
) -> History:
    """Run the alarms over a whole history at once; streams that are not here weigh `others`."""
    watch = Watch.start(rules, weight, others=others)
    raised, ended, on = (np.zeros(evidence.e.shape, dtype=np.bool_) for _ in range(3))
    for t in range(len(evidence.e)):
        watch, raised[t], ended[t] = watch.after(evidence.e[t], evidence.beyond[t], evidence.back[t])
        on[t] = watch.on
    return History(raised=raised, ended=ended, on=on, moved=began(evidence.shift, raised))


def began(shift: FloatArray, raised: BoolArray) -> IntArray:
    """(T, S) where an alarm goes on, the window in which its shift most likely began; −1 elsewhere.

    The likeliest moment of one change of the mean, over the windows so far (Hinkley 1970).
    """
    found = np.full(shift.shape, -1, dtype=np.int64)
    for t, s in zip(*np.nonzero(raised), strict=True):
        seen = np.nan_to_num(shift[: t + 1, s], nan=0.0)
        before, windows = np.cumsum(seen) - seen, np.arange(t + 1)
        after_n = t + 1 - windows
        ahead, behind = (seen.sum() - before) / after_n, before / np.maximum(windows, 1)
        gain = np.where(ahead > behind, (ahead - behind) ** 2 * windows * after_n / (t + 1), -1.0)
        # one level throughout: it had moved before the first window
        found[t, s] = int(np.argmax(gain)) if gain.max() > 0 else 0
    return found


def _flags(indices: Sequence[int], n: int) -> BoolArray:
    flags = np.zeros(n, dtype=np.bool_)
    flags[np.array(indices, dtype=np.int64)] = True
    return flags
