"""Concerns over the API: raised, taken in hand, paused, met, closed; and the counts that leave."""

from __future__ import annotations

from typing import Any

SAID = {"category": "it missed something", "severity": "serious harm or death", "words": "Two hours late."}


def raised(call: Any, **more: Any) -> dict[str, Any]:
    answer = call("POST", "/concerns", who="viewer", json={**SAID, "use": "mary-use", "site": "icu", **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/concerns/{answer.json()['id']}"
    return answer.json()


def stepped(call: Any, one: dict[str, Any], word: str, body: dict[str, Any], who: str = "chair") -> Any:
    headers = {"If-Match": f'"{one["revision"]}"'}
    return call("POST", f"/concerns/{one['id']}/{word}", who=who, json=body, headers=headers)


def kind(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


def test_from_raised_to_closed(call):
    call("PATCH", "/uses/mary-use", json={"stage": "live"}, headers={"If-Match": '"1"'})
    one = raised(call)
    assert (one["pause"], one["clock"]) == ("proposed", "21-cfr-803/user-facility-death")
    read = call("GET", f"/concerns/{one['id']}", who="reviewer").json()
    assert (read["seen_by"], read["people"], read["overdue"]) == ("accountable clinician", ["reviewer"], False)
    assert len(read["lacking"]) == 3

    taken = call("POST", f"/concerns/{one['id']}/acknowledgement", who="reviewer").json()
    assert taken["acknowledged_by"] == "reviewer"
    assert kind(stepped(call, taken, "closing", {"finding": "Found"})) == (409, "cannot-close")
    paused = stepped(call, taken, "pause", {"pause": "taken", "reason": "Late"}).json()
    assert paused["pause"] == "taken"
    assert call("GET", "/uses/mary-use").json()["stage"] == "paused"
    rule = {"rule": "21-cfr-803/user-facility-serious-injury", "why": "An injury", "aware_on": None}
    clocked = stepped(call, paused, "clock", rule).json()
    met = stepped(call, clocked, "report", {"on": clocked["raised_at"][:10]}).json()
    action = {"kind": "corrective", "sentence": "Mend it", "owner": "engineer", "due_on": "2999-01-01"}
    given = call("POST", f"/concerns/{one['id']}/actions", who="chair", json=action).json()
    done = call(
        "POST",
        f"/actions/{given['id']}/completion",
        who="engineer",
        json={"result": "Mended"},
        headers={"If-Match": '"1"'},
    )
    assert done.json()["result"] == "Mended"
    closed = stepped(call, met, "closing", {"finding": "The feed was late."})
    assert closed.json()["state"] == "closed"
    assert kind(stepped(call, closed.json(), "closing", {"finding": "x"})) == (409, "concern-closed")


def test_what_is_known_by_now_needs_the_revision_and_only_known_fields(call):
    one = raised(call, severity="unknown")
    path, body = f"/concerns/{one['id']}", {"severity": "harm", "event_reference": "RL-7"}
    assert call("PATCH", path, who="reviewer", json=body).status_code == 428
    assert call("PATCH", path, who="reviewer", json=body, headers={"If-Match": '"9"'}).status_code == 412
    wrong = call("PATCH", path, who="reviewer", json={"words": "x"}, headers={"If-Match": '"1"'})
    assert wrong.status_code == 422
    changed = call("PATCH", path, who="reviewer", json=body, headers={"If-Match": '"1"'})
    assert changed.json()["event_reference"] == "RL-7"


def test_sent_again_it_is_one_concern_and_with_other_words_a_conflict(call):
    once = {"Idempotency-Key": "one"}
    body = {**SAID, "use": "mary-use"}
    first = call("POST", "/concerns", json=body, headers=once)
    assert call("POST", "/concerns", json=body, headers=once).json()["id"] == first.json()["id"]
    assert kind(call("POST", "/concerns", json={**body, "words": "x"}, headers=once)) == (409, "key-reused")


def test_a_concern_of_another_hospital_is_not_there_and_a_viewer_reads_none(call):
    one = raised(call, use="john-use", site="st-john")
    assert call("GET", f"/concerns/{one['id']}", who="mary").status_code == 404
    assert call("GET", "/concerns", who="mary").json()["items"] == []
    assert call("GET", "/concerns", who="viewer").status_code == 403
    assert call("POST", "/concerns", who="mary", json={**SAID, "use": "john-use"}).status_code == 404
    (listed,) = call("GET", "/concerns", params={"severity": "serious harm or death", "use": "john-use"}).json()[
        "items"
    ]
    assert listed["id"] == one["id"]


def test_what_cannot_be_kept_is_refused_with_its_place(call):
    future = call("POST", "/concerns", json={**SAID, "happened_on": "2999-01-01"})
    assert (future.status_code, future.json()["errors"][0]["pointer"]) == (422, "/happened_on")
    assert call("POST", "/concerns", json={**SAID, "words": "x" * 4001}).status_code == 422
    assert call("POST", "/concerns", json={"category": "nothing"}).status_code == 422
    one = raised(call, use=None, site=None)
    assert kind(stepped(call, one, "pause", {"pause": "proposed"})) == (409, "nothing-to-pause")


def test_counts_come_as_json_and_csv_without_the_quarter_that_runs(call):
    raised(call)
    told = call("GET", "/concerns/export")
    assert (told.json()["cells"], told.json()["fewest"]) == ([], 5)
    table = call("GET", "/concerns/export", params={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text == "quarter,category,severity,count,suppressed\r\n"
    assert call("GET", "/concerns/export", who="reviewer").status_code == 403
