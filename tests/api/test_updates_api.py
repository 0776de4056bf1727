"""Updates over the API: a look at a challenger, filed once, and a retraining that is refused until it is settled."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "events"))
from event_rows import table

from codman.registry.governance import INCIDENTS, SIGNALS
from codman.registry.log import SYSTEM
from codman.registry.nouns import VERSIONS
from codman.spine.event import EventType
from codman.spine.measurement import Window
from codman.spine.product import VersionFields
from codman.spine.watching import IncidentFields, IncidentStep, SignalFields, SignalKind
from codman.tables.events.checks import check
from codman.tables.events.store import Part

PLAN = """
plan: Mary
edition: 2026-11
thresholds: [0.3]
requires:
  - id: ranks
    evidence: monitoring
    measurement: {metric: auroc, at_least: 0.7}
    watch: {window: month}
"""
PATH = "/uses/mary-use/challenges"
LOOK = {"challenger": "9.2", "champion": "9.1", "planned": 300, "margins": {"auroc": -0.05}}


@pytest.fixture
def scored(hospital) -> datetime:
    """Two hundred patients whom two versions scored, the newest an hour ago; when that began."""
    chance = np.random.default_rng(2)
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=400)
    with hospital.house.database.changing(SYSTEM) as change:
        for label in ("9.1", "9.2"):
            VERSIONS.add(change, VersionFields(product="sepsis", label=label))
    rows, outcomes = [], []
    for i in range(200):
        risk = chance.normal()
        at = began + timedelta(hours=i)
        for label, noise in (("9.1", 1.0), ("9.2", 0.2)):
            score = float(1 / (1 + np.exp(1 - risk - chance.normal(0, noise))))
            rows.append(
                {
                    "source": "model", "id": f"{label}-{i}", "prediction_id": f"{label}-{i}", "use": "mary-use",
                    "version": label, "subject": f"p{i}", "predicted_at": at, "score": score, "shown": label == "9.1",
                }
            )  # fmt: skip
        outcomes.append(
            {
                "source": "ehr", "id": f"o{i}", "use": "mary-use", "subject": f"p{i}",
                "label": float(chance.random() < 1 / (1 + np.exp(1 - risk))), "occurred_at": at + timedelta(hours=3),
                "observed_at": at + timedelta(hours=4),
            }
        )  # fmt: skip
    for kind, told in ((EventType.PREDICTION, rows), (EventType.OUTCOME, outcomes)):
        found = check(kind, table(told), datetime.now(UTC))
        assert found.refused == []
        hospital.house.events.store().take("anyone", [Part(kind, found.rows)])
    return began


@pytest.mark.usefixtures("scored")
def test_a_challenger_is_looked_at_and_the_look_is_filed_once(call):
    seen = call("POST", PATH, json=LOOK)
    once = {"Idempotency-Key": "look-1"}
    first = call("POST", PATH, json=LOOK | {"file": True}, headers=once).json()
    again = call("POST", PATH, json=LOOK | {"file": True}, headers=once).json()

    assert seen.status_code == 200, seen.text
    assert seen.json()["filed"] is False
    said = first["statement"]["predicate"]
    assert (said["version"], said["rows"]["evaluated"], said["spec"]["attempt"]) == ("9.2", 200, 1)
    assert (first["filed"], again["digest"]) == (True, first["digest"])
    assert call("GET", f"/evidence/{first['digest']}").status_code == 200
    other = call("POST", PATH, json=LOOK | {"planned": 500})
    assert (other.status_code, other.json()["type"].rpartition("/")[2]) == (409, "otherwise-planned")


@pytest.mark.usefixtures("scored")
def test_what_cannot_be_compared_and_who_may_not_look_is_refused(call):
    unknown = call("POST", PATH, json=LOOK | {"challenger": "9.9"})
    nowhere = call("POST", "/uses/nowhere/challenges", json=LOOK)
    viewer = call("POST", PATH, json=LOOK, who="viewer")
    wrong = call("POST", PATH, json=LOOK | {"planned": 0})

    assert (unknown.status_code, nowhere.status_code, viewer.status_code, wrong.status_code) == (422, 404, 403, 422)
    assert "the challenger is not known" in unknown.text


@pytest.fixture
def incident(call, hospital, scored) -> str:
    """Something the monitor saw in the patients above, of which nobody asked whether care explains it."""
    person = call("GET", "/people", who="admin").json()["items"][0]["id"]
    monitor = call(
        "POST", "/monitors", json={"use": "mary-use", "why": "what is tried here", "plan": PLAN, "owner": person}
    ).json()["id"]
    with hospital.house.database.changing(SYSTEM) as change:
        told = IncidentFields(
            use="mary-use", title="AUROC is 0.55", owner=person, holder=person, opened_at=change.at,
            steps=[IncidentStep(at=change.at, did="opened", by="codman")],
        )  # fmt: skip
        INCIDENTS.add(change, told, "incident-1")
        window = Window(start=scored.strftime("%Y-%m-%dT00:00:00Z"), end=change.at[:10] + "T00:00:00Z")
        signal = SignalFields(
            use="mary-use", monitor=monitor, kind=SignalKind.PERFORMANCE, about="ranks", sentence="AUROC is 0.55",
            raised_at=change.at, incident="incident-1", window=window,
        )  # fmt: skip
        SIGNALS.add(change, signal)
    return "/incidents/incident-1/retraining"


def test_a_retraining_is_proposed_once_it_is_settled_and_declined_with_a_reason(call, hospital, incident):
    early = call("POST", incident)
    with hospital.house.database.changing(SYSTEM) as change:
        INCIDENTS.change(change, "incident-1", {"care": "the model got worse"}, None)

    made = call("POST", incident)
    again = call("POST", incident)

    assert (early.status_code, early.json()["type"].rpartition("/")[2]) == (409, "no-retraining")
    assert made.status_code == 200, made.text
    step: dict[str, Any] = made.json()
    assert (step["state"], step["proposal"]["labelled"]) == ("proposed", 400 // 2)
    assert {one["params"]["update"] for one in step["proposal"]["gains"]} == {"recalibration"}
    assert again.json() == step
    at = f"/watch-steps/{step['id']}/retraining-refusal"
    assert (
        call("POST", at, json={"why": "no"}, headers={"If-Match": made.headers["ETag"]}, who="viewer").status_code
        == 403
    )
    declined = call("POST", at, json={"why": "wait for 10"}, headers={"If-Match": made.headers["ETag"]})
    assert declined.json()["state"] == "declined"
    late = call(
        "POST", f"/watch-steps/{step['id']}/retraining-review", json={"why": "x"},
        headers={"If-Match": declined.headers["ETag"]},
    )  # fmt: skip
    assert late.status_code == 409
