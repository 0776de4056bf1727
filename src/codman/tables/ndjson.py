"""NDJSON: one JSON object a line, plain or gzipped; the keys asked for become columns.

A value keeps its JSON type: "001" stays text. Whole numbers and fractions in one column are numbers; anything else
mixed is text. Text that is an ISO date or time throughout becomes one. A key that a line lacks is missing there.

Arrow's parser reads the file; where it gives up, a slower reader takes over that can widen types and name the line.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.json as pajson

from codman.tables.csv_shape import GZIP_MAGIC, open_bytes
from codman.tables.csv_types import TEXT, ColumnType, dates, missing, times, zoned_times
from codman.tables.file_digest import sha256_of_file
from codman.tables.reader import BrokenRow, EmptyFile, NotATable, Source, TruncatedFile

_HEAD_BYTES: Final = 1 << 20
_BLOCK: Final = 4 << 20
_ROWS_AT_ONCE: Final = 131_072
_BOM: Final = b"\xef\xbb\xbf"
_WORDS: Final = (
    ColumnType(pa.date32(), dates),
    ColumnType(pa.timestamp("us"), times),
    ColumnType(pa.timestamp("us", "UTC"), zoned_times),
    TEXT,
)
_GAVE_UP: Final = (pa.ArrowException, OSError, UnicodeError, ValueError)


class NdjsonSource(Source):
    """One file of JSON objects, a line each."""

    def __init__(self, path: Path, uri: str, name: str) -> None:
        self.name, self.uri, self._path = name, uri, path
        with path.open("rb") as file:
            self._zipped = file.read(2) == GZIP_MAGIC
        self._words: dict[str, ColumnType] = {}
        self._types: dict[str, pa.DataType] = {}  # as they are read, before words become dates
        self._keys_are_final = False
        keys: dict[str, None] = {}
        read = 0
        for _, line, record in self._records():
            keys.update(dict.fromkeys(record))
            read += len(line)
            if read > _HEAD_BYTES:
                break
        else:
            self._keys_are_final = True
        if not read:
            raise EmptyFile(uri, "it has no line")
        self.columns = tuple(keys)

    def look_further(self) -> None:
        """Read every line's keys: a key may first come up far down the file."""
        if not self._keys_are_final:
            keys = dict.fromkeys(self.columns)
            for _, _, record in self._records():
                keys.update(dict.fromkeys(record))
            self.columns, self._keys_are_final = tuple(keys), True

    def digest(self) -> str:
        """sha256, in hex, of the file's bytes, as they are stored."""
        return sha256_of_file(self._path)

    def row_of(self, index: int) -> str:
        """The line of the row, where no line is blank."""
        return f"line {index + 1}"

    def _read(self, columns: list[str]) -> pa.Table:
        for types in self._guesses(columns):
            try:
                with self._open() as stream:
                    table = pajson.read_json(stream, **self._options(types))
            except _GAVE_UP:
                continue
            self._types.update(types)
            break
        else:
            self._settle_slowly(columns)
            schema = pa.schema([(name, self._types[name]) for name in columns])
            table = pa.Table.from_batches(self._slow_batches(columns), schema)
        self.rows = table.num_rows
        return pa.table({name: self._finish(name, table[name]) for name in columns})

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        fast = self._settle(columns)
        types = {name: self._types[name] for name in columns}
        for batch in self._fast_batches(types) if fast else self._slow_batches(columns):
            table = pa.Table.from_batches([batch])
            typed = {
                name: self._words[name].convert(table[name]) if name in self._words else table[name] for name in columns
            }
            yield from pa.table(typed).to_batches()

    def _settle(self, columns: list[str]) -> bool:
        """Find each column's type from all its values, holding one block at a time; True if Arrow's parser can."""
        for types in self._guesses(columns):
            open_to = {name: list(_WORDS) for name, kind in types.items() if pa.types.is_string(kind)}
            try:
                for batch in self._fast_batches(types):
                    for name, left in open_to.items():
                        values = pa.chunked_array([batch[name]])
                        if len(left) > 1 and values.null_count < len(values):
                            open_to[name] = [kind for kind in left if kind.convert(values) is not None]
            except _GAVE_UP:
                continue
            self._types.update(types)
            self._words.update({name: left[0] for name, left in open_to.items()})
            return True
        self._settle_slowly(columns)
        for name in columns:
            if pa.types.is_string(self._types[name]) and name not in self._words:
                self._words[name] = TEXT
        return False

    def _guesses(self, columns: list[str]) -> Iterator[dict[str, pa.DataType]]:
        """Types to try: those of the first lines, then the same with fractions for whole numbers."""
        if all(name in self._types for name in columns):
            yield {name: self._types[name] for name in columns}
            return
        seen: dict[str, set[str]] = {name: set() for name in columns}
        read = 0
        for _, line, record in self._records():
            for name in columns:
                seen[name].add(_kind(record.get(name)))
            read += len(line)
            if read > _HEAD_BYTES:
                break
        types = {name: _arrow_type(kinds) for name, kinds in seen.items()}
        if any(kind is None for kind in types.values()):
            return
        yield types
        wider = {name: pa.float64() if pa.types.is_int64(kind) else kind for name, kind in types.items()}
        if wider != types:
            yield wider

    def _fast_batches(self, types: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        with self._open() as stream, pajson.open_json(stream, **self._options(types)) as reader:
            yield from reader

    def _settle_slowly(self, columns: list[str]) -> None:
        seen: dict[str, set[str]] = {name: set() for name in columns}
        for _, _, record in self._records():
            for name in columns:
                seen[name].add(_kind(record.get(name)))
        for name, kinds in seen.items():
            self._types[name] = _arrow_type(kinds) or pa.string()

    def _slow_batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        rows: list[dict[str, Any]] = []
        for _, _, record in self._records():
            rows.append(record)
            if len(rows) == _ROWS_AT_ONCE:
                yield self._batch(rows, columns)
                rows = []
        if rows:
            yield self._batch(rows, columns)

    def _batch(self, rows: list[dict[str, Any]], columns: list[str]) -> pa.RecordBatch:
        arrays = []
        for name in columns:
            values = [row.get(name) for row in rows]
            if pa.types.is_string(self._types[name]):
                values = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
            try:
                arrays.append(pa.array(values, self._types[name]))
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
                raise NotATable(self.uri, f"the values of {name!r} are of several kinds", "write one kind") from error
        return pa.RecordBatch.from_arrays(arrays, names=columns)

    def _finish(self, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
        if not pa.types.is_string(values.type) or missing(values) is not None:
            return values
        for kind in (self._words[name],) if name in self._words else _WORDS:
            converted = kind.convert(values)
            if converted is not None:
                self._words[name] = kind
                return converted
        return values

    def _options(self, types: dict[str, pa.DataType]) -> dict[str, object]:
        return {
            "read_options": pajson.ReadOptions(block_size=_BLOCK),
            "parse_options": pajson.ParseOptions(
                explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="ignore"
            ),
        }

    def _open(self) -> pa.NativeFile:
        with open_bytes(self._path, self._zipped) as file:
            marked = file.read(len(_BOM)) == _BOM
        raw = pa.OSFile(str(self._path), "rb")
        stream = pa.CompressedInputStream(raw, "gzip") if self._zipped else raw
        if marked:
            stream.read(len(_BOM))
        return stream

    def _records(self) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
        """Line number, line and object of every line that is not blank."""
        try:
            with open_bytes(self._path, self._zipped) as file:
                for number, line in enumerate(file, 1):
                    if number == 1:
                        line = line.removeprefix(_BOM)
                    if line.strip():
                        yield number, line, self._object(number, line)
        except (EOFError, zlib.error, OSError) as error:
            raise TruncatedFile(self.uri, "its gzip stream is damaged or ends too early") from error

    def _object(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            record = json.loads(line, object_pairs_hook=_once)
        except RecursionError as error:
            raise _broken(self.uri, number, "it is nested too deeply") from error
        except json.JSONDecodeError as error:
            raise _broken(self.uri, number, f"it is not JSON from character {error.colno} on") from error
        except ValueError as error:  # bytes that are not UTF-8, a key that is there twice, a number of many digits
            twice = isinstance(error, _TwiceError)
            raise _broken(self.uri, number, str(error) if twice else "it is not valid UTF-8 JSON") from error
        if not isinstance(record, dict):
            raise _broken(self.uri, number, "it is not a JSON object")
        return record


class _TwiceError(ValueError):
    """A key is in one object twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(f"it names {next(name for name in names if names.count(name) > 1)!r} twice")
    return record


def _broken(uri: str, number: int, why: str) -> BrokenRow:
    return BrokenRow(uri, number, why, "write one whole JSON object a line", header=False)


def _kind(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return "long"
    return type(value).__name__


def _arrow_type(kinds: set[str]) -> pa.DataType | None:
    """The Arrow type all these kinds of values fit, None where they are mixed or nested."""
    kinds = kinds - {"NoneType"}
    if not kinds:
        return pa.null()
    if len(kinds) == 1:
        return {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "str": pa.string()}.get(kinds.pop())
    return pa.float64() if kinds == {"int", "float"} else None
