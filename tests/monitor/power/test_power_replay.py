"""Replay: the alarms a history would have raised, from rows and from measurements of any tool."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from codman.monitor.alarms.stream import WatchImpossible
from codman.monitor.alarms.watch import Rules
from codman.monitor.power.replay_measured import replay_measured
from codman.monitor.power.replay_rows import Asked, replay_rows
from codman.monitor.power.rules import rules_for
from codman.spine.measurement import Measurement, Window
from codman.tables.source import open_source

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEKLY = rules_for(7.0)


def _history(weeks=16, per_week=400, *, seed=1, broken_from=None, site="north", patients=None):
    random = np.random.default_rng(seed)
    n = weeks * per_week
    day = np.sort(random.random(n)) * weeks * 7
    where = random.choice(["north", "south"], n)
    lactate, age = random.lognormal(0.5, 0.5, n), random.normal(65, 15, n)
    risk = 1 / (1 + np.exp(-(-2.5 + 0.9 * np.log(lactate) + 0.02 * (age - 65))))
    died = random.random(n) < risk
    if broken_from is not None:
        hit = (day >= 7 * broken_from) & ((where == site) if site else True)
        lactate = np.where(hit, lactate * 9, lactate)  # mmol/L read as mg/dL
        risk = 1 / (1 + np.exp(-(-2.5 + 0.9 * np.log(lactate) + 0.02 * (age - 65))))
    return pa.table(
        {
            "at": [START + timedelta(days=one) for one in day], "site": where, "lactate": lactate, "age": age,
            "risk": risk, "died": died.astype(int),
            "patient": np.arange(n) if patients is None else random.integers(0, patients, n),
        }
    )  # fmt: skip


def _replay(current, asked=None, rules=WEEKLY, reference=None, **changed):
    asked = Asked(
        **(
            {"timestamp": "at", "score": "risk", "label": "died", "window": "week", "threshold": 0.3}
            | (asked or {})
            | changed
        )
    )
    held = _history(seed=99, weeks=20) if reference is None else reference
    return replay_rows(open_source(held), open_source(current), asked, rules)


FULL = {"by": [["site"]], "columns": ["lactate", "age"], "lineage": {"lactate": ["labs feed"], "age": ["registration"]}}


def test_a_history_in_which_nothing_happens_raises_no_alarm():
    found = _replay(_history(), FULL)

    assert found.alarms == ()
    assert len(found.streams) == 9 * 3  # seven metrics and two features, everyone and two sites
    said = found.written()
    assert (said["incidents_per_month"], said["incidents_per_month_lower"]) == (0, 0)
    assert said["incidents_per_month_upper"] == pytest.approx(3.69 / said["months"], abs=0.01)


def test_a_feed_that_broke_at_one_site_is_one_incident_with_its_cause():
    found = _replay(_history(broken_from=8), FULL, budget=1)

    assert len(found.incidents) == 1
    incident = found.incidents[0]
    assert START + timedelta(weeks=9) <= datetime.fromisoformat(incident.at) <= START + timedelta(weeks=11)
    assert {"north"} == {alarm.stream.slice["site"] for alarm in incident.alarms if alarm.stream.slice}
    assert "lactate" in {alarm.stream.feature for alarm in incident.alarms}
    assert not any(alarm.stream.feature == "age" for alarm in incident.alarms)
    assert incident.causes[0].name in ("labs feed", "lactate", "north", "site north")
    assert found.at_once == {"owner": 1}
    moved = {found.windows[alarm.moved][:10] for alarm in incident.alarms if alarm.stream.feature == "lactate"}
    assert moved == {"2026-03-02"}  # the eighth week after 5 January


def test_alarms_of_what_happened_come_when_labels_have():
    early, late = (
        _replay(_history(broken_from=8, site=None), metrics=["oe_ratio"], delay_days=days) for days in (0, 21)
    )

    waits = datetime.fromisoformat(late.alarms[0].at) - datetime.fromisoformat(early.alarms[0].at)
    assert waits == timedelta(days=21)
    scores = _replay(_history(broken_from=8, site=None), metrics=["ks"], delay_days=21)
    assert datetime.fromisoformat(scores.alarms[0].at) == START + timedelta(weeks=scores.alarms[0].window + 1)


def test_patients_with_many_rows_weigh_as_patients():
    current = _history(weeks=12, per_week=300, patients=60, seed=5)
    # each patient's own level of lactate is repeated in all of their rows: sixty values, not 3,600
    random = np.random.default_rng(6)
    level = random.lognormal(0.5, 0.5, 60)
    patient = current.column("patient").to_numpy()
    current = current.set_column(current.column_names.index("lactate"), "lactate", pa.array(level[patient]))
    quiet = {"metrics": ["ks"], "columns": ["lactate"], "deltas": {"ks": 0.02}, "threshold": None}

    naive, honest = _replay(current, quiet), _replay(current, quiet, subject="patient")

    assert any(alarm.stream.feature == "lactate" for alarm in naive.alarms)
    assert honest.alarms == ()


def test_a_table_without_labels_is_watched_by_what_needs_none():
    found = _replay(_history().drop_columns(["died"]), reference=_history(seed=9).drop_columns(["died"]))

    assert {stream.metric for stream in found.streams} == {"alert_rate", "ks"}
    with pytest.raises(WatchImpossible, match="label"):
        _replay(_history(), label=None, metrics=["auroc"])
    with pytest.raises(WatchImpossible, match="threshold"):
        _replay(_history(), threshold=None, metrics=["ppv"])
    with pytest.raises(WatchImpossible, match="none of those"):
        _replay(_history(), metrics=["mcc"])


def test_a_new_level_of_a_column_of_words_is_a_shift():
    before = pa.array(["a" if i % 2 else "b" for i in range(8000)])
    after = pa.array(["a" if i % 2 else "b" if i < 3200 else "c" for i in range(6400)])
    reference = _history(seed=9, weeks=20).append_column("code", before)
    current = _history().append_column("code", after)

    found = _replay(current, reference=reference, metrics=["ks"], columns=["code"])

    assert {(alarm.stream.metric, alarm.stream.feature) for alarm in found.alarms} == {("hellinger", "code")}


# ---- measurements


def _measured(values, metric="auroc", half=0.02, feature=None, **changed):
    rows = []
    for week, value in enumerate(values):
        start = START + timedelta(weeks=week)
        span = Window(start=start.isoformat(), end=(start + timedelta(weeks=1)).isoformat())
        rows.append(
            Measurement(
                **(
                    {
                        "metric": metric, "feature": feature, "value": value, "lower": value - half,
                        "upper": value + half, "level": 0.95, "n": 500, "window": span,
                    }
                    | changed
                )
            )
        )  # fmt: skip
    return rows


def test_measurements_are_held_against_their_first_windows():
    falls = _measured([0.8] * 10 + [0.7] * 6)

    found = replay_measured(falls, WEEKLY, deltas={"auroc": 0.03})

    assert [alarm.window for alarm in found.alarms] == [11]  # two of three windows
    assert found.windows[found.alarms[0].moved][:10] == "2026-03-16"
    assert replay_measured(_measured([0.8] * 16), WEEKLY).alarms == ()
    assert replay_measured(_measured([0.8] * 10 + [0.9] * 6), WEEKLY).alarms == ()  # better is no alarm


def test_a_standard_takes_the_place_of_the_first_windows():
    low = _measured([0.7] * 6)

    assert replay_measured(low, WEEKLY, standards={"auroc": 0.8}).alarms[0].window == 1
    with pytest.raises(WatchImpossible, match="nothing here"):
        replay_measured(low, WEEKLY)


def test_drift_distances_are_held_against_none():
    rows = _measured([0.05] * 5 + [0.4] * 5, metric="psi", feature="lactate")

    found = replay_measured(rows, WEEKLY, lineage={"lactate": ["labs feed"]})

    assert [alarm.window for alarm in found.alarms] == [6]
    assert found.alarms[0].stream.lineage == ("labs feed",)


def test_thresholds_are_streams_of_their_own():
    rows = _measured([0.8] * 12, metric="ppv", params={"threshold": 0.2})
    rows += _measured([0.6] * 12, metric="ppv", params={"threshold": 0.1})

    found = replay_measured(rows, WEEKLY)

    assert [dict(stream.params) for stream in found.streams] == [{"threshold": 0.2}, {"threshold": 0.1}]
    assert found.alarms == ()


def test_rows_that_cannot_be_watched_are_counted_with_why():
    rows = _measured([0.8] * 12)
    hidden = Measurement(metric="brier", value=None, note="suppressed", window=rows[0].window)
    rows += [Measurement(metric="ece", value=0.1), hidden]
    rows += _measured([0.1], metric="ici", lower=None, upper=None)

    notes = replay_measured(rows, WEEKLY).notes

    assert sorted(notes) == [
        "1 rows left out: they have no interval", "1 rows left out: they have no value",
        "1 rows left out: they say no window",
    ]  # fmt: skip


def test_more_incidents_than_the_budget_go_to_the_digest():
    rows = [
        row
        for i, feature in enumerate("abcdef")
        for row in _measured([0.05] * (4 + i) + [0.5] * (20 - i), metric="psi", feature=feature)
    ]

    found = replay_measured(rows, Rules(level=0.5, persistence=(1, 1)), budget=2, owner="ana")

    assert len(found.incidents) == 6
    assert found.at_once["ana"] + found.digest["ana"] == 6
    assert found.digest["ana"] >= 2
