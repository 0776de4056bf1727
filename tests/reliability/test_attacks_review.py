"""Attacks on the review: by somebody with an account who wants a use to run on less than its checkpoint asks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "flows"))

from committee import Committee

from codman.flows.review.opening import LEADS_TO, NothingRuns, open_for
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.registry.records import BadField
from codman.spine.policy import Checkpoint
from codman.spine.use import Stage


@pytest.fixture
def house(tmp_path: Path) -> Committee:
    """A house with a committee and a proposed use."""
    return Committee(tmp_path)


def _staged(house: Committee, stage: Stage) -> None:
    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": stage.value}, None)


@pytest.mark.parametrize(
    ("checkpoint", "asked"),
    [
        (Checkpoint.VALIDATION, Stage.LIVE),
        (Checkpoint.SILENT, Stage.PILOT),
        (Checkpoint.SILENT, Stage.LIVE),
        (Checkpoint.PILOT, Stage.LIVE),
        (Checkpoint.PAUSE, Stage.LIVE),
        (Checkpoint.RETIRE, Stage.LIVE),
        (Checkpoint.GO_LIVE, Stage.RETIRED),
    ],
)
def test_a_checkpoint_that_asks_little_does_not_open_a_stage_that_asks_much(
    house: Committee, checkpoint: Checkpoint, asked: Stage
) -> None:
    with pytest.raises(BadField, match="checkpoint"):
        open_for(house.house, house.person("owner"), "ward", checkpoint, leads_to=asked)


@pytest.mark.parametrize("checkpoint", [Checkpoint.CHANGE, Checkpoint.MONITORING])
def test_a_change_takes_a_use_no_further_than_it_is(house: Committee, checkpoint: Checkpoint) -> None:
    owner = house.person("owner")
    with pytest.raises(NothingRuns):
        open_for(house.house, owner, "ward", checkpoint)
    _staged(house, Stage.PILOT)

    with pytest.raises(BadField, match="pilot"):
        open_for(house.house, owner, "ward", checkpoint, leads_to=Stage.LIVE)
    assert open_for(house.house, owner, "ward", checkpoint).leads_to is Stage.PILOT


def test_a_checkpoint_may_ask_for_less_and_for_its_own(house: Committee) -> None:
    owner = house.person("owner")
    assert open_for(house.house, owner, "ward", Checkpoint.GO_LIVE, leads_to=Stage.PILOT).leads_to is Stage.PILOT
    for checkpoint in (Checkpoint.SILENT, Checkpoint.PILOT, Checkpoint.VALIDATION, Checkpoint.RETIRE):
        assert open_for(house.house, owner, "ward", checkpoint).leads_to is LEADS_TO[checkpoint]
