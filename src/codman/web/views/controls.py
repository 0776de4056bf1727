"""How the controls of frameworks stand: for one use with the reason of each, for the house with counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlencode

from codman.review.controls import Covered, Standing
from codman.review.controls_house import ControlTally, HouseMatrix
from codman.spine.use import Use
from codman.web.views.marks import Tag

SHOWN_USES: Final = 200
SHOWN: Final = (Standing.OPEN, Standing.CLAIMED, Standing.DOCUMENT, Standing.EVIDENCE, Standing.NOT_APPLICABLE)
_TAGS: Final[Mapping[Standing, Tag]] = {
    Standing.OPEN: Tag("Open", "unmet", "–"),
    Standing.CLAIMED: Tag("Claimed only", "unsure", "?"),
    Standing.DOCUMENT: Tag("Met by document", "plain", "□"),
    Standing.EVIDENCE: Tag("Met by evidence", "met", "✓"),
    Standing.NOT_APPLICABLE: Tag("Not applicable", "plain", "×"),
}
_WORDS: Final = {
    "open": Standing.OPEN,
    "claimed": Standing.CLAIMED,
    "document": Standing.DOCUMENT,
    "evidence": Standing.EVIDENCE,
    "not-applicable": Standing.NOT_APPLICABLE,
}
_WORD_OF: Final = {standing: word for word, standing in _WORDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many stand so, and where they are listed."""

    number: int
    words: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One framework, or one control, over all uses."""

    id: str
    title: str
    href: str
    counts: tuple[Count, ...]
    parts: tuple[tuple[str, str], ...]  # of a bar of 100: evidence, document, claim


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseControls:
    """The page of the house."""

    on: str
    uses: int
    frameworks: tuple[Row, ...]
    framework: str  # the one whose controls are shown
    title: str
    controls: tuple[Row, ...]
    chosen: str  # the control whose uses are listed
    standing: str
    listed: tuple[tuple[str, str], ...]
    more: bool
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlOfUse:
    """One control of one use."""

    id: str
    title: str
    tag: Tag
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkOfUse:
    """One framework of one use."""

    key: str
    title: str
    status: str
    met: int
    asked: int
    counts: str
    controls: tuple[ControlOfUse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseControls:
    """The page of one use."""

    name: str
    href: str
    here: str
    on: str
    frameworks: tuple[FrameworkOfUse, ...]


def standing_named(word: str) -> Standing | None:
    """The standing that an address means."""
    return _WORDS.get(word)


def house_controls(
    found: HouseMatrix,
    on: date,
    framework: str,
    chosen: str,
    standing: Standing | None,
    which: Sequence[str],
    named: Mapping[str, str],
) -> HouseControls:
    """The page of the house.

    Args:
        found: How the controls stand.
        on: The day.
        framework: The one whose controls are shown, by its name; the first without.
        chosen: A control whose uses are listed.
        standing: Those whose control stands so.
        which: Their ids.
        named: Their names.
    """
    day = on.isoformat()
    every = {tally.framework.framework: tally.framework for tally in found.controls}
    shown = framework if framework in every else chosen.partition("/")[0]
    shown = shown if shown in every else next(iter(every), "")
    totals = found.framework_counts()
    return HouseControls(
        on=day,
        uses=len(found.uses),
        frameworks=tuple(
            Row(
                id=name,
                title=one.title,
                href=_address(on=day, framework=name),
                counts=tuple(Count(number=totals[name][s], words=s.said, href="") for s in SHOWN),
                parts=_parts(totals[name]),
            )
            for name, one in every.items()
        ),
        framework=shown,
        title=every[shown].title if shown else "",
        controls=tuple(_row(one, day) for one in found.controls if one.framework.framework == shown),
        chosen=chosen if standing is not None else "",
        standing="" if standing is None else standing.said,
        listed=tuple((f"/uses/{use}/controls?on={day}", named.get(use, use)) for use in which[:SHOWN_USES]),
        more=len(which) > SHOWN_USES,
        words=tuple(standing.said.capitalize() for standing in SHOWN),
    )


def _row(one: ControlTally, day: str) -> Row:
    return Row(
        id=one.control.id,
        title=one.control.title,
        href="",
        counts=tuple(
            Count(
                number=one.counts[s],
                words=s.said,
                href=_address(on=day, control=one.name, standing=_WORD_OF[s]) if one.counts[s] else "",
            )
            for s in SHOWN
        ),
        parts=_parts(one.counts),
    )


def _address(**asked: str) -> str:
    return f"/controls?{urlencode(asked)}"


def _parts(counts: Mapping[Standing, int]) -> tuple[tuple[str, str], ...]:
    """Where each part of a bar begins and how wide it is; what is not asked counts for nothing."""
    whole = sum(number for standing, number in counts.items() if standing is not Standing.NOT_APPLICABLE) or 1
    begin, found = 0.0, []
    for standing in (Standing.EVIDENCE, Standing.DOCUMENT, Standing.CLAIMED):
        width = 100 * counts[standing] / whole
        found.append((f"{begin:.2f}", f"{width:.2f}"))
        begin += width
    return tuple(found)


def use_controls(use: Use, rows: Sequence[Covered], on: date) -> UseControls:
    """The page of one use: of each framework what is open first."""
    by_framework: dict[str, list[Covered]] = {}
    for row in rows:
        by_framework.setdefault(row.framework.framework, []).append(row)
    return UseControls(
        name=use.name,
        href=f"/uses/{use.id}",
        here=f"/uses/{use.id}/controls",
        on=on.isoformat(),
        frameworks=tuple(_framework(key, found) for key, found in by_framework.items()),
    )


def _framework(key: str, found: Sequence[Covered]) -> FrameworkOfUse:
    counts = {standing: sum(row.standing is standing for row in found) for standing in SHOWN}
    asked = [row for row in found if row.standing is not Standing.NOT_APPLICABLE]
    return FrameworkOfUse(
        key=key,
        title=found[0].framework.title,
        status=found[0].framework.status,
        met=counts[Standing.DOCUMENT] + counts[Standing.EVIDENCE],
        asked=len(asked),
        counts=", ".join(f"{number} {standing.said}" for standing, number in counts.items() if number),
        controls=tuple(
            ControlOfUse(id=row.control.id, title=row.control.title, tag=_TAGS[row.standing], why=row.why)
            for row in sorted(found, key=lambda row: row.standing)
        ),
    )
