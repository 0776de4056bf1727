"""Any list file to a table: the kind is told by the bytes, not by the name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from codman.registry.imports.cards import read_card
from codman.registry.imports.files import TooLarge, regular_bytes
from codman.registry.imports.json_files import read_json
from codman.registry.imports.table import Table, UnreadableList
from codman.registry.imports.text_files import read_text_table
from codman.registry.imports.workbooks import read_workbook

LARGEST: Final = 64 << 20  # bytes; what is made of them in memory is several times that

_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read_list(path: Path) -> Table:
    """Read a CSV, XLSX, JSON, CHAI card, CycloneDX BOM or MLflow answer.

    Raises:
        UnreadableList: It is none of them, damaged, or too large.
    """
    try:
        body = regular_bytes(path, LARGEST)
    except TooLarge as error:
        raise UnreadableList(path.name, str(error.strerror), "split it") from None
    except OSError as error:
        raise UnreadableList(path.name, error.strerror or "it cannot be read", "give a file you may read") from None
    return read_bytes(body, path.name)


def read_bytes(body: bytes, name: str) -> Table:
    """The same from bytes.

    Raises:
        UnreadableList: See `read_list`.
    """
    if not body.strip():
        raise UnreadableList(name, "it is empty")
    if body.startswith(b"PK\x03\x04"):
        return read_workbook(body, name)
    if body.startswith(_OLD_EXCEL):
        raise UnreadableList(name, "it is an old or encrypted Excel file", "save it as XLSX without a password, or CSV")
    if body.startswith((b"%PDF", b"PAR1", b"\x1f\x8b")):
        raise UnreadableList(name, "it is a PDF, Parquet or gzip file")
    head = body.removeprefix(_MARKS[0]).lstrip()[:400]
    if head.startswith(b"<") and not body.startswith(_MARKS[1:]):
        if head[:100].lower().startswith((b"<!doctype html", b"<html")):
            raise UnreadableList(name, "it is a web page", "save the table as CSV or XLSX")
        return read_card(body, name)
    if head.startswith((b"{", b"[")):
        return read_json(body, name)
    return read_text_table(body, name)
