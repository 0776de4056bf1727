"""`codman report`: what it writes, what it refuses, and what it says of signatures and policies."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import report_cohort as made

from codman.errors import MissingExtra
from codman.evidence.keys import generate, read_verifying_key
from codman.evidence.statements import read_statement, write_statement
from codman.report import html, pdf
from codman.report.document import Checks
from codman.report.make import read_document, write_report
from codman.report.proof import read_verdict


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from codman.cli.main import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def statement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.written(tmp_path_factory.mktemp("cli"), made.statement(data=made.cohort(600), by=[["sex"]]))


def test_the_command_writes_the_report_and_says_its_headline(statement: Path, tmp_path: Path) -> None:
    done = run("report", statement, "--out", tmp_path / "x.html")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "AUROC is" in done.stderr
    assert (tmp_path / "x.html").read_bytes().startswith(b"<!doctype html>")


@pytest.mark.parametrize("name", ["x.docx", "x", "x.json"])
def test_an_unknown_form_is_refused_and_nothing_is_written(statement: Path, tmp_path: Path, name: str) -> None:
    done = run("report", statement, "--out", tmp_path / name)
    assert done.returncode == 2
    assert "end --out in .html or .pdf" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / name).exists()


def test_a_file_that_is_no_statement_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": 1}')
    done = run("report", tmp_path / "x.json", "--out", tmp_path / "x.html")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.html").exists()


def test_a_missing_folder_for_the_report_is_one_clear_error(statement: Path, tmp_path: Path) -> None:
    done = run("report", statement, "--out", tmp_path / "none" / "x.html")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.fixture
def signed(statement: Path, tmp_path: Path) -> Path:
    generate(tmp_path / "mine")
    generate(tmp_path / "other")
    write_statement(read_statement(statement).statement, tmp_path / "signed.json", tmp_path / "mine.key")
    return tmp_path / "signed.json"


def test_each_state_of_the_signature_is_said(statement: Path, signed: Path) -> None:
    folder = signed.parent
    mine, other = read_verifying_key(folder / "mine.pub"), read_verifying_key(folder / "other.pub")
    said = {
        "not signed": read_document(statement),
        "not checked": read_document(signed),
        "good": read_document(signed, keys=[mine]),
        "wrong key": read_document(signed, keys=[other]),
    }
    assert {name: d.tags[0].text for name, d in said.items()} == {
        "not signed": "Not signed",
        "not checked": "Signed, not verified",
        "good": "Signature verified",
        "wrong key": "Signature does not hold",
    }
    assert not any("sign" in sentence.lower() for sentence in said["good"].unknown)
    assert any("none of the given keys signed" in sentence for sentence in said["wrong key"].unknown)
    assert {d.made_from for d in said.values()} == {said["good"].made_from}


def test_an_altered_statement_is_said_to_be_altered(signed: Path) -> None:
    envelope = json.loads(signed.read_text())
    payload = base64.b64decode(envelope["payload"]).replace(b'"version":"1.2.0"', b'"version":"9.2.0"')
    envelope["payload"] = base64.b64encode(payload).decode()
    signed.write_text(json.dumps(envelope))
    document = read_document(signed, keys=[read_verifying_key(signed.parent / "mine.pub")])
    assert document.tags[0].text == "Signature does not hold"
    assert any("altered after signing" in sentence for sentence in document.unknown)


VERDICT: dict[str, Any] = {
    "policy": "p",
    "edition": "2026-11",
    "outcome": "inconclusive",
    "verified": False,
    "results": [
        {"id": "discrimination", "outcome": "met", "sentence": "AUROC is 0.81.", "evidence": None},
        {"id": "calibration", "outcome": "inconclusive", "sentence": "It straddles.", "evidence": "sha256:" + "0" * 64},
    ],
}


def test_a_verdict_stands_first_with_each_requirement_and_its_sentence(statement: Path, tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text(json.dumps(VERDICT))
    document = read_document(statement, verdict=read_verdict(tmp_path / "v.json"))
    assert document.tags[0].text == "Policy: inconclusive"
    section = document.sections[0]
    assert section.key == "verdict"
    (checks,) = [block for block in section.blocks if isinstance(block, Checks)]
    assert [(i.title, i.tag.text, i.tag.sign) for i in checks.items] == [
        ("discrimination", "Met", "✓"),
        ("calibration", "Inconclusive", "?"),
    ]
    assert "rests on another statement" in checks.items[1].foot[0]


@pytest.mark.parametrize(
    "content",
    ["no json", "[]", '{"results": [{"id": "a"}]}', '{"results": [{"id": "a", "outcome": "fine", "sentence": "s"}]}'],
)
def test_a_file_that_is_no_verdict_is_refused(statement: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "v.json").write_text(content)
    done = run("report", statement, "--out", tmp_path / "x.html", "--verdict", tmp_path / "v.json")
    assert done.returncode == 2
    assert "is not a verdict" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_policy_can_be_judged_for_the_report(statement: Path, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "policy: p\nedition: 2026-11\ncheckpoint: go-live\nrequires:\n  - id: auroc\n    title: Ranks well\n"
        "    evidence: evaluation\n    measurement: {metric: auroc, at_least: 0.99}\n"
    )
    done = run("report", statement, "--out", tmp_path / "x.html", "--policy", tmp_path / "p.yaml", "--at", "2026-11-21")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "x.html").read_text()
    assert "Policy: not met" in page
    assert "Ranks well" in page


@pytest.mark.parametrize(("form", "name"), [(html, "jinja2"), (pdf, "typst")])
def test_without_the_extra_the_error_says_what_to_install(
    statement: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Any, name: str
) -> None:
    monkeypatch.setattr(form, "find_spec", lambda wanted: None if wanted == name else object())
    ending = "html" if form is html else "pdf"
    with pytest.raises(MissingExtra) as caught:
        write_report(statement, tmp_path / f"x.{ending}")
    assert "pip install 'codman[report]'" in caught.value.fix
    assert not (tmp_path / f"x.{ending}").exists()


def test_importing_the_report_loads_no_extra() -> None:
    extras = "('jinja2', 'typst', 'vl_convert', 'pandas')"
    code = f"import codman.report.make, sys; print([m for m in {extras} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
