"""Keys over the API: each step stands in the log with the request it came with and the reason that was given."""

from __future__ import annotations

import pytest

from codman.evidence.keys import generate, read_signing_key
from codman.registry.log import entries


@pytest.fixture
def pem(tmp_path):
    def make(name):
        generate(tmp_path / name)
        return read_signing_key(tmp_path / f"{name}.key").public.pem

    return make


def said(hospital, reply):
    """What the log says of the request that a reply answers."""
    with hospital.house.database.reading() as connection:
        found = [one for one in entries(connection) if one.value.get("request") == reply.headers["X-Request-Id"]]
    return [(one.value["action"], one.texts.get("why")) for one in found]


def test_a_key_is_registered_rotated_and_revoked_with_request_and_reason_in_the_log(call, hospital, pem):
    new = {"name": "one", "owner_kind": "lab", "owner": "Lab", "origins": ["attested"], "public_pem": pem("one")}
    made = call("POST", "/keys", json=new, headers={"Codman-Reason": "the%20lab%20sent%20it"})
    where = made.headers["Location"]
    named = {"Codman-Reason": "a%20year%20is%20over", "If-Match": made.headers["ETag"]}
    rotated = call("POST", f"{where}/rotation", json={"name": "two", "public_pem": pem("two")}, headers=named)
    again = {"Codman-Reason": "the%20laptop%20was%20lost", "If-Match": rotated.headers["ETag"]}
    revoked = call("POST", f"{rotated.headers['Location']}/revocation", json={}, headers=again)

    assert [reply.status_code for reply in (made, rotated, revoked)] == [201, 201, 200]
    assert said(hospital, made) == [("key.create", "the lab sent it")]
    assert said(hospital, rotated) == [("key.create", "a year is over"), ("key.change", "a year is over")]
    assert said(hospital, revoked) == [("key.change", "the laptop was lost")]


def test_a_rotation_names_the_revision_that_was_looked_at(call, pem):
    new = {"name": "one", "owner_kind": "lab", "owner": "Lab", "origins": ["attested"], "public_pem": pem("one")}
    where = call("POST", "/keys", json=new).headers["Location"]
    next_ = {"name": "two", "public_pem": pem("two")}

    assert call("POST", f"{where}/rotation", json=next_).status_code == 428
    stale = call("POST", f"{where}/rotation", json=next_, headers={"If-Match": '"7"'})
    assert (stale.status_code, stale.json()["revision"]) == (412, 1)
    assert len(call("GET", "/keys").json()["items"]) == 1
