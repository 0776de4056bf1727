"""Success looks like drift: whether a model got worse, or care changed what it foretold.

Where staff act on a score, foretold events are prevented, and the model looks worse because it works (Lenert 2019,
doi:10.1093/jamia/ocz145). Rows that staff never saw tell the two apart: a model that got worse is worse there too.
Without such rows only the reach below every alert is free of care, and most questions stay open: then say so, and wait.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import BoolArray, FloatArray
from codman.evaluate.intervals import wilson_ends
from codman.spine.measurement import Measurement, Measurements
from codman.spine.monitor_plan import COMPLETE

FEWEST: Final = 20  # events, and rows without, in a group that is judged
BANDS: Final = 5  # of score, in which the dose of action is read
MARGIN_AUROC: Final = 0.05  # a fall within it leaves a model as good
MARGIN_OE: Final = 0.25  # a change of O:E within 1/1.25 to 1.25 leaves it as well calibrated


class Cause(StrEnum):
    """What explains that a model looks worse than it did."""

    WORSENED = "worsened"
    CARE = "care changed the outcome"
    UNRESOLVED = "unresolved"
    NO_FALL = "nothing fell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a model said, what then happened, and what staff did about it."""

    score: FloatArray  # (n,) risk, 0 to 1
    outcome: BoolArray  # (n,)
    shown: BoolArray  # (n,) True where staff could see the score; False in silent rows and before go-live
    acted: BoolArray  # (n,) True where they acted on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How a group of rows differs from the reference: now minus then, and O:E now over then."""

    fell: bool  # it ranks worse, or foretells another number of events, beyond chance at 1 − level over both tests
    auroc: float
    auroc_lower: float
    auroc_upper: float
    oe: float
    oe_lower: float
    oe_upper: float
    oe_change: float  # O:E now minus then
    oe_change_half: float  # half the width of its interval
    n: int
    events: int

    @property
    def holds(self) -> bool:
        """Whether the group is shown to be as good as the reference, within the margins."""
        return (
            self.auroc_lower > -MARGIN_AUROC and self.oe_lower > 1 / (1 + MARGIN_OE) and self.oe_upper < 1 + MARGIN_OE
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The verdict, why in one sentence, and every number it rests on."""

    cause: Cause
    sentence: str
    waits: bool  # rollback and retraining wait while this is unresolved
    measurements: Measurements


def explain(
    reference: Seen, current: Seen, *, threshold: float, known: float = 1.0, level: float = 0.95
) -> Explanation:
    """Separate "the model got worse" from "care changed the outcome".

    Args:
        reference: Rows from before staff acted on scores, or silent ones.
        current: Rows since.
        threshold: Alerted is score >= threshold.
        known: Share of the time's rows whose outcome is known; `current` holds those.
        level: Of the intervals.

    Returns:
        `worsened` where rows free of care are worse than the reference; `care changed the outcome` where they are shown
        to be as good and shown rows are not; `unresolved` else, and then rollback and retraining wait. Under
        nine in ten outcomes known neither of the first two is said: those known early may be unlike the rest.
    """
    free, shown = ~current.shown, current.shown
    silent = _gap(reference, current, free, level)
    seen = _gap(reference, current, shown, level)
    below = _gap(reference, current, shown & (current.score < threshold), level, only=reference.score < threshold)
    dose = _dose(current, threshold, level)
    cause, sentence = _judge(silent, seen, below, dose)
    if known < COMPLETE and cause in (Cause.WORSENED, Cause.CARE):
        cause, sentence = (
            Cause.UNRESOLVED,
            (
                f"Only {known:.0%} of the outcomes are known, and those known early may be unlike the rest: care and a"
                " worse model are told apart once nine in ten are. Rollback and retraining wait."
            ),
        )
    rows = [
        *_rows("silent", silent, level),
        *_rows("shown", seen, level),
        *_rows("not acted on", _gap(reference, current, shown & ~current.acted, level), level),
        *_rows("shown below every alert", below, level, ranks=False),
        *dose.rows,
    ]
    return Explanation(cause=cause, sentence=sentence, waits=cause is Cause.UNRESOLVED, measurements=Measurements(rows))


@dataclass(frozen=True, slots=True)
class _Dose:
    rows: list[Measurement]
    rises: bool  # action rises with the score, beyond chance


def _judge(silent: Gap | None, seen: Gap | None, below: Gap | None, dose: _Dose) -> tuple[Cause, str]:
    if seen is None:
        return (
            Cause.UNRESOLVED,
            f"Too few rows were shown: {FEWEST} with the event and {FEWEST} without are needed.",
        )
    if silent is not None:
        if silent.fell and not silent.holds:
            return Cause.WORSENED, (
                f"In rows that staff never saw, AUROC changed by {silent.auroc:+.3f} ({silent.auroc_lower:+.3f} to"
                f" {silent.auroc_upper:+.3f}) and O:E by a factor of {silent.oe:.2f} ({silent.oe_lower:.2f} to"
                f" {silent.oe_upper:.2f}): no care explains that."
            )
        if not seen.fell or seen.holds:
            return Cause.NO_FALL, "Shown rows are no worse than the reference by more than matters: nothing to explain."
        if silent.holds and dose.rises:
            return Cause.CARE, (
                "In rows that staff never saw the model is as good as it was; where they saw it, O:E is"
                f" {seen.oe:.2f} times what it was, and action rises with the score."
            )
        why = (
            "staff did not act more where the score is higher"
            if silent.holds
            else f"only {silent.events:,} events in {silent.n:,} silent rows: too few to show that the model held"
        )
        return Cause.UNRESOLVED, f"Shown rows are worse than the reference, and {why}. Rollback and retraining wait."
    if not seen.fell or seen.holds:
        return Cause.NO_FALL, "Shown rows are no worse than the reference by more than matters: nothing to explain."
    if below is not None and below.oe_lower > 1 + MARGIN_OE:
        return Cause.WORSENED, (
            f"Below every alert, where nobody acts, O:E is {below.oe:.2f} times ({below.oe_lower:.2f} to"
            f" {below.oe_upper:.2f}) what it was: no care explains that."
        )
    return Cause.UNRESOLVED, (
        "Shown rows are worse than the reference, and no rows were kept silent: care and a worse model cannot be told"
        " apart. Keep a share of rows silent. Rollback and retraining wait."
    )


def _gap(
    reference: Seen, current: Seen, where: BoolArray, level: float, *, only: BoolArray | None = None
) -> Gap | None:
    then = np.ones(len(reference.score), bool) if only is None else only
    before, now = (reference.score[then], reference.outcome[then]), (current.score[where], current.outcome[where])
    if any(_few(outcome) for _, outcome in (before, now)):
        return None
    (a, variance_a), (b, variance_b) = (_auroc(*rows) for rows in (before, now))
    (log_a, spread_a), (log_b, spread_b) = (_log_oe(*rows) for rows in (before, now))
    z = z_of_level(level)
    half, width = z * math.sqrt(variance_a + variance_b), z * math.sqrt(spread_a + spread_b)
    change, log_oe = b - a, log_b - log_a
    then_oe, now_oe = math.exp(log_a), math.exp(log_b)
    strict = z_of_level(1 - (1 - level) / 2)  # two questions share the error
    fell = change < -strict * math.sqrt(variance_a + variance_b) or abs(log_oe) > strict * math.sqrt(
        spread_a + spread_b
    )
    return Gap(
        fell=fell, auroc=change, auroc_lower=change - half, auroc_upper=change + half, oe=math.exp(log_oe),
        oe_lower=math.exp(log_oe - width), oe_upper=math.exp(log_oe + width), oe_change=now_oe - then_oe,
        oe_change_half=z * math.sqrt(then_oe**2 * spread_a + now_oe**2 * spread_b), n=len(now[0]),
        events=int(np.count_nonzero(now[1])),
    )  # fmt: skip


def _few(outcome: BoolArray) -> bool:
    events = int(np.count_nonzero(outcome))
    return min(events, len(outcome) - events) < FEWEST


def _auroc(score: FloatArray, outcome: BoolArray) -> tuple[float, float]:
    """AUROC and its variance by placements (DeLong 1988, doi:10.2307/2531595)."""
    events, others = np.sort(score[outcome]), np.sort(score[~outcome])
    above = _share_below(others, events)
    below = 1 - _share_below(events, others)
    value = float(above.mean())
    return value, float(np.var(above, ddof=1)) / len(above) + float(np.var(below, ddof=1)) / len(below)


def _share_below(of: FloatArray, at: FloatArray) -> FloatArray:
    """(n,) share of ascending numbers below each of `at`, ties half."""
    low, high = (np.searchsorted(of, at, side=side) for side in ("left", "right"))
    share: FloatArray = (low + high) / (2 * len(of))
    return share


def _log_oe(score: FloatArray, outcome: BoolArray) -> tuple[float, float]:
    """Log of observed over expected, and its variance."""
    observed, expected = float(np.count_nonzero(outcome)), float(score.sum())
    ratio = observed / expected
    spread = float(np.sum((outcome - ratio * score) ** 2)) / observed**2
    return math.log(ratio), spread


def _rows(group: str, gap: Gap | None, level: float, *, ranks: bool = True) -> list[Measurement]:
    params = {"group": group}
    if gap is None:
        note = f"no value: fewer than {FEWEST} rows with the event or without it"
        return [Measurement(metric="auroc_change", value=None, params=params, note=note)]
    found = [
        Measurement(
            metric="oe_ratio_change", value=gap.oe_change, lower=gap.oe_change - gap.oe_change_half,
            upper=gap.oe_change + gap.oe_change_half, level=level, n=gap.n, positives=gap.events, method="sandwich",
            params={**params, "now_over_then": gap.oe},
        )
    ]  # fmt: skip
    if ranks:
        found.append(
            Measurement(
                metric="auroc_change", value=gap.auroc, lower=gap.auroc_lower, upper=gap.auroc_upper, level=level,
                n=gap.n, positives=gap.events, method="delong", params=params,
            )
        )  # fmt: skip
    return found


def _dose(current: Seen, threshold: float, level: float) -> _Dose:
    """How often staff acted, by band of score, among shown rows; and whether that rises with the score."""
    shown = np.flatnonzero(current.shown)
    if len(shown) < BANDS * FEWEST:
        return _Dose([], False)
    score, acted = current.score[shown], current.acted[shown]
    alerted = score >= threshold
    cuts = np.unique(np.append(np.quantile(score, np.arange(1, BANDS) / BANDS), threshold))
    band = np.searchsorted(cuts, score, side="right")
    rows: list[Measurement] = []
    for k in range(len(cuts) + 1):
        inside = band == k
        n, did = int(inside.sum()), int(np.count_nonzero(acted[inside]))
        if n == 0:
            continue
        lower, upper = wilson_ends(np.array([did / n]), np.array([float(n)]), level)
        low = "" if k == 0 else f"{cuts[k - 1]:.3f}"
        high = "" if k == len(cuts) else f"{cuts[k]:.3f}"
        rows.append(
            Measurement(
                metric="action_rate", slice={"score": f"[{low},{high})"}, value=did / n, lower=float(lower[0]),
                upper=float(upper[0]), level=level, n=n, method="wilson", params={"of": "shown rows"},
            )
        )  # fmt: skip
    more, less = acted[alerted], acted[~alerted]
    if min(len(more), len(less)) < FEWEST:
        return _Dose(rows, False)
    share = float(acted.mean())
    spread = math.sqrt(max(share * (1 - share), 1e-300) * (1 / len(more) + 1 / len(less)))
    return _Dose(rows, (float(more.mean()) - float(less.mean())) / spread > z_of_level(level))
