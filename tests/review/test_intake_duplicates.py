"""Likely duplicates: found with their reasons, never invented, and at a price that does not grow with the book."""

from __future__ import annotations

from dataclasses import replace

from codman.registry.imports.mapping import ready_mapping
from codman.registry.imports.reading import read_list
from codman.review.intake.duplicates import Candidate, UsesByWords
from codman.review.intake.prefill import prefill
from codman.review.intake.question import current_form

BOOK = (
    Candidate(
        id="use-1",
        name="Sepsis alert, adult wards",
        purpose="Warns the ward nurse of sepsis so that antibiotics start earlier",
        product="EarlyWatch",
        product_id="product-1",
        vendor="Northwind Health, Inc.",
    ),
    Candidate(id="use-2", name="Bed forecast", purpose="Forecasts free beds for the next day", product="BedCast"),
    Candidate(
        id="use-3",
        name="Deterioration on wards",
        purpose="Warns the ward nurse of cardiac arrest",
        product="EarlyWatch",
        product_id="product-1",
        vendor="Northwind Health",
    ),
    Candidate(
        id="use-4", name="Chest X-ray triage", purpose="Orders films by urgency", product="FilmSort", vendor="Ray"
    ),
)
INDEX = UsesByWords(BOOK)


def test_the_same_use_by_a_slightly_other_name_is_found_with_its_reasons():
    proposed = Candidate(
        name="Sepsis alert for wards",
        purpose="Antibiotics earlier: a warning of sepsis to the nurse",
        product="EarlyWatch",
        product_id="product-1",
        vendor="Northwind Health",
    )

    first, *_ = INDEX.likely(proposed)

    assert first.use == "use-1"
    assert "the same product" in first.reasons
    assert "the same vendor" in first.reasons
    assert any(reason.startswith("names are alike by 0.") for reason in first.reasons)
    assert any("antibiotics" in reason and "sepsis" in reason for reason in first.reasons)


def test_the_more_alike_comes_first():
    proposed = Candidate(name="Sepsis alert", product="EarlyWatch", product_id="product-1", purpose="Warns of sepsis")
    found = INDEX.likely(proposed)

    assert found[0].use == "use-1"
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_another_purpose_of_the_same_product_is_no_duplicate():
    proposed = Candidate(name="Length of stay", purpose="Plans discharge", product="EarlyWatch", product_id="product-1")

    assert INDEX.likely(proposed) == []


def test_what_shares_only_common_words_is_no_duplicate():
    assert INDEX.likely(Candidate(name="An AI system for the ward", purpose="Software with a device")) == []


def test_the_word_by_word_same_use_scores_one_and_a_use_is_no_duplicate_of_itself():
    same = BOOK[0]
    other = replace(same, id="")

    assert INDEX.likely(other)[0].score == 1.0
    assert INDEX.likely(other)[0].reasons[0] == "the same name"
    assert "use-1" not in [one.use for one in INDEX.likely(same)]


def test_a_use_that_changed_is_found_by_what_it_says_now():
    index = UsesByWords(BOOK)
    index.put(Candidate(id="use-2", name="Operating room schedule", purpose="Plans operations"))
    index.drop("use-4")

    assert index.likely(Candidate(name="Bed forecast")) == []
    assert [one.use for one in index.likely(Candidate(name="Operating room schedule"))] == ["use-2"]
    assert index.likely(Candidate(name="Chest X-ray triage", vendor="Ray")) == []
    assert len(index) == 3


def test_the_order_in_which_uses_came_changes_nothing():
    proposed = Candidate(
        name="Ward alert", purpose="Warns the ward nurse", product="EarlyWatch", product_id="product-1"
    )

    assert INDEX.likely(proposed) == UsesByWords(reversed(BOOK)).likely(proposed)


def test_work_is_bounded_however_many_uses_share_the_words(monkeypatch):
    book = [Candidate(id=f"use-{n}", name=f"Sepsis alert {n}", purpose="Warns of sepsis") for n in range(3000)]
    index = UsesByWords(book)
    scored = []
    compared = UsesByWords._compared

    def counted(self, ours, theirs):
        scored.append(theirs)
        return compared(self, ours, theirs)

    monkeypatch.setattr(UsesByWords, "_compared", counted)
    found = index.likely(Candidate(name="Sepsis alert 1234", purpose="Warns of sepsis"))

    assert found[0].use == "use-1234"
    assert len(scored) <= 300
    scored.clear()
    assert len(index.likely(Candidate(name="Sepsis alert"))) == 5
    assert len(scored) <= 300


def test_each_use_of_the_federal_inventory_finds_itself(real_data):
    table = read_list(real_data / "governance/us-federal-2025/use-cases.csv")
    forms = [one.typed for one in prefill(current_form(), table, ready_mapping("omb-2025"))]
    book = [
        Candidate(
            id=f"use-{n}",
            name=one["name"],
            purpose=one.get("purpose"),
            product=one.get("product_name"),
            vendor=one.get("vendor"),
        )
        for n, one in enumerate(forms)
    ]
    index = UsesByWords(book)

    for use in book[::61]:
        again = Candidate(name=use.name, purpose=use.purpose, product=use.product, vendor=use.vendor)
        first, *_ = index.likely(again)
        named = next(one for one in book if one.id == first.use)
        assert first.score > 0.99
        assert named.name.casefold() == use.name.casefold()
