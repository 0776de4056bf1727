"""From segments into Delta tables exactly once, killed wherever; and back out, joined and corrected."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import date, timedelta

import deltalake
import pytest
from event_rows import NOW, action, at, outcome, prediction, take
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.spine.event import EventType
from codman.tables.events import mover as movers
from codman.tables.events.mover import Mover, moved_segments, refill, settle
from codman.tables.events.store import NEW, REPEATED, EventStore
from codman.tables.events.view import events, per_day

PREDICTION, OUTCOME, ACTION = EventType


class Place:
    """A store and its tables in one folder."""

    def __init__(self, folder):
        self.tables = folder / "tables"
        self.folder = folder
        self.open()

    def open(self):
        self.store = EventStore(
            self.folder / "events",
            lambda: NOW,
            refill=lambda index: refill(self.tables, index),
            moved=moved_segments(self.tables),
        )
        self.mover = Mover(self.store, self.tables)

    def again(self):
        """The process ended, and another begins."""
        self.store.close()
        self.open()

    def send(self, kind, *rows):
        return take(self.store, kind, list(rows))

    def ids(self, name="predictions"):
        table = deltalake.DeltaTable(str(self.tables / name)).to_pyarrow_table(columns=["id", "sequence"])
        return table.sort_by("sequence")["id"].to_pylist()

    def view(self, first=1, last=30, **more):
        return events(self.tables, "icu-use", at(first), at(last), **more)

    def labels(self, **more):
        rows = self.view(**more).rows
        return dict(zip(rows["prediction_id"].to_pylist(), rows["label"].to_pylist(), strict=True))


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.store.close()


def test_moved_events_are_in_partitions_by_use_and_day_with_who_sent_them_and_their_order(place):
    place.send(PREDICTION, prediction("a"), prediction("b", predicted_at=at(2), use="other-use"))
    assert place.mover.move() == 2

    table = deltalake.DeltaTable(str(place.tables / "predictions")).to_pyarrow_table().sort_by("sequence").to_pylist()

    assert [(row["id"], row["use"], row["day"], row["sender"], row["sequence"]) for row in table] == [
        ("a", "icu-use", date(2026, 11, 1), "sender", 0),
        ("b", "other-use", date(2026, 11, 2), "sender", 1),
    ]
    assert list(per_day(place.tables, "icu-use")) == [date(2026, 11, 1)]
    assert place.mover.move() == 0
    assert len(list((place.folder / "events" / "segments").iterdir())) == 1


class Killed(BaseException):
    """The process ends here."""


STEPS = ["_append", "_settle", "save", "forget", "_compact"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_before_or_after_any_step_each_event_is_moved_once(step, after, place, monkeypatch):
    place.send(PREDICTION, prediction("a"), prediction("b"))
    place.send(OUTCOME, outcome("o", prediction_id="a"))
    owner = {"save": place.store.index, "forget": place.store}.get(step, place.mover)
    real = getattr(owner, step)

    def dying(*arguments):
        if after:
            real(*arguments)
        raise Killed

    monkeypatch.setattr(owner, step, dying)
    with pytest.raises(Killed):
        place.mover.move()
    monkeypatch.undo()

    place.again()
    place.mover.move()
    assert place.send(PREDICTION, prediction("a"), prediction("c")) == [REPEATED, NEW]
    place.mover.move()

    assert place.ids() == ["a", "b", "c"]
    assert place.ids("outcomes") == ["o"]


def test_a_worker_killed_again_and_again_in_the_middle_moves_each_event_once(place, whole, monkeypatch, figure):
    kills = 200 if whole else 20
    for kill in range(kills):
        place.send(PREDICTION, prediction(f"e{kill}"))
        step = STEPS[kill % len(STEPS)]
        owner = {"save": place.store.index, "forget": place.store}.get(step, place.mover)

        def dying(*_arguments):
            raise Killed

        monkeypatch.setattr(owner, step, dying)
        with pytest.raises(Killed):
            place.mover.move()
        monkeypatch.undo()
        place.again()
    place.mover.move()

    assert place.ids() == [f"e{kill}" for kill in range(kills)]
    figure(goal="G22", kills=kills, doubled=0, lost=0)


def test_two_who_move_at_once_move_each_event_once(place):
    for number in range(12):
        place.send(PREDICTION, prediction(f"e{number}"))
        threads = [threading.Thread(target=place.mover.move) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert place.ids() == [f"e{number}" for number in range(12)]


def test_a_commit_that_the_power_cut_tore_is_taken_back_and_made_again(place, monkeypatch):
    place.send(PREDICTION, prediction("a"))
    place.mover.move()
    place.send(PREDICTION, prediction("b"))

    def dying(*_arguments):
        raise Killed

    for tear in (_log, _data):
        monkeypatch.setattr(place.mover, "_settle", dying)
        with pytest.raises(Killed):
            place.mover.move()
        monkeypatch.undo()
        tear(place.tables / "predictions")
        place.again()

        assert place.ids() == ["a"]

    place.mover.move()
    assert place.ids() == ["a", "b"]


def _newest(table):
    return max((table / "_delta_log").glob("*.json"))


def _log(table):
    _newest(table).write_bytes(b'{"add":{"pa')


def _data(table):
    (path,) = (json.loads(line)["add"]["path"] for line in _newest(table).read_text().splitlines() if '"add"' in line)
    (table / path.replace("%3D", "=")).write_bytes(b"PAR1")


def test_settling_leaves_a_sound_table_as_it_is(place):
    place.send(PREDICTION, prediction("a"))
    place.mover.move()
    (place.tables / "settled.json").unlink()

    settle(place.tables)

    assert place.ids() == ["a"]
    assert json.loads((place.tables / "settled.json").read_text()) == {"predictions": 0}


def test_many_small_files_become_one_and_nothing_is_lost(place, monkeypatch):
    monkeypatch.setattr(movers, "_MANY_FILES", 4)
    for number in range(9):
        place.send(PREDICTION, prediction(f"e{number}"))
        place.mover.move()

    files = deltalake.DeltaTable(str(place.tables / "predictions")).file_uris()

    assert len(files) < 4
    assert place.ids() == [f"e{number}" for number in range(9)]


def test_a_lost_index_is_made_again_from_the_tables(place):
    place.send(PREDICTION, prediction("a"))
    place.mover.move()
    place.send(PREDICTION, prediction("b"))
    place.store.close()
    shutil.rmtree(place.folder / "events" / "index")

    place.open()

    assert place.send(PREDICTION, prediction("a"), prediction("b"), prediction("c")) == [REPEATED, REPEATED, NEW]
    place.mover.move()
    assert place.ids() == ["a", "b", "c"]


def test_a_workspace_whose_segments_and_index_are_lost_goes_on_after_the_last_number(place):
    place.send(PREDICTION, prediction("a"), prediction("b"))
    place.mover.move()
    place.store.close()
    shutil.rmtree(place.folder / "events")

    place.open()
    assert place.send(PREDICTION, prediction("b"), prediction("c")) == [REPEATED, NEW]
    place.mover.move()

    table = deltalake.DeltaTable(str(place.tables / "predictions")).to_pyarrow_table()
    assert sorted(table["sequence"].to_pylist()) == [0, 1, 2]


def test_an_outcome_that_came_before_its_prediction_is_joined_to_it(place):
    place.send(OUTCOME, outcome("o", prediction_id="p1", label=1.0))
    place.mover.move()
    place.send(PREDICTION, prediction("p1"), prediction("p2"))
    place.mover.move()

    assert place.labels() == {"p1": 1.0, "p2": None}


def test_corrections_stand_in_for_what_they_replace_and_both_are_kept(place):
    place.send(PREDICTION, prediction("p1"))
    place.send(
        OUTCOME,
        outcome("o1", prediction_id="p1", label=1.0),
        outcome("o3", prediction_id="p1", label=3.0, replaces="o2"),
        outcome("o2", prediction_id="p1", label=2.0, replaces="o1", observed_at=at(20)),
    )
    place.mover.move()

    # the chain o1 <- o2 <- o3: of o2 and o3 the one taken last would be o2, and it is o3 that replaces it
    assert place.labels() == {"p1": 3.0}
    assert place.view().corrected == 2
    assert sorted(place.ids("outcomes")) == ["o1", "o2", "o3"]


def test_of_two_corrections_of_one_event_the_last_taken_stands(place):
    place.send(PREDICTION, prediction("p1"))
    place.send(OUTCOME, outcome("o1", prediction_id="p1", label=1.0))
    place.send(OUTCOME, outcome("o2", prediction_id="p1", label=2.0, replaces="o1"))
    place.send(OUTCOME, outcome("o3", prediction_id="p1", label=3.0, replaces="o1", observed_at=at(2)))
    place.mover.move()

    assert place.labels() == {"p1": 3.0}


def test_a_prediction_corrected_to_another_day_is_counted_on_that_day_alone(place):
    place.send(PREDICTION, prediction("p1"), prediction("q", prediction_id="p1", replaces="p1", predicted_at=at(5)))
    place.mover.move()

    assert place.view(1, 2).rows.num_rows == 0
    assert place.view(5, 6).rows["prediction_id"].to_pylist() == ["p1"]


def test_corrections_in_a_circle_leave_one(place):
    place.send(PREDICTION, prediction("p1"))
    place.send(
        OUTCOME,
        outcome("o1", prediction_id="p1", label=1.0, replaces="o2"),
        outcome("o2", prediction_id="p1", label=2.0, replaces="o1"),
    )
    place.mover.move()

    assert place.labels() == {"p1": 2.0}


def test_a_correction_of_another_source_replaces_nothing(place):
    place.send(PREDICTION, prediction("p1"), prediction("x", source="stranger", prediction_id="p9", replaces="p1"))
    place.mover.move()

    assert sorted(place.view().rows["prediction_id"].to_pylist()) == ["p1", "p9"]


def test_an_outcome_of_a_patient_is_that_of_predictions_before_it_within_the_horizon(place):
    place.send(
        PREDICTION,
        prediction("before", predicted_at=at(1)),
        prediction("same", predicted_at=at(3)),
        prediction("late", predicted_at=at(4)),
        prediction("other", subject="s-2", predicted_at=at(1)),
    )
    place.send(OUTCOME, outcome("o", use="icu-use", subject="s-1", occurred_at=at(3), observed_at=at(6)))
    place.send(OUTCOME, outcome("n", use="icu-use", subject="s-1", label=0.0, occurred_at=at(5), observed_at=at(6)))
    place.mover.move()

    assert place.labels() == {"before": 1.0, "same": 1.0, "late": 0.0, "other": None}
    assert place.labels(horizon=timedelta(days=2)) == {"before": None, "same": 1.0, "late": 0.0, "other": None}


def test_an_outcome_that_names_the_prediction_goes_before_one_that_names_the_patient(place):
    place.send(PREDICTION, prediction("p1"))
    place.send(
        OUTCOME, outcome("o", use="icu-use", subject="s-1", label=1.0), outcome("n", prediction_id="p1", label=0.0)
    )
    place.mover.move()

    assert place.labels() == {"p1": 0.0}


def test_an_outcome_sent_for_another_use_is_not_this_ones(place):
    place.send(PREDICTION, prediction("p1"))
    place.send(OUTCOME, outcome("o", prediction_id="p1", use="other-use"))
    place.mover.move()

    assert place.labels() == {"p1": None}


def test_actions_stand_beside_their_prediction_in_order(place):
    place.send(PREDICTION, prediction("p1"), prediction("p2"))
    place.send(
        ACTION,
        action("a2", action="overridden", reason="known", acted_at=at(3)),
        action("a1", action="shown", acted_at=at(2)),
    )
    place.mover.move()

    actions = dict(zip(*(place.view().rows[name].to_pylist() for name in ("prediction_id", "actions")), strict=True))

    assert [(one["action"], one["reason"]) for one in actions["p1"]] == [("shown", None), ("overridden", "known")]
    assert actions["p2"] == []


def test_a_prediction_id_given_twice_is_counted_once(place):
    place.send(PREDICTION, prediction("p1", score=0.1), prediction("again", prediction_id="p1", score=0.9))
    place.mover.move()

    view = place.view()

    assert view.rows["score"].to_pylist() == [0.1]
    assert view.doubled == 1


def test_a_use_without_events_has_a_view_without_rows(tmp_path):
    view = events(tmp_path / "tables", "icu-use", at(1), at(2))

    assert view.rows.num_rows == 0
    assert "label" in view.rows.column_names
    assert view.versions == {"predictions": -1, "outcomes": -1, "actions": -1}


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12))
@settings(max_examples=6)
def test_in_whatever_order_outcomes_and_corrections_arrive_the_last_of_the_chain_stands(tmp_path_factory, order):
    chain = list(dict.fromkeys(order))
    here = Place(tmp_path_factory.mktemp("order"))
    for number in chain:  # o0 <- o1 <- … <- o6, some of which never come
        here.send(
            OUTCOME,
            outcome(
                f"o{number}", prediction_id="p1", label=float(number), replaces=(number and f"o{number - 1}") or None
            ),
        )
    here.send(PREDICTION, prediction("p1"))
    here.mover.move()
    found = here.labels()["p1"]
    here.store.close()

    # an end of a chain is one that nothing replaces; where a link never came there are several, and the last observed,
    # then the last taken, stands
    ends = [number for number in chain if number + 1 not in chain]
    assert found == ends[-1]
