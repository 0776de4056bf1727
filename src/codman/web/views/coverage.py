"""Coverage of frameworks: for the whole house field by field, and for one use with what is said and what shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codman.registry.coverage import Answer, FieldCoverage, State, Tally
from codman.registry.frameworks import every_framework
from codman.web.views import marks
from codman.web.views.marks import Tag

_LONGEST = 600
_STATES = (State.EVIDENCE, State.DOCUMENT, State.CLAIM, State.MISSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLine:
    """One field over all uses."""

    id: str
    title: str
    counts: tuple[int, ...]  # evidence, document, claim, missing
    widths: tuple[tuple[str, str], ...]  # of a bar of 100: where each part begins and how wide it is


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkLines:
    """One framework over all uses."""

    key: str
    title: str
    source: str
    sentence: str
    fields: tuple[FieldLine, ...]


def house_view(found: Sequence[FieldCoverage]) -> tuple[FrameworkLines, ...]:
    """Every framework, each field with how many uses answer it and how."""
    by_framework: dict[str, list[FieldCoverage]] = {}
    for one in found:
        by_framework.setdefault(one.framework, []).append(one)
    return tuple(
        FrameworkLines(
            key=f.framework,
            title=f.title,
            source=f.source,
            sentence=_sentence(by_framework.get(f.framework, [])),
            fields=tuple(_line(one) for one in by_framework.get(f.framework, [])),
        )
        for f in every_framework()
    )


def _sentence(fields: Sequence[FieldCoverage]) -> str:
    total = {state: sum(one.counts.get(state, 0) for one in fields) for state in State}
    whole = sum(total.values())
    if not whole:
        return "No use is in the book yet."
    per_cent = {state: round(100 * number / whole) for state, number in total.items()}
    return (
        f"Of all answers that its {len(fields)} fields ask of the uses here, {per_cent[State.MISSING]} % are missing, "
        f"{per_cent[State.CLAIM]} % are somebody's claim, {per_cent[State.DOCUMENT]} % stand in a document and "
        f"{per_cent[State.EVIDENCE]} % are shown by evidence."
    )


def _line(one: FieldCoverage) -> FieldLine:
    counts = tuple(one.counts.get(state, 0) for state in _STATES)
    return FieldLine(id=one.field.id, title=one.field.title, counts=counts, widths=_widths(counts))


def _widths(counts: Sequence[int]) -> tuple[tuple[str, str], ...]:
    whole = sum(counts) or 1
    begin, found = 0.0, []
    for number in counts:
        width = 100 * number / whole
        found.append((f"{begin:.2f}", f"{width:.2f}"))
        begin += width
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLine:
    """One field of one use."""

    id: str
    title: str
    state: Tag
    value: str
    source: str
    href: str  # the statement that shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkAnswers:
    """One framework for one use."""

    key: str
    title: str
    source: str
    answered: int
    asked: int
    lines: tuple[AnswerLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCoverage:
    """The page of one use's coverage."""

    name: str
    href: str
    frameworks: tuple[FrameworkAnswers, ...]


def use_coverage(name: str, href: str, answers: Sequence[Answer], tallied: Sequence[Tally]) -> UseCoverage:
    """Every framework for one use; what is missing first."""
    sources = {f.framework: f.source for f in every_framework()}
    order = {State.MISSING: 0, State.CLAIM: 1, State.DOCUMENT: 2, State.EVIDENCE: 3}
    return UseCoverage(
        name=name,
        href=href,
        frameworks=tuple(
            FrameworkAnswers(
                key=tally.framework,
                title=tally.title,
                source=sources[tally.framework],
                answered=tally.answered,
                asked=tally.fields,
                lines=tuple(
                    _answer(one)
                    for one in sorted(answers, key=lambda a: order[a.state])
                    if one.framework == tally.framework
                ),
            )
            for tally in tallied
        ),
    )


def tally_lines(tallied: Sequence[Tally]) -> tuple[tuple[str, int, int, Mapping[str, int]], ...]:
    """A framework's title, fields answered, fields asked, and how many stand in each state."""
    return tuple(
        (one.title, one.answered, one.fields, {state.value: one.counts.get(state, 0) for state in State})
        for one in tallied
    )


def _answer(one: Answer) -> AnswerLine:
    value = one.value or ("shown by the statement" if one.evidence else "")
    return AnswerLine(
        id=one.field.id,
        title=one.field.title,
        state=marks.basis(one.state.value),
        value=value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…",
        source="the record itself" if one.field.column and one.source == one.field.home else one.source or "",
        href=f"/evidence/{one.evidence}" if one.evidence else "",
    )
