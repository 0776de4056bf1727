"""G2: whatever the disk does at whichever point, what was acknowledged is there once, and nothing is there twice."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from event_rows import NOW, part, prediction
from faulty_disk import Crash, Fault, FaultyDisk

from codman.spine.event import EventType
from codman.tables.events.away import EventsAway, EventsDamaged
from codman.tables.events.segment import frames, number_of
from codman.tables.events.store import EventStore

# rounds of: two requests, of which the second repeats some of the first; then what is done is moved
ROUNDS = 2


class Journey:
    """A sender that sends until it is told that its events are kept, and a mover, on a disk that fails once."""

    def __init__(self, folder, fault=Fault.EIO, fail_at=-1):
        self.disk = FaultyDisk()
        self.disk.fault, self.disk.fail_at = fault, fail_at
        self.folder = folder
        self.acknowledged = []
        self.table = []  # what was moved: (sequence, id); a commit is whole and durable
        self.moved = 0  # the last segment in it
        self.openings = 0
        self.store = self.open()

    def open(self):
        for _ in range(5):
            self.openings += 1
            try:
                return EventStore(self.folder / "events", lambda: NOW - timedelta(days=self.openings), disk=self.disk)
            except (OSError, Crash):
                self.came_up()
        raise AssertionError("it never opened")

    def came_up(self):
        if self.disk.dead:
            self.disk.restart()

    def again(self, work):
        for _ in range(5):
            try:
                return work(self.store)
            except (EventsAway, OSError, Crash):
                if self.disk.dead:
                    self.store.close()
                    self.disk.restart()
                    self.store = self.open()
        raise AssertionError("it never worked again")

    def go(self):
        for number in range(ROUNDS):
            first = [f"{number}-{one}" for one in range(4)]
            for names in (first, [*first[2:], f"{number}-more"]):
                request = part(EventType.PREDICTION, [prediction(name) for name in names])
                self.again(lambda store, request=request: store.take("sender", [request]))
                self.acknowledged += names
            self.again(self.move)
        self.store.close()

    def move(self, store):
        done = [number for number, _ in store.roll()]
        rows = [
            (frame.first_sequence + place, name)
            for number in done
            if number > self.moved
            for frame in store.read(number)
            for place, name in enumerate(frame.rows.column("id").to_pylist())
        ]
        self.table += rows
        self.moved = max([self.moved, *done])
        store.index.save()
        for number in done:
            store.forget(number)

    def kept(self):
        """Everything there is after another opening: moved, or in a segment that is not."""
        self.disk.restart()
        store = self.open()
        self.again(self.move)
        store.close()
        return self.table


def test_without_a_fault_every_event_is_moved_once_in_order(tmp_path):
    journey = Journey(tmp_path)
    journey.go()

    kept = journey.kept()

    assert [name for _, name in kept] == list(dict.fromkeys(journey.acknowledged))
    assert [sequence for sequence, _ in kept] == list(range(ROUNDS * 5))


def _points(tmp_path):
    journey = Journey(tmp_path / "counted")
    journey.go()
    return journey.disk.asked


@pytest.mark.parametrize("fault", Fault)
def test_at_every_point_a_fault_loses_nothing_acknowledged_and_doubles_nothing(fault, tmp_path, figure):
    points = _points(tmp_path)
    wrong = []
    for at in range(1, points + 1):
        journey = Journey(tmp_path / str(at), fault, at)
        journey.go()
        kept = journey.kept()
        names = [name for _, name in kept]
        sequences = [sequence for sequence, _ in kept]
        if set(journey.acknowledged) - set(names) or len(names) != len(set(names)):
            wrong.append((at, "lost or doubled"))
        if any(later <= earlier for earlier, later in itertools.pairwise(sequences)):
            wrong.append((at, "out of order"))

    assert wrong == []
    assert points > 20
    figure(goal="G2", fault=fault.value, points=points, wrong=0)


def test_a_segment_that_lost_what_it_had_is_told_and_not_passed_over(tmp_path):
    journey = Journey(tmp_path)
    request = part(EventType.PREDICTION, [prediction("a")])
    journey.store.take("sender", [request])
    journey.store.roll()
    journey.store.close()
    name = journey.disk.names()[-2]
    stored = journey.disk.files[name]
    assert list(frames(bytes(stored.written))) != []
    assert number_of(name) is not None
    stored.written[-1] ^= 1

    with pytest.raises(EventsDamaged) as told:
        EventStore(tmp_path / "events", disk=journey.disk)

    assert name in told.value.what
