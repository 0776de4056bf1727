"""The matrix of the house says of each use what the use's own matrix says."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc

from codman.flows.review.matrix import controls_of
from codman.flows.review.matrix_house import controls_of_house
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.documents import DocumentFields, FactFields
from codman.registry.log import SYSTEM
from codman.registry.nouns import DOCUMENTS, FACTS, PRODUCTS, USES
from codman.review.controls import Standing
from codman.review.controls_house import HouseMatrix
from codman.spine.person import Role


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        PRODUCTS.change(change, "sepsis", {"kind": "built", "summary": "Warns of sepsis"}, None)
        USES.change(change, "ward", {"tier": "high", "stage": "live", "purpose": "Warns the ward nurse"}, None)
        for field, basis in (("hti-1/1.i", "claim"), ("nist-ai-rmf/GOVERN-1.1", "document"), ("hti-1/4.i", "evidence")):
            said = {"about_kind": "use", "about": "ward", "field": field, "value": "so", "basis": basis, "source": "us"}
            FACTS.add(change, FactFields.model_validate(said))
        paper = {"about_kind": "product", "about": "sepsis", "type": "monitoring-plan", "title": "Plan"}
        paper |= {"digest": "c" * 64, "size": 1, "media_type": "text/plain"}
        DOCUMENTS.add(change, DocumentFields.model_validate(paper))
    made.evidence(auroc(0.8, 0.78, 0.82))
    yield made
    made.house.close()


def of_house(house: Committee, reader: Reader, on: date) -> HouseMatrix:
    with house.house.database.reading() as connection:
        return controls_of_house(house.house, reader, connection, on)


@pytest.mark.parametrize("day", ["2026-11-01", "2026-10-31"])
def test_the_house_says_of_each_use_what_its_own_matrix_says(house, day):
    on = date.fromisoformat(day)
    found = of_house(house, house.officer, on)

    assert set(found.uses) == {"ward", "ward-south"}
    for use, standings in zip(found.uses, found.standings, strict=True):
        own = {
            f"{row.framework.framework}/{row.control.id}": row.standing
            for row in controls_of(house.house, house.officer, use, on=on)
        }
        theirs = dict(zip((tally.name for tally in found.controls), map(Standing, standings), strict=True))
        assert {n: s for n, s in theirs.items() if s != own[n]} == {}


def test_what_was_filed_on_a_day_does_not_count_on_the_day_before(house):
    now = of_house(house, house.officer, date(2026, 11, 1)).framework_counts()["nist-ai-rmf"]
    before = of_house(house, house.officer, date(2026, 10, 31)).framework_counts()["nist-ai-rmf"]
    assert now[Standing.DOCUMENT] > 0
    assert before[Standing.DOCUMENT] == before[Standing.EVIDENCE] == 0


def test_who_sees_one_hospital_sees_its_uses_alone(house):
    south = Reader("p-idle", "Person idle", (Held(Role.REVIEWER, "/south/"),))
    assert of_house(house, south, date(2026, 11, 1)).uses == ("ward-south",)
    with pytest.raises(NotAllowed):
        of_house(house, Reader("p-none", "Nobody", ()), date(2026, 11, 1))
