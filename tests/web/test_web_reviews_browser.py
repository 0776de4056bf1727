"""A case's pages in a real browser, scripts off: accessible, nothing cut at 320 pixels, and a decision on paper."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from axed import looked_at
from committee import Committee, auroc, cast

from codman.flows.review.before_the_decision import accept_inconclusive, add_condition
from codman.flows.review.cases import docket, open_case
from codman.flows.review.deciding import decide
from codman.flows.review.remarks import remark
from codman.spine.review import CaseOutcome, Choice
from codman.spine.use import Stage
from codman.web.app import make_web
from on_a_port import on_a_port

POLICY = b"""
policy: go-live-high
edition: 2026-11
checkpoint: go-live
requires:
  - {id: discrimination, evidence: evaluation, measurement: {metric: auroc, at_least: 0.75}}
  - {id: calibration, evidence: evaluation, measurement: {metric: calibration_slope, between: [0.8, 1.2]}}
  - {id: plan, evidence: document, document: monitoring-plan, severity: warn}
"""
CONDITION = {"sentence": "Measure it again", "owner": "p-owner", "due_on": "2027-02-01", "patients_needed": 3000}


class Served(NamedTuple):
    address: str
    open: str
    decided: str
    condition: str
    own: str  # owed by somebody who says when it is done
    reader: dict[str, Any]
    house: Committee


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A house with a case that waits for votes and one that was decided under a condition."""
    house = Committee(tmp_path_factory.mktemp("committee"))
    slope = auroc(1.02, 0.91, 1.13).model_copy(update={"metric": "calibration_slope"})
    house.evidence(auroc(0.77, 0.73, 0.81), slope)
    found = []
    for checkpoint in (b"pilot", b"go-live"):
        policy = house.policy(POLICY.replace(b"checkpoint: go-live", b"checkpoint: " + checkpoint))
        given = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "due_on": "2026-11-28"}
        case = open_case(house.house, house.person("owner"), policy, **given)
        house.seated(case)
        question = remark(house.house, house.person("clin"), case.id, "Who watches it?", requirement="plan")
        remark(house.house, house.person("owner"), case.id, "The team on call", answers=question.id, requirement="plan")
        cast(house.house, house.person("clin"), case.id, Choice.WITH_CONDITIONS, reason="It finds what we miss")
        found.append(case.id)
    first = found[0]
    chair = house.person("chair")
    own = add_condition(
        house.house, chair, first, {**CONDITION, "sentence": "Train the night staff", "owner": "p-idle"}
    )
    accepted = accept_inconclusive(house.house, chair, first, "discrimination", "the estimate holds", CONDITION)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), first, Choice.WITH_CONDITIONS)
    now = docket(house.house, chair, first).case
    decide(house.house, chair, first, now.revision, CaseOutcome.CONDITIONAL, "It finds what we miss")

    app, reader = make_web(house.house), {"now": chair}
    app.state.reader_of = lambda _request: reader["now"]
    with on_a_port(app) as address:
        yield Served(address, found[1], first, accepted.condition, own.id, reader, house)
    house.house.close()


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("clin", "/"),
        ("clin", "/reviews"),
        ("clin", "/reviews/{open}"),
        ("chair", "/reviews/{open}"),
        ("chair", "/reviews/{open}/reviewers"),
        ("clin", "/reviews/{open}/interest"),
        ("clin", "/reviews/{open}/votes"),
        ("chair", "/reviews/{open}/conditions"),
        ("chair", "/reviews/{open}/acceptances?requirement=discrimination"),
        ("chair", "/reviews/{open}/decide"),
        ("chair", "/reviews/{open}/withdrawal"),
        ("owner", "/reviews/new?use=ward-south&checkpoint=validation"),
        ("viewer", "/reviews/{decided}"),
        ("viewer", "/reviews/{decided}/decision"),
        ("viewer", "/reviews/{open}/minutes"),
        ("chair", "/conditions/{condition}/prolong"),
        ("chair", "/conditions/{condition}/close"),
        ("chair", "/conditions/{condition}/return"),
        ("idle", "/conditions/{own}/done"),
        ("chair", "/uses/ward"),
        ("chair", "/uses/ward/stage?to=triaged"),
    ],
)
def test_axe_finds_nothing_wrong_and_nothing_is_cut(browser: Any, cases: Served, axe: str, who: str, path: str) -> None:
    cases.reader["now"] = cases.house.person(who)
    looked_at(browser, axe, cases.address + path.format(**cases._asdict()))


def test_a_reviewer_votes_with_scripts_off_and_a_refusal_takes_the_focus(browser: Any, cases: Served) -> None:
    cases.reader["now"] = cases.house.person("legal")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{cases.address}/reviews/{cases.open}")
    page.get_by_label("Vote", exact=False).first.select_option("reject")
    page.get_by_role("button", name="Cast the vote").click()
    assert "needs another look" in page.get_by_role("alert").inner_text()
    page.get_by_label("Why").fill("The contract is not signed")
    page.get_by_role("button", name="Cast the vote").click()
    assert "The contract is not signed" in page.locator(".people").inner_text()
    context.close()


def test_the_printed_decision_has_what_a_file_needs_and_no_button(browser: Any, cases: Served, tmp_path: Path) -> None:
    from pypdf import PdfReader

    cases.reader["now"] = cases.house.person("viewer")
    page = browser.new_page()
    page.goto(f"{cases.address}/reviews/{cases.decided}/decision")
    page.pdf(path=str(tmp_path / "decision.pdf"), prefer_css_page_size=True)
    page.close()
    text = " ".join(" ".join(p.extract_text() for p in PdfReader(tmp_path / "decision.pdf").pages).split())
    for words in ("Person chair", "approval: approves what it says", "Measure it again", "Who watches it?", "sha256:"):
        assert words in text, words
    assert "My work" not in text
    assert "Download the signed envelope" not in text
