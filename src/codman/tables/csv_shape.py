"""How a delimited text file is laid out: encoding, separator, header; and where a broken row stands.

Told by the file's first mebibyte. UTF-8 is expected (with or without a byte-order mark), UTF-16 is known by its
mark, and what is neither is read as Windows-1252, with a note.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from codman.tables.reader import BrokenRow, EmptyFile, NotATable, TruncatedFile

GZIP_MAGIC: Final = b"\x1f\x8b"
SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LONGEST_ROW: Final = 16 << 20  # bytes; a gigabyte without a line break packs into a megabyte of gzip
_HEAD: Final = 1 << 20
_SAMPLE_ROWS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The layout of one delimited text file."""

    zipped: bool
    encoding: str  # a Python codec
    separator: str
    header: tuple[str, ...]
    blank_lines: int  # before the header
    has_rows: bool  # False: a header and nothing else
    notes: tuple[str, ...]


def shape_of(path: Path, uri: str) -> Shape:
    """Look at the start of a file and say how it is laid out.

    Raises:
        EmptyFile: No header.
        NotATable: Bytes that are not text.
        TruncatedFile: A gzip stream that ends too early, or is damaged.
    """
    head, zipped, whole = _head(path, uri)
    encoding, notes = _encoding(head, uri)
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head, final=whole).lstrip("\ufeff")
    if "\0" in text:
        raise NotATable(uri, "it holds NUL bytes, which no text file has")
    if not text.strip():
        raise EmptyFile(uri, "it has no header row")
    if not whole and "\n" not in text and "\r" not in text:
        raise NotATable(uri, f"its first line is longer than {_HEAD >> 20} MiB", "write one row a line, below a header")
    sample = _rows(text, whole)
    blank = next(at for at, line in enumerate(sample.splitlines()) if line)
    separator = _separator(sample, path)
    _allow_long_fields()
    try:
        rows = (row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if row)
        header = next(rows)
        has_rows = not whole or next(rows, None) is not None
    except (csv.Error, StopIteration) as error:
        raise NotATable(uri, "its first row is not a header") from error
    return Shape(
        zipped=zipped,
        encoding=encoding,
        separator=separator,
        header=tuple(header),
        notes=notes,
        blank_lines=blank,
        has_rows=has_rows,
    )


def as_windows_text(shape: Shape) -> Shape:
    """The same layout, read as Windows-1252: for a file whose first bytes were UTF-8 and later ones are not."""
    return Shape(
        zipped=shape.zipped,
        encoding="latin-1",  # unlike Windows-1252 it has no undefined bytes; they differ in typographic marks only
        separator=shape.separator,
        header=shape.header,
        blank_lines=shape.blank_lines,
        has_rows=shape.has_rows,
        notes=(*shape.notes, "not UTF-8: read as Latin-1"),
    )


def open_bytes(path: Path, zipped: bool) -> IO[bytes]:
    """The file's bytes, unzipped where they are zipped."""
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def first_broken_row(path: Path, uri: str, shape: Shape) -> BrokenRow | TruncatedFile:
    """Find the first row whose number of fields differs from the header's; slow, for the error message only."""
    _allow_long_fields()
    expected, line = len(shape.header), 1
    try:
        with (
            open_bytes(path, shape.zipped) as file,
            io.TextIOWrapper(file, encoding=shape.encoding, errors="replace", newline="") as lines,
        ):
            reader = csv.reader(lines, delimiter=shape.separator)
            for row in reader:
                if row and len(row) != expected:
                    spread = reader.line_num - line
                    quote = f", and runs over {spread + 1:,} lines: a quotation mark may be unclosed" if spread else ""
                    return BrokenRow(uri, line, f"the header has {expected:,} fields, the row has {len(row):,}{quote}")
                line = reader.line_num + 1
    except csv.Error as error:
        return BrokenRow(uri, line, str(error))
    except (EOFError, OSError, zlib.error) as error:
        return TruncatedFile(uri, _gzip_reason(error))
    return BrokenRow(uri, None, "a row does not fit the header, or a quotation mark is not closed")


def quotation_marks(path: Path, uri: str, shape: Shape) -> bool:
    """Whether a quotation mark is anywhere in the file, so that a value may span lines.

    Raises:
        BrokenRow: One is opened and never closed; a parser would take the rest of the file for one value.
        NotATable: A line is longer than any row needs; a parser would hold it several times over.
        TruncatedFile: A gzip stream that ends too early, or is damaged.
    """
    marks, unbroken = 0, 0
    try:
        with open_bytes(path, shape.zipped) as file:
            while block := file.read(_HEAD):
                marks += block.count(b'"')
                unbroken = _unbroken(block, unbroken, uri)
        if shape.encoding == "utf-16":  # where the byte of a quotation mark may be half of another letter
            return True
        if marks % 2:
            _refuse_unclosed(path, uri, shape)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TruncatedFile(uri, _gzip_reason(error)) from error
    return marks > 0


def _unbroken(block: bytes, before: int, uri: str) -> int:
    """Bytes since the last line break, at the end of this block; a line inside one block is never too long."""
    first, last = _breaks(block)
    if before + first > LONGEST_ROW:
        raise too_long(uri)
    return before + len(block) if last < 0 else len(block) - last - 1


def _breaks(block: bytes) -> tuple[int, int]:
    """Where a block's first and last line break are; its length and -1 where there is none."""
    if b"\r" not in block:  # the usual file: one byte to look for
        first, last = block.find(b"\n"), block.rfind(b"\n")
        return (len(block) if first < 0 else first), last
    firsts = [at for at in (block.find(b"\n"), block.find(b"\r")) if at >= 0]
    return min(firsts), max(block.rfind(b"\n"), block.rfind(b"\r"))


def too_long(uri: str) -> NotATable:
    """A row that no table of patients has."""
    return NotATable(uri, f"a row is longer than {LONGEST_ROW >> 20} MiB", "write one row a line, or give Parquet")


def _refuse_unclosed(path: Path, uri: str, shape: Shape) -> None:
    _allow_long_fields()
    line = 1
    try:
        with (
            open_bytes(path, shape.zipped) as file,
            io.TextIOWrapper(file, encoding=shape.encoding, errors="replace", newline="") as lines,
        ):
            reader = csv.reader(lines, delimiter=shape.separator, strict=True)
            for _ in reader:
                line = reader.line_num + 1
    except csv.Error as error:
        raise BrokenRow(uri, line, "a quotation mark in it is not closed, or not doubled inside a value") from error


def _head(path: Path, uri: str) -> tuple[bytes, bool, bool]:
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    try:
        with open_bytes(path, zipped) as file:
            head = file.read(_HEAD + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TruncatedFile(uri, _gzip_reason(error)) from error
    if not head:
        raise EmptyFile(uri)
    return head[:_HEAD], zipped, len(head) <= _HEAD


def _gzip_reason(error: BaseException) -> str:
    return "its gzip stream ends too early" if isinstance(error, EOFError) else "its gzip stream is damaged"


def _encoding(head: bytes, uri: str) -> tuple[str, tuple[str, ...]]:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", ()
    if b"\0" in head:
        raise NotATable(uri, "it holds NUL bytes, which no text file has")
    for encoding, notes in (("utf-8", ()), ("cp1252", ("not UTF-8: read as Windows-1252",))):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head, final=False)
        except UnicodeDecodeError:
            continue
        return encoding, notes
    return "latin-1", ("not UTF-8: read as Latin-1",)


def _rows(text: str, whole: bool) -> str:
    """Whole lines only: the last one of a cut head may be half a row."""
    return text if whole else text[: text.rfind("\n") + 1] or text


def _separator(text: str, path: Path) -> str:
    """The separator that cuts the first rows into the same number of fields as the header, and into most."""

    def fit(separator: str) -> tuple[bool, int]:
        widths = []
        try:
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
                if row:
                    widths.append(len(row))
                if len(widths) >= _SAMPLE_ROWS:
                    break
        except csv.Error:
            return False, 0
        fits = bool(widths) and widths[0] > 1 and len(set(widths)) == 1
        return fits, widths[0] if widths else 0

    _allow_long_fields()
    named = "\t" if path.name.removesuffix(".gz").endswith(".tsv") else ","
    return max(SEPARATORS, key=lambda separator: (*fit(separator), separator == named))


def _allow_long_fields() -> None:
    csv.field_size_limit(sys.maxsize)
