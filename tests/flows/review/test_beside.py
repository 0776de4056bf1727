"""A case laid out: what is not known first, each requirement with its limit, and a decided case as it was decided."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc, cast

from codman.flows.review.beside import lay_out
from codman.flows.review.cases import open_case
from codman.flows.review.deciding import decide
from codman.registry.records import NoSuchRecord
from codman.spine.review import Case, CaseOutcome, Choice
from codman.spine.use import Stage
from codman.spine.verdict import Outcome

POLICY = b"""
policy: go-live-high
edition: 2026-11
checkpoint: go-live
requires:
  - id: calibration
    evidence: evaluation
    measurement: {metric: calibration_slope, between: [0.8, 1.2]}
  - id: discrimination
    title: Discriminates well enough on local patients
    evidence: evaluation
    origin: [local]
    measurement: {metric: auroc, at_least: 0.75}
    controls: [hti-1/8.ii]
  - id: plan
    evidence: document
    document: monitoring-plan
    severity: warn
"""


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    yield made
    made.house.close()


def opened(house: Committee) -> Case:
    return open_case(
        house.house, house.person("owner"), house.policy(POLICY), use="ward", leads_to=Stage.LIVE, sites=["north"]
    )


def test_what_is_not_known_stands_first_and_what_stops_before_what_warns(house):
    slope = auroc(1.0, 0.9, 1.1).model_copy(update={"metric": "calibration_slope"})
    house.evidence(auroc(0.77, 0.73, 0.81), slope)
    found = lay_out(house.house, house.person("clin"), opened(house).id)

    assert [(one.id, one.outcome) for one in found.requirements] == [
        ("discrimination", Outcome.INCONCLUSIVE),
        ("plan", Outcome.MISSING),
        ("calibration", Outcome.MET),
    ]
    first, plan, _ = found.requirements
    assert (first.value, first.lower, first.upper, first.least, first.most) == (0.77, 0.73, 0.81, 0.75, None)
    assert (first.stops, plan.stops) == (True, False)
    assert first.evidence is not None
    assert (first.evidence.kind, first.evidence.origin) == ("evaluation", "local")
    assert first.controls == ("hti-1/8.ii",)


def test_how_many_patients_would_decide_it_is_read_from_the_sentence(house):
    house.evidence(auroc(0.77, 0.73, 0.81))  # half-width 0.04, distance to the limit 0.02: four times as many
    found = lay_out(house.house, house.person("clin"), opened(house).id).requirements
    first = next(one for one in found if one.id == "discrimination")

    assert first.patients_needed == 3000  # 1,000 measured, 4,000 needed
    assert "3,000 more patients" in first.sentence


def test_a_decided_case_reads_as_it_was_decided_whatever_came_later(house):
    slope = auroc(1.0, 0.9, 1.1).model_copy(update={"metric": "calibration_slope"})
    house.evidence(auroc(0.8, 0.78, 0.82), slope)
    case = opened(house)
    house.seated(case, "clin", "stat", "safe")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    before = lay_out(house.house, house.person("clin"), case.id)
    revision = before.docket.case.revision
    decide(house.house, house.person("chair"), case.id, revision, CaseOutcome.APPROVED, "as the votes say")
    house.clock.forward(days=30)
    house.evidence(auroc(0.6, 0.55, 0.65))

    found = lay_out(house.house, house.person("clin"), case.id)

    assert found.decided is not None
    assert not found.working
    said = {one.id: (one.outcome, one.sentence) for one in found.requirements}
    assert said == {one.id: (one.outcome, one.sentence) for one in before.requirements}
    assert next(one for one in found.requirements if one.id == "discrimination").value is None  # no picture of later


def test_who_may_not_close_a_case_hears_why(house):
    case = opened(house)
    found = lay_out(house.house, house.person("owner"), case.id)
    assert found.why_no_decision(house.person("owner")) == "You submitted this case: others decide"
    assert found.why_no_decision(house.person("chair")) is None


def test_a_case_out_of_reach_is_not_there(house):
    opened(house)
    with pytest.raises(NoSuchRecord):
        lay_out(house.house, house.person("clin"), "case-none")
