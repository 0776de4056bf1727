"""What each requirement of a decision rests on, and so which of them a change takes the ground from.

A requirement rests on its policy's edition, on the controls it cites, and on the evidence that met it; the evidence
rests on a version, on patients at sites, on a threshold, on a data source, on an EHR build. A change reopens what rests
on the thing that changed and was not shown for what it became; nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from codman.review.packs.framework import ControlFramework
from codman.review.policy.bound import Bound
from codman.review.policy.diff import ADDED, LOOSENED, REMOVED, differences
from codman.review.policy.exhibit import Exhibit
from codman.spine.policy import Policy, Requirement
from codman.spine.reopening import Changed, ChangePlanFields
from codman.spine.statement import Kind, Origin

# what was measured on patients; a scan or a training run says nothing about who they are
ON_PATIENTS: Final = frozenset({Kind.EVALUATION, Kind.COMPARISON, Kind.MONITORING})
# what was measured here: a developer's own number does not move when our data do
_HERE: Final = frozenset({Origin.LOCAL, Origin.ATTESTED})
_SITE_COLUMNS: Final = frozenset({"site", "hospital", "facility", "campus"})
# what a document of a type describes, and so must be read again with; others are about the use as such
_DESCRIBED: Final[Mapping[str, frozenset[Changed]]] = {
    "bias-mitigation-record": frozenset({Changed.POPULATION}),
    "configuration-record": frozenset({Changed.THRESHOLD, Changed.DATA_SOURCE, Changed.EHR_BUILD}),
    "data-use-agreement": frozenset({Changed.DATA_SOURCE}),
    "downtime-procedure": frozenset({Changed.SITE}),
    "escalation-procedure": frozenset({Changed.SITE}),
    "fairness-report": frozenset({Changed.POPULATION}),
    "input-variable-register": frozenset({Changed.DATA_SOURCE}),
    "risk-assessment": frozenset({Changed.POPULATION}),
    "training-material": frozenset({Changed.SITE}),
}
PLANNABLE: Final = frozenset(
    {
        Changed.VERSION,
        Changed.SITE,
        Changed.POPULATION,
        Changed.THRESHOLD,
        Changed.DATA_SOURCE,
        Changed.EHR_BUILD,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How one requirement stood when it was decided: met, accepted in writing, or said not to apply."""

    requirement: Requirement
    evidence: Exhibit | None  # what it rested on, where it is still there
    passed_over: bool = False  # said not to apply


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a decision was about, as far as its ground is asked for."""

    case: str
    policy: Policy
    version: str | None
    sites: frozenset[str]  # ids
    builds: Mapping[str, str | None] = field(default_factory=dict)  # the EHR build of each version, where it is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What one requirement rests on: by kind of thing, the names it was shown for; none of them is not said which."""

    case: str
    policy: str
    requirement: Requirement
    evidence: str | None  # digest
    on: Mapping[Changed, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Shift:
    """One thing about a use that changed."""

    changed: Changed
    because: str  # in words, e.g. version 1.2 became 1.3 at North
    became: str | None = None  # its name now: a record's id, a number, a build; None where it has none
    named: str | None = None  # the same as people write it, e.g. a version's label


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """One requirement that a change takes the ground from."""

    policy: str
    requirement: str
    title: str
    changed: Changed
    because: str
    became: str | None
    evidence: str | None = None  # what met it until then


def ground_of(decided: Decided, one: Settled) -> Ground:
    """What one requirement of a decision rests on."""
    asked, shown = one.requirement, one.evidence
    # which policy is asked, and how strictly it is come to, goes by the tier: all of it rests on that
    on: dict[Changed, frozenset[str]] = {
        Changed.POLICY: frozenset({decided.policy.edition}),
        Changed.TIER: frozenset(),
    }
    if asked.controls:
        on[Changed.FRAMEWORK] = frozenset(asked.controls)
    if asked.evidence is Kind.DOCUMENT:
        described = _DESCRIBED.get(getattr(asked.asks, "type", ""), frozenset())
        on |= {changed: _known(changed, decided) for changed in described}
    version = decided.version if shown is None else shown.version
    if version is not None and not (shown is None and asked.evidence is Kind.DOCUMENT):
        on[Changed.VERSION] = frozenset({version})
    if one.passed_over:
        on |= _of_the_use(decided)
    elif asked.evidence in ON_PATIENTS:
        on |= _of_patients(decided, asked, shown, version)
    elif asked.evidence is Kind.DATASET:
        on[Changed.POPULATION] = frozenset()
        on[Changed.DATA_SOURCE] = _inputs(shown)
    return Ground(
        case=decided.case,
        policy=decided.policy.policy,
        requirement=asked,
        evidence=None if shown is None else shown.digest,
        on=on,
    )


def _of_patients(
    decided: Decided, asked: Requirement, shown: Exhibit | None, version: str | None
) -> Iterator[tuple[Changed, frozenset[str]]]:
    bound = asked.asks if isinstance(asked.asks, Bound) else None
    yield Changed.POPULATION, frozenset()
    thresholds = _thresholds(bound, shown)
    if thresholds:
        yield Changed.THRESHOLD, thresholds
    if shown is not None and shown.origin not in _HERE:
        return
    if bound is None or not _SITE_COLUMNS & {column.lower() for column in bound.slice}:
        yield Changed.SITE, decided.sites
    yield Changed.DATA_SOURCE, _inputs(shown)
    build = decided.builds.get(version or "")
    yield Changed.EHR_BUILD, frozenset() if build is None else frozenset({build})


def _of_the_use(decided: Decided) -> Iterator[tuple[Changed, frozenset[str]]]:
    """What it rests on that a requirement does not apply: the use as it was, all of it."""
    build = decided.builds.get(decided.version or "")
    yield Changed.VERSION, frozenset() if decided.version is None else frozenset({decided.version})
    yield Changed.SITE, decided.sites
    yield Changed.EHR_BUILD, frozenset() if build is None else frozenset({build})
    for changed in (Changed.POPULATION, Changed.THRESHOLD, Changed.DATA_SOURCE):
        yield changed, frozenset()


def _known(changed: Changed, decided: Decided) -> frozenset[str]:
    return decided.sites if changed is Changed.SITE else frozenset()


def _thresholds(bound: Bound | None, shown: Exhibit | None) -> frozenset[str]:
    """The thresholds a number is about: as the policy names it, else as it was measured."""
    if bound is None:
        return frozenset()
    if bound.threshold is not None:
        return frozenset({number(bound.threshold)})
    rows = () if shown is None else shown.about(bound.place)
    found = (m.params.get("threshold") for m in rows if bound.picks(m))
    return frozenset(number(t) for t in found if isinstance(t, (int, float)) and not isinstance(t, bool))


def _inputs(shown: Exhibit | None) -> frozenset[str]:
    listed = None if shown is None else shown.predicate.get("inputs")
    inputs = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return frozenset(str(one[key]) for one in inputs for key in ("name", "uri") if one.get(key))


def number(value: float) -> str:
    """A number as a name: 0.2 is 0.2 however it was computed."""
    return f"{value:.10g}"


def touched(grounds: Sequence[Ground], shift: Shift) -> list[Touched]:
    """The requirements that rest on what changed and were not shown for what it became."""
    found = []
    for ground in grounds:
        known = ground.on.get(shift.changed)
        if known is None or (shift.became is not None and {shift.became, shift.named} & known):
            continue
        found.append(
            Touched(
                policy=ground.policy,
                requirement=ground.requirement.id,
                title=ground.requirement.name,
                changed=shift.changed,
                because=shift.because,
                became=shift.became,
                evidence=ground.evidence,
            )
        )
    return found


def touched_by_edition(grounds: Sequence[Ground], old: Policy, new: Policy) -> list[Touched]:
    """The requirements that a new edition asks for anew, or asks more or other of; not what it loosened or left out."""
    by_id = {r.id: r for r in new.requires}
    before = {r.id: r for r in old.requires}
    evidence = {ground.requirement.id: ground.evidence for ground in grounds}
    # titles and controls move no bound
    same_words = tuple(
        r
        if r.id not in before
        else r.model_copy(update={"title": before[r.id].title, "controls": before[r.id].controls})
        for r in new.requires
    )
    ways: dict[str, list[str]] = {}
    level = ""
    for one in differences(old, new.model_copy(update={"requires": same_words})):
        if one.way in (LOOSENED, REMOVED):
            continue
        if one.requirement is None:
            level = one.words if one.words.startswith("level ") else level
        elif one.way == ADDED or one.requirement in evidence:
            ways.setdefault(one.requirement, []).append("it is new" if one.way == ADDED else one.words)
    if level:
        for name in evidence:
            if name in by_id and isinstance(by_id[name].asks, Bound):
                ways.setdefault(name, []).append(level)
    return [
        Touched(
            policy=new.policy,
            requirement=name,
            title=by_id[name].name,
            changed=_threshold_or_edition(before.get(name), by_id[name]),
            because=f"edition {old.edition} became {new.edition}: {'; '.join(words)}"[:300],
            became=new.edition,
            evidence=evidence.get(name),
        )
        for name, words in ways.items()
    ]


def _threshold_or_edition(old: Requirement | None, new: Requirement) -> Changed:
    was, now = (one.asks if one is not None and isinstance(one.asks, Bound) else None for one in (old, new))
    if was is not None and now is not None and was.threshold != now.threshold:
        return Changed.THRESHOLD
    return Changed.POLICY


def touched_by_framework(grounds: Sequence[Ground], old: ControlFramework, new: ControlFramework) -> list[Touched]:
    """The requirements that cite a control which reads otherwise in a framework's new edition, or left it out."""
    found = []
    for ground in grounds:
        cited = ground.on.get(Changed.FRAMEWORK, frozenset())
        own = sorted(one.partition("/")[2] for one in cited if one.partition("/")[0] == new.framework)
        moved = [one for one in own if old.under(one) != new.under(one)]
        if not moved:
            continue
        gone = [one for one in moved if not new.under(one)]
        how = f"{', '.join(gone)} is no longer in it" if gone else f"{', '.join(moved)} reads otherwise"
        found.append(
            Touched(
                policy=ground.policy,
                requirement=ground.requirement.id,
                title=ground.requirement.name,
                changed=Changed.FRAMEWORK,
                because=f"{new.title} {old.edition} became {new.edition}: {how}"[:300],
                became=f"{new.framework} {new.edition}",
                evidence=ground.evidence,
            )
        )
    return found


def why_not_planned(plan: ChangePlanFields, shift: Shift) -> str | None:
    """Why a change is outside a change plan; None where it is inside."""
    if shift.changed.value not in plan.modifications:
        return f"the plan does not speak of a change of {shift.changed.value}"
    allowed = plan.allows.get(shift.changed.value)
    names = [one for one in (shift.named, shift.became) if one is not None]
    if isinstance(allowed, Mapping):
        return _why_not_within(allowed, names)
    # a pattern is of names as people write them: an id is whatever its sender called the record
    if any(fnmatchcase(names[0], str(one)) or str(one) in names for one in _listed(allowed) if names):
        return None
    return f"the plan allows {', '.join(map(str, _listed(allowed))) or 'none'}, not {names[0] if names else 'this'}"


def _why_not_within(allowed: Mapping[str, Any], names: Sequence[str]) -> str | None:
    least, most = allowed.get("at_least"), allowed.get("at_most")
    for name in names:
        try:
            value = float(name)
        except ValueError:
            continue
        if (least is None or value >= least) and (most is None or value <= most):
            return None
        return f"the plan allows {'any' if least is None else f'{least:g}'} to {'any' if most is None else f'{most:g}'}"
    return "the plan allows a range of numbers, and this is none"


def _listed(allowed: object) -> Collection[object]:
    return allowed if isinstance(allowed, (list, tuple)) else [] if allowed is None else [allowed]


def faults_of_plan(plan: ChangePlanFields) -> Iterator[tuple[str, str]]:
    """What makes a plan unusable: the field, and why."""
    words = {changed.value for changed in PLANNABLE}
    if unknown := sorted(set(plan.modifications) - words):
        yield "modifications", f"{unknown[0]!r} is none of {', '.join(sorted(words))}"
    if beyond := sorted(set(plan.allows) - set(plan.modifications)):
        yield "allows", f"{beyond[0]!r} is not among the modifications"
    for name in plan.modifications:
        allowed = plan.allows.get(name)
        if isinstance(allowed, Mapping):
            limits = {key: value for key, value in allowed.items() if key in ("at_least", "at_most")}
            if limits != dict(allowed) or not limits or not all(_is_number(v) for v in limits.values()):
                yield "allows", f"{name}: give numbers as at_least and at_most"
        elif not isinstance(allowed, list) or not allowed or not all(_is_name(one) for one in allowed):
            yield "allows", f"{name}: list what it may become; 3.* is every one that begins so"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_name(value: object) -> bool:
    return _is_number(value) or (isinstance(value, str) and 0 < len(value) <= 300)
