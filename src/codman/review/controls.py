"""The coverage matrix of one use: each control of each framework met by evidence, by a document, claimed only, or open.

A requirement that was judged says more than a fact: what a gate found missing stays open or claimed, whoever says it is
there. The weakest of the blocking requirements that cite a control decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache, cached_property, lru_cache, partial
from typing import Final

from codman.registry.coverage import Answer, State
from codman.registry.documents import Basis
from codman.review.packs.framework import Control, ControlFramework
from codman.spine.article import with_article
from codman.spine.day import written_day
from codman.spine.policy import Policy
from codman.spine.statement import Kind, Origin
from codman.spine.statement import when as moment
from codman.spine.verdict import Outcome, Result, Verdict, rank


class Standing(IntEnum):
    """How a control stands, the weakest first; its words are `said`."""

    OPEN = 0
    CLAIMED = 1
    DOCUMENT = 2
    EVIDENCE = 3
    NOT_APPLICABLE = 4

    @property
    def said(self) -> str:
        """As a page and a file say it."""
        return _SAID[self]


_SAID: Final = {
    Standing.OPEN: "open",
    Standing.CLAIMED: "claimed only",
    Standing.DOCUMENT: "met by document",
    Standing.EVIDENCE: "met by evidence",
    Standing.NOT_APPLICABLE: "not applicable",
}
_OF_BASIS: Final = {
    Basis.CLAIM: Standing.CLAIMED,
    Basis.DOCUMENT: Standing.DOCUMENT,
    Basis.EVIDENCE: Standing.EVIDENCE,
}
_OF_STATE: Final = {State.CLAIM: Basis.CLAIM, State.DOCUMENT: Basis.DOCUMENT, State.EVIDENCE: Basis.EVIDENCE}
_OWN_WORD: Final = frozenset({Origin.DEVELOPER, Origin.PUBLISHED})  # the maker's word, nobody else's


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One requirement of one verdict, as far as controls ask about it."""

    result: Result
    standing: Standing  # what it is worth where it is met: claimed, document or evidence
    judged_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody said in answer to one control: a fact of the registry."""

    control: str  # framework/control
    basis: Basis
    source: str
    said_at: str | None = None  # ISO 8601, UTC; None is at any time


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A document that is filed about the use or its product."""

    type: str
    filed_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that is known of one use on which controls are judged."""

    judged: Sequence[Judged] = ()
    said: Sequence[Said] = ()
    filed: Sequence[Filed] = ()
    subject: Mapping[str, str] = field(default_factory=dict)  # technique, tier, setting, kind, as far as known
    not_applicable: Mapping[str, str] = field(default_factory=dict)  # framework, or framework/control, to why


@dataclass(frozen=True)
class Covered:
    """One control for one use; its reason is put together when somebody reads it."""

    framework: ControlFramework
    control: Control
    standing: Standing
    because: Callable[[], str] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """As requirements cite it: framework/control."""
        return f"{self.framework.framework}/{self.control.id}"

    @cached_property
    def why(self) -> str:
        """One sentence or two."""
        return self.because()


def judged_in(policy: Policy, verdict: Verdict, origins: Mapping[str, Origin] | None = None) -> list[Judged]:
    """The results of a verdict with what each is worth.

    A document is worth a document. Other evidence is worth evidence where its signature was checked and it is not only
    the maker's own word; else it is a claim.

    Args:
        policy: The policy that was judged.
        verdict: How it came out.
        origins: Whose word each statement is, by its digest (64 hexadecimal digits), where the caller knows.
    """
    by_id = {requirement.id: requirement for requirement in policy.requires}
    found = []
    for result in verdict.results:
        requirement = by_id.get(result.id)
        if requirement is None or not result.controls:
            continue
        whose = (origins or {}).get(result.finding.evidence or "")
        accepted = set(requirement.origin) if whose is None else {whose}
        if not verdict.verified or (accepted and accepted <= _OWN_WORD):
            worth = Standing.CLAIMED
        else:
            worth = Standing.DOCUMENT if requirement.evidence is Kind.DOCUMENT else Standing.EVIDENCE
        found.append(Judged(result=result, standing=worth, judged_at=verdict.judged_at))
    return found


def said_by_registry(answers: Iterable[Answer]) -> list[Said]:
    """What the registry's own coverage knows of HTI-1 and the CHAI card, as answers to their controls."""
    return [
        Said(control=f"{a.framework}/{a.field.id}", basis=_OF_STATE[a.state], source=a.source or "the registry")
        for a in answers
        if a.state is not State.MISSING
    ]


def matrix(frameworks: Sequence[ControlFramework], known: Known, at: datetime) -> list[Covered]:
    """Every control of the frameworks for one use, on a date.

    Args:
        frameworks: Those that hold on the date: `packs.frameworks(at)`.
        known: What is known of the use; what was judged, said or filed after the date does not count.
        at: The date.

    Returns:
        One row a control, in the frameworks' order.
    """
    grid = Grid(frameworks)
    standings, spared = grid.stand(known, at), grid.spared(known)
    return [
        Covered(
            grid.frameworks[place],
            control,
            Standing(standings[place]),
            partial(grid.why, place, known, at) if place not in spared else partial(str, spared[place]),
        )
        for place, control in enumerate(grid.controls)
    ]


class Grid:
    """The frameworks' controls in one row, so that many uses are judged by places and not by names."""

    def __init__(self, frameworks: Sequence[ControlFramework]) -> None:
        self.frameworks = [f for f in frameworks for _ in f.controls]
        self.controls = [control for f in frameworks for control in f.controls]
        self._by_framework = {f.framework: f for f in frameworks}
        self._place = {f"{f.framework}/{c.id}": i for i, (f, c) in enumerate(self._pairs())}
        self._cited: dict[str, tuple[int, ...]] = {}
        self._by_document: dict[str, list[int]] = {}
        for i, control in enumerate(self.controls):
            for type_ in control.documents:
                self._by_document.setdefault(type_, []).append(i)
        self._only = [
            (i, key, frozenset(one.casefold() for one in wanted))
            for i, control in enumerate(self.controls)
            for key, wanted in control.only.model_dump(exclude_none=True).items()
        ]

    def _pairs(self) -> Iterable[tuple[ControlFramework, Control]]:
        return zip(self.frameworks, self.controls, strict=True)

    def places(self, cited: str) -> tuple[int, ...]:
        """The places a citation means; none where its framework does not hold on the date, or has no such control."""
        found = self._cited.get(cited)
        if found is None:
            name, _, control = cited.partition("/")
            of = self._by_framework.get(name)
            under = of.under(control) if of is not None else ()
            found = self._cited[cited] = tuple(self._place[f"{name}/{c.id}"] for c in under)
        return found

    def stand(self, known: Known, at: datetime) -> bytes:
        """How each control stands, by its place: a Standing a byte."""
        marks = [0] * len(self.controls)
        for one in known.judged:
            if _by(one.judged_at, at):
                mark = _MARK_OF[one.result.outcome, one.result.blocks, one.standing]
                for cited in one.result.controls:
                    for place in self.places(cited):
                        marks[place] |= mark
        for said in known.said:
            if _by(said.said_at, at):
                for place in self.places(said.control):
                    marks[place] |= _TOLD[_OF_BASIS[said.basis]]
        for filed in known.filed:
            if _by(filed.filed_at, at):
                for place in self._by_document.get(filed.type, ()):
                    marks[place] |= _TOLD[Standing.DOCUMENT]
        standings = bytearray(map(_standing, marks))
        for place in self.spared(known):
            standings[place] = Standing.NOT_APPLICABLE
        return bytes(standings)

    def why(self, place: int, known: Known, at: datetime) -> str:
        """Why a control stands as it does."""
        judged = [j for j in known.judged if _by(j.judged_at, at) and self._cites(j.result.controls, place)]
        told = [
            (_OF_BASIS[s.basis], s.source) for s in known.said if _by(s.said_at, at) and self._cites([s.control], place)
        ]
        told += [
            (Standing.DOCUMENT, f"{with_article(filed.type.replace('-', ' '))} is filed")
            for filed in known.filed
            if _by(filed.filed_at, at) and place in self._by_document.get(filed.type, ())
        ]
        parts = [_judged_words(judged), _told_words(told)]
        if not any(parts):
            parts.append("No requirement that was judged cites it, and no answer to it is in the book.")
        starts = self.frameworks[place].applies_from
        if starts is not None and at.astimezone(UTC).date() < starts:
            parts.append(f"It binds from {written_day(starts)}.")
        return " ".join(filter(None, parts))

    def _cites(self, cited: Iterable[str], place: int) -> bool:
        return any(place in self.places(one) for one in cited)

    def spared(self, known: Known) -> dict[int, str]:
        """The places that are not asked of this use, and why."""
        found = {}
        for place, key, wanted in self._only:
            said = known.subject.get(key)
            if said is not None and said.casefold() not in wanted:
                found[place] = f"It is asked only of {key} {' or '.join(sorted(wanted))}; here it is {said}."
        for name, why in known.not_applicable.items():
            of = self._by_framework.get(name)
            cited = [f"{name}/{c.id}" for c in of.controls] if of is not None else [name]
            for one in cited:
                found.update(dict.fromkeys(self.places(one), why))
        return found


# what is known of one control as bits, so that a house of thousands of uses needs no lists
_ASKED, _NOT_MET, _LACKING, _PASSED_OVER = 1, 2, 4, 8
_MET: Final = {Standing.CLAIMED: 16, Standing.DOCUMENT: 32, Standing.EVIDENCE: 64}
_TOLD: Final = {Standing.CLAIMED: 128, Standing.DOCUMENT: 256, Standing.EVIDENCE: 512}
_BEST_FIRST: Final = (Standing.EVIDENCE, Standing.DOCUMENT, Standing.CLAIMED)


def _mark(outcome: Outcome, blocks: bool, worth: Standing) -> int:
    if outcome is Outcome.NOT_APPLICABLE:
        return _PASSED_OVER
    if outcome is Outcome.MET:
        return _ASKED | _MET[worth]
    if not blocks:
        return _ASKED
    return _ASKED | (_NOT_MET if outcome is Outcome.NOT_MET else _LACKING)


_MARK_OF: Final = {
    (outcome, blocks, worth): _mark(outcome, blocks, worth)
    for outcome in Outcome
    for blocks in (True, False)
    for worth in _BEST_FIRST
}


@cache
def _standing(mark: int) -> Standing:
    told = next((standing for standing in _BEST_FIRST if mark & _TOLD[standing]), None)
    if mark & _NOT_MET:
        return Standing.OPEN
    if mark & _LACKING:
        return Standing.OPEN if told is None else Standing.CLAIMED
    met = next((standing for standing in _BEST_FIRST if mark & _MET[standing]), None)
    if met is None and told is None:
        return Standing.NOT_APPLICABLE if mark & _PASSED_OVER and not mark & _ASKED else Standing.OPEN
    return max(standing for standing in (met, told) if standing is not None)


def _by(said_at: str | None, at: datetime) -> bool:
    return said_at is None or _instant(said_at) <= at


@lru_cache(maxsize=65_536)
def _instant(said_at: str) -> datetime:
    return moment(said_at)


def _judged_words(judged: Sequence[Judged]) -> str:
    asked = [one for one in judged if one.result.outcome is not Outcome.NOT_APPLICABLE]
    lacking = [one for one in asked if one.result.outcome is not Outcome.MET]
    if lacking:
        count = f"{len(asked) - len(lacking)} of {len(asked)} requirements are met. " if len(asked) > 1 else ""
        worst = min(lacking, key=lambda one: (not one.result.blocks, rank(one.result.outcome), one.result.id)).result
        return f"{count}{worst.title}: {worst.sentence}"
    if asked:
        best = max(asked, key=lambda one: one.standing)
        own = " It is the maker's word, or its signature was not checked." if best.standing is Standing.CLAIMED else ""
        return f"{best.result.title}: {best.result.sentence}{own}"
    return judged[0].result.sentence if judged else ""


def _told_words(told: Sequence[tuple[Standing, str]]) -> str:
    if not told:
        return ""
    standing, source = max(told, key=lambda one: one[0])
    return f"Said: {source}." if standing is Standing.CLAIMED else f"{standing.said.capitalize()}: {source}."
