"""The command as a user meets it: exit codes, streams, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codman.evidence.keys import generate
from codman.evidence.statements import read_statement, write_statement
from policy_evidence import bound_text, evaluation, measured

AUROC = measured("auroc", 0.831, 0.819, 0.843)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_statement(evaluation(AUROC), tmp_path / "e.json")
    return tmp_path


def put(folder: Path, bound: str, more: str = "") -> None:
    (folder / "p.yaml").write_text(bound_text(bound, more))


@pytest.mark.parametrize(
    ("bound", "more", "exit_code", "outcome"),
    [
        ("{metric: auroc, at_least: 0.75}", "", 0, "met"),
        ("{metric: auroc, at_least: 0.9}", "", 1, "not-met"),
        ("{metric: auroc, at_least: 0.83}", "", 3, "inconclusive"),
        ("{metric: cindex_harrell, at_least: 0.5}", "", 3, "missing"),
    ],
)
def test_the_exit_code_is_the_verdict(folder, run_codman, bound, more, exit_code, outcome):
    put(folder, bound, more)

    done = run_codman("gate", "--policy", "p.yaml", "e.json", "--format", "json")

    assert done.returncode == exit_code
    assert json.loads(done.stdout)["outcome"] == outcome
    assert done.stderr == ""


def test_bad_input_is_one_clear_error_with_exit_2(folder, run_codman):
    put(folder, "{metric: auroc, atleast: 0.5}")

    done = run_codman("gate", "--policy", "p.yaml", "e.json", "--out", "v.txt")

    assert done.returncode == 2
    assert done.stdout == ""
    assert "p.yaml, line 7: unknown key 'atleast'" in done.stderr
    assert "did you mean 'at_least'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "v.txt").exists()
    assert run_codman("gate", "--policy", "p.yaml").returncode == 2


def test_out_takes_the_verdict_and_github_takes_a_summary(folder, run_codman, monkeypatch):
    put(folder, "{metric: auroc, at_least: 0.9}")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))

    done = run_codman("gate", "--policy", "p.yaml", "e.json", "--format", "github", "--out", "v.txt")

    assert (done.returncode, done.stdout) == (1, "")
    assert (folder / "v.txt").read_text().startswith("::error file=p.yaml,line=5")
    assert "| ✗ not met |" in (folder / "summary.md").read_text()


def test_policies_are_checked_compared_and_committed(folder, run_codman):
    put(folder, "{metric: auroc, at_least: 0.75}")
    generate(folder / "k")

    checked = run_codman("policy", "check", "p.yaml", "--format", "json")
    assert checked.returncode == 0
    assert json.loads(checked.stdout)["files"][0]["ok"] is True
    assert run_codman("policy", "check", "none.yaml").returncode == 2
    assert "demand the same" in run_codman("policy", "diff", "p.yaml", "p.yaml").stdout
    done = run_codman("policy", "commit", "p.yaml", "--key", "k.key", "--out", "criteria.json")
    assert done.returncode == 0, done.stderr
    assert read_statement(folder / "criteria.json").kind.value == "criteria"
    # criteria are evidence too, of when something was promised
    (folder / "q.yaml").write_text((folder / "p.yaml").read_text() + "  - id: promised\n    evidence: criteria\n")
    assert run_codman("gate", "--policy", "q.yaml", "e.json", "criteria.json").returncode == 0
    (folder / "bad.yaml").write_text(bound_text("{metric: auroc, at_least: 2}"))
    assert run_codman("policy", "commit", "bad.yaml", "--key", "k.key", "--out", "no.json").returncode == 2
    assert not (folder / "no.json").exists()


def test_a_terminal_without_the_signs_still_gets_the_verdict(folder, run_codman, monkeypatch):
    put(folder, "{metric: auroc, at_least: 0.75}")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    done = run_codman("gate", "--policy", "p.yaml", "e.json")

    assert done.returncode == 0
    assert "? met" in done.stdout
