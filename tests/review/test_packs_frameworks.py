"""The frameworks: as many controls as their sources count, each with its edition and source."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from codman.registry import frameworks as registry
from codman.review.packs.dated import OutOfDate
from codman.review.packs.framework import NoSuchFramework, framework, framework_of_bytes, frameworks, names
from codman.review.policy.written import BadPolicy

TODAY = date(2026, 11, 21)
COUNTED = {
    "chai-model-card": 59,
    "eu-ai-act": 9 + 4 + 10,
    "fda-pccp": 3,
    "hipaa-security": 12,
    "hti-1": 31 + 13,
    "iso-42001": 38,
    "nist-ai-rmf": 72,
    "ruaih": 7,
    "section-1557": 3,
}
SMALL = """\
framework: small
title: Small
edition: "1"
source:
  - {title: A source, citation: "Somebody 2026"}
valid_from: 2026-01-01
valid_to: 2026-12-31
status: Voluntary.
counts: {controls: 3}
controls:
  - {id: A.1, title: First}
  - {id: A.10, title: Tenth}
  - {id: A.1.2, title: Below the first, checked: false}
"""


def test_each_framework_has_as_many_controls_as_its_source():
    assert {f.framework: len(f.controls) for f in frameworks(TODAY)} == COUNTED
    assert set(names()) == set(COUNTED)


def test_nist_has_four_functions_nineteen_categories_and_seventy_two_subcategories():
    nist = framework("nist-ai-rmf", TODAY)

    assert Counter(c.part for c in nist.controls) == {"GOVERN": 19, "MAP": 18, "MEASURE": 22, "MANAGE": 13}
    categories = Counter(c.id.rpartition(".")[0] for c in nist.controls)
    # subcategories of each category, counted in NIST AI 100-1
    assert list(categories.values()) == [7, 3, 2, 3, 2, 2, 6, 3, 5, 2, 2, 3, 13, 3, 3, 4, 4, 2, 3]
    assert len({c.group for c in nist.controls}) == 19


def test_hti_has_thirty_one_predictive_and_thirteen_evidence_based_attributes():
    hti = framework("hti-1", TODAY)

    assert Counter(c.part for c in hti.controls) == {"Predictive interventions": 31, "Evidence-based interventions": 13}
    assert [c.id for c in hti.controls] == [f.id for f in registry.framework("hti-1").fields]
    assert "HTI-5" in hti.status
    assert "remove" in hti.status


def test_iso_annex_a_has_its_controls_by_objective():
    iso = framework("iso-42001", TODAY)

    assert Counter(c.id.split(".")[1] for c in iso.controls) == {
        "2": 3, "3": 2, "4": 5, "5": 4, "6": 9, "7": 5, "8": 4, "9": 3, "10": 3,
    }  # fmt: skip


def test_hipaa_has_five_standards_and_seven_specifications():
    hipaa = framework("hipaa-security", TODAY)

    assert Counter(c.part for c in hipaa.controls) == {"Standard": 5, "Implementation specification": 7}


def test_the_ai_act_has_nine_points_of_annex_iv_and_the_duties_of_a_deployer():
    act = framework("eu-ai-act", TODAY)

    assert Counter(c.part for c in act.controls) == {"Annex IV": 9, "Article 72": 4, "Article 26": 10}
    assert act.applies_from == date(2027, 12, 2)


@pytest.mark.parametrize("name", COUNTED)
def test_a_framework_says_its_edition_source_dates_and_standing(name):
    found = framework(name, TODAY)

    assert found.edition
    assert all(source.citation for source in found.source)
    assert found.valid_from < TODAY
    assert found.status.endswith(".")
    # what is only remembered is said to be so, in the file
    assert found.checked == (not found.unchecked and all(c.checked for c in found.controls))


def test_what_nobody_compared_with_a_source_is_marked():
    assert framework("nist-ai-rmf", TODAY).checked
    assert framework("hti-1", TODAY).checked
    assert not framework("section-1557", TODAY).checked
    assert [c.id for c in framework("ruaih", TODAY).controls if not c.checked] == ["5", "6", "7"]


def test_a_citation_means_a_control_or_all_below_it():
    nist, card = framework("nist-ai-rmf", TODAY), framework("chai-model-card", TODAY)

    assert [c.id for c in nist.under("MEASURE-2.1")] == ["MEASURE-2.1"]  # and not 2.10 to 2.13
    assert len(nist.under("MEASURE-2")) == 13
    assert nist.under("MEASURE") == ()
    assert {c.id.split("/")[0] for c in card.under("KeyMetrics")} == {"KeyMetrics"}
    assert nist.under("nonsense") == ()


def test_a_framework_holds_between_its_days():
    with pytest.raises(OutOfDate, match="hti-1 2024 does not hold on 31 Dec 2024: not before 1 Jan 2025"):
        framework("hti-1", date(2024, 12, 31))
    assert "hti-1" not in {f.framework for f in frameworks(date(2024, 12, 31))}
    with pytest.raises(NoSuchFramework, match="did you mean 'hti-1'"):
        framework("hti1", TODAY)


def test_a_control_that_is_under_another_is_told_from_one_that_begins_alike():
    small = framework_of_bytes(SMALL.encode(), "small.yaml")

    assert [c.id for c in small.under("A.1")] == ["A.1"]
    assert [c.id for c in small.under("A")] == ["A.1", "A.10", "A.1.2"]
    assert [c.checked for c in small.controls] == [True, True, False]
    assert not small.holds(date(2027, 1, 1))


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("controls: 3}", "controls: 4}", "line 9: controls: 4 counted, 3 there"),
        ("A.10", "A.1", "two controls have the id 'A.1'"),
        ("status: Voluntary.\n", "", "status"),
        ("Somebody 2026", "http://example.org", "a citation names a work"),
        ("title: First", "titel: First", "titel"),
        ("controls: 3}", "controls: 3, parts: {One: 3}}", "parts: {'One': 3} counted, {} there"),
    ],
)
def test_a_framework_that_is_not_as_it_says_is_refused(was, now, said):
    with pytest.raises(BadPolicy) as caught:
        framework_of_bytes(SMALL.replace(was, now, 1).encode(), "small.yaml")

    assert said in str(caught.value)
