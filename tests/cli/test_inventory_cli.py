"""The inventory from the command line: fixed shapes, exit codes, and nothing half done."""

from __future__ import annotations

import json

import pytest

from codman.settings import read_settings
from codman.wiring import open_house

LIST = """\
Ref,Name of AI tool,Department,Status,Supplier
1,Sepsis,ICU,Live,Acme Inc.
2,Scribe,Clinic,Pilot,
,,Clinic,Live,
1b,,ICU,,
"""


@pytest.fixture
def inventory(codman, tmp_path):
    (tmp_path / "list.csv").write_text(LIST)
    open_house(read_settings(workspace=tmp_path / "w")).close()

    def run(*arguments):
        return codman("inventory", *arguments, *([] if arguments[0] == "propose" else ["--workspace", "w"]))

    return run


def test_a_list_is_proposed_corrected_imported_listed_and_exported(inventory, tmp_path):
    proposed = inventory("propose", "list.csv", "--out", "m.yaml", "--format", "json")
    first = inventory("import", "list.csv", "--mapping", "m.yaml", "--format", "json", "--report", "report.json")
    again = inventory("import", "list.csv", "--mapping", "list", "--format", "json")
    listed = inventory("list", "--where", "stage=live", "--format", "json")
    written = inventory("export", "--out", "out.csv")

    assert [a.code for a in (proposed, first, again, listed, written)] == [0] * 5, first.err
    assert json.loads(proposed.out)["fields"]["use.stage"]["column"] == "Status"
    answer = json.loads(first.out)
    assert answer == {
        "rows": 4,
        "created": 3,
        "updated": 0,
        "unchanged": 0,
        "rejected": [{"row": 4, "reason": "it has neither a name nor an identifier of its own"}],
        "skipped": {},
    }
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["identity"] == {"its own identifier": 3}
    assert {"row": 5, "column": "use.name", "why": "use.name: it has none; its identifier stands for it"} in report[
        "notes"
    ]
    assert json.loads(again.out)["unchanged"] == 3
    (use,) = json.loads(listed.out)
    assert {"id", "product", "name", "organisation", "stage", "impact", "tier", "owner", "vendor", "decision", "monitoring", "sites"} <= set(use)  # fmt: skip # noqa: E501
    assert (use["name"], use["vendor"], use["decision"]) == ("Sepsis", "Acme Inc.", "undecided (legacy)")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8-sig").count("\n") == 4


def test_one_of_a_thing_is_not_said_as_several(inventory, tmp_path):
    (tmp_path / "one.csv").write_text("Ref,Name,Status\n1,Sepsis,Live\n", encoding="utf-8")
    inventory("propose", "one.csv", "--out", "one.yaml")
    said = inventory("import", "one.csv", "--mapping", "one.yaml")

    assert "1 row by the mapping" in said.out
    assert "1 row is known by" in said.out
    assert inventory("list").err == "1 use\n"
    assert inventory("match").err.startswith("0 matches;")


def test_an_import_says_in_prose_what_became_of_the_rows(inventory):
    inventory("propose", "list.csv", "--out", "m.yaml")
    said = inventory("import", "list.csv", "--mapping", "m.yaml")

    assert said.code == 0
    assert "4 rows by the mapping list: 3 created, 0 updated, 0 unchanged, 1 rejected, 0 skipped" in said.out
    assert "rejected row 4: it has neither a name" in said.out
    assert "3 rows are known by its own identifier" in said.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "nothing.csv"), "cannot be imported"),
        (("import", "list.csv", "--mapping", "nobody"), "none of that name"),
        (("import", "list.csv", "--mapping", "nothing.yaml"), "cannot be used"),
        (("import", "list.csv", "--mapping", "omb-2025"), "no column 'use_case_name'"),
        (("import", "list.csv"), "codman inventory propose"),
        (("import", "list.csv", "--mapping", "m.yaml", "--report", "list.csv"), "would be overwritten"),
        (("list", "--where", "stage"), "is no filter"),
        (("list", "--where", "colour=red"), "cannot be filtered"),
        (("export", "--out", "x.pdf"), "cannot be written"),
        (("match", "list.csv"), "no column of the submission"),
        (("match", "list.csv", "--list", "ema"), "there is no list"),
        (("match", "--confirm", "x"), "names no match"),
    ],
)
def test_bad_input_is_exit_2_with_what_to_do(inventory, arguments, says):
    answer = inventory(*arguments)

    assert answer.code == 2
    assert says in answer.err
    assert "fix: " in answer.err


def test_a_proposal_never_overwrites_the_list_it_reads(inventory, tmp_path):
    answer = inventory("propose", "list.csv", "--out", "list.csv")

    assert answer.code == 2
    assert (tmp_path / "list.csv").read_text() == LIST


def test_a_server_that_is_not_on_the_list_is_not_called(inventory):
    answer = inventory("import", "http://127.0.0.1:1")

    assert answer.code == 2
    assert "not on the list" in answer.err
    assert "CODMAN_EGRESS_ALLOW=http://127.0.0.1:1" in answer.err


def test_a_server_that_is_away_is_exit_4(inventory, monkeypatch):
    monkeypatch.setenv("CODMAN_EGRESS_ALLOW", "http://127.0.0.1:1")
    answer = inventory("import", "http://127.0.0.1:1", "--mapping", "mlflow")

    assert answer.code == 4
    assert "does not answer" in answer.err


def test_a_match_is_listed_confirmed_and_stays(inventory, real_data):
    card = real_data / "governance/chai-model-cards/Aidoc_iPE-03-RT.xml"
    devices = real_data / "governance/fda-ai-devices/devices.csv"
    assert inventory("import", card).code == 0

    found = inventory("match", "--list", "fda", devices, "--format", "json")

    (match,) = json.loads(found.out)["matches"]
    assert (match["submission"], match["state"], match["reasons"]) == ("K250248", "confirmed", ["submission K250248"])
    rejected = inventory("match", "--reject", f"{match['product']}=K250248", "--format", "json")
    assert json.loads(rejected.out)["matches"][0]["state"] == "rejected"


@pytest.mark.parametrize(
    "mapping", [(), ("--mapping", "bad.yaml"), ("--mapping", "elsewhere.yaml"), ("--mapping", "ours")]
)
def test_an_import_whose_mapping_does_not_do_begins_no_book(run_codman, tmp_path, monkeypatch, mapping):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text("What,Where\nSepsis,Ward\n")
    (tmp_path / "bad.yaml").write_text("mapping: bad\nfields: {use.nmae: {column: What}}\n")
    (tmp_path / "elsewhere.yaml").write_text("mapping: elsewhere\nfields: {use.name: {column: Title}}\n")

    done = run_codman("inventory", "import", tmp_path / "list.csv", *mapping, "--workspace", tmp_path / "w")

    assert done.returncode == 2
    assert "mapping" in done.stderr
    assert not (tmp_path / "w").exists()
