"""A workbook's parts looked through before they are read: how large they would become, and formulas without a value.

A library that reads a workbook builds each row, and each small part, whole in memory; what would not fit is refused
here, while it still is a stream.
"""

from __future__ import annotations

import zipfile
from typing import IO, Final
from xml.parsers import expat

from codman.registry.imports.table import MOST_COLUMNS, UnreadableList

_LARGEST_UNPACKED: Final = 256 << 20  # bytes
_MOST_PARTS: Final = 10_000
_CHUNK: Final = 1 << 20
_SHEETS: Final = ("xl/worksheets/", "xl/sharedStrings")  # parts that are read as streams
_MOST_STREAMED: Final = 8_000_000  # elements
_MOST_WHOLE: Final = 200_000
_MOST_CELLS_A_ROW: Final = MOST_COLUMNS * 20
_ROW_DEPTH: Final = 3  # worksheet, sheetData, row
_XML_BEGINS: Final = (b"<", b"\x00", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


def look_through(archive: zipfile.ZipFile, name: str) -> dict[str, list[int]]:
    """The rows of each part that hold a formula whose value was never kept.

    Raises:
        UnreadableList: It would unpack, or be in memory, beyond measure, or declares entities.
    """
    parts = archive.infolist()
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _LARGEST_UNPACKED:
        raise UnreadableList(name, f"it unpacks to more than {_LARGEST_UNPACKED >> 20} MiB", "split it")
    found: dict[str, list[int]] = {}
    for part in parts:
        with archive.open(part) as stream:
            looked = _Part(name, streamed=part.filename.startswith(_SHEETS))
            looked.read(stream)
        if looked.without_value:
            found[part.filename] = looked.without_value
    return found


class _Part:
    """One part as it goes by."""

    def __init__(self, name: str, *, streamed: bool) -> None:
        self._name = name
        self._most = _MOST_STREAMED if streamed else _MOST_WHOLE
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._depth = self._elements = self._row = self._cells = 0
        self._formula = self._value = False
        self._inside = ""  # the part of a cell
        self.without_value: list[int] = []

    def read(self, stream: IO[bytes]) -> None:
        chunk = stream.read(_CHUNK)
        if not chunk.lstrip().startswith(_XML_BEGINS):
            return  # a picture
        try:
            while chunk:
                self._parser.Parse(chunk, False)
                chunk = stream.read(_CHUNK)
        except expat.ExpatError:
            return  # who reads it will say so; comments' drawings are often no XML

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._elements > self._most:
            raise UnreadableList(self._name, "it has very many cells or styles", "split it")
        kind = tag.rpartition(":")[2]
        if self._depth == _ROW_DEPTH:
            self._cells = 0
            if kind == "row":
                at = attributes.get("r", "")
                self._row = int(at) if at.isascii() and at.isdecimal() and len(at) < 10 else self._row + 1
        elif self._depth == _ROW_DEPTH + 1:
            self._cells += 1
            self._formula, self._value = False, attributes.get("t") == "str"  # an empty text is one that was worked out
            if self._cells > _MOST_CELLS_A_ROW:
                raise UnreadableList(self._name, f"a row of it has more than {_MOST_CELLS_A_ROW:,} cells", "split it")
        elif self._depth == _ROW_DEPTH + 2:
            self._inside = kind
            self._formula = self._formula or kind == "f"

    def _text(self, _text: str) -> None:
        if self._depth == _ROW_DEPTH + 2 and self._inside == "v":
            self._value = True

    def _end(self, _tag: str) -> None:
        if self._depth == _ROW_DEPTH + 1 and self._formula and not self._value:
            self.without_value.append(self._row)
            self._formula = False
        self._depth -= 1

    def _doctype(self, *_declared: object) -> None:
        raise UnreadableList(self._name, "a part of it declares entities, which no workbook needs")
