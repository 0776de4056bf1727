"""`codman monitor run --due` on a workspace: what it looked at, as JSON and in words, and what it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from codman.registry.governance import MONITORS
from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE, PRODUCTS, USES
from codman.settings import Settings
from codman.spine.person import PersonFields
from codman.spine.product import ProductFields
from codman.spine.use import UseFields
from codman.spine.watching import MonitorFields
from codman.wiring import open_house

PLAN = """
plan: Ward
edition: "1"
requires:
  - id: ranks
    evidence: monitoring
    measurement: {metric: auroc, at_least: 0.7}
    watch: {window: month, due_days: 0}
"""


@pytest.fixture
def workspace(tmp_path):
    """A book with one use that is live and watched since September, and no event at all."""
    house = open_house(Settings(workspace=tmp_path / "work"), lambda: datetime(2026, 11, 1, 9, tzinfo=UTC))
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PersonFields(name="Owner"), "p-owner")
        PRODUCTS.add(change, ProductFields(name="Sepsis alert"), "sepsis")
        USES.add(change, UseFields(product="sepsis", name="Ward", stage="live", owner="p-owner"), "ward")
        fields = {
            "use": "ward", "name": "Ward", "edition": "1", "plan": PLAN, "digest": "a" * 64, "state": "active",
            "owner": "p-owner", "starts_on": "2026-09-01",
        }  # fmt: skip
        MONITORS.add(change, MonitorFields.model_validate(fields), "watch-ward")
    house.close()
    return tmp_path / "work"


def test_each_window_without_events_is_looked_at_once_and_is_blind(codman, workspace):
    run = ("monitor", "run", "--workspace", str(workspace), "--due")

    first = codman(*run, "--at", "2026-11-01", "--format", "json")
    again = codman(*run, "--at", "2026-11-01", "--format", "json")
    words = codman(*run, "--at", "2026-12-01")

    assert first.code == 0, first.err
    said = json.loads(first.out)
    assert [(one["start"], one["state"]) for one in said["looked"]] == [
        ("2026-09-01", "blind"),
        ("2026-10-01", "blind"),
    ]
    assert len(said["signals"]) == len(said["incidents"]) == 1  # no events
    assert json.loads(again.out)["looked"] == json.loads(again.out)["signals"] == []
    assert "2026-11-01 to 2026-12-01  blind" in words.out
    assert "windows: 1, new signals: 0, incidents: 0" in words.out


def test_without_due_and_without_a_book_nothing_is_run(codman, workspace, tmp_path):
    assert codman("monitor", "run", "--workspace", str(workspace)).code == 2
    assert codman("monitor", "run", "--workspace", str(tmp_path / "elsewhere"), "--due").code == 2
