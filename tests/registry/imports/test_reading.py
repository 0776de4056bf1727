"""Files to tables: encodings, separators, title rows, workbooks, JSON, and files that are traps."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl import Workbook

from codman.registry.imports.reading import read_bytes, read_list
from codman.registry.imports.table import UnreadableList

TEXT = "Name,Stage\nSepsis – früh,Live\nStroke,Pilot\n"


def cells(table):
    return [list(row.cells.values()) for row in table.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_every_common_encoding_gives_the_same_rows(encoding):
    table = read_bytes(TEXT.encode(encoding), "x.csv")

    assert table.headings == ("Name", "Stage")
    assert cells(table) == [["Sepsis – früh", "Live"], ["Stroke", "Pilot"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_common_separator_is_found(separator):
    table = read_bytes(TEXT.replace(",", separator).encode(), "x.csv")

    assert cells(table) == [["Sepsis – früh", "Live"], ["Stroke", "Pilot"]]


def test_line_breaks_inside_cells_and_headings_are_part_of_them():
    body = b'"Use\nCase  Name",Purpose\n"A","first line\nsecond, line"\n'
    table = read_bytes(body, "x.csv")

    assert table.headings == ("Use Case Name", "Purpose")
    assert table.rows[0].cells["Purpose"] == "first line\nsecond, line"
    assert table.rows[0].number == 2


def test_title_rows_above_the_heading_are_passed_over_and_rows_keep_their_numbers():
    body = b"AI inventory 2026,,\nPrepared by the office,,\n\nName,Stage,Live since\nA,Live,2024-01-01\n"
    table = read_bytes(body, "x.csv")

    assert table.headings == ("Name", "Stage", "Live since")
    assert table.rows[0].number == 5
    assert any("the heading is row 4" in note for note in table.notes)


def test_repeated_headings_and_empty_rows_are_counted_and_no_row_is_lost():
    body = b"Name,Stage\nA,Live\nName,Stage\n,\nB,Pilot\n,\n\n"
    table = read_bytes(body, "x.csv")

    assert cells(table) == [["A", "Live"], ["B", "Pilot"]]
    assert table.skipped == {"a repeated heading": 1, "an empty row": 1}


def test_a_quotation_mark_that_is_never_closed_is_refused_instead_of_swallowing_the_rows_below():
    with pytest.raises(UnreadableList, match="a quotation mark in row 3 is never closed"):
        read_bytes(b'Name,Purpose\nA,x\nB,"open\nC,y\nD,z\n', "x.csv")
    table = read_bytes(b'Name,Purpose\nA,"two\nlines"\n', "x.csv")
    assert table.rows[0].cells["Purpose"] == "two\nlines"


def test_a_heading_that_stands_twice_is_two_columns():
    table = read_bytes(b"Name,Notes,Notes\nA,one,two\n", "x.csv")

    assert table.headings == ("Name", "Notes", "Notes (2)")
    assert table.rows[0].cells["Notes (2)"] == "two"


def test_a_cell_beyond_the_heading_is_kept():
    table = read_bytes(b"Name,Stage\nA,Live,extra\n", "x.csv")

    assert table.rows[0].cells["column 3"] == "extra"


def workbook(*sheets):
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbooks_values_are_read_and_its_formulas_are_not_worked_out():
    body = workbook(
        ("cover", [["AI inventory"]]),
        (
            "uses",
            [
                ["Name", "Live since", "Users", "Sum"],
                ["A", datetime(2024, 3, 1, tzinfo=UTC).replace(tzinfo=None), 12.0, "=1+1"],
                ["B", None, True, None],
            ],
        ),
    )
    table = read_bytes(body, "x.xlsx")

    assert table.headings == ("Name", "Live since", "Users", "Sum")
    assert table.rows[0].cells == {"Name": "A", "Live since": "2024-03-01", "Users": "12"}
    assert table.rows[1].cells == {"Name": "B", "Users": "Yes"}


def test_json_is_read_as_an_array_or_below_items():
    rows = [{"name": "A", "tags": ["x", "y"], "owner": {"email": "a@b"}, "live": True, "n": None}, {"name": "B"}]
    for body in (rows, {"items": rows, "next": None}):
        table = read_bytes(json.dumps(body).encode(), "x.json")

        assert table.headings == ("name", "tags", "owner.email", "live", "n")
        assert table.rows[0].cells == {"name": "A", "tags": "x; y", "owner.email": "a@b", "live": "Yes"}


@pytest.mark.parametrize("escape", ["\\ud800", "\\u0000"])
@pytest.mark.parametrize(
    "form", ['[{"a": "b"}, {"a": "%s"}]', '[{"a": "b"}, {"%s": "c"}]', '{"rows": [{}, {"a": ["%s"]}]}']
)
def test_text_that_no_database_keeps_is_refused_and_its_row_named(form, escape):
    with pytest.raises(UnreadableList) as refused:
        read_bytes((form % escape).encode(), "x.json")

    assert "row 2 holds" in refused.value.why


def bomb():
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(600):
            part.write(bytes(1 << 20))
    return out.getvalue()


ENTITIES = b'<!DOCTYPE a [<!ENTITY b "xx"><!ENTITY c "&b;&b;">]><AppliedModelCard>&c;</AppliedModelCard>'
OUTSIDE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><AppliedModelCard>&b;</AppliedModelCard>'


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"PK\x03\x04 not a workbook", "no whole XLSX"),
        (b"\xd0\xcf\x11\xe0rest", "old or encrypted"),
        (b"%PDF-1.7", "PDF"),
        (b"{ broken", "no whole JSON"),
        (b'{"a": 1}', "neither an array"),
        (b"[1, 2]", "neither an array"),
        (b"[" * 100_000, "no whole JSON"),
        (b"<html><body>", "web page"),
        (b"<AppliedModelCard/>", "no CHAI"),
        (b'<AppliedModelCard xmlns="https://mc.chai.org/v9.9/schema.xsd"/>', "a card v9.9"),
        (b"<a><b></a>", "no plain XML"),
        (ENTITIES, "no plain XML"),
        (OUTSIDE, "no plain XML"),
        (b'{"bomFormat": "CycloneDX", "components": [{"type": "library", "name": "x"}]}', "no component"),
        (b'{"registered_models": [{"no": "name"}]}', "no list of named models"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(body, why):
    with pytest.raises(UnreadableList, match=why):
        read_bytes(body, "file")


def test_a_workbook_that_unpacks_to_half_a_gigabyte_is_refused():
    with pytest.raises(UnreadableList, match="unpacks to more than"):
        read_bytes(bomb(), "x.xlsx")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UnreadableList):
        read_list(tmp_path / "nothing.csv")


@given(st.binary(max_size=400))
def test_no_bytes_break_a_reader(body):
    with suppress(UnreadableList):
        read_bytes(body, "file")


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    str.strip
)


@example([("|", "|"), (":|", "|")])  # a bar makes two rows wider; the comma makes all of them equal
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=8))
def test_every_row_that_was_written_is_read_or_counted(rows):
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("Name of it", "Stage of it"), *rows])
    table = read_bytes(out.getvalue().encode(), "x.csv")

    assert len(table.rows) + sum(table.skipped.values()) == len(rows)


@pytest.mark.parametrize("said", ["TOTAL", "Sum", "Grand total:", "Totals"])
def test_a_row_of_totals_is_no_use_and_is_counted_apart(said):
    table = read_bytes(
        f"Name,Purpose,Alerts\nSepsis,Warns,4\n{said},,9\nTotal body CT,Dose,5\n".encode(), "register.csv"
    )

    assert [row.cells["Name"] for row in table.rows] == ["Sepsis", "Total body CT"]
    assert table.skipped == {"a row of totals": 1}
