"""Layout: a report's blocks as lines of plain text, as wide as the terminal or 80 columns in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from codman.report.document import Bullets, Paragraph, Section, Table

_GAP: Final = 2
_LEAST_FIRST: Final = 14  # the first column is wrapped before it is narrower than this
_MOST_FIRST: Final = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One line; headings stand out where a terminal can show it."""

    text: str
    heading: bool = False


def print_sections(sections: Sequence[Section]) -> None:
    """Write sections to standard output: headings bold on a terminal, plain in a pipe."""
    width = shutil.get_terminal_size((80, 24)).columns
    every = list(lines(sections, max(40, width)))
    if not (sys.stdout.isatty() and "NO_COLOR" not in os.environ):
        for line in every:
            print_line(line.text)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in every:  # as text: a level may look like markup
        console.print(Text(printable(line.text), style="bold" if line.heading else ""), soft_wrap=True)


def lines(sections: Sequence[Section], width: int) -> Iterator[Line]:
    """Sections one below the other, an empty line before each block."""
    for section in sections:
        if section.title:
            yield Line("")
            yield from (Line(one, heading=True) for one in textwrap.wrap(section.title, width))
        for block in section.blocks:
            if isinstance(block, Table):
                yield Line("")
                yield from table_lines(block, width)
            elif isinstance(block, Bullets):
                for item in block.items:
                    yield from map(Line, textwrap.wrap(item, width, initial_indent="- ", subsequent_indent="  "))
            elif isinstance(block, Paragraph):
                yield from map(Line, textwrap.wrap(block.text, width))


def table_lines(block: Table, width: int) -> Iterator[Line]:
    """A table: intervals beside their values where there is room, below them where not, in two tables where not that.

    Args:
        block: What it shows.
        width: Columns of the terminal.
    """
    yield from (Line(one) for one in textwrap.wrap(block.caption, width))
    numeric = [column.look == "number" for column in block.columns]
    cells = [[[cell] for cell in row] for row in block.rows]
    widths = _widths(block, cells)
    if sum(widths) + _GAP * (len(widths) - 1) > width:
        cells = [
            [_stacked(cell) if number else [cell] for cell, number in zip(row, numeric, strict=True)]
            for row in block.rows
        ]
        widths = _widths(block, cells)
    for k, columns in enumerate(_parts(widths, width)):
        if k:
            yield Line("")
        rest = sum(widths[i] + _GAP for i in columns[1:])
        first = min(widths[0], max(_LEAST_FIRST, width - rest))
        of = {i: widths[i] for i in columns} | {0: first}
        if len(columns) > 1 and not numeric[columns[-1]]:  # a note at the end takes what is left
            of[columns[-1]] = max(_LEAST_FIRST, min(widths[columns[-1]], width - (first + rest - widths[columns[-1]])))
        for text in _row([[block.columns[i].title] for i in columns], columns, of, numeric):
            yield Line(text, heading=True)
        for row in cells:
            yield from map(Line, _row([row[i] for i in columns], columns, of, numeric))


def _stacked(cell: str) -> list[str]:
    """`0.831 (0.819 to 0.843)` in two lines."""
    value, bracket, span = cell.partition(" (")
    return [value, span.removesuffix(")")] if bracket else [cell]


def _widths(block: Table, cells: Sequence[Sequence[Sequence[str]]]) -> list[int]:
    widths = []
    for i, column in enumerate(block.columns):
        least = max(map(len, column.title.split()), default=0)
        widths.append(max([least, *(len(line) for row in cells for line in row[i])]))
    widths[0] = min(widths[0], _MOST_FIRST)
    return widths


def _parts(widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """Which columns stand in one table: as many as fit beside the first."""
    first = min(widths[0], _LEAST_FIRST)
    held, used = [0], first
    for i in range(1, len(widths)):
        if len(held) > 1 and used + _GAP + min(widths[i], width // 2) > width:
            yield held
            held, used = [0], first
        held.append(i)
        used += _GAP + min(widths[i], width // 2)
    yield held


def _row(
    cells: Sequence[Sequence[str]], columns: Sequence[int], of: dict[int, int], numeric: Sequence[bool]
) -> Iterator[str]:
    wrapped = [
        [part for line in cell for part in textwrap.wrap(line, of[i]) or [""]]
        for cell, i in zip(cells, columns, strict=True)
    ]
    for k in range(max(map(len, wrapped))):
        texts = [cell[k] if k < len(cell) else "" for cell in wrapped]
        padded = [
            text.rjust(of[i]) if numeric[i] else text.ljust(of[i]) for text, i in zip(texts, columns, strict=True)
        ]
        yield (" " * _GAP).join(padded).rstrip()


def printable(line: str) -> str:
    """The same line without control characters: those of a stranger's file must not drive the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in line)


def print_line(line: str) -> None:
    """Write one line to standard output, without control characters."""
    sys.stdout.write(printable(line) + "\n")
