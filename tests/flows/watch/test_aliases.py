"""A rollback that MLflow carries out: the alias moves, is tried again until it does, and the book says so."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "integrations"))
from mlflow_server import free_port, real_server
from sqlalchemy import select
from test_rolling_back import ROLLS_BACK, acted, allowed, decided, version_that_runs
from watched import Watched

from codman.egress.policy import read_policy
from codman.flows.outbox import outbox_round
from codman.flows.watch.aliases import MLFLOW, keep_aliases
from codman.flows.watch.keeping import plan_use
from codman.flows.watch.rolling_back import confirm_rollback, decline_rollback, finish_rollback
from codman.integrations.mlflow_alias import TAG, MlflowAlias
from codman.jobs.outbox import parked
from codman.jobs.tables import outbox
from codman.registry import governance
from codman.registry.log import SYSTEM, entries
from codman.registry.nouns import DEPLOYMENTS, VERSIONS
from codman.registry.replay import check_records
from codman.spine.product import VersionFields

ALIAS = "models:/sepsis@champion"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real MLflow server that serves version 2 of sepsis; version 1 is known here as 1.1.0."""
    with real_server(tmp_path_factory.mktemp("mlflow")) as address:
        with httpx.Client(base_url=f"{address}/api/2.0/mlflow/", trust_env=False, timeout=30) as client:
            client.post("registered-models/create", json={"name": "sepsis"}).raise_for_status()
            for label in ("1.1.0", "1.2.0"):
                body = {"name": "sepsis", "source": f"s3://sepsis/{label}", "tags": [{"key": TAG, "value": label}]}
                client.post("model-versions/create", json=body).raise_for_status()
        yield address


@pytest.fixture
def house(tmp_path, database_url, server):
    body = {"name": "sepsis", "alias": "champion", "version": "2"}
    httpx.post(f"{server}/api/2.0/mlflow/registered-models/alias", json=body, trust_env=False).raise_for_status()
    made = Watched(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="1.1.0", digest="c" * 64), "sepsis-110")
        DEPLOYMENTS.change(change, "d-north", {"serves": ALIAS}, None)
    decided(made, "case-110", "sepsis-110", "2026-03-01T09:00:00Z")
    decided(made, "case-120", "sepsis-120", "2026-08-01T09:00:00Z")
    made.monitor = plan_use(made.house, made.person("owner"), "ward", text=ROLLS_BACK, why="what is tried here")
    allowed(made)
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def by_way_of(house: Watched, address: str) -> None:
    """Have the house know an MLflow server."""
    house.house = replace(house.house, notifiers={MLFLOW: MlflowAlias(address, read_policy([], []))})


def confirmed(house: Watched):
    (step,) = acted(house)
    return confirm_rollback(house.house, house.person("owner"), step.id, step.revision, "seen on the ward too")


def step_now(house: Watched):
    with house.house.database.reading() as connection:
        (step,) = governance.every(connection, "watch_step")
        return step


def points_at(server: str) -> str:
    asked = {"name": "sepsis", "alias": "champion"}
    reply = httpx.get(f"{server}/api/2.0/mlflow/registered-models/alias", params=asked, trust_env=False)
    return str(reply.json()["model_version"]["version"])


def test_nothing_moves_before_it_is_confirmed_and_then_it_is_done_by_itself(house, server):
    by_way_of(house, server)
    acted(house)
    outbox_round(house.house)
    assert (points_at(server), version_that_runs(house)) == ("2", "sepsis-120")

    confirmed(house)
    outbox_round(house.house)

    assert (points_at(server), version_that_runs(house)) == ("1", "sepsis-110")
    assert step_now(house).state == "done"
    with house.house.database.reading() as connection:
        (said,) = [one.value for one in entries(connection) if one.value["action"] == "rollback.alias"]
    assert said["after"] == {"alias": ALIAS, "points_at": "version 1, was 2", "version": "sepsis-110"}
    assert keep_aliases(house.house) == 0


def test_an_alias_that_was_moved_keeps_no_acceptance_of_the_version_before(house, server):
    by_way_of(house, server)
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "d-north", {"accepted_at": change.at}, None)

    confirmed(house)
    outbox_round(house.house)

    with house.house.database.reading() as connection:
        run = DEPLOYMENTS.get(connection, "d-north")
    assert (run.version, run.accepted_at) == ("sepsis-110", None)


def test_while_the_server_is_away_it_is_tried_again_and_nothing_is_said_to_be_done(house, server):
    by_way_of(house, f"http://127.0.0.1:{free_port()}")
    confirmed(house)

    outbox_round(house.house)
    assert (step_now(house).state, version_that_runs(house)) == ("confirmed", "sepsis-120")
    by_way_of(house, server)
    house.clock.forward(days=1)
    outbox_round(house.house)

    assert (points_at(server), step_now(house).state) == ("1", "done")


def test_without_a_server_or_an_alias_the_webhook_alone_orders_it(house, server):
    confirmed(house)

    with house.house.database.reading() as connection:
        kinds = {row.kind for row in connection.execute(select(outbox))}
    assert kinds == {"mail"}
    by_way_of(house, server)
    outbox_round(house.house)
    assert points_at(server) == "2"


def test_what_a_person_said_to_be_carried_out_is_not_said_again(house, server):
    by_way_of(house, server)
    step = confirmed(house)
    finish_rollback(house.house, house.person("owner"), step.id, step.revision, "moved by hand")

    outbox_round(house.house)

    assert points_at(server) == "1"
    with house.house.database.reading() as connection:
        assert [one for one in entries(connection) if one.value["action"] == "rollback.alias"] == []


def parked_because(house: Watched) -> list[str]:
    with house.house.database.reading() as connection:
        return [one.trouble for one in parked(connection)]


def test_an_order_that_waited_moves_no_alias_once_another_version_is_live(house, server):
    by_way_of(house, f"http://127.0.0.1:{free_port()}")
    confirmed(house)
    outbox_round(house.house)
    with house.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0.0", digest="9" * 64), "sepsis-200")
        DEPLOYMENTS.change(change, "d-north", {"version": "sepsis-200"}, None)
    by_way_of(house, server)
    house.clock.forward(days=1)
    outbox_round(house.house)

    assert (points_at(server), version_that_runs(house)) == ("2", "sepsis-200")
    assert parked_because(house) == ["another version went live since it was ordered: decline this"]


def test_an_order_that_was_taken_back_moves_no_alias(house, server):
    by_way_of(house, server)
    step = confirmed(house)
    decline_rollback(house.house, house.person("owner"), step.id, step.revision, "it was the laboratory")

    outbox_round(house.house)

    assert (points_at(server), version_that_runs(house)) == ("2", "sepsis-120")
    assert parked_because(house) == ["it was taken back"]
