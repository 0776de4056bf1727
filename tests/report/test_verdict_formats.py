"""A verdict in every format: valid against the format's own schema, and the same words in all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codman.report.verdict.formats import WRITERS, Format
from codman.report.verdict.text import text
from codman.spine.policy import Checkpoint, Severity
from codman.spine.verdict import Finding, Outcome, Result, Verdict

NASTY = "a|b <c> ::error::%0A\n## *x* @team \x1b[31m\x00\ud83d\ufffe`r`"


def result(outcome: Outcome, i: int, severity: Severity = Severity.BLOCK, sentence: str = "It is so.") -> Result:
    finding = Finding(outcome=outcome, said=sentence, evidence="a" * 64, value=0.5, lower=0.4, upper=0.6)
    return Result(
        id=f"r{i}", title=f"Title {i}", finding=finding, severity=severity, controls=("x/1", "x/1"), line=i + 5
    )


def verdict(*results: Result, **said) -> Verdict:
    fields = {"policy": "p", "edition": "2026-11", "checkpoint": Checkpoint.GO_LIVE, "verified": False}
    fields |= {"judged_at": "2026-11-21T10:00:00Z", "policy_file": "policies/go live.yaml", "product": "flc"}
    return Verdict(results=results, **(fields | said))


EVERY = verdict(
    *(result(o, i) for i, o in enumerate(Outcome)), *(result(o, i + 7, Severity.WARN) for i, o in enumerate(Outcome))
)
STRANGE = verdict(
    Result(id="r", title=NASTY, finding=Finding(outcome=Outcome.NOT_MET, said=NASTY)),
    policy=NASTY, product=NASTY, notes=(NASTY,), policy_file="/abs/with,comma: and %.yaml",
)  # fmt: skip
EMPTY = verdict()


@pytest.mark.parametrize("shown", [EVERY, STRANGE, EMPTY])
def test_sarif_keeps_its_schema(shown, real_data: Path):
    schema = real_data / "governance" / "spec-fixtures" / "sarif-2.1.0.schema.json"
    if not schema.exists():
        pytest.skip("the SARIF schema is not among the real data")
    import jsonschema

    written = json.loads(WRITERS[Format.SARIF](shown))

    validator = jsonschema.validators.validator_for(json.loads(schema.read_text()))
    validator(json.loads(schema.read_text())).validate(written)


@pytest.mark.parametrize("shown", [EVERY, STRANGE, EMPTY])
def test_junit_keeps_its_schema(shown, real_data: Path):
    xsd = real_data / "governance" / "spec-fixtures" / "junit.xsd"
    if not xsd.exists():
        pytest.skip("the JUnit schema is not among the real data")
    from lxml import etree

    tree = etree.fromstring(WRITERS[Format.JUNIT](shown).encode())

    etree.XMLSchema(etree.parse(str(xsd))).assertValid(tree)


def test_junit_counts_what_fails_what_is_undecided_and_what_only_warns():
    from xml.etree.ElementTree import fromstring

    suite = fromstring(WRITERS[Format.JUNIT](EVERY)).find("testsuite")  # noqa: S314 (our own)

    # 7 blocking: met, not met, 4 undecided, not applicable; 7 warning: met, 6 others
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "14",
        "failures": "1",
        "errors": "4",
        "skipped": "7",
    }
    assert len(suite.findall("testcase/failure")) == 1
    assert len(suite.findall("testcase/error")) == 4
    assert len(suite.findall("testcase/skipped")) == 7


def test_json_has_the_fixed_shape():
    written = json.loads(WRITERS[Format.JSON](EVERY))

    assert {"policy", "edition", "outcome", "verified", "results"} <= set(written)
    assert written["outcome"] == "not-met"
    assert all({"id", "outcome", "sentence", "evidence"} <= set(r) for r in written["results"])
    assert written["results"][0]["evidence"] == "sha256:" + "a" * 64
    assert (
        json.loads(
            WRITERS[Format.JSON](verdict(Result(id="r", title="t", finding=Finding(outcome=Outcome.MISSING, said="s"))))
        )["results"][0]["evidence"]
        is None
    )


def test_sarif_says_fail_only_of_what_is_not_met():
    results = json.loads(WRITERS[Format.SARIF](EVERY))["runs"][0]["results"]

    assert [(r["kind"], r["level"]) for r in results] == [
        ("pass", "none"), ("fail", "error"), ("open", "none"), ("open", "none"), ("open", "none"), ("review", "none"),
        ("notApplicable", "none"),
        ("pass", "none"), ("fail", "warning"), ("open", "none"), ("open", "none"), ("open", "none"), ("review", "none"),
        ("notApplicable", "none"),
    ]  # fmt: skip
    assert results[0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "policies/go%20live.yaml"},
        "region": {"startLine": 5},
    }


def test_github_annotations_are_one_line_each_and_cannot_be_broken_out_of():
    lines = WRITERS[Format.GITHUB](STRANGE).splitlines()
    plain = WRITERS[Format.GITHUB](EVERY).splitlines()

    assert len([line for line in lines if line.startswith("::")]) == 1
    assert "%3A%3Aerror" in lines[0].split("::")[1]
    assert "file=/abs/with%2Ccomma%3A and %25.yaml" in lines[0]
    assert [line.split(" ")[0] for line in plain[:-1]] == ["::notice"] + ["::error"] * 5 + ["::notice", "::notice"] + [
        "::warning"
    ] * 5 + ["::notice"]


def test_markdown_cells_hold_whatever_a_name_holds():
    written = WRITERS[Format.MARKDOWN](STRANGE)
    row = next(line for line in written.splitlines() if line.startswith("| ✗"))

    assert "\\|" in row
    assert "\\<c\\>" in row
    assert "\\@team" in row
    assert row.replace("\\|", "").count("|") == 5


def test_text_has_sign_and_word_before_colour_and_no_escape_of_others():
    plain, coloured = text(EVERY), text(EVERY, colour=True)

    assert "\x1b" not in plain
    assert "✗ not met" in plain
    assert "✗ not met (warning)" in plain
    assert "\x1b[31m✗ not met" in coloured
    import re

    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert "\x1b" not in text(STRANGE)
    assert (
        "Of 6 blocking requirements: 1 not met, 1 unverifiable, 1 missing, 1 stale, 1 inconclusive, 1 met."
        in plain.replace("\n", " ")
    )


def test_every_format_is_written_for_every_verdict():
    for shown in (EVERY, STRANGE, EMPTY):
        for name, writer in WRITERS.items():
            assert writer(shown).endswith("\n"), name


@pytest.mark.parametrize("format_", [Format.GITHUB, Format.MARKDOWN])
def test_no_control_character_of_a_name_reaches_a_log(format_):
    written = WRITERS[format_](STRANGE)

    assert not [c for c in written if c not in "\n" and not c.isprintable()]
