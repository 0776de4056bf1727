"""Rows of cells to a table: the heading is found below title rows, repeated headings and empty rows are passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from codman.registry.imports.dates import read_day
from codman.registry.imports.table import MOST_COLUMNS, MOST_ROWS, Row, Table, UnreadableList, distinct, normal

REPEATED_HEADING: Final = "a repeated heading"
EMPTY_ROW: Final = "an empty row"
TOTAL_ROW: Final = "a row of totals"
_TOTALS: Final = frozenset({"total", "totals", "sum", "sums", "grand total", "subtotal", "sub total", "overall total"})
_LOOKED_AT: Final = 40
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def table_of(records: Iterable[tuple[int, Sequence[str]]], name: str, notes: Sequence[str] = ()) -> Table:
    """A table from numbered rows of cells.

    Args:
        records: Each row's number in the file, and its cells.
        name: The file, for messages.
        notes: What the reader has to say.

    Raises:
        UnreadableList: There is no heading, or there are too many rows or columns.
    """
    everything = [(number, cells) for number, cells in records]
    while everything and not any(cell.strip() for cell in everything[-1][1]):
        everything.pop()
    if not everything:
        raise UnreadableList(name, "it holds no rows")
    at = heading_row([cells for _, cells in everything[:_LOOKED_AT]])
    heading_cells = everything[at][1]
    width = max((i + 1 for i, cell in enumerate(heading_cells) if cell.strip()), default=0)
    width = max([width, *(_used(cells) for _, cells in everything[at + 1 :])])
    if width > MOST_COLUMNS:
        raise UnreadableList(name, f"it has {width:,} columns; {MOST_COLUMNS:,} are read")
    if len(everything) - at - 1 > MOST_ROWS:
        raise UnreadableList(name, f"it has more than {MOST_ROWS:,} rows", "split it and import the parts")
    headings = distinct([*heading_cells, *[""] * width][:width])
    again = [normal(cell) for cell in heading_cells]
    skipped: Counter[str] = Counter()
    rows = []
    for number, cells in everything[at + 1 :]:
        if not any(cell.strip() for cell in cells):
            if cells:  # a line of separators is a row somebody left empty; a blank line is none
                skipped[EMPTY_ROW] += 1
        elif [normal(cell) for cell in cells[: len(again)]] == again:
            skipped[REPEATED_HEADING] += 1
        elif _is_total(cells):
            skipped[TOTAL_ROW] += 1
        else:
            rows.append(Row(number, {h: _plain(c) for h, c in zip(headings, cells, strict=False) if c.strip()}))
    said = list(notes)
    if at:
        said.append(f"the heading is row {everything[at][0]}; {at} rows above it were passed over")
    return Table("table", headings, rows, dict(skipped), tuple(said))


def heading_row(rows: Sequence[Sequence[str]]) -> int:
    """Which row holds the headings: the first that is nearly as wide as the widest, all words, hardly any twice."""
    widths = [sum(1 for cell in row if cell.strip()) for row in rows]
    widest = max(widths)
    for at, row in enumerate(rows):
        cells = [cell.strip() for cell in row if cell.strip()]
        if widths[at] < max(1, 0.6 * widest) or (widest > 1 and widths[at] < 2):
            continue
        words = sum(1 for cell in cells if not _is_value(cell))
        if words >= 0.8 * len(cells) and len({normal(cell) for cell in cells}) >= 0.5 * len(cells):
            return at
    return next(at for at, width in enumerate(widths) if width)


def _is_total(cells: Sequence[str]) -> bool:
    """Whether the row's only words are those of a sum; what stands beside them is numbers."""
    words = [cell.strip() for cell in cells if any(c.isalpha() for c in cell)]
    return len(words) == 1 and normal(words[0]) in _TOTALS


def _plain(cell: str) -> str:
    """A cell without the mark that an export sets before what a spreadsheet would take for a formula."""
    cell = cell.strip()
    return cell[1:].strip() if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell


def _used(cells: Sequence[str]) -> int:
    return max((i + 1 for i, cell in enumerate(cells) if cell.strip()), default=0)


def _is_value(cell: str) -> bool:
    """Whether a cell is a number or a date, which a heading is not."""
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return len(cell) < 30 and read_day(cell) is not None
    return True
