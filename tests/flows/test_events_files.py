"""Events in files: by command, gone on with after a break, and through the drop folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codman.flows.events.files import NotAnEventFile, pieces
from codman.flows.events.folder import take_events, take_events_configured
from codman.flows.operator import OPERATOR
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.settings import read_settings
from codman.tables.events.away import EventsAway
from codman.wiring import open_house

AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def house(tmp_path):
    made = open_house(read_settings(workspace=tmp_path / "work"))
    with made.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Score", "kind": "built"}), "score")
        USES.add(change, USES.validated({"product": "score", "name": "In the ICU"}), "icu-use")
    yield made
    made.close()


def event(name, **more):
    data = {
        "prediction_id": name,
        "use": "icu-use",
        "version": "1",
        "subject": "s-1",
        "predicted_at": "2026-11-01T00:00:00Z",
        "score": 0.5,
    }
    return {
        "specversion": "1.0",
        "type": "dev.codman.prediction.v1",
        "source": "m",
        "id": name,
        "data": {**data, **more},
    }


def lines(path, *events):
    path.write_text("".join(json.dumps(one) + "\n" for one in events), encoding="utf-8")
    return path


def table(*names):
    n = len(names)
    return pa.table(
        {
            "source": ["m"] * n,
            "id": list(names),
            "prediction_id": list(names),
            "use": ["icu-use"] * n,
            "version": ["1"] * n,
            "subject": ["s-1"] * n,
            "predicted_at": pa.array([AT] * n, pa.timestamp("us", "UTC")),
            "score": [0.5] * n,
        }
    )


def kept(house):
    house.events.move()
    path = house.events.tables / "predictions"
    return sorted(deltalake.DeltaTable(str(path)).to_pyarrow_table()["id"].to_pylist())


def test_every_format_gives_the_same_events(house, tmp_path):
    inbox = tmp_path / "drop" / "events" / "inbox"
    inbox.mkdir(parents=True)
    lines(inbox / "a.ndjson", event("e1"), event("e2"))
    pq.write_table(table("e2", "e3"), inbox / "b.parquet")
    with pa.ipc.new_file(inbox / "c.arrow", table("e3").schema) as writer:
        writer.write_table(table("e3", "e4"))
    with pa.ipc.new_stream(inbox / "d.arrows", table("e4").schema) as writer:
        writer.write_table(table("e4", "e5"))

    done = take_events(house, tmp_path / "drop", OPERATOR, settled_seconds=0)

    assert [(one.name, one.taken.accepted, one.taken.repeated) for one in done] == [
        ("a.ndjson", 2, 0),
        ("b.parquet", 1, 1),
        ("c.arrow", 1, 1),
        ("d.arrows", 1, 1),
    ]
    assert kept(house) == ["e1", "e2", "e3", "e4", "e5"]
    answer = json.loads((tmp_path / "drop" / "events" / "taken" / "b.parquet.answer.json").read_text())
    assert answer == {"accepted": 1, "repeated": 1, "refused": []}
    assert list(inbox.iterdir()) == []


def test_a_bad_line_is_named_and_a_file_that_cannot_be_read_is_refused_whole(house, tmp_path):
    inbox = tmp_path / "drop" / "events" / "inbox"
    inbox.mkdir(parents=True)
    lines(inbox / "a.ndjson", event("e1"), event("e2", score="x")).open("a").write("{torn\n")
    (inbox / "b.parquet").write_bytes(b"PAR1 no")
    (inbox / "c.txt").write_text("events")
    (inbox / "d.ndjson").symlink_to(inbox / "a.ndjson")
    (inbox / "e.part").write_text("unfinished")

    done = take_events(house, tmp_path / "drop", OPERATOR, settled_seconds=0)

    assert [(one.name, one.error is None) for one in done] == [
        ("a.ndjson", True),
        ("b.parquet", False),
        ("c.txt", False),
        ("d.ndjson", False),
    ]
    answer = json.loads((tmp_path / "drop" / "events" / "taken" / "a.ndjson.answer.json").read_text())
    assert answer["accepted"] == 1
    assert [one["index"] for one in answer["refused"]] == [1, 2]
    assert (tmp_path / "drop" / "events" / "refused" / "b.parquet.reason.json").exists()
    assert [path.name for path in inbox.iterdir()] == ["e.part"]


def test_while_the_store_is_away_the_file_stays_in_the_inbox(house, tmp_path, monkeypatch):
    inbox = tmp_path / "drop" / "events" / "inbox"
    inbox.mkdir(parents=True)
    lines(inbox / "a.ndjson", event("e1"))

    def away(_room):
        raise EventsAway("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(house.events), "store", away)
        with pytest.raises(EventsAway):
            take_events(house, tmp_path / "drop", OPERATOR, settled_seconds=0)
    assert [path.name for path in inbox.iterdir()] == ["a.ndjson"]

    take_events(house, tmp_path / "drop", OPERATOR, settled_seconds=0)
    assert kept(house) == ["e1"]


def test_without_a_folder_in_the_settings_nothing_is_taken(house):
    assert take_events_configured(house) == []


def test_a_file_is_read_from_where_it_was_left(tmp_path):
    path = lines(tmp_path / "a.ndjson", *(event(f"e{number}") for number in range(7)))
    pq.write_table(table(*(f"e{number}" for number in range(7))), tmp_path / "b.parquet", row_group_size=3)

    (piece,) = pieces(path, after=5)
    tables = list(pieces(tmp_path / "b.parquet", after=5))

    assert (piece.first, [one["id"] for one in piece.events]) == (5, ["e5", "e6"])
    assert [(one.first, one.events["id"].to_pylist()) for one in tables] == [(5, ["e5", "e6"])]


def test_a_file_of_another_kind_says_which_are_read(tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n")

    with pytest.raises(NotAnEventFile, match="parquet"):
        list(pieces(tmp_path / "a.csv"))


def test_the_command_sends_a_file_and_says_what_was_refused(house, tmp_path, run_codman):
    path = lines(tmp_path / "a.ndjson", event("e1"), event("e2", subject="Anna"), event("e3"))
    house.close()

    done = run_codman("events", "send", path, "--workspace", tmp_path / "work")
    again = run_codman("events", "send", path, "--workspace", tmp_path / "work", "--format", "json")

    assert done.returncode == 2
    assert done.stdout.startswith("accepted 2  repeated 0  refused 1")
    assert "event 2: /data/subject" in done.stderr
    assert "Anna" not in done.stderr + done.stdout
    assert json.loads(again.stdout)[0]["repeated"] == 2
    assert not (tmp_path / "a.ndjson.sent.json").exists()


def test_the_command_goes_on_where_it_was(house, tmp_path, run_codman):
    path = lines(tmp_path / "a.ndjson", event("e1"), event("e2"), event("e3"))
    which = [path.stat().st_size, path.stat().st_mtime_ns]
    progress = {"file": which, "sent": 2, "accepted": 2, "repeated": 0, "refused": []}
    (tmp_path / "a.ndjson.sent.json").write_text(json.dumps(progress))
    house.close()

    done = run_codman("events", "send", path, "--workspace", tmp_path / "work", "--format", "json")

    assert json.loads(done.stdout) == [{"file": str(path), "sent": 3, "accepted": 3, "repeated": 0, "refused": []}]
    assert _ids(tmp_path / "work") == ["e3"]


def _ids(workspace):
    return (
        deltalake.DeltaTable(str(workspace / "tables" / "events" / "predictions")).to_pyarrow_table()["id"].to_pylist()
    )
