"""Events at the API's door: each way they come, each once, each for whom it may be sent; the rest said row by row."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import deltalake
import pyarrow as pa
import pytest

from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.tables.events.away import EventsCrowded, EventsElsewhere

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
ARROW = "application/vnd.apache.arrow.stream"
AT = datetime(2026, 11, 1, tzinfo=UTC)


def event(name, kind="prediction", **data):
    plain = {
        "prediction": {
            "prediction_id": name,
            "use": "mary-use",
            "version": "1.0",
            "subject": "s-1",
            "predicted_at": "2026-11-01T00:00:00Z",
            "score": 0.5,
        },
        "outcome": {
            "prediction_id": "a",
            "label": True,
            "occurred_at": "2026-11-02T00:00:00Z",
            "observed_at": "2026-11-02T08:00:00+01:00",
        },
        "action": {"prediction_id": "a", "action": "shown", "acted_at": "2026-11-01T00:05:00Z"},
    }[kind]
    return {
        "specversion": "1.0",
        "type": f"dev.codman.{kind}.v1",
        "source": "model",
        "id": name,
        "data": {**plain, **data},
    }


def stream(**columns):
    table = pa.table(columns)
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def predictions(*names, **more):
    n = len(names)
    plain = {
        "id": list(names),
        "source": ["model"] * n,
        "prediction_id": list(names),
        "use": ["mary-use"] * n,
        "version": ["1.0"] * n,
        "subject": ["s-1"] * n,
        "predicted_at": pa.array([AT] * n, pa.timestamp("us", "UTC")),
        "score": [0.5] * n,
    }
    return stream(**(plain | more))


@pytest.fixture
def send(call):
    def post(body, media=BATCH, who="engineer", **headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return call("POST", "/events", who=who, content=content, headers={"content-type": media, **headers})

    return post


def counts(reply):
    assert reply.status_code == 202, reply.text
    said = reply.json()
    return said["accepted"], said["repeated"], [one["index"] for one in said["refused"]]


def test_an_event_is_taken_once_however_it_is_sent(send):
    assert counts(send(event("a"), STRUCTURED)) == (1, 0, [])
    headers = {"ce-specversion": "1.0", "ce-id": "a", "ce-source": "model", "ce-type": "dev.codman.prediction.v1"}
    assert counts(send(event("a")["data"], "application/json", **headers)) == (0, 1, [])
    assert counts(send([event("a")])) == (0, 1, [])
    assert counts(send(predictions("a"), ARROW)) == (0, 1, [])


def test_another_body_under_an_id_is_a_conflict_and_in_a_batch_its_rows(send):
    send(event("a"), STRUCTURED)

    reply = send(event("a", score=0.6), STRUCTURED)

    assert reply.status_code == 409
    assert reply.json()["type"].endswith("/event-reused")
    assert counts(send([event("b"), event("a", score=0.6)])) == (1, 0, [1])
    assert counts(send(predictions("c", "a", score=[0.5, 0.6]), ARROW)) == (1, 0, [1])


def test_a_correction_is_a_new_event(send, hospital):
    send(event("a"), STRUCTURED)

    assert counts(send(event("a2", prediction_id="a", score=0.6, replaces="a"), STRUCTURED)) == (1, 0, [])
    assert counts(send({**event("a3", prediction_id="a", score=0.7), "replaces": "a2"}, STRUCTURED)) == (1, 0, [])
    assert hospital.house.events.move() == 3


def test_one_bad_row_loses_no_good_one_and_the_answer_says_which(send):
    batch = [
        event("a"),
        event("b", score="high"),
        event("c", subject="Anna Smith"),
        {"not": "an event"},
        None,
        event("d", use="no-such-use"),
        event("o", "outcome"),
        event("x", "action", reason="she was asleep"),
        event("y", "action"),
        {**event("e"), "type": "dev.codman.other.v1"},
    ]

    reply = send(batch)

    assert counts(reply) == (3, 0, [1, 2, 3, 4, 5, 7, 9])
    why = {one["index"]: one["why"] for one in reply.json()["refused"]}
    assert why[1].startswith("/data/score: ")
    assert "Smith" not in reply.text
    assert "asleep" not in reply.text
    assert "no-such-use" not in reply.text


def test_a_single_bad_event_says_why(send):
    reply = send(event("a", subject="1980-02-03"), STRUCTURED)

    assert reply.status_code == 422
    assert "1980" not in reply.text
    assert "pseudonym" in reply.json()["detail"]


def test_events_are_for_the_uses_of_the_senders_sites(send):
    assert counts(send([event("a"), event("b", use="john-use")], who="mary")) == (1, 0, [1])
    # what is not hers and what is not there answer alike
    said = send([event("b", use="john-use"), event("b", use="nobodys-use")], who="mary").json()["refused"]
    assert said[0]["why"] == said[1]["why"]


@pytest.fixture
def one_use(hospital):
    with hospital.house.database.changing(SYSTEM) as change:
        now = hospital.house.database.clock()
        made = issue(change, "engineer", ["event.send:john-use"], now, days=1, name="pipeline").secret
    hospital.tokens["pipeline"] = made


@pytest.mark.usefixtures("one_use")
def test_a_pipelines_token_sends_for_its_use_alone_and_does_nothing_else(send, call):
    assert counts(send([event("a"), event("b", use="john-use")], who="pipeline")) == (1, 0, [0])
    assert call("GET", "/uses", who="pipeline").status_code == 403
    assert call("POST", "/evidence", who="pipeline", content=b"{}").status_code == 403


@pytest.mark.usefixtures("one_use")
def test_an_outcome_without_a_use_goes_to_the_one_use_of_its_sender(send, hospital):
    assert counts(send([event("o", "outcome")], who="pipeline")) == (1, 0, [])
    hospital.house.events.move()

    table = deltalake.DeltaTable(str(hospital.house.events.tables / "outcomes")).to_pyarrow_table()
    assert table["use"].to_pylist() == ["john-use"]


def test_an_outcome_without_a_use_is_refused_from_who_sends_for_some_sites(send):
    assert counts(send([event("o", "outcome"), event("p", "outcome", use="mary-use")], who="mary")) == (1, 0, [0])


def test_who_may_not_send_is_refused_whole(send):
    assert send([event("a")], who="viewer").status_code == 403
    assert send([event("a")], who=None).status_code == 401


def test_an_empty_batch_is_nothing_taken(send):
    assert counts(send([])) == (0, 0, [])
    assert counts(send(predictions(), ARROW)) == (0, 0, [])


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"", BATCH),
        (b"[", BATCH),
        (b"{}", BATCH),
        (b'"text"', STRUCTURED),
        (b"", ARROW),
        (b"not arrow", ARROW),
        (predictions("a")[:-40], ARROW),
        (predictions("a")[:200], ARROW),
        (stream(id=["a"]), ARROW),
        (stream(id=["a"], score=[0.5], surname=["Smith"]), ARROW),
        (stream(id=["a"], score=[0.5], type=[["dev.codman.prediction.v1"]]), ARROW),
        (stream(id=["a"], score=[0.5], type=[None]), ARROW),
        (stream(id=["a", "b"], type=["dev.codman.action.v1", "dev.codman.outcome.v1"]), ARROW),
    ],
)
def test_what_is_no_events_is_refused_clearly(send, body, media):
    reply = send(body, media)

    assert 400 <= reply.status_code < 500
    assert "Smith" not in reply.text
    assert reply.json()["fix"]


def test_a_damaged_stream_never_fails_the_server(send):
    whole = predictions("a", "b", features=[{"x": 1.0, "sex": "F"}, {"x": 2.0, "sex": "M"}])
    for place in range(0, len(whole), 17):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        assert send(bytes(damaged), ARROW).status_code < 500, place


def test_a_stream_that_would_fill_the_memory_is_refused_before_it_does(send):
    n = 50_000
    codes = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array(["x" * 100_000]))
    assert send(stream(id=codes, score=[0.5] * n), ARROW).status_code == 422

    table = pa.table({"id": ["0" * 300_000_000], "score": [0.5]})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    assert len(out.getvalue()) < 100_000
    assert "MiB" in send(out.getvalue(), ARROW).text


def test_a_packed_stream_of_sound_events_is_taken(send):
    table = pa.ipc.open_stream(predictions("a", "b")).read_all()
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)

    assert counts(send(out.getvalue(), ARROW)) == (2, 0, [])


def test_source_and_type_of_a_stream_may_stand_beside_it(send):
    rows = pa.ipc.open_stream(predictions("a")).read_all().drop_columns(["source"])
    columns = {name: rows[name] for name in rows.column_names}
    headers = {"ce-source": "model", "ce-type": "dev.codman.prediction.v1"}

    assert counts(send(stream(**columns), ARROW, **headers)) == (1, 0, [])
    assert counts(send(event("a"), STRUCTURED)) == (0, 1, [])


def test_when_the_store_is_another_processes_the_answer_says_to_come_again(send, hospital, monkeypatch):
    for error, status in ((EventsElsewhere(), 503), (EventsCrowded("too many wait"), 429)):

        def refuse(error=error):
            raise error

        monkeypatch.setattr(type(hospital.house.events), "store", lambda _room, refuse=refuse: refuse())
        reply = send([event("a")])
        assert reply.status_code == status
        assert int(reply.headers["Retry-After"]) >= 1
