"""Cells to values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.registry.imports import values
from codman.spine.product import ProductKind
from codman.spine.use import Impact, Stage, Tier


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("c)  Deployed – The use case is being actively authorized or utilized.", Stage.LIVE),
        ("c)  Deployed ñ The use case is being actively authorized", Stage.LIVE),  # a dash that lost its encoding
        ("b)  b)  Pilot – The use case has been deployed in a limited test or pilot capacity.", Stage.PILOT),
        ("a) Pre-deployment - The use case is in a development or acquisition status.", Stage.PROPOSED),
        ("Retired", Stage.RETIRED),
        ("Operation and Maintenance", Stage.LIVE),
        ("Acquisition and/or Development", Stage.PROPOSED),
        ("Not deployed", Stage.PROPOSED),
        ("Not live yet", Stage.PROPOSED),
        ("In production", Stage.LIVE),
        ("in development", Stage.PROPOSED),
        ("No longer used", Stage.RETIRED),
        ("On hold", Stage.PAUSED),
        ("Inactive", Stage.PAUSED),
        ("Shadow mode", Stage.SILENT),
        ("purple", None),
        ("", None),
    ],
)
def test_a_stage_is_told_by_the_words_it_begins_with(text, stage):
    assert values.stage_of(text) == stage


@pytest.mark.parametrize(
    ("text", "impact"),
    [
        ("a) High-impact ", Impact.HIGH),
        ("b) Presumed high-impact but determined not high-impact", Impact.PRESUMED),
        ("Presumed High-Impact, but Not High-impact", Impact.PRESUMED),
        ("c) Not high-impact", Impact.NOT_HIGH),
        ("Yes", Impact.HIGH),
        ("No", Impact.NOT_HIGH),
        ("medium", None),
    ],
)
def test_not_high_impact_is_never_taken_for_high_impact(text, impact):
    assert values.impact_of(text) == impact


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Y", True), ("true", True), (" No", False), ("b) Yes", True), ("N", False), ("0", False),
        ("Yes - System logs may contain user identifiers", True), ("No - Code only", False),
        ("Yes (incidental PII may be involved)", True), ("Depends on data sources", None), ("Northwest", None),
        ("Notable", None),
    ],
)  # fmt: skip
def test_yes_and_no_in_their_many_forms(text, said):
    assert values.yes_or_no(text) is said


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("['a) Race/Ethnicity', 'b) Sex', 'c) Age']", ["Race/Ethnicity", "Sex", "Age"]),
        ('["Race/Ethnicity","Income"]', ["Race/Ethnicity", "Income"]),
        ("Race/Ethnicity; Sex; Age", ["Race/Ethnicity", "Sex", "Age"]),
        ("b) Sex c) Age", ["Sex", "Age"]),
        ("Sex, Age", ["Sex", "Age"]),
        ("Age\nSex\nAge", ["Age", "Sex"]),
        ("['k) None of the above']", []),
        ("None", []),
        ("[]", None),
        ("['Unknown']", None),
    ],
)
def test_a_list_is_read_however_it_is_parted_and_none_of_the_above_is_an_empty_one(text, items):
    assert values.list_of(text) == items


@pytest.mark.parametrize(
    "text", ["N/A", "n/a", "TBD", "-", "…", "", " ", "Not available", "unkown", "[]", "To be determined."]
)
def test_placeholders_answer_nothing(text):
    assert values.answers_nothing(text)


@pytest.mark.parametrize("text", ["Notify the nurse", "NA-12 sodium alert", "0.99", "None of the above", "No"])
def test_what_only_looks_like_a_placeholder_is_an_answer(text):
    assert not values.answers_nothing(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Aidoc Medical, Ltd.", ["Aidoc Medical, Ltd."]),
        ("Penlink, Fivecast", ["Penlink", "Fivecast"]),
        ("UiPath; Microsoft; Personable Inc.", ["UiPath", "Microsoft", "Personable Inc."]),
        ("In-house (CDER staff)", []),
        ("N/A", []),
        ("Open Source", []),
        ("https://example.org", []),
        ("1899-12-31 11:59:00", []),
    ],
)
def test_vendors_are_told_apart_and_nobody_is_no_vendor(text, names):
    assert values.vendor_names(text) == names


def test_a_vendor_is_one_whatever_its_legal_form_and_case():
    assert {values.vendor_key(n) for n in ("Aidoc Medical , Ltd.", "AIDOC MEDICAL LTD", "Aidoc Medical")} == {
        "aidoc medical"
    }
    assert values.vendor_key("Palantir") != values.vendor_key("Palantir Technologies")


def test_a_submission_number_is_read_only_where_there_is_one():
    assert values.submission_of("FDA Cleared, Commercial (K250248), see K250248") == "K250248"
    assert values.submission_of("cleared as K250248 and K251406") is None
    assert values.submission_of("HIPAA Compliant") is None


def test_kinds_and_tiers():
    assert values.kind_of("a)\xa0Purchased from a vendor") is ProductKind.BOUGHT
    assert values.kind_of("c) Developed with both contracting and in-house resources") is ProductKind.BUILT
    assert values.kind_of("Open source") is ProductKind.OPEN
    assert values.tier_of("Moderate") is Tier.MEDIUM
    assert values.tier_of("whatever") is None


@given(st.text(max_size=60))
def test_no_text_breaks_a_conversion(text):
    for read in (
        values.stage_of,
        values.impact_of,
        values.yes_or_no,
        values.list_of,
        values.kind_of,
        values.vendor_names,
    ):
        read(text)
