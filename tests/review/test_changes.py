"""What each requirement rests on, and which of them a change takes the ground from: held by hand and by properties."""

from __future__ import annotations

from datetime import date
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.review.changes import (
    Decided,
    Settled,
    Shift,
    faults_of_plan,
    ground_of,
    touched,
    touched_by_edition,
    touched_by_framework,
    why_not_planned,
)
from codman.review.packs.framework import framework
from codman.review.policy.exhibit import of_statement
from codman.spine.reopening import Changed, ChangePlanFields
from policy_evidence import document, evaluation, loaded, measured, policy_text, read

REQUIRES = """\
  - id: ranks
    evidence: evaluation
    origin: [local]
    measurement: {metric: auroc, at_least: 0.7}
    controls: [nist-ai-rmf/MEASURE-2.5]
  - id: icu
    evidence: evaluation
    measurement: {metric: auroc, slice: {site: ICU}, at_least: 0.7}
  - id: alarms
    evidence: evaluation
    measurement: {metric: ppv, at_least: 0.2}
  - id: training
    document: training-material
  - id: contract
    document: contract
"""
POLICY = loaded(policy_text(REQUIRES))
ROWS = [
    measured("auroc", 0.8, 0.78, 0.82),
    measured("auroc", 0.8, 0.78, 0.82, slice={"site": "ICU"}),
    measured("ppv", 0.5, 0.4, 0.6, threshold=0.2),
]
SHOWN = of_statement(read(evaluation(*ROWS)), ())
PAPER = of_statement(read(document("training-material")), ())
PAPER.version = None
DECIDED = Decided(case="case-1", policy=POLICY, version=SHOWN.version, sites=frozenset({"north"}), builds={})
GROUNDS = [
    ground_of(DECIDED, Settled(requirement=r, evidence=SHOWN if r.evidence.value == "evaluation" else PAPER))
    for r in POLICY.requires
]


def hit(changed: Changed, became: str | None = None) -> set[str]:
    return {one.requirement for one in touched(GROUNDS, Shift(changed, "it changed", became, became))}


@pytest.mark.parametrize(
    ("changed", "became", "expected"),
    [
        (Changed.VERSION, "another", {"ranks", "icu", "alarms"}),
        (Changed.VERSION, SHOWN.version, set()),
        (Changed.SITE, "south", {"ranks", "alarms", "training"}),  # what is about the ICU stays about the ICU
        (Changed.SITE, "north", set()),
        (Changed.POPULATION, None, {"ranks", "icu", "alarms"}),
        (Changed.THRESHOLD, "0.3", {"alarms"}),
        (Changed.THRESHOLD, "0.2", set()),
        (Changed.EHR_BUILD, "May", {"ranks", "icu", "alarms"}),
        (Changed.DATA_SOURCE, "a new warehouse", {"ranks", "icu", "alarms"}),
        (Changed.CONDITION, None, set()),
    ],
)
def test_a_change_touches_what_rests_on_it_and_was_not_shown_for_what_it_became(changed, became, expected):
    assert hit(changed, became) == expected


def test_a_new_edition_touches_what_it_asks_anew_and_nothing_that_it_loosened_renamed_or_left_out():
    new = REQUIRES.replace("auroc, at_least: 0.7}\n    controls: [nist-ai-rmf/MEASURE-2.5]", "auroc, at_least: 0.8}")
    new = new.replace("{metric: ppv, at_least: 0.2}", "{metric: ppv, threshold: 0.2, at_least: 0.2}")
    new = new.replace("  - id: contract\n    document: contract\n", "  - id: plan\n    document: monitoring-plan\n")
    new = new.replace("slice: {site: ICU}, at_least: 0.7", "slice: {site: ICU}, at_least: 0.6")

    found = touched_by_edition(GROUNDS, POLICY, loaded(policy_text(new)))

    assert {(one.requirement, one.changed) for one in found} == {
        ("ranks", Changed.POLICY),
        ("alarms", Changed.THRESHOLD),
        ("plan", Changed.POLICY),
    }
    assert next(one for one in found if one.requirement == "ranks").because.endswith("at least 0.7 became 0.8")


def test_the_same_edition_touches_nothing():
    assert touched_by_edition(GROUNDS, POLICY, POLICY) == []


def test_a_framework_touches_only_what_cites_a_control_that_reads_otherwise():
    old = framework("nist-ai-rmf", date(2026, 11, 20))
    reads = [c.model_copy(update={"title": "Otherwise"}) if c.id == "MEASURE-2.5" else c for c in old.controls]
    other = [c.model_copy(update={"title": "Otherwise"}) if c.id == "MEASURE-2.6" else c for c in old.controls]
    gone = [c for c in old.controls if c.id != "MEASURE-2.5"]

    def edition(controls):
        return type(old).model_construct(**{**dict(old), "edition": "2.0", "controls": tuple(controls)})

    assert [one.requirement for one in touched_by_framework(GROUNDS, old, edition(reads))] == ["ranks"]
    assert touched_by_framework(GROUNDS, old, edition(other)) == []
    assert "MEASURE-2.5 is no longer in it" in touched_by_framework(GROUNDS, old, edition(gone))[0].because


def plan(**changes: object) -> ChangePlanFields:
    given_ = {
        "use": "ward",
        "modifications": ["version", "threshold"],
        "allows": {"version": ["3.*", "4.0"], "threshold": {"at_least": 0.1, "at_most": 0.3}},
        "protocol": "p",
        "requirements": ["ranks"],
        "impact": "i",
    }
    return ChangePlanFields.model_validate(given_ | changes)


@pytest.mark.parametrize(
    ("changed", "named", "inside"),
    [
        (Changed.VERSION, "3.1", True),
        (Changed.VERSION, "4.0", True),
        (Changed.VERSION, "4.01", False),
        (Changed.VERSION, None, False),
        (Changed.THRESHOLD, "0.3", True),
        (Changed.THRESHOLD, "0.31", False),
        (Changed.THRESHOLD, None, False),
        (Changed.SITE, "north", False),
    ],
)
def test_a_plan_takes_in_what_it_allows_and_nothing_else(changed, named, inside):
    assert (why_not_planned(plan(), Shift(changed, "x", named, named)) is None) is inside


def test_a_usable_plan_has_no_fault():
    assert list(faults_of_plan(plan())) == []


NAMES = st.text(alphabet="abc.0123", min_size=1, max_size=6)


@given(st.sampled_from(list(Changed)), st.none() | NAMES)
def test_what_a_change_touches_rests_on_it_and_every_requirement_that_it_leaves_was_shown_for_it(changed, became):
    found = hit(changed, became)
    for ground in GROUNDS:
        known = ground.on.get(changed)
        assert (ground.requirement.id in found) == (known is not None and became not in known)


@given(st.lists(st.sampled_from(GROUNDS), max_size=5, unique_by=id), NAMES)
def test_more_requirements_never_hide_what_a_change_touches(some, became):
    shift = Shift(Changed.VERSION, "it changed", became)
    alone = list(chain.from_iterable(touched([one], shift) for one in some))
    assert touched(some, shift) == alone
