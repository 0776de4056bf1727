"""Whether a server can serve: each thing it needs taken away in turn, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import text

from codman.flows.operations.figures import SOURCES, figures
from codman.flows.operations.readiness import OK, readiness
from codman.flows.rounds import making_rounds
from codman.registry.database import Database, NotRecorded
from codman.registry.log import SYSTEM, Entry, size_of
from codman.settings import read_settings
from codman.wiring import open_house
from waiting import until


@pytest.fixture
def house(tmp_path, database_url):
    made = open_house(read_settings(workspace=tmp_path / "work", database_url=database_url))
    yield made
    made.close()


def entries(house):
    with house.database.reading() as connection:
        return size_of(connection)


def run(house, statement):
    with house.database.unrecorded() as connection:
        connection.execute(text(statement))


def refuse_entries(house):
    if house.database.sqlite:
        run(house, "CREATE TRIGGER full BEFORE INSERT ON log_entries BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    else:
        run(
            house,
            "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$ LANGUAGE plpgsql;"
            "CREATE TRIGGER full_disk BEFORE INSERT ON log_entries EXECUTE FUNCTION refuse()",
        )


def test_a_house_that_is_well_is_ready_and_looking_leaves_nothing_behind(house):
    before = entries(house), sorted(house.settings.workspace.rglob("*.partial"))

    assert readiness(house).failed == {}
    assert list(readiness(house).checks.values()) == [OK] * 6

    assert (entries(house), sorted(house.settings.workspace.rglob("*"))[:0] + before[1]) == before
    assert not list(house.settings.workspace.rglob("*.partial"))


def test_a_log_that_takes_no_entry_is_told_without_its_own_words(house):
    refuse_entries(house)

    assert readiness(house).failed == {"audit log": "it takes no entry, so nothing can be changed"}
    with pytest.raises(NotRecorded):
        house.database.require_writable()


def test_tables_of_another_release_are_told(house):
    run(house, "UPDATE alembic_version SET version_num = '0000'")

    assert list(readiness(house).failed) == ["tables"]


def test_a_store_that_cannot_be_written_is_told_by_its_folder_and_without_its_path(house, tmp_path):
    house.documents.rmdir()
    house.documents.write_bytes(b"")  # even root cannot write into a file

    assert readiness(house).failed == {"store": "nothing can be written into documents/"}
    assert str(tmp_path) not in str(readiness(house).failed)


def test_a_disk_that_is_nearly_full_is_told_with_what_is_left(house):
    full = replace(house, settings=house.settings.model_copy(update={"least_free_mb": 1 << 30}))

    assert "MiB are free, and CODMAN_LEAST_FREE_MB is 1,073,741,824" in readiness(full).failed["disk"]


def test_rounds_that_are_no_longer_made_are_told(house, monkeypatch):
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    house.beats.expect("outbox", thread)
    assert readiness(house).failed == {"rounds": "no longer made: outbox; restart the server"}

    house.beats.expect("outbox", threading.current_thread())
    house.beats.began("outbox")
    assert readiness(house).failed == {}
    monkeypatch.setattr("codman.flows.beats.HANGS_S", -1.0)
    assert list(readiness(house).failed) == ["rounds"]
    house.beats.ended("outbox")
    assert readiness(house).failed == {}


def test_a_server_that_makes_its_rounds_is_ready_and_says_when_each_last_ended(house):
    with making_rounds(house, every_seconds=0.02):
        until(lambda: set(house.beats.last()) >= {"outbox", "schedule", "drop folder", "change control"})
        assert readiness(house).failed == {}
        (told,) = [one for one in figures(house) if one.name == "codman_round_last_timestamp_seconds"]
        assert {words[0] for words in told.samples} >= {"outbox", "schedule", "drop folder", "change control"}

    assert house.beats.last() == {}


def test_a_change_that_takes_long_is_no_reason_to_send_everybody_elsewhere(house):
    other = Database(house.database.url.render_as_string(hide_password=False), house.database.clock)
    for writer in (house.database, other):  # of this process, of another one
        with writer.changing(SYSTEM) as change:
            change.record(Entry("log.try", "log", "log"))
            house.database.require_writable(within_s=0.1)
    other.close()

    with house.database.changing(SYSTEM):  # and nothing is left as it was set for the try
        pass


def test_a_database_that_is_away_is_told_once_and_the_rest_is_still_looked_at(house):
    away = replace(house, database=Database("postgresql://codman:hunter2@127.0.0.1:1/none"))

    assert readiness(away).checks == {"database": "it does not answer", "store": OK, "disk": OK, "rounds": OK}


def test_each_group_of_figures_is_there_and_its_labels_are_as_many_as_its_words(house):
    with house.database.changing(SYSTEM) as change:
        change.record(Entry("backup.create", "backup", "a" * 64))

    found = {one.name: one for one in figures(house)}

    assert set(found["codman_source_failed"].samples.items()) == {((name,), 0.0) for name in SOURCES}
    for one in found.values():
        assert all(len(words) == len(one.labels) for words in one.samples)
    assert found["codman_backup_last_timestamp_seconds"].samples[()] == pytest.approx(
        house.database.clock().timestamp(), abs=60
    )
    assert found["codman_audit_log_entries"].samples == {(): float(entries(house))}
    assert found["codman_database_bytes"].samples[()] > 10_000
    assert found["codman_database_connections"].samples["in_use",] == 0
    assert 0 < found["codman_disk_bytes"].samples["free",] <= found["codman_disk_bytes"].samples["total",]
    assert found["codman_outbox_messages"].samples == {("waiting",): 0.0, ("parked",): 0.0, ("sent",): 0.0}
