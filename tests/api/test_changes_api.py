"""Change control over the API: what would be reopened, plans, and pauses that are proposed."""

from __future__ import annotations

from typing import Any

from codman.registry.governance import CASES, PAUSE_PROPOSALS, REOPENINGS
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.spine.pausing import PauseProposalFields
from codman.spine.reopening import ReopeningFields

PLAN = {
    "use": "mary-use",
    "modifications": ["version", "threshold"],
    "allows": {"version": ["3.*"], "threshold": {"at_least": 0.1, "at_most": 0.3}},
    "protocol": "Retrain each quarter on the same inputs.",
    "requirements": ["nowhere"],
    "impact": "Better ranking.",
}


def opened(call: Any, **more: Any) -> dict[str, Any]:
    body = {"use": "mary-use", "checkpoint": "go-live", "quorum": 3} | more
    return call("POST", "/reviews", who="mary", json=body).json()


def test_a_plan_is_drafted_once_and_laid_before_a_case(call):
    once = {"Idempotency-Key": "plan-1"}
    made = call("POST", "/change-plans", who="mary", json=PLAN, headers=once)
    assert made.status_code == 201, made.text
    plan = made.json()
    assert plan["case"] is None
    assert call("POST", "/change-plans", who="mary", json=PLAN, headers=once).json()["id"] == plan["id"]

    case = opened(call)
    path = f"/change-plans/{plan['id']}/case"
    assert call("POST", path, who="mary", json={"case": case["id"]}).status_code == 428
    lacking = call("POST", path, who="mary", json={"case": case["id"]}, headers={"If-Match": '"1"'})
    assert (lacking.status_code, "has no requirement 'nowhere'" in lacking.text) == (422, True)

    asked = call("GET", f"/reviews/{case['id']}").json()["requirements"][0]["id"]
    plan = call("POST", "/change-plans", who="mary", json={**PLAN, "requirements": [asked]}).json()
    path = f"/change-plans/{plan['id']}/case"
    laid = call("POST", path, who="mary", json={"case": case["id"]}, headers={"If-Match": '"1"'})
    assert laid.json()["case"] == case["id"], laid.text
    again = call("POST", path, who="mary", json={"case": case["id"]}, headers={"If-Match": '"2"'})
    assert again.status_code == 422
    listed = call("GET", "/change-plans", who="viewer", params={"case": case["id"]}).json()["items"]
    assert [one["id"] for one in listed] == [plan["id"]]


def test_a_plan_that_allows_what_none_can_is_refused_with_its_place(call):
    weather = call("POST", "/change-plans", who="mary", json={**PLAN, "modifications": ["weather"]})
    assert weather.status_code == 422
    assert weather.json()["errors"][0]["pointer"].startswith("/modifications")
    unsaid = call("POST", "/change-plans", who="mary", json={**PLAN, "allows": {"version": ["3.*"]}})
    assert unsaid.status_code == 422
    assert "list what it may become" in unsaid.text
    assert call("POST", "/change-plans", who="viewer", json=PLAN).status_code == 403
    assert call("POST", "/change-plans", who="mary", json={**PLAN, "use": "john-use"}).status_code == 404


def test_a_change_is_asked_about_before_it_is_made(call):
    asked = call("GET", "/uses/mary-use/reopening", who="viewer", params={"changed": "threshold", "to": "0.3"})
    assert asked.json() == {"items": []}  # nothing is decided, so nothing is reopened
    for params in ({"changed": "weather"}, {"changed": "version"}, {"changed": "site", "to": "nowhere"}):
        assert call("GET", "/uses/mary-use/reopening", who="viewer", params=params).status_code == 422
    other = call("GET", "/uses/john-use/reopening", who="mary", params={"changed": "population"})
    assert other.status_code == 404


def test_reopenings_and_proposals_are_seen_where_the_use_is_seen_and_settled_once(call, hospital):
    case = opened(call)
    with hospital.house.database.changing(SYSTEM) as change:
        CASES.change(change, case["id"], {"state": "decided"}, None)
        USES.change(change, "mary-use", {"stage": "live"}, None)
        said = ReopeningFields(
            use="mary-use",
            policy="p",
            requirement="discrimination",
            changed="version",
            because="1 became 2",
            became="v2",
        )
        REOPENINGS.add(change, said)
        because = "its decision stood until 1 Nov 2026 and none has followed"
        fields = PauseProposalFields(use="mary-use", cause="decision expired", because=because, case=case["id"])
        PAUSE_PROPOSALS.add(change, fields, "pause-1")

    (reopening,) = call("GET", "/reopenings", who="viewer", params={"state": "open"}).json()["items"]
    assert (reopening["requirement"], reopening["because"]) == ("discrimination", "1 became 2")
    (proposal,) = call("GET", "/pause-proposals", who="viewer").json()["items"]
    assert call("GET", "/pause-proposals", who="mary").json()["items"] == [proposal]

    path = "/pause-proposals/pause-1"
    match = {"If-Match": '"1"'}
    viewer = call("POST", f"{path}/confirmation", who="viewer", json={"why": "as proposed"}, headers=match)
    assert viewer.status_code == 403
    owner = call("POST", f"{path}/refusal", who="mary", json={"why": "it is fine"}, headers=match)
    assert owner.status_code == 403
    stale = call("POST", f"{path}/confirmation", json={"why": "as proposed"}, headers={"If-Match": '"9"'})
    assert stale.status_code == 412
    done = call("POST", f"{path}/confirmation", json={"why": "as proposed"}, headers=match)
    assert (done.status_code, done.json()["state"]) == (200, "paused"), done.text
    assert call("GET", "/uses/mary-use").json()["stage"] == "paused"
    again = call("POST", f"{path}/refusal", json={"why": "late"}, headers={"If-Match": '"2"'})
    assert (again.status_code, again.json()["type"].rsplit("/", 1)[1]) == (409, "proposal-settled")
