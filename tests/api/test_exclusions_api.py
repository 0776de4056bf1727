"""Over the API: that a requirement does not apply, said by one person and agreed to by a second."""

from __future__ import annotations

from typing import Any

WHY = "It raises no alerts: its score is read in a list"


def opened(call: Any) -> dict[str, Any]:
    body = {"use": "mary-use", "checkpoint": "go-live", "sites": ["icu"], "quorum": 3}
    return call("POST", "/reviews", who="mary", json=body).json()


def missing(call: Any, case: str) -> list[str]:
    read = call("GET", f"/reviews/{case}", who="viewer").json()
    return [one["id"] for one in read["requirements"] if one["outcome"] == "missing"]


def test_the_owner_says_so_the_chair_agrees_and_the_review_tells_who_did(call):
    case = opened(call)["id"]
    first, second, *_ = missing(call, case)
    said = call("POST", f"/reviews/{case}/exclusions", who="mary", json={"requirement": first, "why": WHY})
    assert (said.status_code, said.json()["state"]) == (200, "asked"), said.text
    one = said.json()
    path, tag = f"/exclusions/{one['id']}", {"If-Match": said.headers["etag"]}
    assert call("POST", f"{path}/agreement", who="mary", headers=tag).status_code == 403
    assert call("POST", f"{path}/agreement", who="chair").status_code == 428
    agreed = call("POST", f"{path}/agreement", who="chair", headers=tag)
    assert (agreed.status_code, agreed.json()["state"]) == (200, "standing"), agreed.text

    read = call("GET", f"/reviews/{case}", who="viewer").json()
    now = next(r for r in read["requirements"] if r["id"] == first)
    assert (now["outcome"], now["stops"], WHY in now["sentence"]) == ("not-applicable", False, True)
    assert [(e["asked_by"], e["agreed_by"]) for e in read["exclusions"]] == [("mary", "chair")]
    assert second in missing(call, case)
    again = call("POST", f"{path}/agreement", who="chair", headers={"If-Match": agreed.headers["etag"]})
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "exclusion-settled")
    ended = call(
        "POST", f"{path}/refusal", who="chair", json={"why": "It alerts"}, headers={"If-Match": agreed.headers["etag"]}
    )
    assert ended.json()["state"] == "ended"
    assert first in missing(call, case)


def test_what_cannot_be_said_is_refused_with_a_reason(call):
    case = opened(call)["id"]
    first = missing(call, case)[0]
    path = f"/reviews/{case}/exclusions"
    assert call("POST", path, who="viewer", json={"requirement": first, "why": WHY}).status_code == 403
    assert call("POST", path, who="mary", json={"requirement": first, "why": "no"}).status_code == 422
    assert call("POST", path, who="mary", json={"requirement": "no-such", "why": WHY}).status_code == 422
    assert call("POST", path, who="mary", json={"requirement": first, "why": WHY}).status_code == 200
    assert call("POST", path, who="mary", json={"requirement": first, "why": WHY}).status_code == 409
