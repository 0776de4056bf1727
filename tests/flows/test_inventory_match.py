"""Matches in the book: linked by number, proposed by names, decided by people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codman.flows.house import House
from codman.flows.inventory_import import import_file
from codman.flows.inventory_match import BadPair, UnknownList, decide, match_list, proposals
from codman.flows.operator import OPERATOR
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, VENDORS
from codman.registry.records import NoSuchRecord
from codman.settings import read_settings
from codman.spine.person import Role
from codman.wiring import open_house


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    opened = open_house(read_settings(workspace=tmp_path / "work", database_url=database_url))
    with opened.database.changing(SYSTEM) as change:
        VENDORS.add(change, VENDORS.validated({"name": "Aidoc Medical"}), "aidoc")
        for name, product in (("triage", "BriefCase Triage"), ("built", "BriefCase-Triage")):
            kind = "bought" if name == "triage" else "built"
            PRODUCTS.add(change, PRODUCTS.validated({"name": product, "kind": kind, "vendor": "aidoc"}), name)
    yield opened
    opened.close()


@pytest.fixture
def devices(real_data: Path) -> Path:
    return real_data / "governance/fda-ai-devices/devices.csv"


def states(house):
    return {(m.product_id, m.submission): m.state for m in proposals(house, OPERATOR, "fda")}


def test_a_card_that_carries_its_number_is_linked_and_names_wait_for_a_person(house, devices, real_data):
    import_file(house, OPERATOR, real_data / "governance/chai-model-cards/Aidoc_iPE-03-RT.xml")
    match_list(house, OPERATOR, "fda", devices)
    found = proposals(house, OPERATOR, "fda")

    linked = [m for m in found if m.state == "confirmed"]
    assert [(m.submission, m.reasons) for m in linked] == [("K250248", ("submission K250248",))]
    waiting = [m for m in found if m.state == "proposed"]
    assert {m.product_id for m in waiting} == {"triage"}  # what was built here is on no list
    assert len({m.submission for m in waiting if m.score == waiting[0].score}) > 1  # a vendor has dozens of one name


def test_matching_again_makes_nothing_twice(house, devices):
    match_list(house, OPERATOR, "fda", devices)
    before = states(house)

    match_list(house, OPERATOR, "fda", devices)

    assert states(house) == before


def test_a_person_confirms_one_and_the_others_fall(house, devices):
    match_list(house, OPERATOR, "fda", devices)
    first = proposals(house, OPERATOR, "fda")[0]

    decide(house, OPERATOR, "fda", f"triage={first.submission}", confirmed=True)

    assert states(house).pop(("triage", first.submission)) == "confirmed"
    assert set(states(house).values()) == {"confirmed", "rejected"}
    with house.database.reading() as connection:
        assert PRODUCTS.get(connection, "triage").submission == first.submission
    match_list(house, OPERATOR, "fda", devices)
    assert states(house)["triage", first.submission] == "confirmed"


def test_a_rejected_proposal_does_not_come_back(house, devices):
    match_list(house, OPERATOR, "fda", devices)
    first = proposals(house, OPERATOR, "fda")[0]
    decide(house, OPERATOR, "fda", f"triage={first.submission}", confirmed=False)

    match_list(house, OPERATOR, "fda", devices)

    assert states(house)["triage", first.submission] == "rejected"


def test_what_is_no_match_is_refused(house, devices):
    match_list(house, OPERATOR, "fda", devices)
    with pytest.raises(BadPair):
        decide(house, OPERATOR, "fda", "triage", confirmed=True)
    with pytest.raises(NoSuchRecord):
        decide(house, OPERATOR, "fda", "triage=K000000", confirmed=True)
    with pytest.raises(UnknownList):
        match_list(house, OPERATOR, "ema", devices)
    with pytest.raises(NotAllowed):
        match_list(house, Reader("p", "p", (Held(Role.VIEWER),)), "fda", devices)
