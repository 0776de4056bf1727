"""Who may do what at the API's door: every operation, every role, every method, own and other sites."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codman.api.access import Undeclared
from codman.api.app import make_api
from codman.api.operation import OPEN
from codman.api.routes.catalog import every_operation
from codman.registry.access import ACTIONS
from codman.spine.person import Role

_KNOWN = {
    "id": "mary-use",
    "digest": "a" * 64,
    "kind": "evaluation",
    "index": "0",
    "grant": "grant-owner",
    "token": "t",
    "name": "omb-2025",
    "edition": "2026-11",
}


# the table of rights does not hang on the book's database
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _ask(call, operation, who):
    path = operation.path
    for word in operation.parameters:
        path = path.replace("{" + word + "}", _KNOWN[word])
    request = {"json": {}} if operation.body is not None else {}
    return call(operation.method, path if operation.at_root else f"/api/v1{path}", who=who, **request)


@on_sqlite
def test_each_role_passes_each_door_that_the_table_opens_and_no_other(call):
    wrong = []
    for operation in every_operation():
        for role in Role:
            reply = _ask(call, operation, role)
            allowed = operation.action == OPEN or any(role in ACTIONS[action] for action in operation.action.split("|"))
            # whoever may pass meets the record's own rules next, which may refuse this made-up request
            if (
                (reply.status_code == 403)
                if allowed and operation.method == "GET"
                else (not allowed and reply.status_code != 403)
            ):
                named = operation.name, role.value, reply.status_code
                wrong.append(named)

    # the log and others' tokens are for the whole house or their owner: these say no to some who may pass
    assert [one for one in wrong if one[0] not in ("list_tokens", "get_token")] == []


@on_sqlite
def test_without_a_token_only_what_is_open_answers(call):
    for operation in every_operation():
        status = _ask(call, operation, None).status_code
        assert (status == 401) == (operation.action != OPEN), operation.name


@on_sqlite
def test_somebody_without_any_role_may_do_nothing(call):
    for operation in every_operation():
        status = _ask(call, operation, "nobody").status_code
        assert (status == 403) == (operation.action != OPEN), operation.name


def test_every_route_of_the_application_is_in_the_table(hospital):
    app = make_api(hospital.house)
    listed = {
        (method, operation.path if operation.at_root else "/api/v1" + operation.path)
        for operation in every_operation()
        for method in ({"GET", "HEAD"} if operation.method == "GET" else {operation.method})
    }
    served = {(method, route.path) for route in app.router.routes for method in route.methods}

    assert served == listed


def test_the_api_does_not_start_with_an_operation_that_nobody_decided_on(hospital):
    known = every_operation()
    with pytest.raises(Undeclared):
        make_api(hospital.house, [replace(known[0], action="use.admire")])
    with pytest.raises(Undeclared):
        make_api(hospital.house, [known[0], known[0]])


def test_a_token_of_one_scope_does_that_and_nothing_else(call):
    made = call("POST", "/people/officer/tokens", json={"name": "ci", "scopes": ["evidence.submit"]}).json()
    narrow = {"Authorization": f"Bearer {made['secret']}"}

    assert call("GET", "/uses", who=None, headers=narrow).status_code == 403
    assert call("POST", "/evidence", who=None, headers=narrow, json={}).status_code == 422
    tag = {"If-Match": '"1"'}
    assert call("DELETE", f"/people/officer/tokens/{made['id']}", headers=tag).status_code == 204
    assert call("POST", "/evidence", who=None, headers=narrow, json={}).status_code == 401


def test_tokens_are_ones_own_or_an_administrators(call):
    body = {"name": "ci", "scopes": ["*"]}

    assert call("POST", "/people/viewer/tokens", json=body).status_code == 403
    assert call("GET", "/people/viewer/tokens").status_code == 403
    assert call("POST", "/people/viewer/tokens", who="admin", json=body).status_code == 403
    for_a_program = {"name": "ci", "scopes": ["*.read"]}  # all but deciding and accepting in somebody's name
    assert call("POST", "/people/viewer/tokens", who="admin", json=for_a_program).status_code == 201
    listed = call("GET", "/people/viewer/tokens", who="viewer")
    assert "secret" not in listed.text


def test_only_the_clinician_it_names_accepts_a_deployment(call):
    tag = {"If-Match": '"1"'}

    assert call("POST", "/deployments/icu-run/acceptance", who="officer", headers=tag).status_code == 403
    accepted = call("POST", "/deployments/icu-run/acceptance", who="reviewer", headers=tag)
    assert accepted.json()["accepted_at"] is not None


def test_an_acceptance_names_the_decision_that_was_read_and_is_of_no_other(call):
    tag = {"If-Match": '"1"'}
    refused = call("POST", "/deployments/icu-run/acceptance?on=case-of-yesterday", who="reviewer", headers=tag)

    assert refused.status_code == 412
    assert "decided anew meanwhile" in refused.text
    accepted = call("POST", "/deployments/icu-run/acceptance?on=undecided", who="reviewer", headers=tag)
    assert accepted.json()["accepted_at"] is not None


def test_what_a_review_sets_is_not_the_owners_to_set(call):
    tag = {"If-Match": '"1"'}

    assert call("PATCH", "/uses/mary-use", who="owner", json={"stage": "live"}, headers=tag).status_code == 403
    assert call("PATCH", "/uses/mary-use", who="chair", json={"topic": "x"}, headers=tag).status_code == 403
    assert call("PATCH", "/uses/mary-use", who="chair", json={"stage": "live"}, headers=tag).status_code == 200


def test_the_log_is_for_those_who_answer_for_the_whole_house(call):
    grant = {"role": "auditor", "site": "st-mary"}
    assert call("POST", "/people/nobody/grants", who="admin", json=grant).status_code == 201

    assert call("GET", "/audit", who="nobody").status_code == 403
    assert call("GET", "/audit", who="auditor").status_code == 200
