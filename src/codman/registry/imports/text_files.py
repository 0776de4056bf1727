"""Delimited text as people export it: any common encoding and separator, line breaks inside cells."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from codman.registry.imports.sheets import table_of
from codman.registry.imports.table import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS, Table, UnreadableList

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS: Final = (",", ";", "\t", "|")
_SAMPLE: Final = 1 << 18
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_LONGEST_LINE: Final = 4 << 20  # characters
_MOST_CELLS: Final = 4_000_000


def read_text_table(body: bytes, name: str) -> Table:
    """The rows of a delimited text file.

    Raises:
        UnreadableList: It is no text, or a cell never ends.
    """
    text, notes = decoded(body, name)
    if "\0" in text:
        raise UnreadableList(name, "it holds NUL bytes, which no text file has")
    if text[:4].casefold() == "sep=":  # Excel's own first line
        text = text.partition("\n")[2]
    separator = separator_of(text[:_SAMPLE])
    return table_of(_records(text, separator, name), name, notes)


def decoded(body: bytes, name: str) -> tuple[str, list[str]]:
    """A file's text and how it was decoded: by its mark, as UTF-8, else as Windows-1252."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            try:
                return body.decode(encoding), [f"read as {encoding.upper()}"]
            except UnicodeDecodeError:
                raise UnreadableList(name, f"it begins as {encoding.upper()} and does not go on as such") from None
    unmarked = _unmarked_utf16(body)
    if unmarked is not None:
        return body.decode(unmarked, errors="replace"), [f"read as {unmarked.upper()}"]
    try:
        return body.decode("utf-8"), []
    except UnicodeDecodeError:
        text = body.decode("cp1252", errors="replace")
        lost = text.count("\ufffd")
        return text, ["read as Windows-1252" + (f"; {lost} bytes of it mean nothing" if lost else "")]


def separator_of(sample: str) -> str:
    """The separator that makes every row equally wide, heading and all; else most rows, and wide."""
    best, most = ",", (False, 0.0)
    for separator in _SEPARATORS:
        widths = []
        try:
            for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=separator):
                if any(cells):
                    widths.append(len(cells))
        except csv.Error:  # a cell cut by the sample's end
            pass
        if not widths:
            continue
        width, rows = Counter(widths).most_common(1)[0]
        score = (width > 1 and rows == len(widths), (width - 1) * rows / len(widths))
        if score > most:
            best, most = separator, score
    return best


def _records(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_CELL)
    number, held, cells = 0, 0, [""]
    try:
        for cells in csv.reader(_lines(text, name), delimiter=separator):
            number += 1
            held += len(cells)
            if number > MOST_ROWS * 2 or held > _MOST_CELLS or len(cells) > MOST_COLUMNS * 20:
                raise UnreadableList(name, f"it has more than {MOST_ROWS:,} rows or very many cells", "split it")
            yield number, cells
    except csv.Error as error:
        raise UnreadableList(
            name, f"a cell cannot be read: {error}", "look for a quotation mark that is not closed"
        ) from None
    # an open quotation mark makes one cell of all the rows below it: they would be lost without a word
    if cells and "\n" in cells[-1] and not text.rstrip().endswith('"'):
        why = f"a quotation mark in row {number} is never closed, so the rows below it cannot be told apart"
        raise UnreadableList(name, why, "close it, or save the list as XLSX")


def _lines(text: str, name: str) -> Iterator[str]:
    """A text's lines with their ends, one at a time: a copy of the whole would take four times its bytes."""
    start = 0
    for end in _LINE_END.finditer(text):
        if end.end() - start > _LONGEST_LINE:
            break
        yield text[start : end.end()]
        start = end.end()
    if len(text) - start > _LONGEST_LINE:
        raise UnreadableList(name, f"a line of it is longer than {_LONGEST_LINE >> 20} MiB", "give a list with rows")
    if start < len(text):
        yield text[start:]


def _unmarked_utf16(body: bytes) -> str | None:
    head = body[:2000]
    if len(head) < 4 or head.count(0) < len(head) // 4:
        return None
    return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
