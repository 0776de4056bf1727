"""The client's buffer against a real server: gathered, sent again, spooled while it is away, and each event once."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import deltalake
import httpx
import polars as pl
import pytest

from codman.client import Client
from codman.client.events import BadEvent, BufferFull, EventsAnswer, NotSent
from waiting import until

AT = datetime(2026, 11, 1, tzinfo=UTC)


class Switch(httpx.BaseTransport):
    """A network that can be cut, and that can lose answers on their way back."""

    def __init__(self):
        self._inner = httpx.HTTPTransport()
        self.cut = False
        self.lose = 0
        self.sent = 0

    def handle_request(self, request):
        if self.cut:
            raise httpx.ConnectError("cut")
        self.sent += 1
        reply = self._inner.handle_request(request)
        if self.lose:
            self.lose -= 1
            reply.read()
            raise httpx.ReadError("lost")
        return reply


@pytest.fixture
def network():
    return Switch()


@pytest.fixture
def client(server, hospital, network):
    with Client(server, hospital.tokens["engineer"], transport=network) as made:
        made._sender._pause = lambda _seconds: None
        yield made


def say(buffer, name, **more):
    plain = {"use": "mary-use", "version": "1.0", "subject": "s-1", "predicted_at": AT, "score": 0.5}
    return buffer.prediction(name, **(plain | more))


def kept(hospital, table="predictions"):
    hospital.house.events.move()
    return sorted(deltalake.DeltaTable(str(hospital.house.events.tables / table)).to_pyarrow_table()["id"].to_pylist())


def test_a_batch_and_a_table_are_sent_whole(client):
    event = {
        "specversion": "1.0",
        "type": "dev.codman.prediction.v1",
        "source": "model",
        "id": "a",
        "data": {
            "prediction_id": "a",
            "use": "mary-use",
            "version": "1.0",
            "subject": "s-1",
            "predicted_at": "2026-11-01T00:00:00Z",
            "score": 0.5,
        },
    }
    frame = pl.DataFrame(
        {"source": ["model"], "id": ["a"], **{k: [v] for k, v in event["data"].items() if k != "predicted_at"}}
    ).with_columns(predicted_at=pl.lit(AT))

    assert client.events.send([event]) == EventsAnswer(accepted=1, repeated=0, refused=[])
    assert client.events.send_table(frame) == EventsAnswer(accepted=0, repeated=1, refused=[])


def test_events_of_every_kind_from_several_threads_arrive_once(client, hospital):
    with client.events.buffer("model", at_once=7, every_seconds=0.02) as buffer:

        def hand_over(thread):
            for number in range(20):
                say(buffer, f"{thread}-{number}", features={"age": 70, "sex": "F"}, shown=True, latency_ms=3.5)

        threads = [threading.Thread(target=hand_over, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        buffer.outcome(id="o", prediction_id="0-0", label=True, occurred_at=AT, observed_at=AT)
        buffer.action("0-0", "shown", id="x", acted_at=AT)
        buffer.flush()
        assert kept(hospital) == sorted(f"{thread}-{number}" for thread in range(3) for number in range(20))

    assert kept(hospital, "outcomes") == ["o"]
    assert kept(hospital, "actions") == ["x"]


def test_an_answer_that_was_lost_doubles_nothing(client, hospital, network):
    network.lose = 2
    with client.events.buffer("model") as buffer:
        say(buffer, "a")

    assert network.sent == 3
    assert kept(hospital) == ["a"]


def test_what_cannot_be_sent_waits_on_the_disk_and_is_sent_by_the_next_one(client, hospital, network, tmp_path):
    spool = tmp_path / "spool"
    network.cut = True
    buffer = client.events.buffer("model", spool=spool, every_seconds=0.02)
    for number in range(5):
        say(buffer, f"e{number}")
    buffer.close()
    assert len(list(spool.iterdir())) >= 1

    network.cut = False
    with client.events.buffer("model", spool=spool, every_seconds=0.02):
        until(lambda: not list(spool.iterdir()))

    assert kept(hospital) == [f"e{number}" for number in range(5)]


def test_it_goes_on_by_itself_when_the_server_is_back(client, hospital, network, tmp_path, monkeypatch):
    monkeypatch.setattr("codman.client.events._LONGEST_PAUSE", 0.05)
    with client.events.buffer("model", spool=tmp_path / "spool", every_seconds=0.02) as buffer:
        network.cut = True
        say(buffer, "a")
        buffer.flush()
        network.cut = False
        until(lambda: not list((tmp_path / "spool").iterdir()))
        say(buffer, "b")

    assert kept(hospital) == ["a", "b"]


def test_a_spooled_batch_that_cannot_be_read_is_put_aside_and_holds_up_no_other(client, hospital, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "00000000000000000001-x.events.json").write_bytes(b"[torn")
    with client.events.buffer("model", spool=spool, every_seconds=0.02) as buffer:
        say(buffer, "a")
        until(lambda: (spool / "00000000000000000001-x.events.json.unreadable").exists())

    assert kept(hospital) == ["a"]


def test_without_a_spool_memory_keeps_them_and_says_so(client, network):
    network.cut = True
    buffer = client.events.buffer("model", most_waiting=2, every_seconds=0.02)
    say(buffer, "a")
    with pytest.raises(NotSent):
        buffer.flush(seconds=0.3)
    handed_over = (say(buffer, f"more-{number}") for number in range(10))
    with pytest.raises(BufferFull):
        list(handed_over)
    network.cut = False
    buffer._away_until = 0.0
    buffer.close()


def test_a_full_spool_loses_nothing_silently(client, hospital, network, tmp_path):
    network.cut = True
    buffer = client.events.buffer("model", spool=tmp_path / "spool", most_spooled_mb=0, every_seconds=0.02)
    say(buffer, "a")
    with pytest.raises(NotSent):
        buffer.flush(seconds=0.3)
    network.cut = False
    buffer._away_until = 0.0
    buffer.close()

    assert kept(hospital) == ["a"]


def test_what_the_server_refuses_is_told_and_the_rest_taken(client, hospital):
    told = []
    with client.events.buffer("model", on_refused=lambda event, why: told.append((event["id"], why))) as buffer:
        say(buffer, "a")
        say(buffer, "b", use="no-such-use")

    assert [name for name, _ in told] == ["b"]
    assert kept(hospital) == ["a"]


def test_a_token_that_ended_throws_no_event_away(server, hospital, tmp_path):
    spool = tmp_path / "spool"
    with Client(server, "codman_ended") as client, client.events.buffer("model", spool=spool) as buffer:
        say(buffer, "a")

    (path,) = spool.iterdir()
    assert json.loads(path.read_bytes())[0]["id"] == "a"
    with Client(server, hospital.tokens["engineer"]) as client, client.events.buffer("model", spool=spool):
        until(lambda: not list(spool.iterdir()))
    assert kept(hospital) == ["a"]


@pytest.mark.parametrize(
    "wrong",
    [{"score": "high"}, {"subject": "anna@hospital.org"}, {"predicted_at": datetime(2026, 1, 1)}, {"surname": "x"}],  # noqa: DTZ001
)
def test_what_no_server_would_take_is_told_at_once(client, wrong):
    with client.events.buffer("model") as buffer, pytest.raises(BadEvent) as told:
        say(buffer, "a", **wrong)

    assert "anna" not in str(told.value)
