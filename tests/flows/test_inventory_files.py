"""The inventory as a list and as files: filters, every page, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.flows.house import House
from codman.flows.inventory import BadWhere, UnknownEnding, asked, export, harmless, list_uses
from codman.flows.inventory_import import import_file
from codman.flows.operator import OPERATOR
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.inventory import BadFilter
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.settings import read_settings
from codman.spine.person import Role
from codman.wiring import open_house

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://evil","x")', "=cmd|' /C calc'!A0"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(read_settings(workspace=tmp_path / "w", database_url=f"sqlite:///{tmp_path / 'b.db'}"))
    with opened.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Sepsis"}), "sepsis")
        for name in (*DANGEROUS, "plain, with a comma", "Ünïcode – dash"):
            fields = {"product": "sepsis", "name": name.strip(), "organisation": "ICU", "stage": "live"}
            USES.add(change, USES.validated(fields))
    yield opened
    opened.close()


def test_no_cell_of_a_csv_begins_a_formula(house, tmp_path):
    export(house, OPERATOR, asked([]), tmp_path / "x.csv")
    body = (tmp_path / "x.csv").read_bytes()
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))

    assert body.startswith(b"\xef\xbb\xbf")  # without it Excel takes UTF-8 for Windows-1252
    assert len(rows) == 10
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    assert "'=1+1" in {row[rows[0].index("name")] for row in rows}


def test_no_cell_of_a_workbook_is_a_formula(house, tmp_path):
    export(house, OPERATOR, asked([]), tmp_path / "x.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").active

    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert not any(str(cell.value).startswith("=") for row in sheet.iter_rows() for cell in row)


def test_json_keeps_every_name_as_it_is(house, tmp_path):
    export(house, OPERATOR, asked([]), tmp_path / "x.json")
    names = {use["name"] for use in json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["items"]}

    assert {name.strip() for name in DANGEROUS} <= names


@pytest.mark.parametrize("ending", ["csv", "xlsx", "json"])
def test_what_was_written_can_be_imported_again(house, tmp_path, ending):
    export(house, OPERATOR, asked([]), tmp_path / f"x.{ending}")
    fields = "{use.name: {column: name}, use.organisation: {column: organisation}, use.stage: {column: stage}}"
    (tmp_path / "m.yaml").write_text(f"mapping: again\nid: id\nfields: {fields}\n")
    other = open_house(read_settings(workspace=tmp_path / "o", database_url=f"sqlite:///{tmp_path / 'o.db'}"))

    done = import_file(other, OPERATOR, tmp_path / f"x.{ending}", tmp_path / "m.yaml")
    names = {use.name for use in list_uses(other, OPERATOR, asked([]))}
    other.close()

    assert (done.created, done.rejected) == (9, [])
    assert names == {use.name for use in list_uses(house, OPERATOR, asked([]))}


@given(st.text(max_size=20))
def test_a_harmless_cell_loses_nothing_and_begins_no_formula(cell):
    made = harmless(cell)

    assert made in (cell, "'" + cell)
    assert not made.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_filters_of_one_field_are_either_and_of_two_are_both():
    question = asked(["stage=live", "stage = pilot", "owner=(missing)", "topic=a=b"])

    assert question.where == {"stage": ["live", "pilot"], "owner": ["(missing)"], "topic": ["a=b"]}
    with pytest.raises(BadWhere):
        asked(["stage"])


def test_a_filter_by_nothing_that_is_there_is_refused(house):
    with pytest.raises(BadFilter):
        list_uses(house, OPERATOR, asked(["colour=red"]))


def test_every_page_is_listed(house):
    with house.database.changing(SYSTEM) as change:
        USES.add_many(change, [USES.validated({"product": "sepsis", "name": f"n{k}"}) for k in range(1100)])

    assert len({use.id for use in list_uses(house, OPERATOR, asked([]))}) == 1109


def test_an_unknown_ending_and_somebody_without_a_role_are_refused(house, tmp_path):
    with pytest.raises(UnknownEnding):
        export(house, OPERATOR, asked([]), tmp_path / "x.pdf")
    with pytest.raises(NotAllowed):
        export(house, Reader("p", "p", ()), asked([]), tmp_path / "x.csv")
    assert export(house, Reader("p", "p", (Held(Role.VIEWER),)), asked([]), tmp_path / "x.csv") == 9
