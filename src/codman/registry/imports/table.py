"""A file's rows, whatever the file was: headings, cells as text, and the number a person would call each row by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from codman.errors import BadInput

MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 1_000
LONGEST_CELL: Final = 1 << 20

_SPACE: Final = re.compile(r"\s+")
_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")


class UnreadableList(BadInput):
    """A file that no reader takes, or that is damaged."""

    def __init__(self, name: str, why: str, fix: str = "give CSV, XLSX, JSON, a CHAI card or a CycloneDX BOM") -> None:
        super().__init__(what=f"{name} cannot be imported", why=why, fix=fix)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file, counted from 1 as a spreadsheet does, and its cells by heading."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """What a reader found in a file."""

    kind: str  # table, chai, cyclonedx, mlflow: what the headings mean
    headings: tuple[str, ...]
    rows: Sequence[Row]
    skipped: dict[str, int] = field(default_factory=dict)  # rows that hold nothing of their own, by reason
    notes: tuple[str, ...] = ()  # how it was read
    row_notes: tuple[tuple[int, str], ...] = ()  # what to say of single rows


def one_line(text: str) -> str:
    """Text with every run of white space as one space."""
    return _SPACE.sub(" ", text.replace("\xa0", " ")).strip()


def normal(text: str) -> str:
    """Lower-case words and digits alone, to compare headings and names by."""
    return _NOT_WORD.sub(" ", text.casefold()).strip()


def distinct(headings: Sequence[str]) -> tuple[str, ...]:
    """Headings on one line each, none twice and none empty: the second `Name` is `Name (2)`."""
    seen: dict[str, int] = {}
    result = []
    for position, heading in enumerate(headings, 1):
        name = one_line(heading.lstrip("\ufeff")) or f"column {position}"
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(result)
