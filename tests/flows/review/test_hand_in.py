"""Who has a hand in a use: everybody whose work or word it rests on, also where only the log still knows."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from book import signed
from committee import Committee

from codman.flows.filing import file_evidence
from codman.flows.papers import file_paper
from codman.flows.records import create
from codman.registry.access import Held
from codman.registry.interests import hand_in
from codman.registry.log import SYSTEM, Author
from codman.registry.nouns import PEOPLE, PRODUCTS, USES, VERSIONS
from codman.spine.person import Role
from codman.spine.product import VersionFields

WITH_A_PAPER = b"""
policy: go-live-high
edition: 2026-11
checkpoint: go-live
requires:
  - id: risks
    document: risk-assessment
"""


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    yield made
    made.house.close()


def hands(house: Committee, use: str = "ward") -> dict[str, str]:
    with house.house.database.reading() as connection:
        found = USES.get(connection, use)
        return hand_in(connection, found, PRODUCTS.get(connection, found.product))


def test_who_sent_evidence_about_the_product_alone_has_a_hand_in_each_of_its_uses(house):
    key = house.registered("pipeline")
    file_evidence(house.house, signed(key, use=None), house.officer)

    assert hands(house) == {"p-one": "sent evidence about its product"}
    assert hands(house, "ward-south") == {"p-one": "sent evidence about its product"}


@pytest.mark.parametrize("owner", ["p-idle", "PERSON IDLE", "Idle@Example.org"])
def test_whose_key_signed_the_evidence_has_a_hand_in_it_whoever_sent_it(house, owner):
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-idle", {"email": "idle@example.org"}, None)
    key = house.registered("own", owner_kind="lab", owner=owner)
    file_evidence(house.house, signed(key), house.officer)

    assert hands(house) == {"p-one": "sent its evidence", "p-idle": "signed its evidence"}


@pytest.mark.parametrize("said", [{"email": "other@example.org"}, {"name": "Somebody Else"}])
def test_who_is_called_otherwise_since_held_the_key_all_the_same(house, said):
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-idle", {"email": "idle@example.org"}, None)
    owner = "Idle@example.org" if "email" in said else "person idle"
    file_evidence(house.house, signed(house.registered("own", owner_kind="lab", owner=owner)), house.officer)
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-idle", said, None)

    assert hands(house)["p-idle"] == "signed its evidence"


def test_who_filed_a_document_that_the_policy_asks_for_has_a_hand_in_it_and_of_another_sort_has_not(house):
    house.opened(policy=WITH_A_PAPER)
    engineer = replace(house.person("idle"), held=(Held(Role.ENGINEER),))
    asked = {"about_kind": "product", "about": "sepsis", "media_type": "text/plain", "title": "Risks"}
    file_paper(house.house, house.officer, b"minutes", type="minutes", **asked)
    file_paper(house.house, engineer, b"risks", type="risk-assessment", **asked)

    found = hands(house)
    assert found["p-idle"] == "filed a document that is asked for"
    assert "p-one" not in found


def test_who_answered_for_a_use_before_stays_partial(house):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-chair"}, None)
        USES.change(change, "ward", {"owner": "p-owner"}, None)

    assert hands(house) == {"p-owner": "answer for this use", "p-chair": "answered for this use before"}


def test_a_product_called_bought_later_was_still_built_by_whom_it_was_built(house):
    with house.house.database.changing(SYSTEM) as change:
        PRODUCTS.change(change, "sepsis", {"kind": "built"}, None)
    with house.house.database.changing(Author("person", "p-clin")) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest="c" * 64))
    with house.house.database.changing(SYSTEM) as change:
        PRODUCTS.change(change, "sepsis", {"kind": "bought"}, None)

    assert hands(house) == {"p-clin": "built it"}


def test_versions_of_what_was_always_bought_make_nobody_a_builder(house):
    with house.house.database.changing(SYSTEM) as change:
        PRODUCTS.change(change, "sepsis", {"kind": "bought"}, None)
    version = {"product": "sepsis", "label": "2.0", "digest": "c" * 64}
    create(house.house, house.officer, "version", version)

    assert hands(house) == {}
