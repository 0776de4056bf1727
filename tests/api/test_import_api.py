"""Files over the API: tried, brought in, refused whole; and the mappings they are read by."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_hospital import Caller, Hospital, furnish
from openpyxl import Workbook
from sqlalchemy import select

from codman.api.app import make_api
from codman.registry.columns import metadata
from codman.settings import read_settings
from codman.wiring import open_house

REGISTER = {
    "mapping": "register",
    "id": "Ref",
    "fields": {
        "use.name": {"column": "Name"},
        "use.organisation": {"column": "Unit"},
        "use.stage": {"column": "Stage"},
        "vendor.name": {"column": "Vendor"},
    },
    "rest": "register",
}
# one that runs, one idea, one with neither name nor identifier
LIST = b"Ref,Name,Unit,Stage,Vendor\n1,Fall risk,ICU,Live,Beta Inc.\n2,Scribe,Clinic,Planned,\n,,Clinic,Live,\n"
COUNTS = ("rows", "created", "updated", "unchanged")


def everything(hospital: Hospital) -> dict[str, Any]:
    with hospital.house.database.reading() as connection:
        return {
            table.name: sorted(tuple(map(repr, row)) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
            if table.name != "tokens"  # when each was last used
        }


def bring(call: Caller, body: bytes = LIST, who: str = "officer", headers: Any = None, **query: Any) -> Any:
    return call("POST", "/inventory/import", who=who, content=body, params=query, headers=_binary(headers))


def _binary(headers: Any = None) -> dict[str, str]:
    return {"Content-Type": "application/octet-stream", **(headers or {})}


def counts(report: Any) -> tuple[int, ...]:
    return tuple(report[name] for name in COUNTS)


@pytest.fixture
def saved(call: Caller) -> str:
    """The mapping `register`, saved."""
    assert call("PUT", "/mappings/register", json=REGISTER).status_code == 201
    return "register"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Hospital, Caller]]:
    """A furnished house on SQLite alone, where a long file is long enough once."""
    house = open_house(read_settings(workspace=tmp_path / "work"))
    hospital = furnish(house)
    caller = Caller(make_api(house), hospital.tokens)
    yield hospital, caller
    caller.close()
    house.close()


def test_the_federal_inventory_is_tried_brought_in_and_known_again(small, real_data):
    hospital, call = small
    body = (real_data / "governance" / "us-federal-2025" / "use-cases.csv").read_bytes()
    before = everything(hospital)

    tried = bring(call, body, dry_run=True)

    assert tried.status_code == 200
    assert (tried.json()["dry_run"], tried.json()["mapping"]) == (True, "omb-2025")
    assert everything(hospital) == before
    done = bring(call, body).json()
    assert done == {**tried.json(), "dry_run": False}
    assert done["rows"] == 3611 == done["created"] + len(done["rejected"]) + sum(done["skipped"].values())
    assert done["updated"] == done["unchanged"] == 0
    after = everything(hospital)
    again = bring(call, body, mapping="omb-2025").json()
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, done["created"])
    assert everything(hospital) == after
    unwatched = {"stage": "live", "impact": "high-impact", "monitoring": "(missing)", "limit": 500}
    assert len(call("GET", "/inventory", params=unwatched).json()["items"]) == 102


def test_each_row_is_accounted_for_and_a_dry_run_says_the_same_and_leaves_nothing(call, hospital, saved):
    before = everything(hospital)

    tried = bring(call, mapping=saved, dry_run=True).json()

    assert everything(hospital) == before
    done = bring(call, mapping=saved).json()
    assert counts(done) == (3, 2, 0, 0)
    assert [row["row"] for row in done["rejected"]] == [4]  # as a spreadsheet counts, below the heading
    assert done == {**tried, "dry_run": False}
    found = call("GET", "/inventory", params={"organisation": "ICU"}).json()["items"]
    assert [(use["name"], use["stage"], use["decision"]) for use in found] == [
        ("Fall risk", "live", "undecided (legacy)")
    ]
    assert counts(bring(call, mapping=saved).json()) == (3, 0, 0, 2)
    changed = bring(call, LIST.replace(b"Scribe,Clinic,Planned", b"Scribe,Clinic,Live"), dry_run=True).json()
    assert (counts(changed), changed["mapping"]) == ((3, 0, 1, 1), "register")  # found by its columns


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize(
    ("body", "query", "says"),
    [
        (b"", {}, "it is empty"),
        (b"%PDF-1.7", {}, "PDF"),
        (b"<!doctype html><p>Sign in", {}, "web page"),
        (b"PK\x03\x04 no workbook", {}, ""),
        (b"<card><unclosed>", {}, ""),
        (b'[{"Name": "a"}, ', {}, "no whole JSON"),
        (b'[{"Name": "a"}, {"Name": "\\ud800"}]', {"mapping": "register"}, "row 2 holds half of a surrogate pair"),
        (b'[{"Name": "a", "Colour\\u0000": "red"}]', {"mapping": "register"}, "row 1 holds a NUL character"),
        (b"Colour,Size\nred,1\n", {}, "no ready or saved one"),
        (b"Colour,Size\nred,1\n", {"mapping": "register"}, "no column 'Name'"),
        (LIST, {"mapping": "nobodys"}, "none of that name"),
        (LIST, {"mapping": "../register"}, "pattern"),
        (LIST, {"mapping": "chai"}, "reads 'chai'"),
        (LIST, {"dry_run": "perhaps"}, "bool"),
    ],
)
def test_a_refused_import_says_why_and_leaves_nothing_behind(call, hospital, body, query, says):
    before = everything(hospital)

    refused = bring(call, body, **query)

    assert refused.status_code == 422
    assert says in refused.json()["detail"]
    assert refused.json()["fix"]
    assert everything(hospital) == before


def test_an_import_that_fails_half_way_leaves_nothing_behind(call, hospital, saved, monkeypatch):
    before = everything(hospital)
    monkeypatch.setattr("codman.flows.inventory_import.link_all_waiting", lambda _change: 1 / 0)

    failed = bring(call, mapping=saved)

    assert failed.status_code == 500
    assert everything(hospital) == before


def test_workbooks_json_and_cards_are_told_by_their_bytes(call, saved, real_data):
    book = Workbook()
    for row in (["Ref", "Name", "Unit", "Stage", "Vendor"], [1, "Fall risk", "ICU", "Live", "Beta Inc."]):
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)

    assert counts(bring(call, file.getvalue(), mapping=saved).json()) == (1, 1, 0, 0)
    rows = [{"Ref": 1, "Name": "Fall risk", "Unit": "ICU", "Stage": "Live", "Vendor": "Beta Inc."}]
    assert counts(bring(call, json.dumps(rows).encode(), mapping=saved).json()) == (1, 0, 0, 1)
    card = next(iter(sorted((real_data / "governance" / "chai-model-cards").rglob("*.xml"))))
    brought = bring(call, card.read_bytes()).json()
    assert (brought["mapping"], counts(brought)) == ("chai", (1, 1, 0, 0))


def test_the_export_edited_as_a_spreadsheet_comes_back_by_the_api(call):
    exported = call("GET", "/inventory/export").content.replace(b"Sepsis at St John", b"Sepsis watch")

    back = bring(call, exported).json()

    assert (back["mapping"], counts(back)) == ("codman", (2, 0, 1, 1))
    assert call("GET", "/uses/john-use").json()["name"] == "Sepsis watch"


def test_an_import_is_the_whole_houses_and_stands_in_the_log_with_its_reason_and_request(call, saved):
    for who in ("mary", "owner", "viewer", "chair"):
        assert bring(call, who=who, mapping=saved).status_code == 403
        assert call("PUT", "/mappings/other", who=who, json={**REGISTER, "mapping": "other"}).status_code == 403
    done = bring(call, mapping=saved, headers={"Codman-Reason": "the%20yearly%20list"})

    newest = call("GET", "/audit?limit=1", who="auditor").json()["items"][0]
    assert newest["texts"]["why"] == "the yearly list"
    assert newest["entry"]["actor"]["id"] == "officer"
    assert newest["entry"]["request"] == done.headers["X-Request-Id"]


def test_a_mapping_is_proposed_saved_read_replaced_and_removed(call):
    proposed = call("POST", "/inventory/proposal", params={"name": "ours"}, content=LIST, headers=_binary()).json()
    assert proposed["mapping"]["mapping"] == "ours"
    assert {"use.name": "Name", "use.stage": "Stage"}.items() <= {
        guess["target"]: guess["column"] for guess in proposed["guesses"]
    }.items()
    assert call("GET", "/mappings/ours").status_code == 404

    as_yaml = {"Content-Type": "application/yaml"}
    made = call("PUT", "/mappings/ours", content=proposed["text"], headers=as_yaml)
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    read = call("GET", made.headers["Location"])
    assert read.json() == made.json() == yaml.safe_load(json.dumps(read.json()))
    listed = {one["name"]: one for one in call("GET", "/mappings").json()["items"]}
    assert (listed["ours"]["revision"], listed["ours"]["ready"], listed["omb-2025"]["ready"]) == (1, False, True)

    body = {**read.json(), "title": "Our list"}
    assert call("PUT", "/mappings/ours", json=body).status_code == 428
    replaced = call("PUT", "/mappings/ours", json=body, headers={"If-Match": read.headers["ETag"]})
    assert (replaced.status_code, replaced.headers["ETag"], replaced.json()["title"]) == (200, '"2"', "Our list")
    stale = {"If-Match": read.headers["ETag"]}
    assert call("PUT", "/mappings/ours", json=body, headers=stale).status_code == 412
    assert call("PUT", "/mappings/new", json={**body, "mapping": "new"}, headers=stale).status_code == 404

    assert call("DELETE", "/mappings/ours").status_code == 428
    assert call("DELETE", "/mappings/ours", headers=stale).status_code == 412
    assert call("DELETE", "/mappings/ours", headers={"If-Match": '"2"'}).status_code == 204
    assert call("GET", "/mappings/ours").status_code == 404
    actions = [item["entry"]["action"] for item in call("GET", "/audit?limit=3", who="auditor").json()["items"]]
    assert actions == ["mapping.remove", "mapping.change", "mapping.create"]


@pytest.mark.usefixtures("saved")
def test_the_list_of_mappings_goes_on_over_its_pages_in_order(call):
    names, cursor = [], {}
    while True:
        page = call("GET", "/mappings", params={"limit": 3, **cursor}).json()
        names += [one["name"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}

    assert names == ["chai", "codman", "cyclonedx", "mlflow", "omb-2025", "omb-2025-commercial", "register"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (json.dumps({**REGISTER, "mapping": "other"}), "json", 422),
        (json.dumps({**REGISTER, "fields": {"use.colour": {"column": "C"}}}), "json", 422),
        (json.dumps({**REGISTER, "rest": "a\0"}), "json", 400),
        (json.dumps({**REGISTER, "fields": {"use.name": {"column": "a\0b"}}}), "json", 400),
        (json.dumps({**REGISTER, "fields": {"use.name": {"column": "\ud800"}}}), "json", 400),
        ('mapping: register\nfields: {use.name: {column: "\\ud800"}}', "yaml", 400),
        ('mapping: register\nfields: {use.name: {column: "\\0"}}', "yaml", 400),
        ("mapping: &a register\nfields: *a", "yaml", 422),
        ("{", "yaml", 422),
        ("{", "json", 400),
        ("mapping: register", "csv", 415),
        (json.dumps({**REGISTER, "facts": {"c" * (1 << 20): {"field": "f/x"}}}), "json", 422),
    ],
)
def test_what_is_no_mapping_is_refused_and_not_kept(call, body, kind, status):
    refused = call("PUT", "/mappings/register", content=body, headers={"Content-Type": f"application/{kind}"})

    assert refused.status_code == status
    assert call("GET", "/mappings/register").status_code == 404


def test_a_ready_mapping_stays_as_it_is(call):
    ready = call("GET", "/mappings/chai")
    tag = {"If-Match": ready.headers["ETag"]}

    assert call("PUT", "/mappings/chai", json=ready.json()).status_code == 422
    assert call("PUT", "/mappings/chai", json=ready.json(), headers=tag).status_code == 422
    assert "comes with Codman" in call("DELETE", "/mappings/chai", headers=tag).json()["detail"]
    assert call("GET", "/mappings/chai").json() == ready.json()
