"""CSV: what becomes a number, what stays text, what is missing, and which layouts are understood."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codman.tables.csv import CsvSource
from codman.tables.source import open_source

INT, FLOAT, TEXT, BOOL = pa.int64(), pa.float64(), pa.string(), pa.bool_()
DAY, TIME, UTC = pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", ""], INT),
        (["1", "2.5"], FLOAT),
        (["1e-3", "inf", "-inf"], FLOAT),
        ([" 1", "2 "], INT),
        (["0.5 ", " 1"], FLOAT),
        (["001", "2"], TEXT),  # an identifier
        (["0.5", "007"], TEXT),
        (["0", "0.5", "-0.5"], FLOAT),
        (["0x10", "1"], TEXT),
        (["9223372036854775807"], INT),
        (["9223372036854775808"], TEXT),  # would lose digits as a float
        (["1234567890123456789.5", "12345678901234567890"], TEXT),
        (["0.12345678901234567890"], FLOAT),
        (["true", "FALSE", ""], BOOL),
        (["true", "1"], TEXT),
        (["2024-02-29", ""], DAY),
        (["2024-02-29 10:00", "2024-03-01T11:30:15.25"], TIME),
        (["2024-02-29T10:00:00Z", "2024-02-29T10:00:00+01:00"], UTC),
        (["2024-02-29", "2024-02-30"], TEXT),
        (["01/02/2024"], TEXT),
        (["yes", "no"], TEXT),
        (["1", "x"], TEXT),
        (["x", "1"], TEXT),
        (["None", "1"], TEXT),
        (["", "NA"], pa.null()),
    ],
)
def test_a_column_has_the_narrowest_type_that_all_its_values_fit(tmp_path: Path, values: list[str], kind: pa.DataType):
    path = tmp_path / "x.csv"
    path.write_text("id,x\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values)))
    assert open_source(path).read(["x"])["x"].type == kind
    assert next(iter(open_source(path).batches(["x"])))["x"].type == kind


def test_the_type_never_depends_on_a_block(tmp_path: Path):
    path = tmp_path / "x.csv"
    rows = 700_000  # over several of the reader's blocks
    path.write_text("a,b,c\n" + "1,1,2024-01-01\n" * rows + "1.5,x,2024-01-01 10:00\n")
    whole = open_source(path).read(["a", "b", "c"])
    assert whole.schema.types == [FLOAT, TEXT, TIME]

    batches = list(open_source(path).batches(["a", "b", "c"]))
    assert len(batches) > 1
    assert {str(batch.schema) for batch in batches} == {str(whole.schema)}
    assert pa.Table.from_batches(batches).equals(whole)


def test_a_column_named_as_text_stays_text(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("id,x\n1,2\n2,NA\n")
    assert open_source(path, text=["id"]).read(["id", "x"]).to_pydict() == {"id": ["1", "2"], "x": [2, None]}


@pytest.mark.parametrize("missing", ["", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "NaN", "nan", '""', '"NA"'])
def test_what_counts_as_missing_does_so_in_numbers_and_in_text(tmp_path: Path, missing: str):
    path = tmp_path / "x.csv"
    path.write_text(f"n,t\n1,a\n{missing},{missing}\n")
    assert open_source(path).read(["n", "t"]).to_pydict() == {"n": [1, None], "t": ["a", None]}


def test_none_and_question_marks_are_values_because_registries_use_them(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\nNone,?\nHigh,x\n")
    assert open_source(path).read(["a", "b"]).to_pydict() == {"a": ["None", "High"], "b": ["?", "x"]}


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbfid,x\r\n1,a\r\n2,b\r\n",
        b"id,x\n1,a\n2,b",  # no newline at the end
        b"\n\nid,x\n1,a\n\n2,b\n\n",  # blank lines
        b'"id","x"\n"1","a"\n"2","b"\n',
        b"id\tx\n1\ta\n2\tb\n",
        b"id;x\n1;a\n2;b\n",
        b"id|x\n1|a\n2|b\n",
        b"id,x\r1,a\r2,b\r",  # old Macintosh
        "id,x\n1,a\n2,b\n".encode("utf-16"),
        b"\xef\xbb\xbfid,x\n1,a\n2,b\n".replace(b"\n", b"\r\n"),
    ],
)
def test_the_usual_layouts_are_understood(tmp_path: Path, raw: bytes):
    for name, content in (("x.csv", raw), ("x.csv.gz", gzip.compress(raw))):
        path = tmp_path / name
        path.write_bytes(content)
        source = open_source(path)
        assert source.columns == ("id", "x")
        assert source.read(["id", "x"]).to_pydict() == {"id": [1, 2], "x": ["a", "b"]}
        assert pa.Table.from_batches(list(source.batches(["id"]))).to_pydict() == {"id": [1, 2]}


def test_a_quoted_value_may_hold_separators_line_breaks_and_marks(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text('id,"no,te"\n1,"a, ""b""\nc"\n2,d\n')
    source = open_source(path)
    assert source.columns == ("id", "no,te")
    assert source.read(["id", "no,te"]).to_pydict() == {"id": [1, 2], "no,te": ['a, "b"\nc', "d"]}


def test_a_header_may_hold_a_line_break(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text('id,"two\nlines"\n1,5\n')
    assert open_source(path).read(["two\nlines"]).to_pydict() == {"two\nlines": [5]}


@pytest.mark.parametrize("far", [False, True])
def test_text_that_is_not_utf_8_is_read_as_western_and_noted(tmp_path: Path, far: bool):
    path = tmp_path / "x.csv"
    padding = b"1,a\n" * (600_000 if far else 1)  # far: beyond what is looked at first
    path.write_bytes(b"id,x\n" + padding + b"2,Z\xfcrich\n")
    source = open_source(path)
    assert source.read(["id", "x"])["x"][-1].as_py() == "Zürich"
    assert "not UTF-8" in source.notes[0]


def test_a_comma_is_a_decimal_mark_between_semicolons(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("id;risk;sex\n1;0,25;F\n2;1;M\n3;;M\n")
    assert open_source(path).read(["id", "risk"]).to_pydict() == {"id": [1, 2, 3], "risk": [0.25, 1.0, None]}


def test_rows_are_named_as_a_spreadsheet_numbers_them(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("id\n7\n8\n")
    assert open_source(path).row_of(0) == "row 2 (the header is row 1)"


def test_a_row_longer_than_a_block_is_read(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("id,x\n1," + "y" * 9_000_000 + "\n2,z\n")
    source = open_source(path)
    assert source.read(["id"]).to_pydict() == {"id": [1, 2]}
    assert sum(batch.num_rows for batch in open_source(path).batches(["id"])) == 2


cells = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(repr),
    st.sampled_from(["001", "true", "False", "2024-01-01", "2024-01-01 10:00", "x", " 1 ", "0x1F", "1,5", "-0", "+3"]),
    st.text(st.characters(blacklist_characters='"\r\n\0', blacklist_categories=["Cs"]), max_size=5),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(cells, min_size=1, max_size=12))
def test_reading_whole_and_in_pieces_always_agree_and_lose_no_value(tmp_path: Path, column: list[str | None]):
    path = tmp_path / "x.csv"
    path.write_text("i,x\n" + "".join(f'{i},"{cell or ""}"\n' for i, cell in enumerate(column)), newline="")
    pieces = CsvSource(path, "x.csv", "predictions")
    pieces._block = 64  # many blocks

    whole = open_source(path).read(["i", "x"])
    streamed = pa.Table.from_batches(list(pieces.batches(["i", "x"])))

    assert whole.num_rows == len(column)
    assert str(streamed.schema) == str(whole.schema)
    assert [str(v) for v in streamed["x"].to_pylist()] == [str(v) for v in whole["x"].to_pylist()]
    if whole["x"].type == TEXT:
        assert all(got is None or got == cell for got, cell in zip(whole["x"].to_pylist(), column, strict=True))
