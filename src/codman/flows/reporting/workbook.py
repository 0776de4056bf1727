"""A workbook to answer a report with: written here, filled in elsewhere, read again whatever was moved in it.

Every fault is told with its cell, all at once; what could be read is given back beside, so that nothing typed is lost.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException

from codman.errors import BadInput, CodmanError
from codman.flows.reporting.answers import (
    COLUMNS,
    MOST_ROWS,
    REASONS,
    SOME,
    SPARE_ROWS,
    change_field,
    row_field,
    rows_of,
)
from codman.flows.reporting.screening import TELLING, is_ours, telling, unread
from codman.registry.imports.packages import look_through
from codman.spine.reported import NONE_KNOWN, ReportedChange

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LARGEST: Final = 1024 * 1024
SHEET: Final = "Report"
_MOST_CELLS: Final = 5000
_LONGEST: Final = 5000
_REPORT: Final = "Report"  # whose cell beside says which report it answers
_TOLD: Final = ("Use", "Period", "Due")  # for the reader alone: what is written beside them is not read
_ASKED: Final[Mapping[str, str]] = {
    "Sent by": "sender",
    "Incidents": "incidents",
    "Complaints": "complaints",
    "Changes": "changes",
    **{f"Changed: {change.value}": change_field(change) for change in ReportedChange},
    "Uptime, percent": "uptime_percent",
    "In words": "words",
}
_HEADERS: Final[Mapping[str, str]] = dict(
    zip(("Metric", "Threshold", "Value", "Lower", "Upper", "Patients", "Events", "Why none"), COLUMNS, strict=True)
)
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    DefusedXmlException,
    ParseError,
    RuntimeError,
    OverflowError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
)


class NoWorkbook(BadInput):
    """A file that is no workbook that can be read."""

    def __init__(self, why: str) -> None:
        super().__init__(
            what="the file cannot be read as a workbook",
            why=why,
            fix="send the workbook of this page, saved as .xlsx, or answer in the form",
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell."""

    cell: str  # e.g. B7
    why: str


@dataclass(slots=True)
class Sheet:
    """What a returned workbook says."""

    typed: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)  # field to cell
    plain: set[str] = field(default_factory=set)  # cells that say a number, the sender, or what was written here

    def wrong(self, cell: str, why: str) -> None:
        """Note what is wrong with a cell."""
        self.faults.append(Fault(cell, why))

    def faults_of(self, errors: Mapping[str, str]) -> list[Fault]:
        """Every fault: what could not be read, then what was read and does not do."""
        told = {one.cell for one in self.faults}
        read = (Fault(self.places.get(name, SHEET), why) for name, why in errors.items())
        return [*self.faults, *(one for one in read if one.cell not in told or one.cell == SHEET)]


def write_report_workbook(
    *, report: str, use: str, span: str, due_on: str, typed: Mapping[str, str], last: Mapping[str, str]
) -> bytes:
    """The workbook that answers a report.

    Args:
        report: The report's id.
        use: The use's name.
        span: The period, in words.
        due_on: When it is due.
        typed: What stands in it already, by field.
        last: What each metric was last time, in words.
    """
    from openpyxl import Workbook  # a fifth of what a server loads to start, for one kind of file
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet: Any = book.active
    sheet.title = SHEET
    lines: list[tuple[str, ...]] = [
        ("Report to Codman. Leave patients out of it: no names, no numbers, no single stories.",),
        ("Fill in the second column and the table below; write values, not formulas.",),
        (),
        (_REPORT, report),
        *zip(_TOLD, (use, span, due_on), strict=True),
        (),
        *((label, _shown(name, typed), _hint(name)) for label, name in _ASKED.items()),
        (),
        (*_HEADERS, "Last time"),
    ]
    header = len(lines)
    for row in range(rows_of(typed)):
        cells = tuple(typed.get(row_field(row, column), "") for column in COLUMNS)
        lines.append((*cells, last.get(cells[0], "")))
    for number, line in enumerate(lines, 1):
        for column, text in enumerate(line, 1):
            if text:
                cell = sheet.cell(row=number, column=column)
                cell.value, cell.data_type = text, "s"  # text that begins with = would be taken for a formula
    reasons = DataValidation(type="list", formula1='"' + ",".join(REASONS) + '"', allow_blank=True)
    last_row = header + MOST_ROWS
    reasons.add(f"H{header + 1}:H{last_row}")
    sheet.add_data_validation(reasons)
    for letter, width in zip("ABCDEFGHI", (30, 28, 12, 12, 12, 12, 12, 34, 44), strict=True):
        sheet.column_dimensions[letter].width = width
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_report_workbook(data: bytes, report: str) -> Sheet:
    """What a returned workbook says, with each fault by its cell.

    Rows and columns may have moved; what is asked is found by its words. A formula is a fault: what it would come to
    is not in the file for certain. So is any cell, on any sheet, whose text looks as if it named a patient.

    Args:
        data: The file.
        report: The report it must answer.

    Raises:
        NoWorkbook: It is none, too large, or holds what cannot be looked through for patients.
    """
    cells, others = _cells(data)
    found = Sheet()
    header = next((row for row, line in cells.items() if _is_header(line)), None)
    if header is None:
        found.wrong(SHEET, f"the table of measurements is gone: no row holds {', '.join(_HEADERS)}")
    for row, line in cells.items():
        if header is None or row < header:
            _read_line(found, line, report)
    if not any(_label(line) == _REPORT for line in cells.values()):
        found.wrong(SHEET, f"the row '{_REPORT}' is gone, which says what report this answers")
    if header is not None:
        _read_table(found, cells, header)
    here = ((cell.place, cell.text) for line in cells.values() for cell in line.values())
    told = list(telling([*((place, text) for place, text in here if place not in found.plain), *others]))
    found.faults = [one for one in found.faults if one.cell not in told]  # which would say the words again
    for place in told:
        found.wrong(place, TELLING)
    return found


@dataclass(frozen=True, slots=True)
class _Cell:
    place: str
    text: str
    formula: bool


def _cells(data: bytes) -> tuple[dict[int, dict[int, _Cell]], list[tuple[str, str]]]:
    """The cells of the sheet that answers; and of every other sheet, hidden ones too, each place with its text."""
    if len(data) > LARGEST:
        raise NoWorkbook(f"it is larger than {LARGEST // 1024} KiB")
    from openpyxl import load_workbook  # as above
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            look_through(archive, "the workbook")
            if (why := unread(archive.namelist())) is not None:
                raise NoWorkbook(why)
        book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    except CodmanError as error:
        raise NoWorkbook(error.why) from None
    except (InvalidFileException, *_BROKEN) as error:
        raise NoWorkbook(f"it is no whole XLSX workbook ({type(error).__name__})") from None
    try:
        sheet: Any = book[SHEET] if SHEET in book.sheetnames else book.worksheets[0]
        others = []
        for each in book.worksheets:
            each.reset_dimensions()  # what a file says of its size may be a trap
            if each is not sheet:
                lines = _lines(each).values()
                others += [(f"{each.title}!{cell.place}", cell.text) for line in lines for cell in line.values()]
        return _lines(sheet), others
    except _BROKEN as error:
        raise NoWorkbook(f"its sheet is damaged ({type(error).__name__})") from None
    finally:
        book.close()


def _lines(sheet: Any) -> dict[int, dict[int, _Cell]]:
    lines: dict[int, dict[int, _Cell]] = {}
    seen = 0
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value is None:
                continue
            seen += 1
            if seen > _MOST_CELLS:
                raise NoWorkbook(f"it has more than {_MOST_CELLS:,} cells with something in them")
            text = _text(cell.value)
            if text:
                made = _Cell(cell.coordinate, text, cell.data_type == "f")
                lines.setdefault(cell.row, {})[cell.column] = made
    return lines


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)[:_LONGEST].strip()


def _is_header(line: Mapping[int, _Cell]) -> bool:
    words = {cell.text.casefold() for cell in line.values()}
    return {"metric", "value"} <= words


def _label(line: Mapping[int, _Cell]) -> str | None:
    first = line[min(line)].text.rstrip(":").strip().casefold()
    return next((label for label in (_REPORT, *_TOLD, *_ASKED) if label.casefold() == first), None)


def _read_line(found: Sheet, line: Mapping[int, _Cell], report: str) -> None:
    first, *others = sorted(line)
    label, said = _label(line), line[others[0]] if others else None
    if said is not None and others[0] > first + 1:
        said = None  # only the hint stands beside it
    if label in _TOLD and said is not None and is_ours(said.text):
        found.plain.add(said.place)
    if label in _TOLD or (label is None and said is None):
        return
    if label is None and said is not None:
        found.wrong(line[first].place, f"'{_short(line[first].text)}' is no question of this report")
        return
    if label == _REPORT:
        if said is None or said.text != report:
            found.wrong(said.place if said else line[first].place, "this workbook answers another report")
        else:
            found.plain.add(said.place)
        return
    name = _ASKED[str(label)]
    if name in found.places:
        found.wrong(line[first].place, f"'{label}' is asked in {found.places[name]} already")
        return
    found.places[name] = said.place if said else line[first].place
    if said is None:
        return
    if said.formula:
        found.wrong(said.place, "it holds a formula: write the value itself")
        return
    _take(found, name, said)


def _take(found: Sheet, name: str, said: _Cell) -> None:
    text = said.text
    if name not in ("words", "changes") and not said.formula:
        found.plain.add(said.place)
    if name in ("incidents", "complaints"):
        if text.casefold() == NONE_KNOWN:
            found.typed[name] = NONE_KNOWN
        else:
            found.typed[name], found.typed[f"{name}_count"] = SOME, text
            found.places[f"{name}_count"] = said.place
    elif name == "changes":
        word = text.casefold()
        if word in (NONE_KNOWN, SOME):
            found.typed[name] = word
        else:
            found.wrong(said.place, f"write '{NONE_KNOWN}', or '{SOME}' and mark below what changed")
    elif name.startswith("changed_"):
        if text.casefold() in ("yes", "x", "true", "1"):
            found.typed[name] = "yes"
        elif text.casefold() not in ("no", "false", "0"):
            found.wrong(said.place, "write yes or no")
    else:
        found.typed[name] = text


def _read_table(found: Sheet, cells: Mapping[int, Mapping[int, _Cell]], header: int) -> None:
    columns: dict[int, str] = {}
    for number, cell in cells[header].items():
        name = next((name for label, name in _HEADERS.items() if label.casefold() == cell.text.casefold()), None)
        if name is not None and name in columns.values():
            found.wrong(cell.place, f"the column '{_short(cell.text)}' is there twice")
        elif name is not None:
            columns[number] = name
        elif cell.text.casefold() != "last time":
            found.wrong(cell.place, f"'{_short(cell.text)}' is no column of this report")
    for label, name in _HEADERS.items():
        if name not in columns.values():
            found.wrong(f"row {header}", f"the column '{label}' is gone")
    for row, line in enumerate(_rows(cells, header, columns)):
        if row >= MOST_ROWS:
            found.wrong(next(iter(line.values())).place, f"at most {MOST_ROWS - SPARE_ROWS} measurements")
            return
        _read_row(found, row, line, columns)


def _rows(
    cells: Mapping[int, Mapping[int, _Cell]], header: int, columns: Mapping[int, str]
) -> Iterator[Mapping[int, _Cell]]:
    return (line for number, line in sorted(cells.items()) if number > header and columns.keys() & line.keys())


def _read_row(found: Sheet, row: int, line: Mapping[int, _Cell], columns: Mapping[int, str]) -> None:
    first = line[min(line)].place
    for column in COLUMNS:
        found.places[row_field(row, column)] = first
    for number, name in columns.items():
        cell = line.get(number)
        if cell is None:
            continue
        found.places[row_field(row, name)] = cell.place
        if cell.formula:
            found.wrong(cell.place, "it holds a formula: write the value itself")
        elif name == "note":
            found.typed[row_field(row, name)] = _reason(cell.text)
        else:
            found.typed[row_field(row, name)] = cell.text
            if name != "metric":
                found.plain.add(cell.place)


def _reason(text: str) -> str:
    return next((one for one in REASONS if one.casefold() == text.casefold()), text)


def _shown(name: str, typed: Mapping[str, str]) -> str:
    said = typed.get(name, "")
    return typed.get(f"{name}_count", "") if said == SOME and name != "changes" else said


def _hint(name: str) -> str:
    if name in ("incidents", "complaints"):
        return f"how many, or: {NONE_KNOWN}"
    if name == "changes":
        return f"{SOME}, or: {NONE_KNOWN}"
    return "yes or no" if name.startswith("changed_") else ""


def _short(text: str) -> str:
    return text[:60]


def in_words(faults: Sequence[Fault]) -> list[str]:
    """Each fault as a line."""
    return [f"{one.cell}: {one.why}" for one in faults]
