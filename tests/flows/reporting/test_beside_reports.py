"""A case that rests on what a vendor reported: the vendor's own words are one step away."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from partners import ANSWERS, Partners

from codman.flows.papers import read_paper
from codman.flows.reporting.answers import Answered, read_answers
from codman.flows.reporting.receiving import awaited_for, original_of_form, receive_by_hand
from codman.flows.review.beside import lay_out
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS
from codman.spine.site import DeploymentFields

POLICY = b"""
policy: go-live-high
edition: 2026-11
checkpoint: go-live
requires:
  - {id: reported, evidence: monitoring, origin: [developer], measurement: {metric: auroc, at_least: 0.75}}
"""


@pytest.fixture
def partners(tmp_path):
    made = Partners(tmp_path)
    yield made
    made.house.close()


def test_a_requirement_that_rests_on_a_vendors_report_leads_to_what_the_vendor_wrote(partners):
    with partners.house.database.changing(SYSTEM) as change:
        runs = DeploymentFields(use="ward", site="north", version="sepsis-120", mode="live", clinician="p-clin")
        DEPLOYMENTS.add(change, runs)
    partners.scheduled()
    (report,) = partners.reports()
    partners.clock.forward(days=30)  # its period is over
    reader = partners.engineer()
    found = awaited_for(partners.house, reader, report.id, "report.create")
    answered = read_answers(ANSWERS, found.schedule.metrics)
    assert isinstance(answered, Answered)
    came = receive_by_hand(partners.house, reader, report.id, answered, original_of_form(found, ANSWERS))
    case = partners.opened(policy=POLICY, version=None)

    (reported,) = lay_out(partners.house, partners.person("clin"), case.id).requirements

    assert reported.evidence is not None
    assert (reported.evidence.digest, reported.evidence.origin) == (came.statement, "developer")
    assert reported.evidence.original == came.document
    words = read_paper(partners.house, partners.person("clin"), reported.evidence.original).data
    assert b"Two wards found the alert too late." in words
