"""What a plan asks less of than the policy of its use: in what, how often, how late, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from codman.review.policy.diff import CHANGED, LOOSENED, REMOVED, differences
from codman.review.watching.plan import plan_of, policy_of_plan
from codman.spine.day import written_day
from codman.spine.monitor_plan import CODMAN, Age, AlarmRules, MonitorPlan, Watch, WatchAction
from codman.spine.policy import Policy

# Outcomes known within a quarter, as readmissions and deaths are counted, need no reason; a longer delay does.
USUAL_DELAY_DAYS: Final = 90
_OTHERWISE: Final = ("it is about ", "it asks for ", "evidence ")  # another demand in the old one's place
_LENGTHS: Final = ("day", "week", "month", "quarter", "half-year", "year")
_SHORT: Final = ("day", "week")
_USUAL: Final = {
    True: (2, 3),
    False: (1, 1),
}  # windows beyond the limit before an alarm, of those up to a week, and not
_MISSED: Final = {
    WatchAction.SIGNAL: "its owner's work says nothing",
    WatchAction.TELL: "nobody is told",
    WatchAction.PROPOSE_PAUSE: "no pause is proposed",
    WatchAction.ROLL_BACK: "it does not go back to an earlier version",
}
_AGES: Final = {
    Age.FINAL: "once outcomes are known",
    Age.PARTIAL: "on the outcomes so far",
    Age.ESTIMATED: "before outcomes are known",
}


def softer_than(policy: Policy, plan: MonitorPlan, *, from_day: str | None = None) -> tuple[str, ...]:
    """What a plan asks less of than its policy does, in words; a plan may ask more, and of more.

    Whether the use meets the policy is judged by the policy all the same: a softer plan raises fewer alarms, or later.

    Args:
        policy: The policy that the use meets.
        plan: The plan.
        from_day: From when it would have to watch, ISO 8601; None where the use does not run yet.
    """
    titles = {one.id: one.name for one in policy.requires}
    asked = (
        f"{titles[one.requirement]}: {'it is left out' if one.way == REMOVED else one.words}"
        if one.requirement in titles
        else one.words
        for one in differences(policy, policy_of_plan(plan))
        if one.way in (REMOVED, LOOSENED)
        or (one.way == CHANGED and one.requirement is not None and one.words.startswith(_OTHERWISE))
    )
    return (*asked, *_watched_less(policy, plan), *_later(plan, from_day), *_fewer_alarms(plan))


def _watched_less(policy: Policy, plan: MonitorPlan) -> Iterator[str]:
    usual = {one.requirement.id: one.watch for one in plan_of(policy).requires}
    for one in plan.requires:
        if (asked := usual.get(one.requirement.id)) is not None:
            yield from (f"{one.requirement.name}: {words}" for words in _less(asked, one.watch))


def _less(asked: Watch, watch: Watch) -> Iterator[str]:
    """In what a requirement is looked at less often, later or with less to follow."""
    if _length(watch.window) > _length(asked.window):
        yield f"each {asked.window} became {_each(watch.window)}"
    if watch.due_days > asked.due_days:
        yield f"due after {asked.due_days} days became {watch.due_days}"
    if asked.age is Age.FINAL and watch.age is not Age.FINAL:
        yield f"looked at {_AGES[asked.age]} became {_AGES[watch.age]}"
    if asked.responsible == CODMAN and watch.responsible != CODMAN:
        yield f"it is left to {watch.responsible}"
    yield from (_MISSED[action] for action in asked.actions if action not in watch.actions)


def _later(plan: MonitorPlan, from_day: str | None) -> Iterator[str]:
    if from_day is not None and plan.starts_on is not None and plan.starts_on > from_day:
        yield f"nothing is watched from {written_day(from_day)} to its start on {written_day(plan.starts_on)}"
    if plan.label_delay_days > USUAL_DELAY_DAYS:
        yield f"outcomes are waited for {plan.label_delay_days:,} days, more than {USUAL_DELAY_DAYS}"


def _fewer_alarms(plan: MonitorPlan) -> Iterator[str]:
    usual, said = MonitorPlan.model_fields, plan.alarms
    for name, words in (("silence_days", "without events"), ("labels_days", "without outcomes")):
        most, days = usual[name].default, getattr(plan, name)
        if days > most:
            yield f"{days} days {words} before it counts, not {most}"
    alarms = AlarmRules()
    if said.level < alarms.level:
        yield f"alarms at the level {said.level:g}, not {alarms.level:g}"
    if said.quiet < alarms.quiet:
        windows = f"{said.quiet} window{'s' * (said.quiet > 1)}"
        yield f"an alarm is over after {windows}, not {alarms.quiet}"
    asked = {_USUAL[one.watch.window in _SHORT] for one in plan.requires}
    if said.persistence is not None and any(_waits_longer(said.persistence, usual) for usual in asked):
        k, n = said.persistence
        yield f"an alarm waits for {k} of {n} windows"


def _waits_longer(said: tuple[int, int], usual: tuple[int, int]) -> bool:
    """Whether k of n windows beyond the limit can come later than as many as is usual, in any order of windows."""
    (k, n), (least, of) = said, usual
    orders = (one for one in product((0, 1), repeat=of) if sum(one) >= least)
    return any(all(sum(one[max(0, end - n) : end]) < k for end in range(1, of + 1)) for one in orders)


def _length(window: str) -> int:
    """The place of a window among the lengths; one that counts rows has no days, so it counts as the longest."""
    return _LENGTHS.index(window) if window in _LENGTHS else len(_LENGTHS)


def _each(window: str) -> str:
    return f"each {window}" if window in _LENGTHS else f"every {int(window.removeprefix('rows:')):,} rows"
