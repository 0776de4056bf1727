"""Incidents: alarms that belong together are one, and what broke is named."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.monitor.alarms.incidents import Alarm, incidents, scan
from codman.monitor.alarms.stream import Stream, WatchImpossible

FEEDS = {"labs": ("lactate", "creatinine", "wbc", "crp"), "monitors": ("heart_rate", "spo2", "map")}
SITES = ("north", "south", "east")


def _watched(owner="icu"):
    """Every feature at every site and overall, and the model's AUROC overall and at every site."""
    streams = [
        Stream(
            metric="ks", delta=0.1, feature=feature, lineage=(f"{feed} feed",), owner="data team", use="sepsis",
            slice={} if site is None else {"site": site}, site=site,
        )
        for feed, features in FEEDS.items() for feature in features for site in (None, *SITES)
    ]  # fmt: skip
    return streams + [
        Stream(
            metric="auroc",
            delta=0.03,
            owner=owner,
            use="sepsis",
            slice={} if site is None else {"site": site},
            site=site,
        )
        for site in (None, *SITES)
    ]


def _alarm(stream, window=10, moved=9, shift=0.2):
    return Alarm(stream=stream, window=window, at=f"2026-03-{window:02d}", moved=moved, shift=shift, e=1e5)


def test_a_feed_that_broke_is_the_cause_of_what_is_made_from_it():
    watched = _watched()
    broken = [one for one in watched if one.lineage == ("labs feed",)]
    alarms = [_alarm(one, window=10 + i % 2) for i, one in enumerate(broken)]
    auroc = next(one for one in watched if one.feature is None and not one.slice)

    found = incidents([*alarms, _alarm(auroc, window=12, moved=10)], watched, owners={"labs feed": "lab IT"})

    assert len(found) == 1
    assert (found[0].causes[0].kind, found[0].causes[0].name) == ("lineage", "labs feed")
    assert found[0].owner == "lab IT"
    assert found[0].sentence == "16 of 17 alarms are made from labs feed (16 streams watched), and it moved first"


def test_a_site_that_changed_is_the_cause_of_all_its_features():
    watched = _watched()

    found = incidents([_alarm(one) for one in watched if one.site == "south"], watched)

    assert (found[0].causes[0].kind, found[0].causes[0].name) == ("site", "south")


def test_one_feature_that_moved_everywhere_is_its_own_cause():
    watched = _watched()

    found = incidents([_alarm(one) for one in watched if one.feature == "lactate"], watched)

    assert (found[0].causes[0].kind, found[0].causes[0].name) == ("feature", "lactate")
    assert found[0].owner == "data team"


def test_of_two_causes_that_explain_the_same_the_one_that_moved_first_is_named():
    first, second = (
        Stream(metric="ks", delta=0.1, feature=f, lineage=("one", "two") if f == "a" else ("two",), owner="x")
        for f in "ab"
    )
    quiet = [Stream(metric="ks", delta=0.1, feature=f, owner="x") for f in "cdefgh"]

    found = incidents([_alarm(first, moved=3), _alarm(second, moved=8)], [first, second, *quiet])

    assert found[0].causes[0].name == "two"
    assert found[0].causes[0].moved == 3


def test_alarms_far_apart_in_time_or_with_nothing_in_common_are_different_incidents():
    watched = _watched()
    lactate = [one for one in watched if one.feature == "lactate" and one.site is None]
    spo2 = [one for one in watched if one.feature == "spo2" and one.site is None]

    assert len(incidents([_alarm(lactate[0], window=2), _alarm(lactate[0], window=9)], watched)) == 2
    assert len(incidents([_alarm(lactate[0]), _alarm(spo2[0])], watched)) == 2
    assert len(incidents([_alarm(lactate[0], window=4), _alarm(lactate[0], window=6)], watched)) == 1


def test_an_incident_is_severe_if_one_of_its_alarms_is():
    stream = Stream(metric="auroc", delta=0.02, severe=0.1, owner="icu")

    mild, grave = (incidents([_alarm(stream, shift=shift)], [stream])[0] for shift in (0.05, 0.12))

    assert (mild.severe, grave.severe) == (False, True)
    assert mild.sentence == "1 alarm, the first of auroc"


def test_the_score_of_a_cause_is_kulldorffs():
    # 8 of 10 inside, 2 of 90 outside, against 10 of 100
    by_hand = (
        8 * np.log(0.8)
        + 2 * np.log(0.2)
        + 2 * np.log(2 / 90)
        + 88 * np.log(88 / 90)
        - 10 * np.log(0.1)
        - 90 * np.log(0.9)
    )

    assert scan(8, 10, 10, 100) == pytest.approx(by_hand)
    assert scan(1, 10, 10, 100) == 0.0


def test_planted_causes_are_named_in_nineteen_of_twenty_incidents():
    random = np.random.default_rng(31)
    watched, right, runs = _watched(), 0, 200
    causes = [("lineage", "labs feed"), ("lineage", "monitors feed"), ("site", "north"), ("feature", "creatinine")]
    for run in range(runs):
        kind, name = causes[run % len(causes)]
        hit = [
            one for one in watched
            if name in {"lineage": one.lineage, "site": (one.site,), "feature": (one.feature,)}[kind]
        ]  # fmt: skip
        # each of its streams alarms with chance 0.8, in one of two windows; one false alarm elsewhere, a window later
        alarms = [_alarm(one, window=10 + int(random.integers(2))) for one in hit if random.random() < 0.8]
        others = [one for one in watched if one not in hit]
        alarms.append(_alarm(others[random.integers(len(others))], window=12, moved=11))
        largest = max(incidents(alarms, watched), key=lambda one: len(one.alarms))
        right += (largest.causes[0].kind, largest.causes[0].name) == (kind, name)

    assert right >= 0.95 * runs


@given(st.lists(st.tuples(st.integers(0, 31), st.integers(0, 12)), max_size=25))
def test_every_alarm_is_in_exactly_one_incident(drawn):
    watched = _watched()
    alarms = [_alarm(watched[s], window=w, moved=min(w, 5)) for s, w in drawn]

    found = incidents(alarms, watched)

    held = list(itertools.chain.from_iterable(one.alarms for one in found))
    assert sorted(map(id, held)) == sorted(map(id, alarms))


def test_a_gap_below_zero_is_refused():
    with pytest.raises(WatchImpossible):
        incidents([], [], within=-1)
