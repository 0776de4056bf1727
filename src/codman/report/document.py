"""Document: what a report says, before it is laid out as HTML or PDF.

Made by evaluation.py, comparison.py and generic.py; read by html.py and pdf.py. Every string is plain text: neither
form ever reads markup out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

Tone = Literal["met", "unmet", "unsure", "plain"]
SIGNS: dict[Tone, str] = {"met": "✓", "unmet": "×", "unsure": "?", "plain": ""}


@dataclass(frozen=True, slots=True)
class Tag:
    """A short state: a sign and a word, then a colour."""

    text: str
    tone: Tone = "plain"

    @property
    def sign(self) -> str:
        """The sign that says the state without colour."""
        return SIGNS[self.tone]


@dataclass(frozen=True, slots=True)
class Fact:
    """One key fact: what it is, the fact, and what to know beside it."""

    term: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of plain text."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A command or another text to be copied exactly."""

    kind: ClassVar[str] = "code"
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; numbers stand to the right, digests in a fixed width."""

    title: str
    look: Literal["text", "number", "code"] = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a caption; the first cell of each row is its header."""

    kind: ClassVar[str] = "table"
    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: str = ""  # where not empty, the line that unfolds the table


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with what it shows in words and its numbers as a table."""

    kind: ClassVar[str] = "figure"
    key: str
    title: str
    caption: str
    alt: str
    spec: dict[str, Any]
    table: Table


@dataclass(frozen=True, slots=True)
class Gallery:
    """Figures that stand side by side where there is room."""

    kind: ClassVar[str] = "gallery"
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was checked, its state and its sentence."""

    title: str
    tag: Tag
    sentence: str
    foot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checks:
    """A list of things that were checked."""

    kind: ClassVar[str] = "checks"
    items: tuple[Item, ...]


Block = Paragraph | Bullets | Code | Table | Gallery | Checks


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report: the sentence first, then what is not known, then the rest."""

    title: str
    over: str  # the line above the title: what kind of document, about what, from when
    headline: str
    lead: tuple[str, ...]
    tags: tuple[Tag, ...]
    facts: tuple[Fact, ...]
    unknown: tuple[str, ...]  # what could not be measured or is not proven, and why
    sections: tuple[Section, ...]
    made_from: str  # sha256 of the canonical statement
    evaluated_at: datetime
    evidence: bytes = field(repr=False, default=b"")  # the file as it was read
    evidence_name: str = "statement.json"

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure, in reading order."""
        return tuple(
            figure
            for section in self.sections
            for block in section.blocks
            if isinstance(block, Gallery)
            for figure in block.figures
        )


def table(
    key: str, caption: str, columns: Sequence[Column | str], rows: Sequence[Sequence[str]], *, folded: str = ""
) -> Table:
    """A table from plain lists; a bare string is a text column. A column that says nothing in any row is left out."""
    kept = [i for i in range(len(columns)) if i == 0 or not rows or any(row[i] for row in rows)]
    whole = [c if isinstance(c, Column) else Column(c) for c in columns]
    return Table(
        key=key,
        caption=caption,
        columns=tuple(whole[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in rows),
        folded=folded,
    )


def numbers(*titles: str) -> list[Column]:
    """Columns of numbers."""
    return [Column(title, "number") for title in titles]
