"""Plan: the patients and events that every wanted precision needs, and how many more so that each slice has its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from codman.errors import BadInput, nearest
from codman.evaluate.samplesize.precision import WIDTHS, Expected, fewest_patients
from codman.spine.vocabulary import word


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one metric needs."""

    metric: str
    expect: float | None  # the value it is planned at
    width: float  # wanted, upper minus lower end
    n: int
    events: int  # expected, rounded up
    non_events: int
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A slice of patients: how large a part of all it is, and how often it has the event."""

    slice: Mapping[str, str]
    share: float | None  # None: too few to say
    prevalence: float | None  # None: taken as everyone's
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceNeed:
    """All patients needed so that one slice is measured as precisely as wanted."""

    slice: Mapping[str, str]
    share: float | None
    prevalence: float | None
    metric: str | None  # which of the wanted metrics needs most
    n_slice: int | None
    events_slice: int | None
    n: int | None  # of all patients
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The answer: what each metric needs, the largest of them, and what each slice needs."""

    level: float
    prevalence: float
    needs: tuple[Need, ...]
    slices: tuple[SliceNeed, ...]
    spread: str | None  # how the spread of risks was come by
    note: str | None = None

    @property
    def largest(self) -> Need:
        """The metric that needs most patients: with them, the others are precise enough too."""
        return max(self.needs, key=lambda need: need.n)

    @property
    def patients(self) -> int:
        """Patients with whom everyone and every slice that can be planned is measured precisely enough."""
        return max([self.largest.n, *(need.n for need in self.slices if need.n is not None)])

    def written(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "level": self.level,
            "prevalence": self.prevalence,
            "spread": self.spread,
            "note": self.note,
            "needs": [asdict(need) for need in self.needs],
            "largest": asdict(self.largest),
            "patients": self.patients,
            "slices": [{**asdict(need), "slice": dict(need.slice)} for need in self.slices],
        }


_CLOSE = 0.1  # of the prevalence; a published spread is seldom nearer


class BadPlan(BadInput):
    """A wish that cannot be planned for."""


def plan(widths: Mapping[str, float], expected: Expected, shares: Iterable[Share] = ()) -> Plan:
    """How many patients are needed for the wanted interval widths.

    Args:
        widths: By metric, the wanted width of its interval (upper minus lower end).
        expected: What is expected of the model and the patients.
        shares: Slices that are to be measured as precisely as everyone.

    Returns:
        For each metric the fewest patients, with the events and non-events expected among them; the same for every
        slice, and of how many patients overall it is a part. Rows of one patient count once: where patients repeat,
        more are needed.

    Raises:
        BadPlan: An unknown metric, or a number out of range.
        Unexpected: Something a metric rests on is not known.
    """
    _check(widths, expected)
    needs = tuple(_need(metric, width, expected) for metric, width in widths.items())
    return Plan(
        level=expected.level,
        prevalence=expected.prevalence,
        needs=needs,
        slices=tuple(_slice_need(share, widths, expected) for share in shares),
        spread=None if expected.spread is None else expected.spread.source,
        note=_disagreement(expected),
    )


def _disagreement(expected: Expected) -> str | None:
    if expected.spread is None:
        return None
    implied = expected.spread.prevalence
    if abs(implied - expected.prevalence) <= _CLOSE * expected.prevalence:
        return None
    return f"the spread of risks implies prevalence {implied:.3g}, not {expected.prevalence:.3g}: check both"


def _need(metric: str, width: float, expected: Expected) -> Need:
    n = fewest_patients(metric, width, expected)
    return Need(
        metric=metric,
        expect=None if metric in _WITHOUT_VALUE else expected.of(metric),
        width=width,
        n=n,
        events=_up(n * expected.prevalence),
        non_events=_up(n * (1.0 - expected.prevalence)),
        method=WIDTHS[metric][1],
    )


_WITHOUT_VALUE = ("brier", "log_loss", "net_benefit", "standardized_net_benefit")  # follow from other expectations


def _slice_need(share: Share, widths: Mapping[str, float], expected: Expected) -> SliceNeed:
    if share.share is None:
        return SliceNeed(
            slice=share.slice,
            share=None,
            prevalence=None,
            metric=None,
            n_slice=None,
            events_slice=None,
            n=None,
            note=share.note,
        )
    here = expected if share.prevalence is None else replace(expected, prevalence=share.prevalence)
    most = max((_need(metric, width, here) for metric, width in widths.items()), key=lambda need: need.n)
    return SliceNeed(
        slice=share.slice,
        share=share.share,
        prevalence=here.prevalence,
        metric=most.metric,
        n_slice=most.n,
        events_slice=most.events,
        n=_up(most.n / share.share),
        note=share.note,
    )


def _up(patients: float) -> int:
    return math.ceil(patients - 1e-9)  # 300.00000000000006 patients are 300


def _check(widths: Mapping[str, float], expected: Expected) -> None:
    if not widths:
        raise BadPlan(
            what="nothing to plan for", why="no metric was named", fix="name one with --metric auroc --width 0.1"
        )
    for metric in [*widths, *expected.values]:
        if metric not in WIDTHS:
            raise BadPlan(
                what=f"no sample size is known for {metric!r}",
                why="it is not among those that can be planned",
                fix=nearest(metric, WIDTHS),
            )
    if not 0.0 < expected.prevalence < 1.0:
        raise BadPlan(
            what="the expected prevalence cannot be used",
            why=f"it is {expected.prevalence:g}",
            fix="give a share between 0 and 1, for example --prevalence 0.05",
        )
    for metric, width in widths.items():
        if not 0.0 < width < math.inf:
            raise BadPlan(
                what=f"the width of {metric} cannot be used", why=f"it is {width:g}", fix="give a number above 0"
            )
    _check_values(expected.values)


def _check_values(values: Mapping[str, float]) -> None:
    for metric, value in values.items():
        of = word(metric)
        low = 0.5 if metric == "auroc" else of.low
        inside = math.isfinite(value) and (low is None or value >= low) and (of.high is None or value <= of.high)
        if metric in ("oe_ratio", "calibration_slope"):
            inside = inside and value > 0.0
        if not inside or (metric == "auroc" and value >= 1.0):
            raise BadPlan(
                what=f"the expected {metric} cannot be used",
                why=f"{value:g} is outside what it can be planned at",
                fix="give a value the metric can have, for example --expect auroc=0.8",
            )


def share_of(share: float) -> Share:
    """A slice of which only the share is known.

    Raises:
        BadPlan: Not in (0, 1].
    """
    if not 0.0 < share <= 1.0:
        raise BadPlan(
            what="the share of a slice cannot be used", why=f"it is {share:g}", fix="give a share above 0 and up to 1"
        )
    return Share(slice={"share": f"{share:g}"}, share=share, prevalence=None)
