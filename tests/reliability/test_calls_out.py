"""G12: nobody is called who was not named, whatever a provider, a model server, a file or a chart asks for."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "egress"))
from egress_servers import Listening, listening, saying

from codman.egress import connection
from codman.egress.policy import EgressPolicy, EgressRefused, read_policy
from codman.errors import CodmanError
from codman.flows.inventory_import import read_table
from codman.integrations.calls import Receiver, require_taken
from codman.integrations.mlflow import NotMlflow, registered_models
from codman.integrations.oidc import OpenIdProvider, ProviderAway
from codman.jobs.notifier import ReceiverAway
from codman.registry.accounts_provider import ProviderVisit
from codman.registry.database import utc_now
from codman.report.charts import draw
from codman.report.document import Figure, Table
from codman.tables.reader import NotATable
from codman.tables.source import open_source

HERE = Path(__file__).resolve().parent
BACK = "http://127.0.0.1:8000/sign-in/back"
VISIT = ProviderVisit("s" * 43, "n" * 43, "v" * 64, None, "/", utc_now())


@pytest.fixture
def canary() -> Iterator[Listening]:
    """A server that nobody may call."""
    with listening() as server:
        yield server
        assert server.connections == 0, server.heard


def leading_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name leads there, the last address for ever; gives who was asked for."""
    asked: list[str] = []
    known = socket.getaddrinfo

    def look(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if str(host).endswith(".example.org"):
            asked.append(str(host))
            host = addresses[min(len(asked), len(addresses)) - 1]
        return known(host, port, *more, **named)

    monkeypatch.setattr(connection.socket, "getaddrinfo", look)
    return asked


# --- a sign-in provider that was taken over ---


class Provider:
    """Says of itself what the test lays out."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.status = "200 OK"
        self.location = ""
        self.server = Listening(self._answer)
        self.issuer = self.server.address
        self.said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def _answer(self, visitor: socket.socket, head: bytes) -> None:
        token = {"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c"}
        body = json.dumps(token if b"/token" in head.split(b"\r\n")[0] else self.said).encode()
        saying(body, self.status, Content_Type="application/json", **self._more())(visitor, head)

    def _more(self) -> dict[str, str]:
        return {"Location": self.location} if self.location else {}


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.close()


def come_back(provider: Provider) -> None:
    OpenIdProvider(provider.issuer, "codman", "secret").identity(VISIT, BACK, {"code": "c" * 43}, again=False)


@pytest.mark.parametrize("what", ["token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "where",
    [
        "http://127.0.0.1:{port}/x",
        "http://localhost:{port}/x",
        "http://[::ffff:127.0.0.1]:{port}/x",
        "https://127.0.0.1:{port}/x",
        "http://127.1:{port}/x",
        "http://2130706433:{port}/x",
        "http://0x7f000001:{port}/x",
        "http://127.0.0.2:{port}/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/latest/meta-data/",
        "http://issuer@127.0.0.1:{port}/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/x",
    ],
)
def test_a_provider_does_not_send_the_server_to_others_with_its_secret(provider, canary, what, where):
    provider.said[what] = where.format(port=canary.port)

    with pytest.raises(CodmanError):
        come_back(provider)

    assert not any(b"secret" in heard for heard in canary.heard)


def test_a_provider_that_answers_itself_is_asked(provider):
    with pytest.raises(CodmanError, match="word does not hold"):  # its ID token is none
        come_back(provider)

    asked = [heard.split()[1] for heard in provider.server.heard]
    assert asked == [b"/.well-known/openid-configuration", b"/token", b"/keys"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Again", "308 There"])
def test_a_provider_that_redirects_is_not_followed(provider, canary, status):
    provider.status, provider.location = status, f"{canary.address}/latest/meta-data/"

    with pytest.raises(ProviderAway, match=f"status {status[:3]}"):
        come_back(provider)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]])
def test_a_provider_whose_name_leads_inside_is_not_called(canary, monkeypatch, addresses):
    leading_to(monkeypatch, *addresses)
    issuer = f"https://id.example.org:{canary.port}"

    with pytest.raises(ProviderAway, match="private or reserved"):
        OpenIdProvider(issuer, "codman").address(VISIT, BACK, again=False)


def test_a_provider_on_the_houses_network_is_called_once_it_is_named(monkeypatch):
    leading_to(monkeypatch, "127.0.0.1")
    with listening(saying(b"{}")) as server:
        issuer = f"https://id.example.org:{server.port}"
        policy = read_policy([], ["127.0.0.1"])
        with pytest.raises(ProviderAway):  # it does not speak TLS, but it was called
            OpenIdProvider(issuer, "codman", egress=policy).address(VISIT, BACK, again=False)
        assert server.connections == 1


# --- a model server ---


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.1:{port}",
        "http://2130706433:{port}",
        "http://0x7f.0.0.1:{port}",
        "http://0177.0.0.1:{port}",
        "http://[::1]:{port}",
        "http://[::ffff:127.0.0.1]:{port}",
        "http://mlflow.example.org@127.0.0.1:{port}",
        "http://mlflow.example.org:5000\\@127.0.0.1:{port}",
        "http://127.0.0.1:{port}#mlflow.example.org",
        "http://127.0.0.1:{port}?mlflow.example.org",
        "http://mlflow.example.org:5000/../../@127.0.0.1:{port}",
        "http://mlflow.example.org.:{port}",
        "http://MLFLOW.example.org:{port}",
        "http://mlflow\u3002example.org:{port}",
        "https://mlflow.example.org:5000",
        "file:///etc/passwd",
    ],
)
def test_no_way_to_write_an_address_gets_past_the_list(canary, monkeypatch, address):
    leading_to(monkeypatch, "127.0.0.1")
    policy = read_policy(["http://mlflow.example.org:5000"], ["127.0.0.0/8"])

    with pytest.raises((EgressRefused, NotMlflow)):
        registered_models(address.format(port=canary.port), policy)


def test_a_model_servers_name_that_changes_its_mind_changes_nothing(canary, monkeypatch):
    asked = leading_to(monkeypatch, "93.184.216.34", "127.0.0.1")
    address = f"http://mlflow.example.org:{canary.port}"
    reached: list[Any] = []

    def refuse(_self: Any, host: str, *_more: Any, **_named: Any) -> Any:
        reached.append(host)
        raise OSError("no network in this test")

    monkeypatch.setattr(connection.httpcore.SyncBackend, "connect_tcp", refuse)
    with pytest.raises(CodmanError):
        registered_models(address, read_policy([address], []))

    assert asked == ["mlflow.example.org"]
    assert reached == ["93.184.216.34"]


def test_a_model_server_that_redirects_is_not_followed(canary):
    with (
        listening(saying(status="302 Found", Location=canary.address)) as server,
        pytest.raises(NotMlflow, match="status 302"),
    ):
        registered_models(server.address, read_policy([server.address], []))


# --- receivers of notices ---


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]])
def test_a_receiver_whose_name_leads_inside_is_not_called(canary, monkeypatch, addresses):
    leading_to(monkeypatch, *addresses)
    receiver = Receiver(f"https://hooks.example.org:{canary.port}/x", "webhook_url", "webhook", EgressPolicy())

    with pytest.raises(ReceiverAway, match="private or reserved"):
        receiver.call("POST", json={"a": 1})


def test_a_receiver_that_redirects_is_not_followed(canary):
    with listening(saying(status="307 Again", Location=canary.address)) as server:
        answer = Receiver(server.address, "webhook_url", "webhook", EgressPolicy()).call("POST", content=b"{}")

    with pytest.raises(ReceiverAway, match="status 307"):
        require_taken(answer)


# --- files and charts ---


def test_a_file_that_points_elsewhere_is_read_without_going_there(canary, tmp_path):
    url = f"{canary.address}/x"
    card = tmp_path / "card.xml"
    for head in (
        f'<!DOCTYPE a SYSTEM "{url}">',
        f'<!DOCTYPE a [<!ENTITY e SYSTEM "{url}">]>',
        f'<!DOCTYPE a [<!ENTITY % e SYSTEM "{url}"> %e;]>',
        f'<?xml-stylesheet href="{url}"?>',
    ):
        card.write_text(f'<?xml version="1.0"?>{head}<a xmlns:i="http://www.w3.org/2001/XInclude">&e;'
                        f'<i:include href="{url}"/></a>')  # fmt: skip
        with pytest.raises(CodmanError):
            read_table(card)

    book = Workbook()
    assert book.active is not None
    book.active.append(["Use Case Name", "Link"])
    book.active.append(["Sepsis", f'=WEBSERVICE("{url}")'])
    book.save(tmp_path / "list.xlsx")
    with zipfile.ZipFile(tmp_path / "list.xlsx", "a") as packed:
        packed.writestr(
            "xl/externalLinks/_rels/externalLink1.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="t" Target="{url}" TargetMode="External"/></Relationships>',
        )
    assert len(read_table(tmp_path / "list.xlsx").rows) == 1


@pytest.mark.parametrize("scheme", ["http", "https", "s3", "gs", "az", "hdfs", "ftp"])
def test_a_table_is_a_file_here_and_never_an_address(canary, scheme):
    with pytest.raises(CodmanError):
        open_source(f"{scheme}://127.0.0.1:{canary.port}/predictions.parquet")


def delta_table(folder: Path, path: str) -> str:
    """A Delta table whose log names one data file."""
    log = folder / "table" / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    schema = {"type": "struct", "fields": [{"name": "p", "type": "double", "nullable": True, "metadata": {}}]}
    about = {
        "id": "0" * 8 + "-0000-0000-0000-" + "0" * 12,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps(schema),
        "partitionColumns": [],
        "configuration": {},
    }
    added = {"path": path, "partitionValues": {}, "size": 9, "modificationTime": 0, "dataChange": True}
    actions = [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": about}, {"add": added}]
    (log / f"{0:020}.json").write_text("\n".join(map(json.dumps, actions)))
    return str(folder / "table")


def test_a_delta_log_that_points_elsewhere_is_not_followed(canary, tmp_path):
    for path in (f"{canary.address}/x.parquet", f"s3://127.0.0.1:{canary.port}/x.parquet"):
        with pytest.raises(CodmanError):
            open_source(delta_table(tmp_path, path)).read(["p"])


def test_a_delta_log_brings_in_no_file_from_outside_its_folder(tmp_path):
    (tmp_path / "table").mkdir()
    for name in ("other.parquet", "table/own.parquet"):
        pq.write_table(pa.table({"p": [1.0, 2.0]}), tmp_path / name)
    outside = ["../other.parquet", "%2e%2e/other.parquet", "%2E%2E%2Fother.parquet", "a/../../other.parquet"]
    for path in (*outside, str(tmp_path / "other.parquet")):
        with pytest.raises(NotATable, match="outside its folder"):
            open_source(delta_table(tmp_path, path))

    assert open_source(delta_table(tmp_path, "own.parquet")).read(["p"]).num_rows == 2


def test_a_chart_that_asks_for_data_or_a_picture_from_elsewhere_gets_none(canary):
    url = f"{canary.address}/x.csv"
    specs: list[dict[str, Any]] = [
        {"data": {"url": url}, "mark": "point"},
        {"data": {"values": [{"u": url}]}, "mark": {"type": "image"}, "encoding": {"url": {"field": "u"}}},
    ]
    for number, spec in enumerate(specs):
        try:
            draw([Figure(f"c{number}", "t", "c", "a", spec, Table("t", "t", (), ()))])
        except CodmanError:
            continue


JOURNEY = HERE / "calling_journeys.py"


def test_every_connection_of_every_journey_is_made_by_the_one_way_out(tmp_path):
    done = subprocess.run(
        [sys.executable, str(JOURNEY), str(tmp_path)], capture_output=True, text=True, check=False, cwd=HERE
    )

    assert done.returncode == 0, done.stderr[-3000:]
    heard = json.loads(done.stdout)
    assert heard["elsewhere"] == []
    assert heard["by egress"] >= 3  # what the provider says of itself, its token, the models: the hook does hear
    assert heard["deaf"] is False


def test_with_no_setting_the_policy_allows_nobody():
    assert EgressPolicy().origins == frozenset()
