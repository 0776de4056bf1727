"""HTI-1 source attributes as one HTML file for a screen or paper: nothing fetched, nothing run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from codman.registry.coverage import State
from codman.report import html, words
from codman.report.document import Tag
from codman.report.model_card_metrics import name_of
from codman.report.source_attributes import Attribute, SourceAttributes, source_attributes
from codman.report.told import SMALL, Told
from codman.spine.day import written_day, written_moment

_TAGS: Final = {
    State.EVIDENCE: Tag("Evidence", "met"),
    State.DOCUMENT: Tag("Document"),
    State.CLAIM: Tag("Claim", "unsure"),
    State.MISSING: Tag("Missing", "unmet"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One attribute as the page shows it."""

    id: str
    title: str
    tag: Tag
    paragraphs: tuple[str, ...]
    numbers: tuple[tuple[str, str, str, str], ...]  # name, value with its interval, n, events
    level: str  # of the intervals
    origin: str  # of the numbers
    whose: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A heading of the rule."""

    key: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the rule's two lists."""

    key: str
    title: str
    counts: tuple[tuple[Tag, int], ...]
    groups: tuple[Group, ...]


def as_html(told: Told) -> bytes:
    """The page as UTF-8 HTML.

    Raises:
        MissingExtra: Without the extra `report`.
    """
    found = source_attributes(told)
    parts = (
        _part("predictive", "Predictive decision support, (iv)(B)", found, found.predictive),
        _part("evidence-based", "Evidence-based decision support, (iv)(A)", found, found.evidence_based),
    )
    at = written_moment(datetime.fromisoformat(told.at), UTC)
    signed = tuple((one, "" if one.evaluated_at is None else written_day(one.evaluated_at)) for one in told.statements)
    shown = {"told": told, "rule": found.framework, "parts": parts, "signed": signed, "at": at, "small": SMALL}
    return html.page("source_attributes.html", **shown, day=written_day(told.day))


def _part(key: str, title: str, found: SourceAttributes, which: Sequence[Attribute]) -> Part:
    groups: dict[str, list[Line]] = {}
    for one in which:
        groups.setdefault(one.field.group or title, []).append(_line(one))
    return Part(
        key=key,
        title=f"{title}: {len(which)} attributes",
        counts=tuple((_TAGS[state], count) for state, count in found.counts(which).items()),
        groups=tuple(
            Group(key=f"{key}-{number}", title=name, lines=tuple(lines))
            for number, (name, lines) in enumerate(groups.items(), 1)
        ),
    )


def _line(one: Attribute) -> Line:
    return Line(
        id=one.field.id,
        title=one.field.title,
        tag=_TAGS[one.state],
        paragraphs=tuple(part.strip() for part in one.answer.split("\n") if part.strip()),
        numbers=tuple(
            (name_of(m), words.with_interval(m), words.count(m.n), words.count(m.positives)) for m in one.measurements
        ),
        level=words.level(one.measurements),
        origin="" if one.evaluation is None else one.evaluation.predicate.origin.value,
        whose=one.source,
        evidence=one.evidence or "",
    )
