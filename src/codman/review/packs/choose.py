"""Which policy a use meets at a checkpoint: the most specific that is meant for it, exactly one, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final, get_args

from codman.errors import BadInput
from codman.review.packs.catalog import every_pack
from codman.review.packs.pack import Pack, Technique
from codman.spine.evaluation_spec import Task
from codman.spine.policy import AppliesTo, Checkpoint, Policy
from codman.spine.use import Tier

# the more telling first: where it is used says more of what can go wrong than its tier, which others share
_TELLING: Final = ("setting", "kind", "task", "tier")
# what is not known counts as what is asked most of; the others then match only what does not name them
_STRICTEST_FIRST: Final = {"tier": tuple(Tier), "task": get_args(Task)}


class NoPolicy(BadInput):
    """Nothing is demanded of such a use at a checkpoint: never the same as nothing to demand."""

    def __init__(self, checkpoint: Checkpoint, told: str, why: str) -> None:
        super().__init__(
            what=f"no policy is meant for this use at {checkpoint.value}",
            why=f"{told}: {why}",
            fix="write one for it in a pack of your own; see docs/policy-packs.md",
        )


class SeveralPolicies(BadInput):
    """Two policies are meant for the same use, and nothing says which counts."""

    def __init__(self, checkpoint: Checkpoint, names: Sequence[str]) -> None:
        super().__init__(
            what=f"{len(names)} policies are meant for this use at {checkpoint.value}",
            why=f"{' and '.join(names)} are equally specific",
            fix="let one of them name more under applies_to, or end it with valid_to",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The policy of a checkpoint, the pack it is from, and why it was chosen."""

    policy: Policy
    pack: Pack
    why: str


def technique_of(generative: bool | None, foundation: bool | None) -> Technique:
    """What the AI does, from two answers of the registry; unanswered is no."""
    return "foundation" if foundation else "generative" if generative else "predictive"


def policies_for(
    tier: str | None,
    task: str | None,
    setting: str | None,
    kind: str | None,
    checkpoint: Checkpoint,
    at: datetime | date,
    *,
    generative: bool | None = None,
    foundation: bool | None = None,
    own: Path | None = None,
) -> Chosen:
    """The policy a use meets at a checkpoint on a day.

    A tier or a task that is not known counts as the one of which most is asked, so that an unanswered question never
    makes it easier. A setting or kind that is not known matches only policies that name none.

    Args:
        tier: high, medium, low.
        task: binary, multiclass, multilabel, regression, survival.
        setting: Where care is given, e.g. imaging, patient-facing.
        kind: bought, built, embedded, open.
        checkpoint: Where the use stands.
        at: The day; packs of other days do not count.
        generative: Whether it writes text or images.
        foundation: Whether it is a foundation model that others are built upon.
        own: The hospital's own packs, a folder.

    Returns:
        Exactly one policy: of those that are meant for the use the one that names most of it, first by setting, then
        kind, task and tier; of equals the hospital's own, and of its editions the newest.

    Raises:
        NoPolicy: None is meant for it on that day.
        SeveralPolicies: Two are meant for it equally.
        BadPolicy: A pack cannot be used.
    """
    known = {"setting": setting, "kind": kind, "task": task, "tier": tier}
    technique = technique_of(generative, foundation)
    meant = [
        (pack, policy)
        for pack in every_pack(own)
        if pack.technique == technique
        for policy in pack.at(checkpoint)
        if _meant(policy.applies_to, known)
    ]
    holding = [(pack, policy) for pack, policy in meant if pack.holds(at)]
    told = _told(technique, known)
    if not holding:
        others = "; ".join(f"{pack.name} is {pack.standing(at)}" for pack, _ in meant)
        raise NoPolicy(checkpoint, told, others or "no pack has one")
    best = max(_rank(pack, policy, known) for pack, policy in holding)
    first = [(pack, policy) for pack, policy in holding if _rank(pack, policy, known) == best]
    if len(first) > 1:
        raise SeveralPolicies(checkpoint, [f"{policy.policy} ({pack.name})" for pack, policy in first])
    pack, policy = first[0]
    return Chosen(policy=policy, pack=pack, why=_why(pack, policy, known, [p for _, p in holding if p is not policy]))


def _meant(applies_to: AppliesTo, known: dict[str, str | None]) -> bool:
    for key in _TELLING:
        wanted = getattr(applies_to, key)
        if wanted is None:
            continue
        said = known[key]
        if said is None and key not in _STRICTEST_FIRST:
            return False
        if said is not None and said.casefold() not in {one.casefold() for one in wanted}:
            return False
    return True


def _rank(pack: Pack, policy: Policy, known: dict[str, str | None]) -> tuple[object, ...]:
    names = tuple(getattr(policy.applies_to, key) is not None for key in _TELLING)
    strict = tuple(
        -_first(getattr(policy.applies_to, key), order) if known[key] is None else 0
        for key, order in _STRICTEST_FIRST.items()
    )
    return (names, strict, pack.own, pack.valid_from)


def _first(wanted: Sequence[str] | None, order: Sequence[str]) -> int:
    """How far down the order the strictest of what is wanted stands; all of it is at the top."""
    if wanted is None:
        return 0
    return min((order.index(one) for one in wanted if one in order), default=len(order))


def _told(technique: str, known: dict[str, str | None]) -> str:
    return ", ".join([technique, *(f"{key} {value}" for key, value in known.items() if value is not None)])


def _why(pack: Pack, policy: Policy, known: dict[str, str | None], others: Sequence[Policy]) -> str:
    parts = [f"{pack.technique} AI"]
    for key in reversed(_TELLING):
        wanted = getattr(policy.applies_to, key)
        if wanted is not None:
            parts.append(f"{key} {known[key] or f'not known, so taken as {_taken(key, wanted)}'}")
    said = f"{policy.policy}, edition {policy.edition}, is meant for {', '.join(parts)}"
    passed = ", ".join(sorted({other.policy for other in others}))
    return f"{said}; more specific than {passed}." if passed else f"{said}."


def _taken(key: str, wanted: Sequence[str]) -> str:
    return min(wanted, key=lambda one: _first((one,), _STRICTEST_FIRST[key]))
