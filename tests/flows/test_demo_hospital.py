"""The demo hospital in a real book: everything in it was written, signed and filed as anybody's would be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from sqlalchemy import func, select

from codman.evidence.canonical import sha256
from codman.flows.demo.hospital import BookInUse, load_hospital
from codman.flows.house import House
from codman.flows.reproduce import reproduce
from codman.registry.inventory import Question, search
from codman.registry.log import check, entries
from codman.registry.schema import deployments, documents, facts, keys, people, statements
from codman.registry.standing import standing_of
from codman.settings import read_settings
from codman.simulate.hospital import make_hospital
from codman.wiring import open_house

OpenHouse = Callable[[str], House]


@pytest.fixture
def open_at(tmp_path: Path) -> Iterator[OpenHouse]:
    """Opens a fresh house on SQLite, by its folder's name."""
    opened: list[House] = []

    def fresh(name: str) -> House:
        opened.append(open_house(read_settings(workspace=tmp_path / name)))
        return opened[-1]

    yield fresh
    for house in opened:
        house.close()


def quiet(_sentence: str) -> None:
    """Nobody listens."""


def test_the_book_says_what_the_hospital_says_on_both_databases(database_url: str, tmp_path: Path):
    house = open_house(read_settings(workspace=tmp_path / "house", database_url=database_url))
    hospital = load_hospital(house, 7, quiet, small=True)

    assert hospital == make_hospital(7, small=True)
    standing = hospital.standing("use")
    with house.database.reading() as connection:
        found = search(connection, Question(limit=500))
        assert {use.id for use in found.items} == standing.keys()
        for use in found.items:
            said = standing[use.id]
            assert (use.stage, use.decision, use.owner_id, use.monitoring) == (
                said["stage"],
                said["decision"],
                said["owner"],
                said["monitoring"],
            )
        modes = dict(connection.execute(select(deployments.c.id, deployments.c.mode)).all())
        assert modes == {name: one["mode"] for name, one in hospital.standing("deployment").items()}
        assert connection.execute(select(func.count()).select_from(people)).scalar() == len(hospital.standing("person"))
        assert check(connection).size == len(hospital.history) + len(connection.execute(select(documents)).all())
    house.close()


def test_the_log_tells_the_two_years_in_order_each_step_in_its_authors_name(open_at: OpenHouse):
    house = open_at("house")
    now = house.database.clock
    hospital = load_hospital(house, 7, quiet, small=True)

    assert house.database.clock is now
    with house.database.reading() as connection:
        told = [written.value for written in entries(connection)]
    times = [entry["at"] for entry in told]
    assert times == sorted(times)
    assert times[0][:10] == hospital.first.isoformat()
    assert times[-1][:10] <= hospital.until.isoformat()
    known = hospital.standing("person").keys()
    assert {entry["actor"]["id"] for entry in told} - known == {"codman"}
    assert len({entry["actor"]["id"] for entry in told}) > 4


def test_statements_are_verified_tied_to_their_use_and_come_out_the_same_again(open_at: OpenHouse, tmp_path: Path):
    first, second = open_at("first"), open_at("second")
    load_hospital(first, 7, quiet, small=True)
    load_hospital(second, 7, quiet, small=True)

    digests = []
    for house in (first, second):
        with house.database.reading() as connection:
            rows = connection.execute(select(statements)).all()
            standing = standing_of(connection, [row.digest for row in rows])
        assert {one.word for one in standing.values()} == {"verified"}
        assert all(row.version_id for row in rows)
        assert all(row.use_id for row in rows if row.kind == "evaluation")
        digests.append(sorted(row.digest for row in rows))
    assert digests[0] == digests[1]
    with first.database.reading() as connection, second.database.reading() as other:
        assert not {*connection.execute(select(keys.c.keyid)).scalars()} & {
            *other.execute(select(keys.c.keyid)).scalars()
        }

    evaluation = next(row for row in rows if row.kind == "evaluation")
    held = first.store.get(evaluation.digest)
    assert held.path is not None
    uri = held.statement.predicate["inputs"][0]["uri"]
    again = reproduce(held.path, inputs={"predictions": tmp_path / "first" / uri})
    assert again.reproduced


def test_facts_stand_in_fields_of_the_frameworks_and_evidence_behind_them_is_filed(open_at: OpenHouse):
    house = open_at("house")
    load_hospital(house, 7, quiet, small=True)

    homes = set()
    for name in ("hti-1", "chai-model-card"):
        framework = yaml.safe_load(files("codman.registry").joinpath("frameworks", f"{name}.yaml").read_text("utf-8"))
        homes |= {one["home"] for one in framework["fields"]}
    with house.database.reading() as connection:
        rows = connection.execute(select(facts)).all()
        filed = set(connection.execute(select(statements.c.digest)).scalars())
        papers = connection.execute(select(documents)).all()
    assert {row.field for row in rows} <= homes
    assert {row.evidence for row in rows} - {None} <= filed
    assert papers
    for paper in papers:
        body = (house.documents / paper.digest[:2] / paper.digest).read_bytes()
        assert (sha256(body), len(body)) == (paper.digest, paper.size)


def test_invented_records_are_never_put_among_others(open_at: OpenHouse):
    house = open_at("house")
    load_hospital(house, 7, quiet, small=True)

    with pytest.raises(BookInUse):
        load_hospital(house, 8, quiet, small=True)


def test_the_small_hospital_loads_quickly_enough_for_every_rooms_tests(open_at: OpenHouse):
    load_hospital(open_at("warm"), 7, quiet, small=True)  # engines load when they first run
    house = open_at("house")

    began = time.process_time()
    load_hospital(house, 7, quiet, small=True)

    assert time.process_time() - began < 1.5


@pytest.mark.soak
def test_the_whole_hospital_loads_in_25_seconds_and_its_lost_key_counts_no_more(open_at: OpenHouse, whole: bool):
    if not whole:
        pytest.skip("`make soak` loads the whole hospital; the small one is loaded above")
    house = open_at("house")
    began = time.process_time()
    hospital = load_hospital(house, 7, quiet)
    assert time.process_time() - began < 25

    with house.database.reading() as connection:
        rows = connection.execute(select(statements)).all()
        words = {one.word for one in standing_of(connection, [row.digest for row in rows]).values()}
        check(connection)
    assert words == {"verified", "revoked"}
    assert len({row.use_id for row in rows if row.kind == "evaluation"}) >= 40
    assert len(hospital.standing("use")) == 140
