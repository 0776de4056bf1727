"""Our own export, edited and imported again: uses change by their identifiers, and what was not edited stays."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from codman.flows.house import House
from codman.flows.inventory import asked, export, list_uses
from codman.flows.inventory_import import import_file
from codman.flows.operator import OPERATOR
from codman.registry.access import Held, Reader, may
from codman.registry.governance import CASES
from codman.registry.log import SYSTEM, size_of
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, PRODUCTS, SITES, USES, VENDORS
from codman.settings import read_settings
from codman.spine.person import Role
from codman.spine.review import CaseFields
from codman.spine.use import UseFields
from codman.wiring import open_house

ENDINGS = ["csv", "json", "xlsx"]


def opened_in(folder: Path) -> House:
    return open_house(read_settings(workspace=folder, database_url=f"sqlite:///{folder / 'book.db'}"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = opened_in(tmp_path / "w")
    with opened.database.changing(SYSTEM) as change:
        VENDORS.add(change, VENDORS.validated({"name": "Acme, Inc."}), "acme")
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Sepsis", "kind": "bought", "vendor": "acme"}), "sepsis")
        PEOPLE.add(change, PEOPLE.validated({"name": "Ada Example", "email": "ada@example.org"}), "ada")
        PEOPLE.add(change, PEOPLE.validated({"name": "Ben Example", "email": "ben@example.org"}), "ben")
        SITES.add(change, SITES.validated({"name": "Ward; 3", "level": "unit"}), "ward")
        for name, more in (
            ("one", {"stage": "live", "decision": "approved", "tier": "high", "owner": "ada", "monitoring": "a\nb"}),
            ("two", {"stage": "pilot", "impact": "presumed high-impact, determined not", "stage_since": "2024-03-01"}),
            ("three", {"organisation": "N/A"}),
        ):
            fields = {"product": "sepsis", "name": f"Use {name}", **more}
            USES.add(change, USES.validated(fields), name)
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated({"use": "one", "site": "ward", "mode": "live"}))
    yield opened
    opened.close()


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def exported_rows(house: House, tmp_path: Path) -> dict[str, dict[str, str]]:
    export(house, OPERATOR, asked([]), tmp_path / "x.csv")
    return {row["id"]: row for row in rows_of(tmp_path / "x.csv")}


def bring(house: House, tmp_path: Path, *rows: dict[str, str], reader: Reader = OPERATOR):
    return import_file(house, reader, write_rows(tmp_path / "edited.csv", list(rows)))


def use(house: House, name: str):
    with house.database.reading() as connection:
        return USES.get(connection, name)


def log_size(house: House) -> int:
    with house.database.reading() as connection:
        return size_of(connection)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_export_brought_back_changes_nothing_and_writes_no_entry(house, tmp_path, ending):
    export(house, OPERATOR, asked([]), tmp_path / f"x.{ending}")
    before = log_size(house)

    done = import_file(house, OPERATOR, tmp_path / f"x.{ending}")

    assert done.mapping == "codman"
    assert (done.rows, done.unchanged, done.created, done.updated) == (3, 3, 0, 0)
    assert (done.rejected, done.notes, done.not_in_file) == ([], [], [])
    assert log_size(house) == before


NASTY = [
    "=1+1", "'=1+1", "''=1+1", "'", "''", "'plain", "-", "@x", "+1", '"', '""', 'a"b', "a,b;c\td|e", "two\nlines",
    "\n=x", "N/A", "none", "#N/A", "#REF!", "TRUE", "007", "1e5", "2024-01-01", "_x0041_", "é", "e\u0301", "🫀",
    "a\u2028b", "\u200b", "\ufeffx", "\uffff", "\x85", "\xa0x", "]]>", "&amp;", "<b>", "sep=;", "id", "\x0b\x0c",
]  # fmt: skip


def kept(name: str) -> bool:
    try:
        UseFields(product="p", name=name)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=25)
@given(
    names=st.lists(
        st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=("Cs",)), max_size=12)).filter(kept),
        min_size=1,
        max_size=4,
    )
)
@example(names=[name for name in NASTY if kept(name)])
def test_whatever_a_cell_holds_it_comes_back_as_no_change(house, tmp_path, ending, names):
    with house.database.changing(SYSTEM) as change:
        product = PRODUCTS.add(change, PRODUCTS.validated({"name": names[0]})).id
        for name in names:
            fields = {"product": product, "name": name, "organisation": name, "monitoring": name, "stage": "live"}
            USES.add(change, USES.validated(fields))
    export(house, OPERATOR, asked([f"product={product}"]), tmp_path / f"x.{ending}")

    done = import_file(house, OPERATOR, tmp_path / f"x.{ending}")

    assert (done.unchanged, done.updated, done.created) == (len(names), 0, 0)
    assert (done.rejected, done.notes, done.skipped) == ([], [], {})


def test_an_edited_row_changes_the_use_it_came_from_and_no_other(house, tmp_path):
    rows = exported_rows(house, tmp_path)
    rows["two"] |= {
        "name": "Use 2", "stage": "Live", "stage_since": "March 5, 2025", "impact": "Yes", "tier": "medium",
        "organisation": "ICU", "owner": "Ben Example", "monitoring": "weekly",
    }  # fmt: skip
    rows["one"] |= {"owner": "", "monitoring": ""}

    done = bring(house, tmp_path, *rows.values())
    again = bring(house, tmp_path, *rows.values())

    two, one = use(house, "two"), use(house, "one")
    assert (done.updated, done.unchanged, done.created, done.rejected) == (2, 1, 0, [])
    assert (two.name, two.stage, two.stage_since, two.impact) == ("Use 2", "live", "2025-03-05", "high-impact")
    assert (two.tier, two.organisation, two.owner, two.monitoring) == ("medium", "ICU", "ben", "weekly")
    assert (one.owner, one.monitoring, one.tier, one.decision, one.revision) == (None, None, "high", "approved", 2)
    assert (again.unchanged, again.updated, again.rejected) == (3, 0, [])


@pytest.mark.parametrize("ending", ["json", "xlsx"])
def test_workbooks_and_json_are_edited_too(house, tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    export(house, OPERATOR, asked([]), path)
    if ending == "json":
        answer = json.loads(path.read_text(encoding="utf-8"))
        next(item for item in answer["items"] if item["id"] == "one")["stage"] = "paused"
        path.write_text(json.dumps(answer))
    else:
        book = openpyxl.load_workbook(path)
        rows = list(book.active.iter_rows())
        stage = [cell.value for cell in rows[0]].index("stage")
        next(row for row in rows if row[0].value == "one")[stage].value = "paused"
        book.save(path)

    done = import_file(house, OPERATOR, path)

    assert (done.updated, done.unchanged) == (1, 2)
    assert use(house, "one").stage == "paused"


def test_a_row_whose_use_was_changed_meanwhile_is_refused_and_the_others_are_not(house, tmp_path):
    rows = exported_rows(house, tmp_path)
    with house.database.changing(SYSTEM) as change:
        USES.change(change, "one", {"topic": "sepsis"}, None)
        USES.change(change, "one", {"name": "renamed by a person"}, None)
    rows["one"]["organisation"] = rows["two"]["organisation"] = "ICU"

    done = bring(house, tmp_path, *rows.values())

    assert (done.updated, done.unchanged) == (1, 1)
    assert [why for _, why in done.rejected] == ["it was exported at revision 1 and the use is at 3: export it again"]
    assert use(house, "one").name == "renamed by a person"


def test_an_unknown_identifier_is_refused_a_repeated_one_too_and_an_empty_one_adds_a_use(house, tmp_path):
    rows = exported_rows(house, tmp_path)
    unknown = rows["one"] | {"id": "use-nobody"}
    repeated = rows["two"] | {"name": "Another"}
    new = rows["three"] | {"id": "", "name": "Use four", "stage": "live", "revision": ""}

    done = bring(house, tmp_path, *rows.values(), unknown, repeated, new, rows["two"])
    again = bring(house, tmp_path, *rows.values(), new)

    assert (done.rows, done.unchanged, done.created, done.skipped) == (7, 3, 1, {"the same as an earlier row": 1})
    assert [(row, why.partition(";")[0]) for row, why in done.rejected] == [
        (5, "the book has no use of its identifier"),
        (6, f"it has the identifier of row {2 + list(rows).index('two')}"),
    ]
    (four,) = [u for u in list_uses(house, OPERATOR, asked([])) if u.name == "Use four"]
    assert (four.product_id, four.decision) == ("sepsis", "undecided (legacy)")
    assert (again.unchanged, again.created) == (4, 0)


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("name", "", "name: "),
        ("stage", "", "stage: "),
        ("stage", "whenever", "stage: it is none of"),
        ("tier", "purple", "tier: it is none of"),
        ("decision", "approved by me", "decision: it is none of"),
        ("stage_since", "whenever", "no date that is known"),
        ("owner", "Nobody", "no person of that name"),
        ("owner_id", "nobody", "no such person"),
        ("product_id", "nothing", "no such product"),
        ("name", "x" * 301, "at most 300 characters"),
        ("revision", "9" * 5000, "revision: it is no number"),
    ],
)
def test_a_cell_that_its_field_cannot_hold_refuses_its_row_alone_and_is_not_repeated(
    house, tmp_path, column, cell, why
):
    rows = exported_rows(house, tmp_path)
    rows["one"] |= {"topic": "", "organisation": "ICU", column: cell}
    rows["two"]["organisation"] = "ICU"
    for row in rows.values():
        row.setdefault("topic", "")

    done = bring(house, tmp_path, *rows.values())

    (reason,) = [said for _, said in done.rejected]
    assert why in reason
    assert not cell or cell not in reason or cell == "approved by me"
    assert (use(house, "one").organisation, use(house, "two").organisation) == (None, "ICU")


def test_what_belongs_to_a_product_or_a_deployment_is_left_to_it_and_said(house, tmp_path):
    rows = exported_rows(house, tmp_path)
    rows["one"] |= {"vendor": "Other", "kind": "built", "product": "Other", "sites": "", "organisation": "ICU"}

    done = bring(house, tmp_path, *rows.values())

    assert done.updated == 1
    assert {note.column for note in done.notes} == {"vendor", "kind", "product", "sites"}
    assert {u.vendor for u in list_uses(house, OPERATOR, asked([]))} == {"Acme, Inc."}


def test_a_use_moves_to_another_product_by_its_identifier(house, tmp_path):
    with house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Stroke"}), "stroke")
    rows = exported_rows(house, tmp_path)
    rows["one"]["product_id"] = "stroke"

    done = bring(house, tmp_path, *rows.values())

    assert (done.updated, done.notes, use(house, "one").product) == (1, [], "stroke")


def test_who_may_import_but_not_decide_cannot_decide_through_a_file(house, tmp_path):
    rows = exported_rows(house, tmp_path)
    rows["one"]["stage"] = "retired"
    rows["two"]["organisation"] = "ICU"
    clerk = next(r for r in (Reader("p", "p", (Held(role),)) for role in Role) if may_only_import(r))

    done = bring(house, tmp_path, *rows.values(), reader=clerk)

    assert [why for _, why in done.rejected] == ["stage: a review sets it, and you may not"]
    assert (done.updated, use(house, "one").stage) == (1, "live")


def case_of(use: str) -> CaseFields:
    """A case that is open about a use."""
    return CaseFields.model_validate(
        {
            "use": use,
            "checkpoint": "go-live",
            "leads_to": "live",
            "policy": "go-live-high",
            "edition": "2026-11",
            "policy_digest": "f" * 64,
            "proposed_by": "ada",
        }
    )


def test_an_edited_export_decides_nothing_that_a_page_may_not_even_for_an_officer(house, tmp_path):
    with house.database.changing(SYSTEM) as change:
        CASES.add(change, case_of("two"))
    rows = exported_rows(house, tmp_path)
    rows["two"] |= {"stage": "live", "decision": "approved", "tier": "low"}
    rows["one"]["tier"] = "low"
    rows["three"] |= {"decision": "approved", "stage": "live"}

    done = bring(house, tmp_path, *rows.values())

    why = {row: said.partition(";")[0] for row, said in done.rejected}
    places = {name: 2 + list(rows).index(name) for name in rows}
    assert why == {
        places["two"]: "decision: this use has come before the committee, which decides it",
        places["one"]: "tier: it is high, and no one person lowers a tier",
        places["three"]: "decision: only a case decides, or takes a decision back",
    }
    assert (done.updated, use(house, "two").stage, use(house, "one").tier) == (0, "pilot", "high")


def may_only_import(reader: Reader) -> bool:
    return may(reader, "inventory.import", ["/"]) and not may(reader, "use.decide", ["/"])


@pytest.mark.parametrize("ending", ENDINGS)
def test_in_another_book_an_export_adds_its_uses_once_and_decides_nothing(house, tmp_path, ending):
    export(house, OPERATOR, asked([]), tmp_path / f"x.{ending}")
    other = opened_in(tmp_path / "other")

    done = import_file(other, OPERATOR, tmp_path / f"x.{ending}")
    again = import_file(other, OPERATOR, tmp_path / f"x.{ending}")
    uses = {use.name: use for use in list_uses(other, OPERATOR, asked([]))}
    other.close()

    assert (done.created, done.rejected) == (3, [])
    assert any("another book" in said for said in done.reading)
    assert (again.created, again.unchanged) == (0, 3)
    one = uses["Use one"]
    assert (one.product, one.vendor, one.kind, one.tier) == ("Sepsis", "Acme, Inc.", "bought", "high")
    assert (one.stage, one.decision, one.owner) == ("live", "undecided (legacy)", None)
    assert uses["Use three"].organisation == "N/A"
