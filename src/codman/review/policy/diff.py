"""How two editions of a policy differ, requirement by requirement, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from codman.review.policy.catalog import BY_KEY
from codman.review.policy.requirement import Change
from codman.spine.article import with_article
from codman.spine.policy import AppliesTo, Policy, Requirement, Severity
from codman.spine.verdict import Outcome, Verdict

ADDED, REMOVED, TIGHTENED, LOOSENED, CHANGED = "added", "removed", "tightened", "loosened", "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed."""

    requirement: str | None  # its id; null is the policy as a whole
    way: str  # added, removed, tightened, loosened, changed
    words: str


@dataclass(frozen=True, slots=True)
class Turned:
    """A requirement whose outcome is another under the new edition; null where it is not in that edition."""

    requirement: str
    old: Outcome | None
    new: Outcome | None


def differences(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """What was added, removed, tightened, loosened or changed, in the new edition's order."""
    before, after = {r.id: r for r in old.requires}, {r.id: r for r in new.requires}
    found = [Difference(None, c.way, c.words) for c in _whole(old, new)]
    for id_, requirement in after.items():
        if id_ not in before:
            found.append(Difference(id_, ADDED, requirement.name))
        else:
            found += [Difference(id_, c.way, c.words) for c in _requirement(before[id_], requirement)]
    found += [Difference(id_, REMOVED, requirement.name) for id_, requirement in before.items() if id_ not in after]
    return tuple(found)


def turned(old: Verdict, new: Verdict) -> tuple[Turned, ...]:
    """The requirements whose outcome changes, on the same evidence."""
    return turned_outcomes({r.id: r.outcome for r in old.results}, {r.id: r.outcome for r in new.results})


def turned_outcomes(before: Mapping[str, Outcome], after: Mapping[str, Outcome]) -> tuple[Turned, ...]:
    """The same of outcomes by requirement."""
    if before == after:
        return ()
    return tuple(
        Turned(id_, before.get(id_), after.get(id_))
        for id_ in dict.fromkeys([*after, *before])
        if before.get(id_) != after.get(id_)
    )


def _whole(old: Policy, new: Policy) -> Iterator[Change]:
    for key, was, now in (
        ("name", old.policy, new.policy),
        ("edition", old.edition, new.edition),
        ("checkpoint", old.checkpoint.value, new.checkpoint.value),
    ):
        if was != now:
            yield Change(CHANGED, f"{key} {was} became {now}")
    if old.level != new.level:
        way = TIGHTENED if new.level > old.level else LOOSENED
        yield Change(way, f"level {old.level:g} became {new.level:g}")
    for key in AppliesTo.model_fields:
        was, now = getattr(old.applies_to, key), getattr(new.applies_to, key)
        if was != now:
            yield Change(CHANGED, f"it applies to {key} {_any(now)}, and applied to {_any(was)}")


def _requirement(old: Requirement, new: Requirement) -> Iterator[Change]:
    if old.severity is not new.severity:
        way = TIGHTENED if new.severity is Severity.BLOCK else LOOSENED
        yield Change(way, f"it {_acts(new)}, and it {_acts(old)} before")
    if old.evidence is not new.evidence:
        yield Change(CHANGED, f"evidence {old.evidence.value} became {new.evidence.value}")
    if set(old.origin) != set(new.origin):
        yield Change(_narrowed(old.origin, new.origin), f"origin {_any(old.origin)} became {_any(new.origin)}")
    if old.max_age_days != new.max_age_days:
        was, now = old.max_age_days, new.max_age_days
        way = TIGHTENED if now is not None and (was is None or now < was) else LOOSENED
        yield Change(way, f"the greatest age is {_days(now)}, and was {_days(was)}")
    if old.asked_as != new.asked_as:
        yield Change(CHANGED, f"it asks for {with_article(new.asked_as)}, and asked for {with_article(old.asked_as)}")
    else:
        yield from BY_KEY[new.asked_as].compare(old.asks, new.asks)
    if bool(old.always_applies) != bool(new.always_applies):
        may = "cannot" if new.always_applies else "can"
        yield Change(TIGHTENED if new.always_applies else LOOSENED, f"it {may} be said not to apply")
    if old.title != new.title:
        yield Change(CHANGED, f"its title is {new.name!r}, and was {old.name!r}")
    if set(old.controls) != set(new.controls):
        yield Change(
            CHANGED, f"it answers {_any(new.controls, 'no control')}, and answered {_any(old.controls, 'none')}"
        )


def _narrowed(was: Sequence[object], now: Sequence[object]) -> str:
    if not was or (now and set(now) < set(was)):
        return TIGHTENED
    return LOOSENED if not now or set(was) < set(now) else CHANGED


def _any(values: Sequence[object] | None, none: str = "any") -> str:
    return ", ".join(str(v.value) if isinstance(v, Enum) else str(v) for v in values) if values else none


def _acts(requirement: Requirement) -> str:
    return "blocks" if requirement.severity is Severity.BLOCK else "only warns"


def _days(days: float | None) -> str:
    return "unlimited" if days is None else f"{days:,.10g} days"
