"""`codman monitor challenge` on a workspace: in words and as a statement, what it files, and what it refuses."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "events"))
from event_rows import table

from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PRODUCTS, SITES, USES, VERSIONS
from codman.settings import Settings
from codman.spine.event import EventType
from codman.spine.product import ProductFields, VersionFields
from codman.spine.site import DeploymentFields, SiteFields
from codman.spine.use import UseFields
from codman.tables.events.checks import check
from codman.tables.events.store import Part
from codman.wiring import open_house

BEGAN = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path):
    """A use whose version 1 is live, and version 2 in shadow beside it: a patient an hour."""
    house = open_house(Settings(workspace=tmp_path / "work"), lambda: datetime(2026, 11, 1, 9, tzinfo=UTC))
    with house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Sepsis alert"), "sepsis")
        for label in ("1", "2"):
            VERSIONS.add(change, VersionFields(product="sepsis", label=label), f"sepsis-{label}")
        SITES.add(change, SiteFields(name="North", level="hospital"), "north")
        USES.add(change, UseFields(product="sepsis", name="Ward", stage="live"), "ward")
        DEPLOYMENTS.add(change, DeploymentFields(use="ward", site="north", version="sepsis-1", mode="live"), "d-1")
    chance = np.random.default_rng(1)
    risk = chance.normal(size=300)
    event = chance.random(300) < 1 / (1 + np.exp(1 - risk))
    rows, outcomes = [], []
    for i in range(300):
        at = BEGAN + timedelta(hours=i)
        for label, noise in (("1", 1.0), ("2", 0.1)):
            score = float(1 / (1 + np.exp(1 - risk[i] - chance.normal(0, noise))))
            name = f"v{label}-{i}"
            rows.append(
                {
                    "source": "model", "id": name, "prediction_id": name, "use": "ward", "version": label,
                    "subject": f"p{i}", "predicted_at": at, "score": score, "shown": label == "1",
                }
            )  # fmt: skip
        outcomes.append(
            {
                "source": "ehr", "id": f"o{i}", "use": "ward", "subject": f"p{i}", "label": float(event[i]),
                "occurred_at": at + timedelta(hours=3), "observed_at": at + timedelta(hours=4),
            }
        )  # fmt: skip
    for kind, told in ((EventType.PREDICTION, rows), (EventType.OUTCOME, outcomes)):
        found = check(kind, table(told), house.database.clock())
        assert found.refused == []
        house.events.store().take("anyone", [Part(kind, found.rows)])
    house.close()
    return tmp_path / "work"


def test_it_says_what_was_found_and_files_it_when_asked(codman, workspace, tmp_path):
    look = (
        "monitor", "challenge", "--workspace", str(workspace), "--use", "ward", "--challenger", "2", "--planned", "400",
        "--margin", "auroc=-0.05", "--threshold", "0.3",
    )  # fmt: skip

    words = codman(*look)
    filed = codman(*look, "--file", "--out", str(tmp_path / "look.json"), "--format", "json")
    after = codman(*look)

    assert words.code == 0, words.err
    assert "300 of 300 rows compared, of 300 patients" in words.out
    assert "attempt 1 at a better model" in words.out
    assert "The intervals hold at every look together" in words.out
    assert "A is version 1, B is version 2" in words.out
    assert "filed  comparison sha256:" in filed.err
    written = json.loads((tmp_path / "look.json").read_text())
    assert written == json.loads(filed.out)
    assert written["predicate"]["spec"]["planned"] == 400
    assert "attempt 1 at a better model" in after.out


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--challenger", "3"), "the challenger is not known"),
        (("--challenger", "2", "--champion", "2"), "it is the challenger itself"),
        (("--challenger", "2", "--within", "0", "--at", "2026-09-01"), "no prediction of the challenger is here"),
        (("--challenger", "2", "--design", "sequential"), "--design sequential cannot be read"),
        (("--challenger", "2", "--margin", "auroc=0.05"), "cannot be judged"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(codman, workspace, more, why):
    ran = codman("monitor", "challenge", "--workspace", str(workspace), "--use", "ward", "--planned", "400", *more)

    assert ran.code == 2
    assert why in ran.err
