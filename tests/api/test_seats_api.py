"""Seats over the API: what a reviewer judges a case as, one excused, a stated conflict lifted, who presides instead."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def seat(call: Any) -> dict[str, Any]:
    """A reviewer of a case of St Mary's use, named as clinical."""
    body = {"use": "mary-use", "checkpoint": "go-live", "sites": ["icu"], "quorum": 3}
    case = call("POST", "/reviews", who="mary", json=body).json()["id"]
    said = {"person": "reviewer", "discipline": "clinical"}
    answer = call("POST", f"/reviews/{case}/reviewers", who="chair", json=said)
    assert answer.status_code == 200, answer.text
    return answer.json()


def tag(one: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{one["revision"]}"'}


def test_who_presides_corrects_what_a_reviewer_judges_a_case_as_until_somebody_voted(call, seat):
    path, said = f"/reviewers/{seat['id']}/discipline", {"discipline": "Equity"}
    assert call("POST", path, who="chair", json=said).status_code == 428
    assert call("POST", path, who="reviewer", json=said, headers=tag(seat)).status_code == 403
    empty = call("POST", path, who="chair", json={"discipline": ""}, headers=tag(seat))
    assert (empty.status_code, empty.json()["errors"][0]["pointer"]) == (422, "/discipline")

    now = call("POST", path, who="chair", json=said, headers=tag(seat))

    assert (now.status_code, now.json()["discipline"]) == (200, "equity"), now.text
    assert now.headers["etag"] == '"2"'
    assert call("POST", path, who="chair", json=said, headers=tag(seat)).status_code == 412
    review = f"/reviews/{seat['case']}"
    interest = call("POST", f"{review}/interest", who="reviewer", json={"conflict": "none"}).json()
    vote = {"choice": "approve", "on": call("GET", review, who="reviewer").json()["table"]}
    assert call("POST", f"{review}/votes", who="reviewer", json=vote).status_code == 200
    late = call("POST", path, who="chair", json={"discipline": "clinical"}, headers=tag(interest))
    assert (late.status_code, "somebody voted in this case" in late.json()["detail"]) == (409, True)
    stays = call("DELETE", f"/reviewers/{seat['id']}", who="chair", headers=tag(interest))
    assert (stays.status_code, "they voted" in stays.json()["detail"]) == (409, True)


def test_nobody_corrects_what_they_judge_a_case_as_themselves(call, seat):
    own = {"person": "officer", "discipline": "legal"}
    one = call("POST", f"/reviews/{seat['case']}/reviewers", who="chair", json=own).json()
    path = f"/reviewers/{one['id']}/discipline"
    refused = call("POST", path, who="officer", json={"discipline": "clinical"}, headers=tag(one))
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "you review it yourself: somebody else says as what",
    )


def test_a_reviewer_who_has_not_voted_is_excused_by_who_presides(call, seat):
    path = f"/reviewers/{seat['id']}"
    assert call("DELETE", path, who="chair").status_code == 428
    assert call("DELETE", path, who="mary", headers=tag(seat)).status_code == 403
    gone = call("DELETE", path, who="chair", headers=tag(seat))
    assert (gone.status_code, gone.content) == (204, b"")
    assert call("GET", f"/reviews/{seat['case']}", who="viewer").json()["reviewers"] == []
    assert call("DELETE", path, who="chair", headers=tag(seat)).status_code == 404


def test_a_stated_conflict_stays_until_who_presides_lifts_it_with_a_reason(call, seat):
    said = {"conflict": "conflict", "note": "shares in the vendor"}
    torn = call("POST", f"/reviews/{seat['case']}/interest", who="reviewer", json=said).json()
    path = f"/reviewers/{seat['id']}"
    assert call("DELETE", path, who="chair", headers=tag(torn)).status_code == 409
    assert call("POST", f"{path}/lifting", who="reviewer", json={"why": "sold"}, headers=tag(torn)).status_code == 403
    lifted = call("POST", f"{path}/lifting", who="chair", json={"why": "sold in 2024"}, headers=tag(torn))
    assert (lifted.status_code, lifted.json()["conflict"]) == (200, "not stated"), lifted.text


def test_who_presides_over_a_case_is_named_anew_by_id_name_or_address_with_a_reason(call):
    body = {"use": "mary-use", "checkpoint": "go-live", "sites": ["icu"], "quorum": 3, "chair": "chair"}
    case = call("POST", "/reviews", who="mary", json=body).json()
    path, said = f"/reviews/{case['id']}/chair", {"chair": "officer", "why": "on leave until December"}
    assert call("POST", path, who="officer", json=said).status_code == 428
    assert call("POST", path, who="reviewer", json=said, headers=tag(case)).status_code == 403
    unsaid = call("POST", path, who="officer", json={"chair": "officer"}, headers=tag(case))
    assert (unsaid.status_code, unsaid.json()["errors"][0]["pointer"]) == (422, "/why")
    cannot = call("POST", path, who="officer", json={**said, "chair": "reviewer"}, headers=tag(case))
    assert (cannot.status_code, cannot.json()["errors"][0]["pointer"]) == (422, "/chair")

    named = call("POST", path, who="officer", json=said, headers=tag(case))

    assert (named.status_code, named.json()["chair"]) == (200, "officer"), named.text
    assert call("POST", path, who="officer", json=said, headers=tag(case)).status_code == 412
    told = call("GET", f"/reviews/{case['id']}/minutes", who="viewer").json()["handed_on"]
    assert len(told) == 1
    assert told[0].endswith(": on leave until December.")
