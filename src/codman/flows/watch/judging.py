"""A window's statements held against its requirements: what each came to, and what of that is a signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from codman.evidence.statements import ReadStatement
from codman.flows.watch.asking import is_drift
from codman.flows.watch.measuring import About, State
from codman.review.policy.bound import Bound
from codman.review.policy.exhibit import Exhibit, merged, of_statement
from codman.review.policy.judge import judge_exhibits
from codman.review.watching.plan import policy_of_plan
from codman.spine.measurement import Window
from codman.spine.monitor_plan import CODMAN, COMPLETE, Age, MonitorPlan, WatchAction, Watched
from codman.spine.policy import Severity
from codman.spine.statement import Kind
from codman.spine.verdict import Finding, Outcome
from codman.spine.watching import LookNumber, SignalFields, SignalKind

_COMPUTED: Final = frozenset({Kind.MONITORING, Kind.EVALUATION})
_LONGEST: Final = 300
_TOGETHER: Final = "The last windows together are beyond the limit; this one alone:"


@dataclass(frozen=True, slots=True)
class Held:
    """A requirement and what it came to in a window."""

    watched: Watched
    outcome: Outcome
    sentence: str
    finding: Finding
    number: LookNumber


def computed_here(one: Watched) -> bool:
    """Whether the house computes its number itself from events."""
    return one.watch.responsible == CODMAN and one.requirement.evidence in _COMPUTED


def hold(
    plan: MonitorPlan,
    requires: Sequence[Watched],
    new: Sequence[ReadStatement],
    book: Sequence[Exhibit],
    *,
    product: str,
    version: str | None,
    use: str,
    at: datetime,
) -> list[Held]:
    """Hold the requirements of a window against what was just measured, and others' against the book.

    Args:
        plan: The plan.
        requires: Its requirements that are due.
        new: The house's own statements of the window.
        book: Everything filed about the use.
        product: The product's id.
        version: The id of the version that the events are of.
        use: The use's id.
        at: The time of judging.
    """
    own = [
        replace(of_statement(one, ()), product=product, version=version, use=use, verified=True, unverifiable=None)
        for one in new
    ]
    newest = next((one.version for one in reversed(book) if one.version is not None), None)
    held = []
    for one in requires:
        mine = computed_here(one)
        policy = policy_of_plan(plan.model_copy(update={"requires": (one,)}))
        against = merged(own) if mine else book
        verdict = judge_exhibits(policy, against, at, version=version if mine else newest, use=use)
        (result,) = verdict.results
        outcome, sentence = result.finding.outcome, result.finding.sentence
        if mine and one.watch.age is Age.FINAL and outcome in (Outcome.MET, Outcome.NOT_MET) and _early(one, own):
            outcome = Outcome.INCONCLUSIVE
            sentence = f"Too few outcomes are known for a final number. {sentence}"
        held.append(Held(one, outcome, sentence, result.finding, _number(one, against, result.finding)))
    return held


def state_of(held: Sequence[Held], *, drifted: bool, blind: bool) -> State:
    """What a window came to as a whole."""
    wrong = [one for one in held if one.outcome is Outcome.NOT_MET]
    if any(one.watched.requirement.severity is Severity.BLOCK for one in wrong):
        return "alarm"
    if blind:
        return "blind"
    fine = (Outcome.MET, Outcome.NOT_APPLICABLE)
    return "watch" if drifted or any(one.outcome not in fine for one in held) else "quiet"


def signals_of(
    about: About,
    monitor: str,
    held: Sequence[Held],
    raised: Mapping[str, float | None],
    renamed: Mapping[str, str],
    at: str,
) -> Iterator[SignalFields]:
    """What a person may have to act on in a window; each once, by requirement and window.

    Args:
        about: The window.
        monitor: Its monitor's id.
        held: What its requirements came to.
        raised: Which of them raise an alarm, with the e-value of the last windows together where that is why.
        renamed: Digest of a statement as it was judged to the one that is filed.
        at: When it is raised.
    """
    for one in held:
        kind = _kind(one, raised)
        if kind is None:
            continue
        asks = one.watched.requirement.asks
        bound = asks if isinstance(asks, Bound) else None
        evidence = one.finding.evidence
        yield SignalFields(
            use=about.use_id,
            monitor=monitor,
            kind=kind,
            about=f"{one.watched.requirement.id}: {about.rule} {about.start.isoformat()}/{about.end.isoformat()}",
            requirement=one.watched.requirement.id,
            metric=None if bound is None else bound.metric,
            feature=None if bound is None else bound.feature,
            slice={} if bound is None else dict(bound.slice),
            window=Window(start=about.window.start, end=about.window.end),
            value=one.finding.value,
            lower=one.finding.lower,
            upper=one.finding.upper,
            evidence=raised.get(one.watched.requirement.id),
            sentence=short(one.sentence if one.outcome is Outcome.NOT_MET else f"{_TOGETHER} {one.sentence}"),
            severe=is_severe(one.watched),
            statement=None if evidence is None else renamed.get(evidence, evidence),
            raised_at=at,
        )


def is_severe(one: Watched) -> bool:
    """Whether what it finds may stop the use, and so passes every budget."""
    stops = {WatchAction.PROPOSE_PAUSE, WatchAction.ROLL_BACK}
    return one.requirement.severity is Severity.BLOCK and bool(stops & set(one.watch.actions))


def short(sentence: str) -> str:
    """A sentence that fits a line of the book."""
    return sentence if len(sentence) <= _LONGEST else sentence[: _LONGEST - 1].rstrip() + "…"


def _number(one: Watched, against: Sequence[Exhibit], finding: Finding) -> LookNumber:
    """The number behind a finding, with the level and the rows that only its measurement knows."""
    asks = one.requirement.asks
    if finding.value is None or not isinstance(asks, Bound):
        return LookNumber()
    level, n = None, None
    for exhibit in against:
        if exhibit.digest != finding.evidence:
            continue
        for m in exhibit.about(asks.place):
            if asks.picks(m) and (m.value, m.lower, m.upper) == (finding.value, finding.lower, finding.upper):
                level, n = m.level, m.n
    return LookNumber(value=finding.value, lower=finding.lower, upper=finding.upper, level=level, n=n)


def _kind(one: Held, raised: Mapping[str, float | None]) -> SignalKind | None:
    asks = one.watched.requirement.asks
    if one.watched.requirement.id in raised:
        return SignalKind.DRIFT if isinstance(asks, Bound) and is_drift(asks.metric) else SignalKind.PERFORMANCE
    late = one.outcome in (Outcome.MISSING, Outcome.STALE, Outcome.UNVERIFIABLE)
    return SignalKind.LATE if late and not computed_here(one.watched) else None


def _early(one: Watched, own: Sequence[Exhibit]) -> bool:
    """Whether a number that should be final rests on too few of the window's outcomes."""
    asks = one.requirement.asks
    if not isinstance(asks, Bound):
        return False
    for exhibit in own:
        if exhibit.kind is not one.requirement.evidence:
            continue
        rows = exhibit.predicate.get("rows") or {}
        eligible, evaluated = rows.get("eligible") or 0, rows.get("evaluated") or 0
        if exhibit.kind is Kind.EVALUATION and evaluated < COMPLETE * eligible:
            return True
        for m in exhibit.about(asks.place):
            if asks.picks(m) and m.params.get("age") == "partial" and m.params.get("labelled", 0.0) < COMPLETE:
                return True
    return False
