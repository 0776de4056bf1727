"""A monitoring plan in plain words: what is asked of each number, and what follows where it is not met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from codman.flows.watch.ages import UseWatched
from codman.flows.watch.overview import Standing
from codman.report import words as said
from codman.review.policy.bound import Bound
from codman.spine.monitor_plan import CODMAN, WatchAction, Watched
from codman.spine.policy import Severity
from codman.web.views.marks import Tag
from codman.web.views.monitor_marks import standing_tag, window_words

_ACTIONS: Final[Mapping[WatchAction, str]] = {
    WatchAction.SIGNAL: "it stands in the owner's work",
    WatchAction.TELL: "they are told",
    WatchAction.PROPOSE_PAUSE: "a pause is proposed",
    WatchAction.ROLL_BACK: "it goes back to an earlier version where its decision allows that",
}
_AGES_ASKED: Final = {
    "final": "once outcomes are known",
    "partial": "on the outcomes so far",
    "estimated": "before outcomes are known",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """One requirement of the plan in plain words, and how it stands."""

    title: str
    words: str
    follows: str
    severity: str
    tag: Tag
    sentence: str
    window: str
    href: str
    fine: bool  # it is met, or asks nothing here


def asks_of(found: UseWatched) -> Iterator[Asks]:
    """Every requirement of the plan, and what it came to when it was last looked at."""
    if found.plan is None:
        return
    by_name: dict[str, Standing] = {one.requirement: one for one in found.standings}
    for one in found.plan.requires:
        now = by_name.get(one.requirement.id)
        yield Asks(
            title=one.requirement.title or one.requirement.id,
            words=_in_words(one),
            follows=_follows(one),
            severity="" if one.requirement.severity is Severity.BLOCK else "a warning only",
            tag=standing_tag("new" if now is None else now.word),
            sentence="" if now is None else now.sentence,
            window="" if now is None else window_words(now.starts_on, now.ends_on),
            href="" if now is None or now.statement is None else f"/evidence/{now.statement}",
            fine=now is not None and now.word in ("met", "not-applicable"),
        )


def _in_words(one: Watched) -> str:
    """What is asked, of whom, how often."""
    asks, watch = one.requirement.asks, one.watch
    if isinstance(asks, Bound):
        name = {key: value for key, value in (("threshold", asks.threshold), ("horizon", asks.horizon)) if value}
        parts = [
            f"{words} {value:g}"
            for words, value in (("at least", asks.low), ("at most", asks.high))
            if value is not None
        ]
        what = said.capital(said.named(asks.metric, name))
        what += f" of {asks.feature}" if asks.feature else ""
        what += f" for {said.group(asks.slice)}" if asks.slice else ""
        what += f" between groups by {', '.join(asks.by)}" if asks.by else ""
        what += f" {' and '.join(parts)}" if parts else ""
    else:
        what = f"A statement of kind {one.requirement.evidence.value}"
    who = "" if watch.responsible == CODMAN else f", computed by {watch.responsible}"
    return f"{what}, each {watch.window}, {_AGES_ASKED[watch.age.value]}{who}"


def _follows(one: Watched) -> str:
    found = [_ACTIONS[action] for action in one.watch.actions]
    return f"If not met, {said.listed(found)}." if found else ""
