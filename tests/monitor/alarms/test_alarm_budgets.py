"""Budgets: few at once, the rest in a digest, severe ones always, none dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.monitor.alarms.budgets import MONTH, Notice, Sent, deliver
from codman.monitor.alarms.stream import WatchImpossible

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)


def _notice(i, owner="ana", days=0.0, *, severe=False, strength=1.0):
    return Notice(incident=str(i), owner=owner, at=T0 + timedelta(days=days), severe=severe, strength=strength)


def test_over_the_budget_the_strongest_go_at_once_and_the_rest_wait():
    found = deliver([_notice(i, strength=i) for i in range(5)], [], {"ana": 2})

    assert [one.incident for one in found.at_once] == ["4", "3"]
    assert [one.incident for one in found.digest] == ["2", "1", "0"]


def test_severe_ones_pass_an_empty_budget_and_use_up_what_there_is():
    found = deliver([_notice(1, severe=True), _notice(2)], [], {"ana": 1})
    none = deliver([_notice(1, severe=True)], [], {"ana": 0})

    assert ([one.incident for one in found.at_once], [one.incident for one in found.digest]) == (["1"], ["2"])
    assert [one.incident for one in none.at_once] == ["1"]


def test_a_budget_is_of_any_thirty_days_and_of_one_owner():
    told = [Sent(owner="ana", at=T0 - timedelta(days=29))]

    assert deliver([_notice(1)], told, {"ana": 1}).digest
    assert deliver([_notice(1, days=1.5)], told, {"ana": 1}).at_once
    assert deliver([_notice(1, owner="bo")], told, {"ana": 1}, otherwise=1).at_once


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 90), st.booleans(), st.floats(0, 9)), max_size=40),
    st.integers(0, 4),
)
def test_none_is_dropped_and_no_owner_is_told_more_than_the_budget_but_for_severe_ones(drawn, budget):
    waiting = [
        _notice(i, owner, days, severe=severe, strength=strong) for i, (owner, days, severe, strong) in enumerate(drawn)
    ]

    found = deliver(waiting, [], {"a": budget, "b": budget})

    assert sorted([*found.at_once, *found.digest], key=lambda one: int(one.incident)) == waiting
    assert not any(one.severe for one in found.digest)
    for one in found.at_once:
        lately = [n for n in found.at_once if n.owner == one.owner and one.at - MONTH < n.at <= one.at and not n.severe]
        assert len(lately) <= budget or one.severe


def test_a_budget_below_zero_is_refused():
    with pytest.raises(WatchImpossible):
        deliver([], [], {"ana": -1})
