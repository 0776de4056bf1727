"""A rollback moves MLflow's alias: on a real server where one is installed, and on servers that answer otherwise."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from mlflow_server import FakeServer, fake_server, real_server

from codman.egress.policy import read_policy
from codman.integrations.mlflow_alias import TAG, MlflowAlias
from codman.jobs.notice import Notice, OrderedVersion
from codman.jobs.notifier import Message, NotAccepted, NotDelivered, ReceiverAway
from codman.settings import BadSetting

NOBODY = read_policy([], [])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real MLflow server: the model sepsis in two versions, the first of which the book knows as 1.1.0."""
    with real_server(tmp_path_factory.mktemp("mlflow")) as address:
        with httpx.Client(base_url=f"{address}/api/2.0/mlflow/", trust_env=False, timeout=30) as client:
            client.post("registered-models/create", json={"name": "the ward's"}).raise_for_status()
            for number, tags in ((1, [{"key": TAG, "value": "1.1.0"}]), (2, [])):
                body = {"name": "the ward's", "source": f"s3://models/sepsis/{number}", "tags": tags}
                client.post("model-versions/create", json=body).raise_for_status()
            body = {"name": "the ward's", "alias": "champion", "version": "2"}
            client.post("registered-models/alias", json=body).raise_for_status()
        yield address


@pytest.fixture
def fake():
    with fake_server() as found:
        yield found


def ordered(label: str = "1.1.0", to: str = "models:/the ward's@champion") -> Message:
    notice = Notice(
        event="rollback.order", title="A rollback is ordered", text="It goes back.", about="step-1",
        version=OrderedVersion(label=label),
    )  # fmt: skip
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return Message(id="msg_1", kind="mlflow", to=to, notice=notice, queued_at=at, attempt=1, token=1)


def points_at(server: str) -> str:
    asked = {"name": "the ward's", "alias": "champion"}
    reply = httpx.get(f"{server}/api/2.0/mlflow/registered-models/alias", params=asked, trust_env=False)
    return str(reply.json()["model_version"]["version"])


def test_the_alias_moves_to_the_version_that_the_tag_or_the_number_names_and_a_second_time_nothing_happens(server):
    way = MlflowAlias(server, NOBODY)

    assert way.send(ordered()) == "version 1, was 2"
    assert points_at(server) == "1"
    assert way.send(ordered()) == "version 1, as before"
    assert way.send(ordered("2")) == "version 2, was 1"
    assert points_at(server) == "2"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (ordered("9.9"), "no version there has the tag"),
        (ordered("7"), "a version of that number"),
        (ordered(to="models:/nobody's@champion"), "no version there has the tag"),
        (ordered(to="models:/the ward's@nowhere"), "an alias of that name"),
        (ordered(to="rollback"), "names no alias"),
        (replace(ordered(), notice=Notice(event="a.b", title="t", text="t")), "no version"),
    ],
)
def test_what_the_server_does_not_have_is_refused_for_good_and_moves_nothing(server, message, why):
    before = points_at(server)

    with pytest.raises(NotAccepted, match=why):
        MlflowAlias(server, NOBODY).send(message)
    assert points_at(server) == before


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b"", ReceiverAway),
        (503, b"", ReceiverAway),
        (200, b"<html>", NotDelivered),
        (302, b"", ReceiverAway),
        (404, b"{}", NotAccepted),
    ],
)
def test_a_server_that_answers_otherwise_is_tried_again_or_given_up(
    fake: tuple[type[FakeServer], str], status, body, error
):
    handler, address = fake
    handler.status, handler.body = status, body

    with pytest.raises(error):
        MlflowAlias(address, NOBODY).send(ordered())


def test_an_address_that_others_could_read_is_no_setting():
    with pytest.raises(BadSetting, match="https"):
        MlflowAlias("http://mlflow.example.org", NOBODY)
