"""calling: which requirements of a window raise an alarm, given what the windows before said.

A requirement that blocks and is not met raises one at once. All others are a question of time: one window in forty is
beyond a limit by luck alone. Those alarms are called by e-values over the last windows together, so that of the alarms
raised in a year few are false, however many requirements a plan has; they must last, and stay on until they are over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import FloatArray
from codman.flows.watch.asking import is_drift
from codman.flows.watch.judging import Held, computed_here
from codman.monitor.alarms.evidence import Evidence, Side, over_memory, values
from codman.monitor.alarms.watch import History, Rules, watch_all
from codman.review.policy.bound import Bound
from codman.spine.monitor_plan import MonitorPlan, Watched
from codman.spine.policy import Severity
from codman.spine.verdict import Outcome
from codman.spine.watching import Look, LookNumber

_A_YEAR: Final = {"day": 365, "week": 52, "month": 12, "quarter": 4, "half-year": 2, "year": 1}
_SHORT: Final = frozenset({"day", "week"})  # whose alarms must last; longer windows stand alone
_LASTING: Final = (2, 3)
_NOTHING: Final = LookNumber()


@dataclass(frozen=True, slots=True)
class Called:
    """What a window's requirements come to as alarms, by requirement."""

    raised: Mapping[str, float | None]  # to the e-value; None where it is raised at once, because it blocks
    ended: frozenset[str]
    on: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Stream:
    requirement: str
    side: Side
    standard: float
    delta: float
    shared: bool  # windows share one reference, as drift distances do
    numbers: Sequence[LookNumber]  # of each window, the oldest first
    outcomes: Sequence[str | None]


def call(plan: MonitorPlan, rule: str, held: Sequence[Held], earlier: Sequence[Look]) -> Called:
    """Decide which requirements raise an alarm in this window, and whose alarm is over.

    Args:
        plan: The plan; how strict its alarms are stands in it.
        rule: How long the windows are.
        held: What the window's requirements came to.
        earlier: Looks at earlier windows of the same length that held the same requirements, in any order.
    """
    at_once = {one.watched.requirement.id: None for one in held if _at_once(one)}
    watched = [one for one in held if _counts(one.watched)]
    if not watched:
        return Called(raised=at_once, ended=frozenset(), on=frozenset())
    rules = rules_of(plan, rule)
    streams = _streams(watched, earlier)
    evidence = _evidence(streams, rules)
    history = _history(plan, evidence, rules)
    names = [one.requirement for one in streams]
    raised: dict[str, float | None] = {
        name: float(evidence.e[-1, s]) for s, name in enumerate(names) if history.raised[-1, s]
    }
    bare: dict[str, float | None] = {one.requirement: None for one in streams if _lasts(one, rules)}
    return Called(
        raised=bare | raised | at_once,
        ended=frozenset(name for s, name in enumerate(names) if history.ended[-1, s]),
        on=frozenset(name for s, name in enumerate(names) if history.on[-1, s]),
    )


def history_of(plan: MonitorPlan, rule: str, held: Sequence[Held], earlier: Sequence[Look]) -> History:
    """What the alarms of the requirements that have a bound did in each window, up to this one; (T, S) as `held`."""
    rules = rules_of(plan, rule)
    watched = [one for one in held if _counts(one.watched)]
    return _history(plan, _evidence(_streams(watched, earlier), rules), rules)


def rules_of(plan: MonitorPlan, rule: str) -> Rules:
    """How alarms over windows of this length go on and off, as the plan says or by what suits them."""
    said = plan.alarms
    return Rules(
        level=said.level,
        period=_A_YEAR.get(rule, _A_YEAR["week"]),
        persistence=said.persistence or (_LASTING if rule in _SHORT else (1, 1)),
        quiet=said.quiet,
    )


def same_windows(look: Look, rule: str, end: date, due_on: date) -> bool:
    """Whether a look was at windows of this length, as long after their end: at the same requirements."""
    return look.rule == rule and _days(look.ends_on, look.due_on) == (due_on - end).days


def _days(start: str, end: str) -> int:
    return (date.fromisoformat(end) - date.fromisoformat(start)).days


def _at_once(one: Held) -> bool:
    """What blocks, what a partner says of itself, and what is no number, does not wait for another window."""
    blocks = one.watched.requirement.severity is Severity.BLOCK
    return one.outcome is Outcome.NOT_MET and (blocks or not _counts(one.watched))


def _lasts(one: _Stream, rules: Rules) -> bool:
    """Whether a number that has no interval, and so no e-value, is beyond its limit in k of the last n windows."""
    k, n = rules.persistence
    now = one.numbers[-1]
    lately = [outcome == Outcome.NOT_MET.value for outcome in one.outcomes[-n:]]
    return now.value is not None and (now.lower is None or now.upper is None) and lately[-1] and sum(lately) >= k


def _counts(one: Watched) -> bool:
    return computed_here(one) and isinstance(one.requirement.asks, Bound)


def _history(plan: MonitorPlan, evidence: Evidence, rules: Rules) -> History:
    streams = evidence.e.shape[1]
    others = sum(1 for one in plan.requires if _counts(one)) - streams
    return watch_all(evidence, rules, np.ones(streams), others=float(max(others, 0)))


def _streams(watched: Sequence[Held], earlier: Sequence[Look]) -> list[_Stream]:
    before = sorted(earlier, key=lambda look: look.starts_on)
    return [_stream(one, before) for one in watched]


def _stream(one: Held, before: Sequence[Look]) -> _Stream:
    requirement = one.watched.requirement
    bound = requirement.asks
    assert isinstance(bound, Bound)  # noqa: S101 (the caller chose them so; this tells the type)
    low, high = bound.low, bound.high
    side: Side = "both" if low is not None and high is not None else "fall" if low is not None else "rise"
    if low is not None and high is not None:
        standard, delta = (low + high) / 2, (high - low) / 2
    else:
        standard, delta = low if low is not None else high if high is not None else 0.0, 0.0
    return _Stream(
        requirement=requirement.id,
        side=side,
        standard=standard,
        delta=delta,
        shared=is_drift(bound.metric),
        numbers=[*(look.numbers.get(requirement.id, _NOTHING) for look in before), one.number],
        outcomes=[*(look.outcomes.get(requirement.id) for look in before), one.outcome.value],
    )


def _evidence(streams: Sequence[_Stream], rules: Rules) -> Evidence:
    """Each stream's evidence over its windows, streams of one kind together."""
    shape = (len(streams[0].numbers), len(streams))
    e, shift = np.zeros(shape), np.full(shape, np.nan)
    beyond, back = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    for kind in sorted({(one.side, one.shared) for one in streams}):
        at = [s for s, one in enumerate(streams) if (one.side, one.shared) == kind]
        some = [streams[s] for s in at]
        value, se, n = (np.stack(parts, axis=1) for parts in zip(*map(_measured, some), strict=True))
        look = values(
            value, se, n, np.array([one.standard for one in some]), 0.0, np.array([one.delta for one in some]),
            side=kind[0], shared=kind[1],
        )  # fmt: skip
        found = over_memory(
            look, np.array([one.delta for one in some]), memory=rules.memory, quiet=rules.quiet, off=rules.off
        )
        e[:, at], beyond[:, at], back[:, at], shift[:, at] = found.e, found.beyond, found.back, found.shift
    return Evidence(e=e, beyond=beyond, back=back, shift=shift)


def _measured(one: _Stream) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(T,) values, standard errors and patients of one stream.

    An interval that is longer on one side is measured on the side of the limit, which is where it decides.
    """
    value, se, n = (np.full(len(one.numbers), np.nan) for _ in range(3))
    for t, number in enumerate(one.numbers):
        if number.value is None or number.lower is None or number.upper is None or number.n is None:
            continue
        up, down = number.upper - number.value, number.value - number.lower
        half = up if one.side == "fall" else down if one.side == "rise" else max(up, down)
        value[t], se[t], n[t] = number.value, half / z_of_level(number.level or 0.95), number.n
    return value, np.nan_to_num(se, nan=0.0), np.nan_to_num(n, nan=0.0)
