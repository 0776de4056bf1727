"""Monitoring over the API: a plan in the book, what was seen, and an incident that is worked on."""

from __future__ import annotations

from typing import Any

import pytest

from codman.registry.governance import INCIDENTS, MONITORS, SIGNALS
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.spine.watching import IncidentFields, IncidentStep, SignalFields, SignalKind

PLAN = """
plan: Mary
edition: 2026-11
requires:
  - id: ranks
    evidence: monitoring
    measurement: {metric: auroc, at_least: 0.7}
    watch: {window: month, actions: [signal, roll-back]}
"""


@pytest.fixture
def planned(call) -> dict[str, Any]:
    """The plan of a use, whose owner hears of it."""
    made = call(
        "POST", "/monitors", json={"use": "mary-use", "why": "what is tried here", "plan": PLAN, "owner": owner(call)}
    )
    assert made.status_code == 201, made.text
    return made.json()


def owner(call: Any) -> str:
    return call("GET", "/people", who="admin").json()["items"][0]["id"]


@pytest.fixture
def incident(call, hospital, planned) -> dict[str, Any]:
    """Something its monitor saw, on its owner's desk."""
    with hospital.house.database.changing(SYSTEM) as change:
        said = IncidentFields(
            use="mary-use", title="AUROC is 0.55", owner=planned["owner"], holder=planned["owner"], opened_at=change.at,
            steps=[IncidentStep(at=change.at, did="opened", by="codman")],
        )  # fmt: skip
        INCIDENTS.add(change, said, "incident-1")
        SIGNALS.add(
            change,
            SignalFields(
                use="mary-use", monitor=planned["id"], kind=SignalKind.PERFORMANCE, about="ranks: october",
                sentence="AUROC is 0.55", raised_at=change.at, incident="incident-1",
            ),
        )  # fmt: skip
    return call("GET", "/incidents/incident-1", who="viewer").json()


def test_a_plan_is_put_into_the_book_once_read_back_and_stopped_with_a_reason(call, planned):
    once = {"Idempotency-Key": "monitor-1"}
    body = {"use": "mary-use", "why": "what is tried here", "plan": PLAN, "owner": planned["owner"]}
    first = call("POST", "/monitors", json=body, headers=once).json()
    again = call("POST", "/monitors", json=body, headers=once).json()
    listed = call("GET", "/monitors", who="viewer", params={"state": "planned"}).json()["items"]
    read = call("GET", f"/monitors/{first['id']}", who="viewer")

    assert again["id"] == first["id"]
    assert [one["id"] for one in listed] == [first["id"]]  # the one before it is stopped
    assert read.json()["plan"] == PLAN
    path = f"/monitors/{first['id']}/stop"
    assert call("POST", path, json={"why": "replaced"}).status_code == 428
    stopped = call("POST", path, json={"why": "replaced"}, headers={"If-Match": read.headers["ETag"]})
    assert stopped.json()["state"] == "stopped"
    late = call("POST", path, json={"why": "again"}, headers={"If-Match": stopped.headers["ETag"]})
    assert (late.status_code, late.json()["type"].rpartition("/")[2]) == (409, "monitor-stopped")


def test_what_is_no_plan_or_another_uses_is_refused_with_the_reason(call):
    bad = call(
        "POST", "/monitors", json={"use": "mary-use", "why": "what is tried here", "plan": "plan: x\nrequires: 3\n"}
    )
    other = call(
        "POST", "/monitors", json={"use": "mary-use", "why": "what is tried here", "plan": "use: other\n" + PLAN}
    )
    viewer = call(
        "POST", "/monitors", who="viewer", json={"use": "mary-use", "why": "what is tried here", "plan": PLAN}
    )

    assert (bad.status_code, other.status_code, viewer.status_code) == (422, 422, 403)
    assert "edition" in bad.text
    assert "the plan of the use other" in other.text


def test_an_incident_is_taken_put_off_resolved_and_reopened(call, incident):
    assert [one["about"] for one in incident["signals"]] == ["ranks: october"]
    at = "/incidents/incident-1"

    def step(word: str, body: dict[str, Any] | None = None, who: str = "officer") -> Any:
        tag = f'"{call("GET", at).json()["incident"]["revision"]}"'
        return call("POST", f"{at}/{word}", who=who, json=body, headers={"If-Match": tag})

    assert step("acknowledgement", who="viewer").status_code == 403
    assert step("acknowledgement").json()["state"] == "acknowledged"
    assert step("acknowledgement").status_code == 409
    assert step("snooze", {"until": "2020-01-01T00:00:00Z", "why": "later"}).status_code == 422
    done = step("resolution", {"finding": "labels had been swapped"})
    assert (done.json()["state"], done.json()["finding"]) == ("resolved", "labels had been swapped")
    assert step("reopening", {"why": "it is back"}).json()["state"] == "open"
    listed = call("GET", "/incidents", who="viewer", params={"state": "open"}).json()["items"]
    assert [one["id"] for one in listed] == ["incident-1"]
    assert [one["id"] for one in call("GET", "/signals", params={"incident": "incident-1"}).json()["items"]] == [
        incident["signals"][0]["id"]
    ]


def test_going_back_is_allowed_only_by_a_decision_about_this_use(call, hospital, planned):
    path = f"/monitors/{planned['id']}/rollback-permission"
    said = {"case": "no-such-case", "why": "point 4 of the minutes"}

    assert call("POST", path, who="mary", json=said, headers={"If-Match": '"1"'}).status_code == 403
    assert call("POST", path, who="chair", json=said, headers={"If-Match": '"1"'}).status_code in (403, 404)
    with hospital.house.database.reading() as connection:
        assert MONITORS.get(connection, planned["id"]).rollback_case is None


def test_a_use_that_reaches_patients_is_watched_from_then_on(call, hospital):
    with hospital.house.database.changing(SYSTEM) as change:
        USES.change(change, "mary-use", {"stage": "live"}, None)

    made = call(
        "POST", "/monitors", json={"use": "mary-use", "why": "what is tried here", "plan": PLAN, "owner": owner(call)}
    )

    assert made.json()["state"] == "active"
