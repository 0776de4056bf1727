"""The index of identities: what was taken is found, what was not is not, in memory as in files."""

from __future__ import annotations

import hashlib
import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.tables.events import runs
from codman.tables.events.index import Index


def key(number):
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


@given(st.lists(st.one_of(st.lists(st.integers(0, 300), max_size=60), st.just("save"), st.just("open")), max_size=25))
@settings(max_examples=60)
def test_it_finds_what_a_dictionary_would(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("index")
    index, known = Index(folder), {}
    for step in steps:
        if step == "save":
            index.save()
        elif step == "open":
            index.save()
            index = Index(folder)
        else:
            fresh = [number for number in dict.fromkeys(step) if number not in known]
            known |= {number: -number for number in fresh}
            index.add([key(number) for number in fresh], [-number for number in fresh])
        asked = range(310)
        assert index.find([key(number) for number in asked]) == [known.get(number) for number in asked]


def test_many_saves_leave_few_runs_and_a_merge_in_parts_keeps_all(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_AT_ONCE", 500)
    index = Index(tmp_path)
    for save in range(64):
        index.add([key((save, one)) for one in range(100)], [save * 1000 + one for one in range(100)])
        index.save()

    asked = [(save, one) for save in range(64) for one in range(100)]

    assert len(index.runs) <= 9  # three of each size: 100, 400, 1,600
    assert sum(run.count for run in index.runs) == 6400
    assert index.find([key(one) for one in asked]) == [save * 1000 + one for save, one in asked]
    assert set(index.find([key(("no", one)) for one in range(2000)])) == {None}


def test_a_filter_turns_most_that_were_never_taken_away(tmp_path):
    index = Index(tmp_path)
    index.add([key(one) for one in range(20_000)], list(range(20_000)))
    index.save()
    (run,) = index.runs
    word, bits = runs._mask(_array(range(20_000, 60_000)), len(run._filter))

    passed = ((run._filter[word] & bits) == bits).mean()

    assert passed < 0.06


def _array(numbers):
    return np.frombuffer(b"".join(key(one) for one in numbers), ">u8").astype("u8").reshape(-1, 2)


def test_a_damaged_index_says_that_it_is_not_whole(tmp_path):
    index = Index(tmp_path)
    index.add([key(1)], [1])
    index.save()
    assert Index(tmp_path).whole
    path = index.runs[0].path
    path.write_bytes(path.read_bytes()[:-8])

    again = Index(tmp_path)

    assert not again.whole
    assert again.find([key(1)]) == [None]


def test_what_is_noted_while_a_run_is_written_is_found_all_the_time(tmp_path):
    index, end, missed = Index(tmp_path), threading.Event(), []

    def save():
        while not end.is_set():
            index.save()

    thread = threading.Thread(target=save)
    thread.start()
    try:
        for number in range(3000):
            index.add([key(number)], [number])
            if index.find([key(number), key(number // 2)]) != [number, number // 2]:
                missed.append(number)
    finally:
        end.set()
        thread.join()

    assert missed == []
