"""Limits that nothing can keep, limits that mean little, and how limits changed between editions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from codman.review.policy import wording
from codman.review.policy.bound import Bound
from codman.review.policy.requirement import Change, Fault
from codman.spine.policy import Requirement
from codman.spine.statement import Origin
from codman.spine.vocabulary import CHANGE, DIFFERENCE, RATIO, WORDS, Better, UnknownMetric, Word, word

LEAST: Final = {
    "min_n": "patients",
    "min_positives": "patients with the event",
    "min_negatives": "patients without the event",
    "min_subjects": "subjects",
}


def faults(bound: Bound) -> Iterator[Fault]:
    """Why a bound is not allowed, or can never be met."""
    try:
        meaning = word(bound.metric)
    except UnknownMetric as error:
        yield Fault("metric", error.what, error.fix)
        return
    if not meaning.boundable:
        yield Fault("metric", f"a policy may not bound {bound.metric}", meaning.why_not)
        return
    if bound.low is None and bound.high is None:
        yield Fault(None, "it sets no limit", "add at_least, at_most or between: [low, high]")
        return
    if bound.between is not None and bound.between[0] > bound.between[1]:
        low, high = bound.between
        yield Fault(
            "between", f"between [{low:g}, {high:g}] is the wrong way round", f"write between: [{high:g}, {low:g}]"
        )
        return
    if bound.low is not None and bound.high is not None and bound.low > bound.high:
        yield Fault(None, f"nothing is at least {bound.low:g} and at most {bound.high:g}", "correct one of the two")
        return
    yield from _out_of_range(bound, *_range(bound, meaning))


def _range(bound: Bound, meaning: Word) -> tuple[float | None, float | None]:
    return (0.0 if bound.between_groups else meaning.low), meaning.high


def _out_of_range(bound: Bound, least: float | None, most: float | None) -> Iterator[Fault]:
    if bound.low is not None and most is not None and bound.low > most:
        yield Fault(
            "at_least" if bound.at_least is not None else "between",
            f"it can never be met: {bound.metric} is never above {most:g}, and {bound.low:g} is asked",
            f"ask for less than {most:g}",
        )
    if bound.high is not None and least is not None and bound.high < least:
        why = ", because its absolute value is judged" if bound.between_groups else ""
        yield Fault(
            "at_most" if bound.at_most is not None else "between",
            f"it can never be met: {bound.metric} is never below {least:g}{why}, and at most {bound.high:g} is asked",
            f"allow more than {least:g}",
        )


def contradiction(one: Requirement, other: Requirement) -> str | None:
    """Two limits on the same number, from the same statements, that leave no room between them."""
    a, b = cast("Bound", one.asks), cast("Bound", other.asks)
    if one.evidence is not other.evidence or set(one.origin) != set(other.origin) or a.selection != b.selection:
        return None
    if a.low is not None and b.high is not None and a.low > b.high:
        return f"{one.id!r} asks for at least {a.low:g} and {other.id!r} allows at most {b.high:g}"
    if b.low is not None and a.high is not None and b.low > a.high:
        return f"{other.id!r} asks for at least {b.low:g} and {one.id!r} allows at most {a.high:g}"
    return None


def advice(requirement: Requirement) -> Iterator[str]:
    """What lets a bound be met by luck, or by an old or foreign number."""
    bound = cast("Bound", requirement.asks)
    meaning = word(bound.metric)
    if bound.min_n is None and bound.min_subjects is None and bound.min_positives is None:
        yield "no min_n: a number from few patients can meet it when its interval happens to be narrow"
    if requirement.max_age_days is None:
        yield "no max_age_days: evidence of any age meets it"
    if not requirement.origin:
        yield "no origin: the developer's own numbers count as much as local ones"
    elif requirement.origin == (Origin.PUBLISHED,):
        yield "only published evidence counts: it says nothing about local patients"
    compares = bound.metric not in WORDS and bound.metric.endswith((DIFFERENCE, RATIO))
    if "threshold" in meaning.needs and bound.threshold is None:
        yield "no threshold: evidence with several thresholds will be refused"
    if "horizon" in meaning.needs and bound.horizon is None:
        yield "no horizon: of several horizons the worst counts"
    if compares and bound.by is None:
        yield "no by: of several groupings the worst counts"
    if meaning.mixes_prevalence and compares:
        yield f"{bound.metric} also reflects how common the event is in each group: that of sensitivity does not"
    yield from _wrong_way(bound, meaning, compares=compares)


def _wrong_way(bound: Bound, meaning: Word, *, compares: bool) -> Iterator[str]:
    least, most = _range(bound, meaning)
    pointless_low = bound.low is None or (least is not None and bound.low <= least)
    pointless_high = bound.high is None or (most is not None and bound.high >= most)
    if pointless_low and pointless_high:
        yield "the limit allows every possible value"
    if bound.between is not None and bound.between[0] == bound.between[1]:
        yield "only one value keeps it: an interval never lies inside one point"
    if bound.low is not None and bound.low == most:
        yield f"only the largest possible value, {most:g}, keeps it: an interval hardly ever does"
    if bound.between_groups and bound.low is not None and bound.low > 0:
        yield "at_least on a difference between groups asks for a difference"
    if bound.metric.endswith(CHANGE) or compares:
        return
    if meaning.better is Better.HIGHER and bound.low is None:
        yield f"higher {meaning.label} is better, and only at_most is set"
    if meaning.better is Better.LOWER and bound.high is None:
        yield f"lower {meaning.label} is better, and only at_least is set"


def compare(old: Bound, new: Bound) -> Iterator[Change]:
    """How a bound changed between two editions."""
    if old.selection != new.selection:
        yield Change("changed", f"it is about {_about(new)}, and was about {_about(old)}")
        return
    for was, now, what, harder in (
        (old.low, new.low, "at least", 1),
        (old.high, new.high, "at most", -1),
    ):
        if was == now:
            continue
        if was is None:
            yield Change("tightened", f"{what} {now:g} is new")
        elif now is None:
            yield Change("loosened", f"{what} {was:g} is gone")
        else:
            way = "tightened" if (now - was) * harder > 0 else "loosened"
            yield Change(way, f"{what} {was:g} became {now:g}")
    for key, noun in LEAST.items():
        was_count, now_count = getattr(old, key), getattr(new, key)
        if (was_count or 0) != (now_count or 0):
            way = "tightened" if (now_count or 0) > (was_count or 0) else "loosened"
            yield Change(way, f"{now_count or 0:,} {noun} are needed, {was_count or 0:,} were")


def _about(bound: Bound) -> str:
    return wording.asked(bound, word(bound.metric))
