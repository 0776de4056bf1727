"""MLflow's model registry: a real server where one is installed, and servers that answer otherwise."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from mlflow_server import FakeServer, fake_server, free_port, real_server

from codman.egress.policy import read_policy
from codman.errors import Unreachable
from codman.flows.house import House
from codman.flows.inventory import asked, list_uses
from codman.flows.inventory_import import import_table
from codman.flows.operator import OPERATOR
from codman.integrations.mlflow import NotMlflow, registered_models
from codman.settings import read_settings
from codman.wiring import open_house


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server with three models of several versions."""
    with real_server(tmp_path_factory.mktemp("mlflow")) as address:
        fill(address)
        yield address


def fill(address: str) -> None:
    with httpx.Client(base_url=f"{address}/api/2.0/mlflow/", trust_env=False, timeout=30) as client:

        def post(path: str, **body: object) -> None:
            client.post(path, json=body).raise_for_status()

        post(
            "registered-models/create",
            name="sepsis",
            description="Warns of sepsis",
            tags=[{"key": "unit", "value": "ICU"}],
        )
        for number in (1, 2):
            post("model-versions/create", name="sepsis", source=f"s3://models/sepsis/{number}")
        post(
            "model-versions/transition-stage",
            name="sepsis",
            version="2",
            stage="Production",
            archive_existing_versions=False,
        )
        client.post(
            "registered-models/alias", json={"name": "sepsis", "alias": "champion", "version": "2"}
        ).raise_for_status()
        post("registered-models/create", name="it's a trial")
        post("model-versions/create", name="it's a trial", source="s3://models/trial/1")
        post("registered-models/create", name="empty", description="")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(read_settings(workspace=tmp_path / "w", database_url=f"sqlite:///{tmp_path / 'b.db'}"))
    yield opened
    opened.close()


def test_a_real_servers_models_become_products_with_their_newest_version(server, house):
    table = registered_models(server, read_policy([server], []))
    done = import_table(house, OPERATOR, table, "mlflow")
    again = import_table(house, OPERATOR, registered_models(server, read_policy([server], [])), "mlflow")

    assert (done.rows, done.created, again.unchanged) == (3, 3, 3)
    uses = {use.name: use for use in list_uses(house, OPERATOR, asked([]))}
    assert set(uses) == {"sepsis", "it's a trial", "empty"}
    assert (uses["sepsis"].stage, uses["sepsis"].decision) == ("live", "undecided (legacy)")
    assert uses["empty"].stage == "proposed"
    cells = {row.cells["name"]: row.cells for row in table.rows}
    assert cells["sepsis"]["version"] == "2"
    assert cells["sepsis"]["tag/unit"] == "ICU"
    assert cells["sepsis"]["aliases"] == "champion = version 2"
    assert cells["it's a trial"]["version/source"] == "s3://models/trial/1"


class Paged(FakeServer):
    """Answers with what the test lays out, a page at a time."""

    pages: int = 0

    def answer(self) -> bytes:
        if not (self.pages and "registered-models" in self.path):
            return self.body
        page = int(parse_qs(urlsplit(self.path).query).get("page_token", ["0"])[0])
        said = {"registered_models": [{"name": f"model-{page}"}]}
        return json.dumps(said | ({"next_page_token": str(page + 1)} if page + 1 < self.pages else {})).encode()


@pytest.fixture
def fake() -> Iterator[tuple[type[FakeServer], str]]:
    with fake_server(Paged) as found:
        yield found


def test_every_page_is_read(fake):
    handler, address = fake
    handler.pages = 7

    assert [row.cells["name"] for row in registered_models(address, read_policy([address], [])).rows] == [
        f"model-{n}" for n in range(7)
    ]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, b"", "status 401"),
        (500, b"", "status 500"),
        (200, b"<html>", "not answer in JSON"),
        (200, b"[]", "holds no list"),
        (200, b'{"registered_models": 5}', "holds no list"),
    ],
)
def test_a_server_that_is_no_mlflow_is_named_as_such(fake, status, body, why):
    handler, address = fake
    handler.status, handler.body = status, body

    with pytest.raises(NotMlflow, match=why):
        registered_models(address, read_policy([address], []))


def test_a_redirect_to_another_address_is_not_followed(fake):
    handler, address = fake
    handler.status = 302

    with pytest.raises(NotMlflow, match="status 302"):
        registered_models(address, read_policy([address], []))


def test_a_server_that_does_not_answer_is_unreachable():
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable, match="does not answer"):
        registered_models(address, read_policy([address], []))
