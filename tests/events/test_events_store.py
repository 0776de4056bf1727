"""G6 and G23: each event once, whoever sends it how often; and one order, whatever the clock does."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import timedelta

import pyarrow as pa
import pytest
from event_rows import NOW, at, prediction, take
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from codman.spine.event import EventType
from codman.tables.events import store as stores
from codman.tables.events.columns import TIME
from codman.tables.events.store import (
    NEW,
    OTHER,
    REPEATED,
    EventsAway,
    EventsCrowded,
    EventsElsewhere,
    EventStore,
    Part,
)

PREDICTION = EventType.PREDICTION


def everything(store):
    """(sequence, id, score, received at) of all that is in segments, in their order."""
    return [
        (frame.first_sequence + place, row["id"], row["score"], frame.received_at)
        for number, _ in store.roll()
        for frame in store.read(number)
        for place, row in enumerate(frame.rows.select(["id", "score"]).to_pylist())
    ]


@pytest.fixture
def store(tmp_path):
    made = EventStore(tmp_path / "events", lambda: NOW)
    yield made
    made.close()


def test_the_same_again_is_ignored_and_another_body_is_told(store):
    assert take(store, PREDICTION, [prediction("a"), prediction("b")]) == [NEW, NEW]
    assert take(store, PREDICTION, [prediction("b"), prediction("a", score=0.1), prediction("c")]) == [
        REPEATED,
        OTHER,
        NEW,
    ]
    assert [(name, score) for _, name, score, _ in everything(store)] == [("a", 0.5), ("b", 0.5), ("c", 0.5)]


def test_within_one_request_the_first_of_an_id_stands(store):
    assert take(store, PREDICTION, [prediction("a"), prediction("a"), prediction("a", score=0.1)]) == [
        NEW,
        REPEATED,
        OTHER,
    ]


def test_the_same_id_of_another_source_is_another_event(store):
    assert take(store, PREDICTION, [prediction("a"), prediction("a", source="other")]) == [NEW, NEW]


def test_what_was_taken_is_known_after_a_restart_and_numbers_go_on(tmp_path):
    for opening in range(3):
        store = EventStore(tmp_path / "events", lambda: NOW)
        assert take(store, PREDICTION, [prediction("a"), prediction(f"new-{opening}")]) == [
            NEW if opening == 0 else REPEATED,
            NEW,
        ]
        store.close()

    store = EventStore(tmp_path / "events", lambda: NOW)
    assert [(number, name) for number, name, *_ in everything(store)] == [
        (0, "a"),
        (1, "new-0"),
        (2, "new-1"),
        (3, "new-2"),
    ]
    store.close()


class Senders(RuleBasedStateMachine):
    """Three senders with duplicates, changed bodies, another order, restarts and index saves, against a dictionary."""

    @initialize()
    def begin(self):
        self.folder = self.make("machine")
        self.store = EventStore(self.folder, lambda: NOW)
        self.model = {}

    @rule(
        events=st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0.25, 0.25, 0.25, 0.75])), max_size=12),
        sender=st.sampled_from(["one", "two", "three"]),
    )
    def send(self, events, sender):
        expected = []
        for name, score in events:
            known = self.model.setdefault(name, score)
            expected.append(known == score)
        before = {name for name, _ in events} & set(self.model)
        if not events:
            return
        became = take(self.store, PREDICTION, [prediction(str(n), score=s) for n, s in events], sender)
        assert [one != OTHER for one in became] == expected
        assert sum(one == NEW for one in became) <= len(before)

    @rule()
    def save(self):
        self.store.index.save()

    @rule()
    def restart(self):
        self.store.close()
        self.store = EventStore(self.folder, lambda: NOW)

    @invariant()
    def each_is_there_once_with_its_first_body(self):
        if hasattr(self, "store"):
            kept = everything(self.store)
            assert {int(name): score for _, name, score, _ in kept} == self.model
            assert len(kept) == len(self.model)
            assert [sequence for sequence, *_ in kept] == list(range(len(kept)))

    def teardown(self):
        self.store.close()


def test_a_machine_of_senders_agrees_with_a_dictionary(tmp_path_factory):
    class Here(Senders):
        def make(self, name):
            return tmp_path_factory.mktemp(name)

    Here.TestCase.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
    Here.TestCase().runTest()


def _rows(numbers):
    """Predictions by number; columns at once, so that a hundred thousand are made in a moment."""
    names = pa.array([f"e{number}" for number in numbers])
    plain = stores_schema_row(names)
    return Part(PREDICTION, plain)


def stores_schema_row(names):
    from codman.tables.events.checks import check

    n = len(names)
    table = pa.table(
        {
            "source": pa.repeat("model", n),
            "id": names,
            "prediction_id": names,
            "use": pa.repeat("icu-use", n),
            "version": pa.repeat("1", n),
            "subject": pa.repeat("s-1", n),
            "predicted_at": pa.repeat(pa.scalar(at(1), TIME), n),
            "score": pa.repeat(0.5, n),
        }
    )
    return check(PREDICTION, table, NOW).rows


def test_three_senders_with_a_third_of_duplicates_in_any_order_are_counted_exactly_once(tmp_path, whole, figure):
    total = 100_000 if whole else 20_000
    store = EventStore(tmp_path / "events", lambda: NOW, segment_bytes=512 * 1024)
    r = random.Random(6)
    counts, lock = Counter(), threading.Lock()

    def send(share, order):
        numbers = share + order.sample(range(total), int(0.43 * len(share)))  # 0.43 / 1.43: 30 % are duplicates
        order.shuffle(numbers)
        for start in range(0, len(numbers), 500):
            (became,) = store.take("sender", [_rows(numbers[start : start + 500])])
            with lock:
                counts.update(became.tolist())

    threads = [
        threading.Thread(target=send, args=(list(range(first, total, 3)), random.Random(r.random())))
        for first in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = everything(store)
    store.close()

    assert counts[NEW] == total
    assert counts[OTHER] == 0
    assert counts[REPEATED] > 0.25 * total
    assert sorted(int(name[1:]) for _, name, *_ in kept) == list(range(total))
    assert [sequence for sequence, *_ in kept] == list(range(total))
    figure(goal="G6", events=total, repeated=counts[REPEATED], doubled=0)


def test_a_clock_set_back_breaks_neither_sequence_nor_order(tmp_path):
    leaps = [0, 3600, -86_400 * 365, -3600, 1, 7200, -1]  # an hour ahead, a year back, the hour of a clock change …
    seen = []
    for opening in range(2):
        now = NOW
        store = EventStore(tmp_path / "events", lambda: now)  # noqa: B023 - it reads the time as it is then
        for place, leap in enumerate(leaps):
            now += timedelta(seconds=leap)
            take(store, PREDICTION, [prediction(f"{opening}-{place}")])
        seen = everything(store)
        store.close()

    sequences, received = [one[0] for one in seen], [one[3] for one in seen]
    assert sequences == list(range(2 * len(leaps)))
    assert received == sorted(received)
    assert [name for _, name, *_ in seen] == [f"{o}-{p}" for o in range(2) for p in range(len(leaps))]


def test_one_process_at_a_time_has_the_store(tmp_path):
    store = EventStore(tmp_path / "events")

    with pytest.raises(EventsElsewhere):
        EventStore(tmp_path / "events")

    store.close()
    EventStore(tmp_path / "events").close()


def test_more_than_there_is_room_for_is_put_off_and_nothing_of_it_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "_WAITING_BYTES", 1)
    slow, begun = threading.Event(), threading.Event()
    store = EventStore(tmp_path / "events", lambda: NOW)
    write = store._commit

    def held_up(group):
        begun.set()
        slow.wait(10)
        write(group)

    store._commit = held_up
    first = threading.Thread(target=take, args=(store, PREDICTION, [prediction("a")]))
    first.start()
    begun.wait(10)

    with pytest.raises(EventsCrowded):
        take(store, PREDICTION, [prediction("b")])

    slow.set()
    first.join()
    assert [name for _, name, *_ in everything(store)] == ["a"]
    store.close()


def test_a_closed_store_says_so(tmp_path):
    store = EventStore(tmp_path / "events")
    store.close()

    with pytest.raises(EventsAway):
        take(store, PREDICTION, [prediction("a")])
