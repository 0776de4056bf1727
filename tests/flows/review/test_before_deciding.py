"""A change of a use about which nothing is decided: it reopens nothing, and what counts instead is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc

from codman.flows.before_deciding import nothing_decided
from codman.flows.change_control import would_reopen
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES
from codman.registry.records import BadField
from codman.spine.policy import Checkpoint
from codman.spine.reopening import Changed
from codman.spine.site import DeploymentFields, Mode


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live", "tier": "low", "decision": "undecided (legacy)"}, None)
        fields = DeploymentFields(use="ward", site="north", version="sepsis-120", mode=Mode.LIVE)
        DEPLOYMENTS.add(change, fields)
    made.evidence(auroc(0.80, 0.76, 0.84))
    yield made
    made.house.close()


def test_it_says_what_the_checkpoint_asks_and_which_evidence_would_still_stand(house):
    reader = house.person("owner")
    assert would_reopen(house.house, reader, "ward", Changed.VERSION, "1.3.0") == []

    before = nothing_decided(house.house, reader, "ward")
    after = nothing_decided(house.house, reader, "ward", Changed.VERSION, "1.3.0")
    same = nothing_decided(house.house, reader, "ward", Changed.VERSION, "1.2.0")

    assert before.checkpoint is Checkpoint.GO_LIVE
    assert before.policy
    assert before.asks[0].startswith("A model card says")
    assert "measured" in {one.requirement for one in before.met}
    assert all(one.stands for one in (*before.met, *same.met))
    assert {one.requirement: one.stands for one in after.met}["measured"] is False


def test_what_cannot_be_asked_about_is_refused_as_before(house):
    with pytest.raises(BadField):
        nothing_decided(house.house, house.person("owner"), "ward", Changed.SITE, "nowhere")


def test_nothing_is_asked_of_what_is_retired(house):
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "retired"}, None)

    found = nothing_decided(house.house, house.person("owner"), "ward")

    assert (found.checkpoint, found.met) == (None, ())
