"""Attacks by people who have an account and want more than it gives them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from api_hospital import Caller, Hospital, furnish
from one_house import statement

from codman.api.app import make_api
from codman.flows.tokens import create_token
from codman.registry import nouns
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.accounts_invitations import LinkSpent, invite
from codman.registry.accounts_passwords import Passwords
from codman.registry.accounts_sign_in import Browser, join
from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.registry.records import AlreadyThere
from codman.settings import read_settings
from codman.spine.person import Role
from codman.wiring import open_house

PASSWORD = "mauve tractor pickle"  # noqa: S105 (nobody has it)
CHEAP = Passwords(memory_kib=64, passes=1, lanes=1)
REASON = {"If-Match": '"1"'}
AT_MARY = ("viewer", "owner", "engineer", "admin")


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    house = open_house(read_settings(workspace=tmp_path / "work"))
    made = furnish(house)
    with house.database.changing(SYSTEM) as change:
        for role in AT_MARY:
            name = f"{role}-mary"
            nouns.PEOPLE.add(change, nouns.PEOPLE.validated({"name": name, "email": f"{name}@hospital.test"}), name)
            grant = {"person": name, "role": role, "site": "st-mary"}
            nouns.GRANTS.add(change, nouns.GRANTS.validated(grant), f"grant-{name}")
            made.tokens[name] = issue(change, name, ["*"], house.database.clock(), days=1, name="t").secret
    yield made
    house.close()


@pytest.fixture
def call(hospital: Hospital) -> Iterator[Caller]:
    caller = Caller(make_api(hospital.house), hospital.tokens)
    yield caller
    caller.close()


@pytest.mark.parametrize("who", [f"{role}-mary" for role in AT_MARY])
def test_no_list_search_count_or_export_speaks_of_another_hospital(call, who):
    lists = ("uses", "inventory", "inventory/facets", "deployments", "facts", "documents", "sites", "evidence")
    asked = [
        *lists,
        "inventory/export?format=csv",
        "inventory/export?format=json",
        "inventory?q=John",
        "uses?at=st-john",
        "uses?site=st-john",
        "inventory/facets?at=st-john",
        "facts?about=john-use",
        "deployments?use=john-use",
        "evidence?use=john-use",
        "people/mary/grants",
    ]

    for path in asked:
        answer = call("GET", f"/{path}", who=who)
        assert answer.status_code == 200, (path, answer.text)
        assert "john" not in answer.text.lower(), path


@pytest.mark.parametrize("who", [f"{role}-mary" for role in AT_MARY])
def test_what_belongs_to_another_hospital_is_not_there(call, who):
    for path in ("uses/john-use", "uses/john-use/deployments", "deployments/john-run", "facts/fact-1", "sites/st-john"):
        assert call("GET", f"/{path}", who=who).status_code == 404, path
    for path, patch in (("uses/john-use", {"purpose": "x"}), ("deployments/john-run", {"mode": "live"})):
        answer = call("PATCH", f"/{path}", who=who, headers=REASON, json=patch)
        assert answer.status_code in (403, 404), path


@pytest.mark.parametrize("moved", [{"use": "mary-other"}, {"site": "st-mary"}])
def test_an_acceptance_does_not_move_to_what_the_clinician_never_saw(call, moved):
    other = {"id": "mary-other", "product": "sepsis", "name": "Sepsis, discharge without review", "site": "st-mary"}
    assert call("POST", "/uses", json=other).status_code == 201  # who sees the whole house may choose an id
    accepted = call("POST", "/deployments/icu-run/acceptance", who="reviewer", headers=REASON)
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["accepted_at"]

    answer = call("PATCH", "/deployments/icu-run", who="owner-mary", headers={"If-Match": '"2"'}, json=moved)

    assert answer.status_code >= 400 or answer.json()["accepted_at"] is None


def test_a_viewer_shows_no_view_to_the_whole_house(call):
    view = {"name": "All is well", "query": "stage=live", "shared": True}

    assert call("POST", "/views", who="viewer-mary", json=view).status_code == 403
    assert call("POST", "/views", who="viewer-mary", json=view | {"shared": False}).status_code == 201
    assert call("POST", "/views", who="owner-mary", json=view).status_code == 201


def test_an_engineer_of_one_hospital_does_not_rewrite_what_is_said_of_anothers_product(call):
    said = {"about_kind": "product", "about": "sepsis", "field": "hti-1/1.i", "value": "Acme", "source": "card"}
    made = call("POST", "/facts", who="officer", json=said | {"id": "fact-of-all"})
    assert made.status_code == 201, made.text

    answer = call("PATCH", "/facts/fact-of-all", who="engineer-mary", headers=REASON, json={"value": "nobody"})

    assert answer.status_code == 403


def test_an_administrator_of_one_hospital_does_not_become_somebody_who_never_signed_in(hospital):
    database, settings = hospital.house.database, hospital.house.settings
    with database.changing(SYSTEM) as change:
        link = invite(
            change,
            Role.VIEWER,
            database.clock(),
            invited_by="admin-mary",
            email="officer@hospital.test",  # officer of the whole house, with no password yet
            site="st-mary",
        )

    with pytest.raises((AlreadyThere, LinkSpent, NotAllowed)):
        join(
            database,
            link,
            name="Not the officer",
            email="officer@hospital.test",
            password=PASSWORD,
            browser=Browser(address="192.0.2.7"),
            settings=settings,
            passwords=CHEAP,
        )


def test_an_administrator_of_the_house_may_invite_whom_the_book_knows(hospital):
    database, settings = hospital.house.database, hospital.house.settings
    with database.changing(SYSTEM) as change:
        link = invite(
            change, Role.VIEWER, database.clock(), invited_by="admin", email="officer@hospital.test", site=None
        )

    opened = join(
        database,
        link,
        name="The officer",
        email="officer@hospital.test",
        password=PASSWORD,
        browser=Browser(address="192.0.2.7"),
        settings=settings,
        passwords=CHEAP,
    )

    assert opened.token


@pytest.mark.parametrize(
    "scope",
    [
        "*",
        "use.decide",
        "deployment.*",
        "deployment.accept",
        "*.accept",
        "token.create",
        "triage.change",
        "case.create",
        "case.change",
        "condition.change",
        "concern.change",
        "report.excuse",
        "incident.change",
        "monitor.create",
    ],
)
def test_an_administrator_makes_no_token_with_which_to_decide_as_somebody_else(hospital, scope):
    admin = Reader("admin", "The admin", (Held(Role.ADMIN),))

    with pytest.raises(NotAllowed):
        create_token(hospital.house, admin, "chair", [scope], name="mine")


def test_an_administrator_makes_a_pipelines_token(hospital):
    admin = Reader("admin", "The admin", (Held(Role.ADMIN),))

    made = create_token(hospital.house, admin, "engineer", ["evidence.*", "*.read"], name="nightly")

    assert made.token.person == "engineer"


def test_nobody_uses_up_the_event_names_of_another_hospitals_pipeline(call):
    event = {"specversion": "1.0", "id": "run-42", "source": "/st-john/nightly", "type": "t"}
    headers = {"Content-Type": "application/cloudevents+json"}
    first = json.loads(statement(1))
    squatted = call("POST", "/evidence", who="engineer-mary", headers=headers, json=event | {"data": first})
    assert squatted.status_code == 201, squatted.text

    sent = call("POST", "/evidence", who="engineer", headers=headers, json=event | {"data": json.loads(statement(2))})

    assert sent.status_code == 201, sent.text


def test_nobody_reads_the_reply_that_another_got_for_the_same_key(call):
    site = {"name": "secret ward", "level": "unit", "parent": "st-mary"}
    first = call("POST", "/sites", who="officer", headers={"Idempotency-Key": "k1"}, json=site)
    assert first.status_code == 201, first.text

    again = call("POST", "/sites", who="admin-mary", headers={"Idempotency-Key": "k1"}, json=site)

    assert again.status_code == 201
    assert again.json()["id"] != first.json()["id"]
