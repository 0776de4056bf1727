"""A workbook that was sent out and came back: what may be moved, and what is told of each cell."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.utils.exceptions import IllegalCharacterError

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from partners import ANSWERS

from codman.flows.reporting.answers import Answered, read_answers
from codman.flows.reporting.workbook import NoWorkbook, Sheet, read_report_workbook, write_report_workbook

REPORT = "expected-report-1"


def written(typed: dict[str, str] = ANSWERS, use: str = "Ward sepsis") -> bytes:
    return write_report_workbook(
        report=REPORT, use=use, span="a quarter", due_on="2026-12-01", typed=typed, last={"auroc": "AUROC 0.80"}
    )


def changed(do: Callable[[Any], object], body: bytes | None = None) -> Sheet:
    """What is read after somebody did something to the sheet."""
    book = load_workbook(io.BytesIO(body or written()))
    do(book.active)
    out = io.BytesIO()
    book.save(out)
    return read_report_workbook(out.getvalue(), REPORT)


def faults(sheet: Sheet) -> dict[str, str]:
    return {one.cell: one.why for one in sheet.faults}


def at(sheet: Any, text: str) -> Any:
    """The cell that holds this text."""
    return next(cell for row in sheet.iter_rows() for cell in row if cell.value == text)


def test_what_was_filled_in_is_read_as_it_was_typed():
    sheet = changed(lambda _sheet: None)
    assert sheet.faults == []
    assert sheet.typed == ANSWERS
    assert isinstance(read_answers(sheet.typed, ["auroc"]), Answered)


def test_numbers_typed_as_numbers_are_the_same():
    def fill(sheet: Any) -> None:
        row = at(sheet, "auroc").row
        for column, value in ((3, 0.81), (4, 0.79), (5, 0.83), (6, 1200), (7, 140)):
            sheet.cell(row, column).value = value
        sheet.cell(at(sheet, "Complaints").row, 2).value = 2

    sheet = changed(fill)
    assert read_answers(sheet.typed, ["auroc"]) == read_answers(ANSWERS, ["auroc"])


def test_rows_and_columns_may_have_moved():
    def move(sheet: Any) -> None:
        sheet.insert_rows(5, 3)
        sheet.insert_cols(1)

    sheet = changed(move)
    assert (sheet.faults, sheet.typed) == ([], ANSWERS)


def test_columns_in_another_order_are_found_by_their_words():
    def swap(sheet: Any) -> None:
        header = at(sheet, "Metric").row
        for row in (header, header + 1):
            low, high = sheet.cell(row, 4).value, sheet.cell(row, 5).value
            sheet.cell(row, 4).value, sheet.cell(row, 5).value = high, low

    assert changed(swap).typed == ANSWERS


@pytest.mark.parametrize(
    ("label", "column", "value", "why"),
    [
        ("Incidents", 2, "=1+1", "it holds a formula: write the value itself"),
        ("auroc", 3, "=AVERAGE(A1:A2)", "it holds a formula: write the value itself"),
        ("Report", 2, "expected-report-2", "this workbook answers another report"),
        ("Changes", 2, "perhaps", "write 'none known', or 'some' and mark below what changed"),
        ("Changed: version", 2, "perhaps", "write yes or no"),
        ("Metric", 4, "Confidence", "'Confidence' is no column of this report"),
        ("Metric", 4, "Value", "the column 'Value' is there twice"),
        ("Sent by", 1, "Our patients", "'Our patients' is no question of this report"),
    ],
)
def test_each_fault_is_told_with_its_cell(label: str, column: int, value: str, why: str):
    places: list[str] = []

    def spoil(sheet: Any) -> None:
        cell = sheet.cell(at(sheet, label).row, column)
        cell.value = value
        places.append(cell.coordinate)

    found = faults(changed(spoil))
    cell = places[0].replace("B", "A") if label == "Sent by" else places[0]
    assert found[cell] == why


def test_all_faults_are_told_at_once_and_the_rest_is_kept():
    def spoil(sheet: Any) -> None:
        sheet.cell(at(sheet, "Incidents").row, 2).value = "=A1"
        sheet.cell(at(sheet, "auroc").row, 6).value = "many"

    sheet = changed(spoil)
    errors = read_answers(sheet.typed, ["auroc"])
    assert isinstance(errors, dict)
    assert [one.why for one in sheet.faults_of(errors)] == [
        "it holds a formula: write the value itself",
        "write a whole number, e.g. 1200",
    ]
    assert sheet.typed["sender"] == "Vera Vendor"


def test_a_cell_that_may_name_a_patient_is_told_by_its_place_and_never_by_its_words():
    def tell(sheet: Any) -> None:
        words = at(sheet, "In words")
        sheet.cell(words.row, 2).value = "It missed Mrs Miller"
        sheet.cell(words.row, 7).value = 47113028  # beside the answer, where nobody asked for anything
        hidden = sheet.parent.create_sheet("Cases")
        hidden.sheet_state = "hidden"
        hidden["C4"] = "born on 3 May"

    sheet = changed(tell)
    row = at(load_workbook(io.BytesIO(written())).active, "In words").row
    assert set(faults(sheet)) == {f"B{row}", f"G{row}", "Cases!C4"}
    assert all("it may name a patient" in why and "Miller" not in why for why in faults(sheet).values())
    assert sheet.typed["words"] == "It missed Mrs Miller"  # stands in the form again, to be corrected


def test_numbers_who_sends_it_and_what_was_written_here_name_no_patient():
    def fill(sheet: Any) -> None:
        sheet.cell(at(sheet, "auroc").row, 6).value = 123456
        sheet.cell(at(sheet, "Sent by").row, 2).value = "Mrs Vera Vendor, ext. 12345"
        sheet.cell(at(sheet, "Period").row, 2).value = "2026-09-01 to 2026-11-30"

    assert changed(fill).faults == []


def test_what_cannot_be_looked_through_is_refused():
    with pytest.raises(NoWorkbook, match="comments, pictures"):
        changed(lambda sheet: setattr(sheet["B9"], "comment", Comment("bed 7", "a nurse")))


def test_a_sheet_without_its_table_or_its_report_says_what_is_gone():
    def strip(sheet: Any) -> None:
        sheet.delete_rows(at(sheet, "Metric").row, 10)
        sheet.delete_rows(at(sheet, "Report").row, 1)

    found = " ".join(faults(changed(strip)).values()) + " ".join(one.why for one in changed(strip).faults)
    assert "the table of measurements is gone" in found
    assert "which says what report this answers" in found


def test_text_that_looks_like_a_formula_stays_text():
    book = load_workbook(io.BytesIO(written(use='=HYPERLINK("http://x")')))
    cell = book.active.cell(at(book.active, "Use").row, 2)
    assert (cell.data_type, cell.value) == ("s", '=HYPERLINK("http://x")')


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04", b"not a workbook", b"x" * (1024 * 1024 + 1)])
def test_a_file_that_is_none_is_refused(body: bytes):
    with pytest.raises(NoWorkbook):
        read_report_workbook(body, REPORT)


def test_a_workbook_that_would_grow_beyond_measure_is_refused():
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Report")
    for _ in range(2000):
        sheet.append(["x"] * 5)
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(NoWorkbook, match="more than 5,000 cells"):
        read_report_workbook(out.getvalue(), REPORT)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 9), st.one_of(st.text(max_size=20), st.floats(), st.booleans(), st.dates()))
def test_whatever_stands_in_a_cell_is_read_or_told(row: int, column: int, value: Any):
    def put(sheet: Any) -> None:
        try:
            sheet.cell(row, column).value = value
        except IllegalCharacterError:  # no program writes control characters into a sheet
            sheet.cell(row, column).value = "x"

    sheet = changed(put)
    found = read_answers(sheet.typed, ["auroc"])
    assert isinstance(found, Answered | dict)
