"""Reviews over the API: a case from its opening to the refusal of a token's decision."""

from __future__ import annotations

from typing import Any


def opened(call: Any, **more: Any) -> dict[str, Any]:
    body = {"use": "mary-use", "checkpoint": "go-live", "sites": ["icu"], "quorum": 3} | more
    answer = call("POST", "/reviews", who="mary", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/reviews/{answer.json()['id']}"
    return answer.json()


def test_a_review_is_judged_by_the_policy_meant_for_the_use_and_shows_what_is_missing(call):
    case = opened(call)
    read = call("GET", f"/reviews/{case['id']}", who="viewer").json()
    assert read["case"]["state"] == "open"
    assert read["case"]["policy"]
    assert {r["outcome"] for r in read["requirements"] if r["stops"]} == {"missing"}
    assert read["lacking"] == [
        "3 more votes (0 of 3 needed)",
        "a vote from clinical",
        "a vote from safety or equity",
    ]
    assert read["interested"] == {"mary": "submitted this case"}
    (listed,) = call("GET", "/reviews", who="viewer", params={"state": "open", "use": "mary-use"}).json()["items"]
    assert listed["id"] == case["id"]


def test_the_same_opening_again_gives_the_same_case_and_another_is_refused(call):
    body = {"use": "mary-use", "checkpoint": "go-live"}
    once = {"Idempotency-Key": "one"}
    first = call("POST", "/reviews", who="mary", json=body, headers=once).json()
    assert call("POST", "/reviews", who="mary", json=body, headers=once).json()["id"] == first["id"]
    assert call("POST", "/reviews", who="mary", json=body).status_code == 409


def test_reviewers_state_their_interest_vote_and_ask(call):
    path = f"/reviews/{opened(call)['id']}"
    named = call("POST", f"{path}/reviewers", who="chair", json={"person": "reviewer", "discipline": "clinical"})
    assert named.status_code == 200, named.text
    vote = {"choice": "approve", "on": call("GET", path, who="reviewer").json()["table"]}
    early = call("POST", f"{path}/votes", who="reviewer", json=vote)
    assert (early.status_code, early.json()["detail"]) == (403, "say first whether you have a conflict of interest")
    assert call("POST", f"{path}/interest", who="reviewer", json={"conflict": "none"}).status_code == 200
    assert call("POST", f"{path}/votes", who="reviewer", json=vote).json()["choice"] == "approve"
    assert call("POST", f"{path}/votes", who="mary", json=vote).status_code == 403
    unread = call("POST", f"{path}/votes", who="reviewer", json={"choice": "approve"})
    assert (unread.status_code, "on" in unread.text) == (422, True)
    other = call("POST", f"{path}/votes", who="reviewer", json={"choice": "approve", "on": "0" * 64})
    assert (other.status_code, other.json()["title"]) == (412, "what is voted on was changed meanwhile")
    asked = call("POST", f"{path}/remarks", who="reviewer", json={"text": "Who watches it at night?"}).json()
    answered = call("POST", f"{path}/remarks", who="mary", json={"text": "The ICU.", "answers": asked["id"]})
    assert answered.status_code == 200
    wrong = call("POST", f"{path}/remarks", who="mary", json={"text": "x", "answers": "remark-nowhere"})
    assert wrong.status_code == 422
    minutes = call("GET", f"{path}/minutes", who="viewer").json()
    assert [one["answers"][0]["text"] for one in minutes["remarks"]] == ["The ICU."]


def test_a_token_decides_nothing_and_a_stale_or_bare_close_is_refused_first(call):
    case = opened(call)
    path = f"/reviews/{case['id']}/decision"
    body = {"outcome": "approved", "reasons": "as voted"}
    assert call("POST", path, who="chair", json=body).status_code == 428
    assert call("POST", path, who="chair", json=body, headers={"If-Match": '"9"'}).status_code == 412
    lacking = call("POST", path, who="chair", json=body, headers={"If-Match": '"1"'})
    assert (lacking.status_code, lacking.json()["type"].rsplit("/", 1)[1]) == (409, "cannot-decide")
    short = {"use": "mary-use", "checkpoint": "pilot", "procedure": "expedited"}
    untold = call("POST", "/reviews", who="mary", json=short)  # nobody has said how risky it is: no shorter way
    assert (untold.status_code, untold.json()["errors"][0]["pointer"]) == (422, "/procedure")


def test_a_case_of_another_hospital_is_not_there(call):
    body = {"use": "john-use", "checkpoint": "go-live"}
    case = call("POST", "/reviews", who="officer", json=body).json()
    assert call("GET", f"/reviews/{case['id']}", who="mary").status_code == 404
    assert call("GET", "/reviews", who="mary").json()["items"] == []
    assert call("POST", "/reviews", who="mary", json={**body, "checkpoint": "pilot"}).status_code == 404


def test_a_case_is_withdrawn_by_who_submitted_it_and_takes_no_more_votes(call):
    case = opened(call)
    path = f"/reviews/{case['id']}"
    gone = call(
        "POST", f"{path}/withdrawal", who="mary", headers={"If-Match": '"1"', "Codman-Reason": "we bought another"}
    )
    assert gone.json()["state"] == "withdrawn"
    late = call("POST", f"{path}/remarks", who="mary", json={"text": "late"})
    assert (late.status_code, late.json()["type"].rsplit("/", 1)[1]) == (409, "case-closed")


def test_a_use_shows_its_ways_and_what_each_lacks_and_is_stopped_with_a_reason(call):
    read = call("GET", "/uses/mary-use/stage", who="viewer")
    assert read.headers["ETag"] == call("GET", "/uses/mary-use", who="viewer").headers["ETag"]  # a move takes it
    found = read.json()
    assert found["stage"] == "proposed"
    assert {one["to"] for one in found["ways"]} == {"triaged", "retired"}
    use = call("GET", "/uses/mary-use").json()
    match = {"If-Match": f'"{use["revision"]}"'}
    no_way = call("POST", "/uses/mary-use/stage", json={"to": "live"}, headers=match)
    assert (no_way.status_code, no_way.json()["type"].rsplit("/", 1)[1]) == (409, "cannot-move")
    assert call("POST", "/uses/mary-use/stage", who="viewer", json={"to": "retired"}, headers=match).status_code == 403
    without = call("POST", "/uses/mary-use/stage", json={"to": "retired"}, headers=match)
    assert "say why" in without.json()["detail"]
    gone = call("POST", "/uses/mary-use/stage", json={"to": "retired"}, headers={**match, "Codman-Reason": "unused"})
    assert gone.status_code == 409  # it runs somewhere: only a case retires it
    assert "no case has decided that it retires" in gone.json()["detail"]


def test_conditions_are_listed_by_the_day_they_are_due(call):
    path = f"/reviews/{opened(call)['id']}"
    condition = {"sentence": "Show it again", "owner": "mary", "due_on": "2099-02-01"}
    made = call("POST", f"{path}/conditions", who="chair", json=condition)
    assert made.status_code == 200, made.text
    (listed,) = call("GET", "/conditions", who="viewer", params={"owner": "mary", "state": "open"}).json()["items"]
    assert listed["id"] == made.json()["id"]
    match = {"If-Match": '"1"'}
    early = call(
        "POST", f"/conditions/{listed['id']}/completion", who="mary", json={"said_done": "all did"}, headers=match
    )
    assert "not decided yet" in early.json()["detail"]
    own = call("POST", f"/conditions/{listed['id']}/closing", who="mary", json={"note": "done"}, headers=match)
    assert own.status_code == 403  # whoever presides closes it
    closed = call("POST", f"/conditions/{listed['id']}/closing", who="chair", json={"note": "seen"}, headers=match)
    assert closed.json()["state"] == "closed"
    assert call("GET", "/decisions", who="viewer").json()["items"] == []


def test_a_use_names_its_planned_sites_and_a_review_takes_them_over_and_changes_them(call):
    def planned(plan: Any) -> Any:
        tag = {"If-Match": call("GET", "/uses/mary-use", who="owner").headers["ETag"]}
        return call("PATCH", "/uses/mary-use", who="owner", json={"planned": plan}, headers=tag)

    assert planned({"st-john": "ended"}).status_code == 422
    assert planned({"nowhere": "live"}).status_code == 422
    assert planned({"icu": "live"}).status_code == 422  # it runs there
    said = planned({"ST-MARY": "live", "st-john": "silent"})  # a name means a site as well as an id does
    assert said.json()["planned"] == {"st-mary": "live", "st-john": "silent"}, said.text
    assert planned({"st-john": None}).json()["planned"] == {"st-mary": "live"}
    case = opened(call, sites=["icu", "st-mary"])
    assert (case["sites"], case["planned"]) == (["icu", "st-mary"], {"st-mary": "live"})
    path = f"/reviews/{case['id']}"
    tag = {"If-Match": f'"{case["revision"]}"'}
    before = call("GET", path, who="viewer").json()["table"]
    assert call("POST", f"{path}/planned", who="mary", json={"planned": {"st-mary": "pilot"}}).status_code == 428
    changed = call("POST", f"{path}/planned", who="mary", json={"planned": {"st-mary": "pilot"}}, headers=tag)
    assert changed.json()["planned"] == {"st-mary": "pilot"}, changed.text
    assert call("GET", path, who="viewer").json()["table"] != before
