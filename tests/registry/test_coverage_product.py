"""Coverage of a product: its own answers counted apart from what only its uses can say."""

from __future__ import annotations

import pytest

from codman.registry.coverage import State
from codman.registry.coverage_product import product_coverage
from codman.registry.database import Database
from codman.registry.frameworks import framework
from codman.registry.log import SYSTEM
from codman.registry.nouns import FACTS, PRODUCTS, USES
from codman.registry.records import NoSuchRecord


def test_a_products_own_answers_are_counted_and_its_uses_answers_are_left_to_them(database: Database):
    def fact(field, value, basis="claim"):
        said = {"about_kind": "product", "about": "sepsis", "field": field, "value": value, "basis": basis}
        return FACTS.validated({**said, "source": "the maker's letter"})

    with database.changing(SYSTEM) as change:
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Sepsis early warning"}), "sepsis")
        USES.add(change, USES.validated({"product": "sepsis", "name": "Wards", "purpose": "Tell the nurse"}), "wards")
        FACTS.add(change, fact("hti-1/1.ii", "the maker itself"))
        FACTS.add(change, fact("hti-1/3.i", "not for children", "document"))
        FACTS.add(change, fact("hti-1/5.i", "N/A"))  # answers nothing
    with database.reading() as connection:
        (tally, *_) = product_coverage(connection, "sepsis")

    of_uses = sum(f.column is not None and f.column[0] == "use" for f in framework("hti-1").fields)
    assert tally.framework == "hti-1"
    assert (tally.counts[State.CLAIM], tally.counts[State.DOCUMENT], tally.counts[State.EVIDENCE]) == (1, 1, 0)
    assert tally.by_use == of_uses > 0
    assert tally.fields + tally.by_use == 44
    assert tally.counts[State.MISSING] == tally.fields - 2


def test_a_product_that_is_not_there_has_no_coverage(database: Database):
    with database.reading() as connection, pytest.raises(NoSuchRecord):
        product_coverage(connection, "none")
