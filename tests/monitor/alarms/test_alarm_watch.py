"""Alarms going on and off: persistence, hysteresis, and a state that can be put away and read again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from codman.monitor.alarms.evidence import Evidence
from codman.monitor.alarms.stream import Stream, WatchImpossible
from codman.monitor.alarms.watch import Rules, Watch, began, watch_all

RULES = Rules(level=0.5, period=10, persistence=(2, 3), memory=(1,), quiet=1)


def _evidence(e, beyond, back=None, shift=None):
    column = lambda values, kind: np.array(values, dtype=kind)[:, None]  # noqa: E731
    return Evidence(
        e=column(e, float), beyond=column(beyond, bool),
        back=column([0] * len(e) if back is None else back, bool),
        shift=column(beyond if shift is None else shift, float),
    )  # fmt: skip


def test_one_window_beyond_is_no_alarm_and_two_of_three_are():
    once = watch_all(_evidence([1e6] * 4, [1, 0, 0, 0]), RULES, [1.0])
    twice = watch_all(_evidence([1e6] * 4, [1, 0, 1, 0]), RULES, [1.0])

    assert not once.raised.any()
    assert twice.raised.ravel().tolist() == [False, False, True, False]


def test_windows_beyond_without_evidence_are_no_alarm():
    assert not watch_all(_evidence([1.0] * 4, [1] * 4), RULES, [1.0]).raised.any()


def test_an_alarm_stays_on_until_it_is_back_within_the_lower_level_and_is_raised_once():
    history = watch_all(_evidence([1e6] * 6, [1] * 6, back=[0, 0, 0, 0, 1, 0]), RULES, [1.0])

    assert history.raised.ravel().tolist() == [False, True, False, False, False, True]
    assert history.on.ravel().tolist() == [False, True, True, True, False, True]
    assert history.ended.ravel().tolist() == [False, False, False, False, True, False]


def test_streams_that_are_not_here_take_their_part_of_the_level():
    e = [60.0, 60.0]  # alone 20 is needed; beside nine others 200

    assert watch_all(_evidence(e, [1, 1]), RULES, [1.0]).raised.any()
    assert not watch_all(_evidence(e, [1, 1]), RULES, [1.0], others=9.0).raised.any()


def test_a_watch_put_away_after_every_window_goes_on_as_one_that_was_not():
    random = np.random.default_rng(3)
    e, beyond, back = random.exponential(60, (30, 8)), random.random((30, 8)) < 0.6, random.random((30, 8)) < 0.2
    whole, watch = Watch.start(RULES, np.ones(8)), Watch.start(RULES, np.ones(8))

    for t in range(30):
        whole, raised, ended = whole.after(e[t], beyond[t], back[t])
        watch, again, over = Watch.read(json.loads(json.dumps(watch.written()))).after(e[t], beyond[t], back[t])

        assert raised.tolist() == again.tolist()
        assert ended.tolist() == over.tolist()
    assert whole.written() == watch.written()


@pytest.mark.parametrize("broken", [{}, {"rules": {}}, {"rules": 3, "share": "x"}], ids=str)
def test_a_state_that_cannot_be_read_is_refused(broken):
    with pytest.raises(WatchImpossible):
        Watch.read(broken)


def test_the_window_in_which_a_shift_began_is_found_behind_the_alarm():
    shift = np.array([0.0, 0.1, 0.0, 0.9, 1.1, 1.0])[:, None]
    raised = np.zeros((6, 1), dtype=bool)
    raised[5] = True

    assert began(shift, raised).ravel().tolist() == [-1, -1, -1, -1, -1, 3]


@pytest.mark.parametrize(
    "wrong", [{"persistence": (3, 2)}, {"memory": ()}, {"quiet": 0}, {"off": 1.2}, {"level": 2.0}], ids=str
)
def test_rules_that_cannot_be_kept_are_refused(wrong):
    with pytest.raises(WatchImpossible):
        Rules(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"delta": -1.0}, {"delta": 0.1, "severe": 0.05}, {"delta": 0.1, "weight": 0.0}], ids=str
)
def test_a_stream_that_cannot_be_watched_is_refused(wrong):
    with pytest.raises(WatchImpossible):
        Stream(metric="auroc", **wrong)
