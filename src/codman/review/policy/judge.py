"""A policy held against evidence: each requirement its outcome and its sentence, the worst blocking one the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from codman.errors import BadInput
from codman.evidence.keys import VerifyingKey
from codman.evidence.statements import ReadStatement
from codman.review.policy import wording
from codman.review.policy.catalog import BY_KEY
from codman.review.policy.exhibit import Exhibit, merged, of_statement
from codman.review.policy.requirement import of_origin
from codman.spine.policy import AppliesTo, Policy, Requirement
from codman.spine.statement import Kind
from codman.spine.verdict import Finding, Outcome, Result, Verdict, rank

CLOCK_SKEW: Final = timedelta(minutes=5)  # two machines' clocks may differ so much without anyone having lied


OF_NO_VERSION: Final = frozenset({Kind.CRITERIA, Kind.DOCUMENT})  # kinds that may speak of every version


class MixedEvidence(BadInput):
    """Evidence about several products, versions or uses."""

    def __init__(self, what: str, found: Sequence[str]) -> None:
        shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        fix = "give the evidence of one product"
        if what != "product":
            fix = f"name the one that is judged: --{what} {found[0]}"
        super().__init__(what=f"the evidence is about several {what}s", why=shown, fix=fix)


def judge(
    policy: Policy,
    evidence: Sequence[ReadStatement],
    keys: Sequence[VerifyingKey] = (),
    at: datetime | None = None,
    *,
    facts: Mapping[str, str] | None = None,
    version: str | None = None,
    use: str | None = None,
    unreadable: Sequence[str] = (),
) -> Verdict:
    """Hold a policy against evidence.

    Args:
        policy: What is demanded.
        evidence: Statements, in any order; one that is given twice counts once.
        keys: Public keys that are trusted. With any, what none of them signed is unverifiable; with none, unsigned
            evidence is judged and the verdict says that it is not verified.
        at: The time of judging, with its zone; now where left out.
        facts: What is known of the use beside the evidence: `tier`, `setting`, `kind`, `task`.
        version: Only evidence about this version, and documents about no version in particular.
        use: Only evidence about this use, or about no use in particular.
        unreadable: Why files that came with a signature could not even be read.

    Returns:
        One result a requirement, in the policy's order.

    Raises:
        MixedEvidence: The statements are about several products, or about several versions or uses and none is named.
        SeveralThresholds: A bound does not say which of several thresholds it is about.
    """
    exhibits = merged(of_statement(read, keys) for read in evidence)
    return judge_exhibits(
        policy, exhibits, at, facts=facts, version=version, use=use, unreadable=unreadable, given=len(evidence)
    )


def judge_exhibits(
    policy: Policy,
    exhibits: Sequence[Exhibit],
    at: datetime | None = None,
    *,
    facts: Mapping[str, str] | None = None,
    version: str | None = None,
    use: str | None = None,
    unreadable: Sequence[str] = (),
    given: int | None = None,
) -> Verdict:
    """The same with statements that are laid out already, each with what is known of its signature.

    Args:
        policy: What is demanded.
        exhibits: Each statement once, in the order of time, as `merged` gives them.
        at: The time of judging, with its zone; now where left out.
        facts: What is known of the use beside the evidence.
        version: Only evidence about this version.
        use: Only evidence about this use.
        unreadable: Why files that came with a signature could not even be read.
        given: How many statements were given, repeated ones counted; as many as there are exhibits without.
    """
    at = datetime.now(UTC) if at is None else at.astimezone(UTC)
    product = _single("product", [e.product for e in exhibits])
    version, use, about = _those_about(exhibits, version, use)
    against = _not_meant(policy.applies_to, _known(about, facts or {}))
    results, relied_on = [], set()
    bench = _Bench(about, policy.level, at, unreadable)
    for requirement in policy.requires:
        if against is not None:
            finding = Finding(outcome=Outcome.NOT_APPLICABLE, said=against)
        else:
            finding = bench.answer(requirement)
        relied_on.add(finding.evidence)
        results.append(
            Result(
                id=requirement.id,
                title=requirement.name,
                finding=finding,
                severity=requirement.severity,
                controls=requirement.controls,
                line=requirement.line,
            )
        )
    used = [e for e in about if e.digest in relied_on]
    return Verdict(
        policy=policy.policy,
        edition=policy.edition,
        checkpoint=policy.checkpoint,
        results=tuple(results),
        verified=bool(used) and all(e.verified for e in used),
        judged_at=at.replace(microsecond=0).isoformat().replace("+00:00", "Z"),
        product=product,
        version=version,
        use=use,
        policy_file=policy.file,
        notes=tuple(_notes(results, exhibits, about, at, unreadable, len(exhibits) if given is None else given)),
    )


def outcomes_of_exhibits(
    policy: Policy,
    exhibits: Sequence[Exhibit],
    at: datetime,
    *,
    facts: Mapping[str, str] | None = None,
    version: str | None = None,
    use: str | None = None,
) -> dict[str, Outcome]:
    """How each requirement comes out, by its id, and nothing else: the outcomes of `judge_exhibits` on the same.

    Raises:
        As `judge_exhibits`.
    """
    _single("product", [e.product for e in exhibits])
    version, use, about = _those_about(exhibits, version, use)
    if _not_meant(policy.applies_to, _known(about, facts or {})) is not None:
        return dict.fromkeys((requirement.id for requirement in policy.requires), Outcome.NOT_APPLICABLE)
    bench = _Bench(about, policy.level, at.astimezone(UTC), ())
    return {requirement.id: bench.outcome(requirement) for requirement in policy.requires}


def _those_about(
    exhibits: Sequence[Exhibit], version: str | None, use: str | None
) -> tuple[str | None, str | None, list[Exhibit]]:
    """The version and the use that are judged, and the statements about them."""
    version = version or _single("version", [e.version for e in exhibits])
    use = use or _single("use", [e.use for e in exhibits])
    return version, use, [e for e in exhibits if _about(e, version) and e.use in (None, use)]


def _single(what: str, said: Sequence[str | None]) -> str | None:
    found = sorted({one for one in said if one is not None})
    if len(found) > 1:
        raise MixedEvidence(what, found)
    return found[0] if found else None


def _about(exhibit: Exhibit, version: str | None) -> bool:
    """Whether it speaks of the version that is judged; a number of no named version speaks of that only."""
    return exhibit.version == version or (exhibit.version is None and exhibit.kind in OF_NO_VERSION)


def _known(exhibits: Sequence[Exhibit], facts: Mapping[str, str]) -> dict[str, set[str]]:
    """What is known of the use; the task is read from the evidence where nobody says it."""
    known = {key: {value.casefold()} for key, value in facts.items() if value}
    tasks = {e.task for e in exhibits if e.task is not None}
    if tasks:
        known.setdefault("task", tasks)
    return known


def _not_meant(applies_to: AppliesTo, known: Mapping[str, set[str]]) -> str | None:
    """Why the policy is not meant for this use; what is not known does not exempt."""
    for key, wanted in applies_to.model_dump(exclude_none=True).items():
        there = known.get(key)
        if there is not None and not there & {str(one).casefold() for one in wanted}:
            return f"This policy is for {key} {' or '.join(wanted)}; here it is {' and '.join(sorted(there))}."
    return None


class _Bench:
    """The evidence of one verdict, sorted once: most requirements ask for the same kind and origin."""

    def __init__(self, exhibits: Sequence[Exhibit], level: float, at: datetime, unreadable: Sequence[str]) -> None:
        self._exhibits = exhibits
        self._level = level
        self._at = at
        self._unreadable = unreadable
        self._newest: dict[str, Sequence[tuple[Exhibit, float]]] = {}

    def answer(self, requirement: Requirement) -> Finding:
        """The newest right statement held against a requirement."""
        newest = self._newest_for(requirement)
        if not newest:
            return self._missing(requirement)
        if len(newest) == 1:
            worst = _held(requirement, *newest[0], self._level)
        else:
            found = [_held(requirement, exhibit, days, self._level) for exhibit, days in newest]
            worst = min(found, key=lambda f: (rank(f.outcome), f.evidence or ""))
        if self._unreadable and worst.outcome is Outcome.MET:
            # the file that nobody can vouch for may have been the newest: an older one must not pass in its place
            said = (
                f"it cannot be told which evidence is newest, because one file could not be read: {self._unreadable[0]}"
            )
            return Finding(outcome=Outcome.UNVERIFIABLE, said=wording.sentence(said), evidence=worst.evidence)
        return worst

    def outcome(self, requirement: Requirement) -> Outcome:
        """The outcome of `answer`."""
        newest = self._newest_for(requirement)
        if len(newest) != 1 or self._unreadable:
            return self.answer(requirement).outcome
        exhibit, days = newest[0]
        if exhibit.unverifiable is not None or not _fresh(requirement, days):
            return self.answer(requirement).outcome
        return BY_KEY[requirement.asked_as].outcome(requirement, exhibit, self._level)

    def _newest_for(self, requirement: Requirement) -> Sequence[tuple[Exhibit, float]]:
        """Statements of the newest moment, with their age in days; they are equals, so that no order can matter."""
        newest = self._newest.get(requirement.sought)
        if newest is None:
            present = [e for e in self._right(requirement) if e.evaluated_at - self._at <= CLOCK_SKEW]
            newest = self._newest[requirement.sought] = [
                (e, (self._at - e.evaluated_at) / timedelta(days=1))
                for e in present
                if e.evaluated_at == present[-1].evaluated_at
            ]
        return newest

    def _right(self, requirement: Requirement) -> list[Exhibit]:
        kind = BY_KEY[requirement.asked_as]
        return [e for e in of_origin(self._exhibits, requirement) if kind.answers(requirement.asks, e)]

    def _missing(self, requirement: Requirement) -> Finding:
        return _missing(requirement, self._exhibits, self._right(requirement), self._at, self._unreadable)


def _held(requirement: Requirement, exhibit: Exhibit, days: float, level: float) -> Finding:
    if exhibit.unverifiable is not None:
        sentence = f"The signature of {exhibit.label} could not be confirmed: {exhibit.unverifiable}"
        return Finding(outcome=Outcome.UNVERIFIABLE, said=wording.sentence(sentence), evidence=exhibit.digest)
    if _fresh(requirement, days):
        return BY_KEY[requirement.asked_as].judge(requirement, exhibit, level)
    most = requirement.max_age_days or 0
    shown = f"{days:,.0f}" if f"{days:,.0f}" != f"{most:,.10g}" else f"{days:,.2f}"
    sentence = f"{exhibit.label} is {shown} days old; at most {most:,.10g} days are allowed"
    return Finding(outcome=Outcome.STALE, said=wording.sentence(sentence), evidence=exhibit.digest)


def _fresh(requirement: Requirement, days: float) -> bool:
    return requirement.max_age_days is None or days <= requirement.max_age_days


def _missing(
    requirement: Requirement,
    exhibits: Sequence[Exhibit],
    right: Sequence[Exhibit],
    at: datetime,
    unreadable: Sequence[str],
) -> Finding:
    if unreadable:
        return Finding(
            outcome=Outcome.UNVERIFIABLE,
            said=wording.sentence(
                f"no {_sought(requirement)} was found, and one file could not be read: {unreadable[0]}"
            ),
        )
    said = f"no {_sought(requirement)} was given"
    if right:
        said = f"no {_sought(requirement)} was there at {at:%Y-%m-%d %H:%M} UTC: {right[0].label} is dated after that"
    else:
        others = sorted(
            {e.origin.value for e in exhibits if e.kind is requirement.evidence and e.origin not in requirement.origin}
        )
        if requirement.origin and others:
            said += f"; what is there comes from origin {' and '.join(others)}, which does not count here"
        elif requirement.asked_as == "document":
            there = sorted({str(e.predicate.get("document")) for e in exhibits if e.kind is requirement.evidence})
            said += f"; documents given: {', '.join(there)}" if there else ""
    return Finding(outcome=Outcome.MISSING, said=wording.sentence(said))


def _sought(requirement: Requirement) -> str:
    """What is looked for: `local or attested evaluation with AUROC (at least 0.75)`."""
    *others, last = [origin.value for origin in requirement.origin] or [""]
    origins = f"{', '.join(others)} or {last}" if others else last
    wanted = BY_KEY[requirement.asked_as].wants(requirement.asks)
    if requirement.asked_as == "document":
        noun, tail = wanted, ""
    else:
        noun, tail = requirement.evidence.value, f" with {wanted}" if wanted else ""
    return f"{origins + ' ' if origins else ''}{noun}{tail}"


def _notes(
    results: Sequence[Result],
    exhibits: Sequence[Exhibit],
    about: Sequence[Exhibit],
    at: datetime,
    unreadable: Sequence[str],
    given: int,
) -> list[str]:
    notes = []
    if not any(r.blocks and r.outcome is not Outcome.NOT_APPLICABLE for r in results):
        notes.append("Nothing that blocks was left to judge, so nothing is decided.")
    if given > len(exhibits):
        notes.append("The same statement was given more than once; it counts once.")
    if len(about) < len(exhibits):
        notes.append(f"{len(exhibits) - len(about)} statements about another version or use were passed over.")
    for late in (e for e in about if e.evaluated_at - at > CLOCK_SKEW):
        notes.append(f"{late.name} is dated {late.day}, after the time of judging, and was passed over.")
    return [*notes, *(wording.sentence(f"not read: {why}") for why in unreadable)]
