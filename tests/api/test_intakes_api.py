"""Proposals and tiers over the API: answered, sent in, triaged, lowered by two."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "review"))
from intake_answers import SEPSIS

FULL = SEPSIS | {"owner": "owner", "site": "st-mary", "product_name": "EarlyWatch"}


def begun(call: Any, answers: dict[str, Any], who: str = "owner") -> dict[str, Any]:
    answer = call("POST", "/intakes", who=who, json={"answers": answers})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/intakes/{answer.json()['id']}"
    return answer.json()


def sent(call: Any, name: str, revision: int, who: str = "owner", **body: Any) -> Any:
    return call("POST", f"/intakes/{name}/submission", who=who, json=body, headers={"If-Match": f'"{revision}"'})


def test_a_program_answers_as_much_as_it_knows_and_is_told_what_is_asked_next(call):
    made = begun(call, {"name": "Sepsis", "kind": "bought"})
    put = call(
        "PUT",
        f"/intakes/{made['id']}/answers",
        who="owner",
        json={"name": "Sepsis", "kind": "built", "patients_a_year": "many"},
        headers={"If-Match": '"1"'},
    )
    assert put.status_code == 200, put.text
    read = put.json()
    asked = {one["id"]: one for one in read["asked"]}
    assert put.headers["etag"] == '"2"'
    assert "vendor" not in asked  # what is built has no vendor
    assert asked["kind"]["choices"]["built"] == "We build it"
    assert read["aside"] == ["patients_a_year"]  # kept, and counted for nothing while it is not asked
    assert not read["complete"]
    stale = call("PUT", f"/intakes/{made['id']}/answers", who="owner", json={}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


def test_a_complete_proposal_becomes_a_use_with_a_tier_and_no_case(call):
    made = begun(call, FULL)
    done = sent(call, made["id"], made["revision"])
    assert done.status_code == 200, done.text
    body = done.json()
    assert (body["use"]["stage"], body["use"]["tier"]) == ("triaged", "medium")
    assert body["intake"]["state"] == "submitted"
    assert call("GET", "/reviews", who="viewer", params={"use": body["use"]["id"]}).json()["items"] == []
    again = sent(call, made["id"], body["intake"]["revision"])
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "intake-closed")


def test_an_incomplete_proposal_names_each_question(call):
    made = begun(call, {k: v for k, v in FULL.items() if k not in ("risks", "users")})
    refused = sent(call, made["id"], made["revision"])
    assert refused.status_code == 422
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/answers/users", "/answers/risks"]


def test_a_likely_duplicate_is_a_conflict_until_it_is_said_to_be_another(call):
    made = begun(call, FULL)
    first = sent(call, made["id"], made["revision"]).json()["use"]
    second = begun(call, FULL | {"product": first["product"]})
    refused = sent(call, second["id"], second["revision"])
    assert refused.status_code == 409
    assert first["id"] in refused.json()["detail"]
    assert sent(call, second["id"], second["revision"], another_use=True).status_code == 200


def test_an_answer_names_a_record_by_its_id_its_name_or_an_address_and_stands_as_typed_where_it_names_none(call):
    made = begun(call, {"owner": "OWNER@hospital.test", "site": "st-mary", "planned": ["ICU: silent", "nowhere: live"]})
    assert (made["answers"]["owner"], made["answers"]["site"]) == ("owner", "st-mary")
    assert made["answers"]["planned"] == ["icu: silent", "nowhere: live"]
    said = {"name": "Sepsis", "owner": "The owner", "site": "ICU", "product": "Nothing of the kind"}
    put = call(
        "PUT", f"/intakes/{made['id']}/answers", who="owner", json=said, headers={"If-Match": f'"{made["revision"]}"'}
    )
    assert put.status_code == 200, put.text
    kept = put.json()["intake"]["answers"]
    assert kept == {"name": "Sepsis", "owner": "owner", "site": "icu", "product": "Nothing of the kind"}
    wrong = {one["question"] for one in put.json()["faults"] if not one["missing"]}
    assert wrong == {"product"}


def test_an_answer_to_no_question_is_refused_with_its_place(call):
    answer = call("POST", "/intakes", who="owner", json={"answers": {"tier": "low"}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/answers/tier")


def test_the_same_beginning_again_is_one_proposal(call):
    once = {"Idempotency-Key": "one"}
    first = call("POST", "/intakes", who="owner", json={}, headers=once).json()
    assert call("POST", "/intakes", who="owner", json={}, headers=once).json()["id"] == first["id"]


def test_a_use_of_the_book_and_a_file_begin_a_proposal(call, real_data):
    use = call("POST", "/intakes", who="mary", json={"use": "mary-use", "answers": {"users": "ward nurse"}}).json()
    assert use["answers"]["purpose"] == "Find sepsis early"
    assert "users" not in use["sources"]
    card = (real_data / "governance/chai-model-cards/Aidoc_iPE-03-RT.xml").read_bytes()
    headers = {"Content-Type": "application/xml"}
    begun_ = call("POST", "/intakes/from-file", who="owner", content=card, headers=headers)
    assert begun_.status_code == 201, begun_.text
    assert begun_.json()["sources"]["vendor"].startswith("the developer, in the model card")
    assert call("POST", "/intakes/from-file", who="owner", content=b"%PDF", headers=headers).status_code == 422


def test_others_read_no_draft_but_those_who_see_the_whole_house(call):
    made = begun(call, {"name": "Mine"}, who="mary")
    assert call("GET", f"/intakes/{made['id']}", who="mary").status_code == 200
    assert call("GET", f"/intakes/{made['id']}", who="auditor").status_code == 200
    other = begun(call, {"name": "Theirs"})
    assert call("GET", f"/intakes/{other['id']}", who="mary").status_code == 404
    assert call("GET", "/intakes", who="viewer").status_code == 403


def test_the_questions_of_an_edition_are_there_to_read(call):
    found = call("GET", "/intake-questions/2026-11", who="owner").json()
    assert found[0]["id"] == "name"
    assert call("GET", "/intake-questions/1999-01", who="owner").status_code == 422


def test_a_tier_rises_by_one_and_falls_by_two(call):
    triaged = call("POST", "/uses/mary-use/triage", who="owner")
    assert triaged.status_code == 200, triaged.text
    assert triaged.json()["tier"] == "high"  # hardly anything of it is known
    read = call("GET", "/uses/mary-use/triage", who="viewer").json()
    assert {one["question"] for one in read["unknown"]} >= {"significance"}
    why = "It orders linen, whatever its record leaves open"
    asked = call("POST", "/uses/mary-use/tier", who="chair", json={"tier": "low", "why": why}).json()
    assert (asked["state"], asked["tier"]) == ("a lower tier was asked for", "high")
    path, tag = f"/triages/{asked['id']}", {"If-Match": f'"{asked["revision"]}"'}
    assert call("POST", f"{path}/agreement", who="chair", headers=tag).status_code == 422
    assert call("POST", f"{path}/agreement", who="reviewer", headers=tag).status_code == 403
    agreed = call("POST", f"{path}/agreement", who="officer", headers=tag)
    assert (agreed.status_code, agreed.json()["tier"]) == (200, "low"), agreed.text
    again = {"If-Match": agreed.headers["etag"]}
    late = call("POST", f"{path}/refusal", who="officer", json={"why": "Too late"}, headers=again)
    assert (late.status_code, late.json()["type"].rpartition("/")[2]) == (409, "nothing-asked")
    bare = call("POST", "/uses/john-use/tier", who="chair", json={"tier": "low", "why": why})
    assert (bare.status_code, bare.json()["type"].rpartition("/")[2]) == (409, "not-triaged")


def test_a_determination_about_research_is_recorded(call):
    said = {
        "outcome": "exempt research",
        "determined_by": "IRB office",
        "determined_on": "2026-10-01",
        "exempt_category": 4,
        "covers": "A retrospective look",
    }
    made = call("POST", "/uses/mary-use/determinations", who="officer", json=said)
    assert made.status_code == 201, made.text
    assert call("GET", "/uses/mary-use/triage", who="viewer").json()["determination"]["exempt_category"] == 4
    wrong = call("POST", "/uses/mary-use/determinations", who="officer", json=said | {"exempt_category": None})
    assert wrong.status_code == 422
