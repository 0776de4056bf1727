"""XLSX workbooks: the first sheet that holds a table, as values; formulas are never worked out."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException

from codman.registry.imports.packages import look_through
from codman.registry.imports.sheets import table_of
from codman.registry.imports.table import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS, Table, UnreadableList

_NO_VALUE: Final = "it has a formula without a value, which is read as empty; save the file in a spreadsheet program"
_MOST_CELLS: Final = 2_000_000
_DAMAGED: Final = (
    zlib.error,
    RuntimeError,
    OverflowError,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
    ParseError,
)


def read_workbook(body: bytes, name: str) -> Table:
    """The rows of a workbook's first sheet that has two rows or more.

    Raises:
        UnreadableList: It is damaged, too large when unpacked, or empty.
    """
    # a fifth of what a server loads to start, for one kind of file
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            without_value = look_through(archive, name)
        book = load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
    except (zipfile.BadZipFile, InvalidFileException, DefusedXmlException, *_DAMAGED) as error:
        raise UnreadableList(name, f"it is no whole XLSX workbook ({type(error).__name__})") from None
    try:
        for sheet in book.worksheets:
            records = _records(sheet, name)
            if sum(1 for _, cells in records if any(cells)) >= 2:
                notes = (
                    [] if len(book.worksheets) == 1 else [f"the sheet '{sheet.title}' was read, the others were not"]
                )
                empty = without_value.get(_part_of(sheet), [])
                return replace(table_of(records, name, notes), row_notes=_without_value(empty))
    except (zipfile.BadZipFile, DefusedXmlException, *_DAMAGED) as error:
        raise UnreadableList(name, f"a sheet of it is damaged ({type(error).__name__})") from None
    finally:
        book.close()
    raise UnreadableList(name, "none of its sheets holds a table")


def _part_of(sheet: Any) -> str:
    return str(sheet._worksheet_path).lstrip("/")  # openpyxl has no public word for it


def _without_value(rows: Sequence[int]) -> tuple[tuple[int, str], ...]:
    """What to say of each row in which the program that saved the file did not work the formulas out."""
    return tuple((row, _NO_VALUE) for row in sorted(set(rows)))


def _records(sheet: Any, name: str) -> list[tuple[int, list[str]]]:
    sheet.reset_dimensions()  # what a file says of its size may be wrong, or a trap
    return list(_rows(sheet, name))


def _rows(sheet: Any, name: str) -> Iterator[tuple[int, list[str]]]:
    cells = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if number > MOST_ROWS + 100 or len(row) > MOST_COLUMNS * 20:
            raise UnreadableList(name, f"a sheet has more than {MOST_ROWS:,} rows or very many columns", "split it")
        cells += len(row)
        if cells > _MOST_CELLS:
            raise UnreadableList(name, f"a sheet has more than {_MOST_CELLS:,} cells", "split it")
        yield number, _texts(row)


def _texts(row: Sequence[Any]) -> list[str]:
    texts = [_text(value) for value in row]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)[:LONGEST_CELL]
