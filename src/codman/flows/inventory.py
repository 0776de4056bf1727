"""Journey: the inventory as a list, and as a file for others."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from codman.errors import BadInput
from codman.evidence.files import write_whole
from codman.flows.house import House
from codman.registry.access import Reader, paths_for, require
from codman.registry.inventory import MOST_A_PAGE, Question, search
from codman.spine.use import Listed

# Begins a formula in Excel, LibreOffice or Google Sheets; tab and return hide one, East Asian
# editions read the wide signs too (OWASP, CSV injection)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NO_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # no XML file may hold these
_ENDINGS: Final = (".csv", ".xlsx", ".json")


class UnknownEnding(BadInput):
    """An export to a kind of file that is not written."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"{name} cannot be written",
            why="its ending says no known kind",
            fix=f"end it in {', '.join(_ENDINGS)}",
        )


class BadWhere(BadInput):
    """A filter that is no FIELD=VALUE."""

    def __init__(self, given: str) -> None:
        super().__init__(
            what=f"--where {given[:80]!r} is no filter",
            why="it has no = between a field and a value",
            fix="write it as --where stage=live; (missing) stands for an empty field",
        )


def asked(where: Sequence[str]) -> Question:
    """Filters as somebody types them: FIELD=VALUE; several values of one field are either, several fields are both.

    Raises:
        BadWhere: One is no FIELD=VALUE.
    """
    fields: dict[str, list[str]] = {}
    for given in where:
        name, equals, value = given.partition("=")
        if not equals or not name.strip():
            raise BadWhere(given)
        fields.setdefault(name.strip(), []).append(value.strip())
    return Question(where=fields, limit=MOST_A_PAGE)


def list_uses(house: House, reader: Reader, question: Question) -> list[Listed]:
    """Every use that answers a question and that the reader may see, all pages of it.

    Raises:
        BadFilter: It names a field the inventory does not have.
        NotAllowed: The reader may see nothing.
    """
    require(reader, "inventory.read")
    within = paths_for(reader, "inventory.read")
    with house.database.reading() as connection:
        return list(_pages(connection, question, within))


def export(house: House, reader: Reader, question: Question, out: Path) -> int:
    """Write the uses that answer a question to a CSV, XLSX or JSON file; how many they are.

    Raises:
        UnknownEnding: The file's ending says no known kind.
        NotAllowed: The reader may not export.
    """
    require(reader, "inventory.export")
    ending = out.suffix.casefold()
    if ending not in _ENDINGS:
        raise UnknownEnding(out.name)
    uses = list_uses(house, reader, question)
    write_whole(out, exported(uses, ending))
    return len(uses)


def exported(uses: Sequence[Listed], ending: str) -> bytes:
    """Uses as the bytes of a file: `.csv`, `.xlsx` or `.json`."""
    rows = [_row(use) for use in uses]
    if ending == ".json":
        return (json.dumps({"items": [u.model_dump(mode="json") for u in uses]}, ensure_ascii=False) + "\n").encode()
    return _workbook(rows) if ending == ".xlsx" else _text(rows)


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: what begins like one has a ' before it.

    So has what begins like one marked so, which makes the mark of any cell the export's own when it is read again.
    """
    return "'" + cell if cell.lstrip("'").startswith(_FORMULA) else cell


def _pages(connection: Connection, question: Question, within: Sequence[str]) -> Iterator[Listed]:
    while True:
        found = search(connection, question, within)
        yield from found.items
        if found.next is None:
            return
        question = replace(question, cursor=found.next)


def _row(use: Listed) -> Mapping[str, str]:
    plain = use.model_dump(mode="json")
    return {name: "; ".join(v) if isinstance(v, list) else "" if v is None else str(v) for name, v in plain.items()}


def _text(rows: Sequence[Mapping[str, str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(Listed.model_fields)
    writer.writerows([harmless(cell) for cell in row.values()] for row in rows)
    return out.getvalue().encode("utf-8-sig")  # Excel reads UTF-8 only with its mark


def _workbook(rows: Sequence[Mapping[str, str]]) -> bytes:
    from openpyxl import Workbook  # a fifth of what a server loads to start, for one kind of file

    book = Workbook(write_only=True)
    sheet = book.create_sheet("inventory")
    sheet.append(list(Listed.model_fields))
    for row in rows:
        sheet.append([_NO_XML.sub("\ufffd", harmless(cell))[:32_767] for cell in row.values()])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
