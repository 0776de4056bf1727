"""`codman monitor retraining` on a workspace: the proposal in words and as JSON, and why there is none."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows" / "watch"))
from watched import PLAN, Watched

from codman.flows.watch.keeping import plan_use
from codman.registry.governance import INCIDENTS, SIGNALS
from codman.registry.log import SYSTEM
from codman.spine.measurement import Window
from codman.spine.watching import CareVerdict, IncidentFields, IncidentStep, SignalFields, SignalKind

OCTOBER = Window(start="2026-10-01T00:00:00Z", end="2026-11-01T00:00:00Z")


@pytest.fixture
def workspace(tmp_path):
    """A use whose model ranks nobody since October, in an incident of each verdict about care."""
    made = Watched(tmp_path)
    monitor = plan_use(made.house, made.person("owner"), "ward", text=PLAN, why="what is tried here")
    made.month(8)
    made.month(10, useless=True, shift=1.0)
    for name, care in (("worse", CareVerdict.WORSENED), ("open", CareVerdict.UNRESOLVED)):
        with made.house.database.changing(SYSTEM) as change:
            said = IncidentFields(
                use="ward", title="AUROC is 0.51", owner="p-owner", holder="p-owner", opened_at=change.at, care=care,
                steps=[IncidentStep(at=change.at, did="opened", by="codman")],
            )  # fmt: skip
            INCIDENTS.add(change, said, name)
            signal = SignalFields(
                use="ward", monitor=monitor.id, kind=SignalKind.PERFORMANCE, about=f"ranks: {name}",
                sentence="AUROC is 0.51", raised_at=change.at, incident=name, window=OCTOBER,
            )  # fmt: skip
            SIGNALS.add(change, signal)
    workspace = made.house.settings.workspace
    url = made.house.settings.effective_database_url
    made.house.close()
    return ("--workspace", str(workspace), "--database-url", url)


def test_the_proposal_is_told_in_words_and_stands_as_it_was_made(codman, workspace):
    propose = ("monitor", "retraining", *workspace, "--incident", "worse")

    words = codman(*propose, "--at", "2026-11-10")
    again = codman(*propose, "--format", "json")

    assert words.code == 0, words.err
    assert "worse.retraining-proposed  proposed" in words.out
    assert "since 2026-10-01: 900 predictions, 900 outcomes known, of 900 patients" in words.out
    assert "recalibration, the update minus the model in use:" in words.out
    assert "no approved change plan speaks of new versions" in words.out
    proposal = json.loads(again.out)["proposal"]
    assert datetime.fromisoformat(proposal["until"]) == datetime(2026, 11, 10, 23, 59, 59, tzinfo=UTC)


def test_while_it_is_open_whether_care_explains_it_nothing_is_proposed(codman, workspace):
    ran = codman("monitor", "retraining", *workspace, "--incident", "open")

    assert ran.code == 2
    assert "it is open whether the model got worse or care changed the outcome" in ran.err
