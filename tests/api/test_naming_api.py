"""Bodies that name a record: by its id, an e-mail address or its exact name; what is unclear is answered with a way."""

from __future__ import annotations

import pytest

from codman.registry import nouns
from codman.registry.log import SYSTEM

USE = {"product": "sepsis", "name": "Sepsis on the ward"}


@pytest.mark.parametrize("said", ["mary", "mary@hospital.test", "MARY@Hospital.test", " the Mary "])
def test_a_person_is_named_by_id_address_or_name(call, said):
    made = call("POST", "/uses", json={**USE, "owner": said})
    assert made.status_code == 201, made.text
    assert made.json()["owner"] == "mary"


def test_products_sites_and_lists_of_them_are_named_too(call):
    made = call("POST", "/uses", json={**USE, "product": "Sepsis score", "site": "St-Mary"})
    assert (made.json()["product"], made.json()["site"]) == ("sepsis", "st-mary")
    opened = call("POST", "/reviews", json={"use": "Sepsis at St Mary", "checkpoint": "go-live", "sites": ["ICU"]})
    assert (opened.json()["use"], opened.json()["sites"]) == ("mary-use", ["icu"])
    etag = made.headers["etag"]
    edited = call("PATCH", f"/uses/{made.json()['id']}", json={"owner": "The mary"}, headers={"If-Match": etag})
    assert edited.json()["owner"] == "mary"


def test_a_name_that_several_have_is_answered_with_them_and_where_ids_are(call, hospital):
    with hospital.house.database.changing(SYSTEM) as change:
        again = nouns.PEOPLE.validated({"name": "The mary", "email": "m2@hospital.test"})
        nouns.PEOPLE.add(change, again, "mary-2")
    answer = call("POST", "/uses", json={**USE, "owner": "The mary"})
    assert answer.status_code == 422
    problem = answer.json()
    assert "mary (The mary, mary@hospital.test), mary-2 (The mary, m2@hospital.test)" in problem["detail"]
    assert problem["fix"] == "give its id: GET /api/v1/people"
    assert problem["errors"][0]["pointer"] == "/owner"


def test_a_name_that_nobody_has_is_answered_with_what_is_near_it(call):
    answer = call("POST", "/uses", json={**USE, "owner": "Mary Miller"})
    assert answer.status_code == 422
    assert "near it: mary (The mary, mary@hospital.test)" in answer.json()["detail"]
    assert call("POST", "/uses", json={**USE, "owner": "no-such-id"}).status_code == 422


def test_what_a_reader_may_not_see_is_neither_found_nor_near(call):
    asked = {"use": "Sepsis at St John", "checkpoint": "go-live"}
    answer = call("POST", "/reviews", who="mary", json=asked)
    assert answer.status_code == 422
    assert "john-use" not in answer.text


def test_the_schema_says_what_these_fields_take(call):
    schemas = call("GET", "/api/v1/openapi.json").json()["components"]["schemas"]
    owner = schemas["NewUse"]["properties"]["owner"]["anyOf"][0]
    assert owner["description"] == "A person: their id, e-mail address, or exact name"
    assert "pattern" not in owner
    assert "pattern" in schemas["Use"]["properties"]["owner"]["anyOf"][0]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/schedules",
            {
                "partner": "team", "partner_name": "Team", "owner": "mary", "every_months": 3,
                "first_due": "2027-01-31",
            },
        ),
        (
            "/change-plans",
            {
                "modifications": ["version"], "allows": {"version": ["3.*"]}, "protocol": "As before.",
                "requirements": ["ranks"], "impact": "Small.",
            },
        ),
        ("/intakes", {}),
        ("/reviews", {"checkpoint": "go-live"}),
    ],
)  # fmt: skip
def test_a_body_about_a_use_that_is_not_there_is_answered_as_the_document_says(call, path, body):
    described = call("GET", "/openapi.json").json()["paths"][f"/api/v1{path}"]["post"]["responses"]

    answer = call("POST", path, json={**body, "use": "use-nowhere"})

    assert answer.status_code == 404, answer.text
    assert "404" in described
