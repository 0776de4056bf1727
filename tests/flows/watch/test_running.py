"""What is due is looked at once: measured, signed, filed, judged; what is wrong is a signal and stands on a desk."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "events"))
from event_rows import table
from watched import PLAN, Watched

from codman.flows.watch import running
from codman.flows.watch.keeping import plan_use
from codman.flows.watch.running import run_due
from codman.registry import governance
from codman.registry.interests import hand_in
from codman.registry.log import entries
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.replay import check_records
from codman.registry.standing import standing_of
from codman.review.watching.windows import Span, filled
from codman.spine.event import EventType
from codman.spine.pausing import PauseCause
from codman.spine.watching import SignalKind, WatchState

IN_OCTOBER = datetime(2026, 10, 10, tzinfo=UTC)


@pytest.fixture
def house(tmp_path, database_url):
    made = Watched(tmp_path, database_url)
    plan_use(made.house, made.person("owner"), "ward", text=PLAN, why="what is tried here")
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def every(house: Watched, kind: str) -> list:
    with house.house.database.reading() as connection:
        return governance.every(connection, kind)


def test_a_month_that_is_as_good_as_before_is_looked_at_once_and_is_quiet(house):
    for month in (8, 9, 10):
        house.month(month)

    ran = run_due(house.house, IN_OCTOBER)

    assert ran.trouble == []
    assert [(one.start, one.state) for one in ran.looked] == [("2026-09-01", "quiet"), ("2026-09-01", "quiet")]
    assert {name: word for one in ran.looked for name, word in one.outcomes.items()} == {
        "ranks": "met", "foretold": "met", "mix": "met",
    }  # fmt: skip
    assert ran.signals == []
    with house.house.database.reading() as connection:
        filed = [name for one in ran.looked for name in one.statements]
        assert {standing.word for standing in standing_of(connection, filed).values()} == {"verified"}
    again = run_due(house.house, IN_OCTOBER)
    assert (again.looked, again.signals, again.incidents) == ([], [], [])
    assert len(every(house, "look")) == 2


def test_a_month_in_which_the_model_ranks_nobody_is_a_signal_an_incident_and_a_proposed_pause(house):
    house.month(8)
    house.month(9)
    run_due(house.house, IN_OCTOBER)
    house.month(10, useless=True)
    house.clock.at = datetime(2026, 11, 10, 9, tzinfo=UTC)

    ran = run_due(house.house)

    assert {one.start: one.state for one in ran.looked if "ranks" in one.outcomes} == {"2026-10-01": "alarm"}
    (signal,) = [one for one in every(house, "signal") if one.kind is SignalKind.PERFORMANCE]
    assert signal.requirement == "ranks"
    assert signal.metric == "auroc"
    assert signal.upper < 0.7
    assert signal.statement in {name for one in ran.looked for name in one.statements}
    (incident,) = [one for one in every(house, "incident") if one.id == signal.incident]
    assert (incident.owner, incident.holder, incident.severe) == ("p-owner", "p-owner", True)
    (proposal,) = every(house, "pause_proposal")
    assert (proposal.cause, proposal.incident) == (PauseCause.MONITORING, incident.id)
    assert run_due(house.house).looked == []
    assert len(every(house, "pause_proposal")) == 1


def test_patients_who_have_changed_are_a_signal_of_drift_without_waiting_for_outcomes(house):
    house.month(8)
    house.month(9, shift=1.5, labelled=False)

    run_due(house.house, datetime(2026, 10, 1, 1, tzinfo=UTC))

    (signal,) = [one for one in every(house, "signal") if one.requirement == "mix"]
    assert (signal.kind, signal.feature) == (SignalKind.DRIFT, "lactate")
    assert not signal.severe
    (look,) = every(house, "look")
    assert look.state is WatchState.WATCH


def test_no_events_are_said_once_and_end_when_events_come_again(house):
    house.month(8)

    run_due(house.house, datetime(2026, 9, 20, tzinfo=UTC))
    run_due(house.house, datetime(2026, 9, 20, tzinfo=UTC))
    (silence,) = [one for one in every(house, "signal") if one.kind is SignalKind.SILENCE]
    house.month(9)
    run_due(house.house, datetime(2026, 9, 29, tzinfo=UTC))

    (ended,) = [one for one in every(house, "signal") if one.kind is SignalKind.SILENCE]
    assert silence.ended_at is None
    assert ended.ended_at is not None
    assert "2026" in silence.sentence


def test_outcomes_that_stop_are_a_signal(house):
    house.month(9)
    house.month(10, labelled=False)

    run_due(house.house)

    assert SignalKind.NO_LABELS in {one.kind for one in every(house, "signal")}


def test_a_run_that_is_cut_off_before_its_change_stands_leaves_nothing_and_is_made_again(house, monkeypatch):
    for month in (8, 9, 10):
        house.month(month)

    def cut(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(running, "gather", cut)
        with pytest.raises(KeyboardInterrupt):
            run_due(house.house, IN_OCTOBER)
    assert every(house, "look") == []

    assert len(run_due(house.house, IN_OCTOBER).looked) == 2
    assert len(every(house, "look")) == 2


def test_windows_that_count_rows_are_the_fewest_whole_days_that_hold_them_and_stay_when_more_comes_late(tmp_path):
    made = Watched(tmp_path)
    text = PLAN.replace(b"window: month", b"window: rows:300")
    plan_use(made.house, made.person("owner"), "ward", text=text, why="what is tried here")
    for month in (8, 9):
        made.month(month)  # 900 predictions over 27 days: 25 on the first, then 33 or 34 a day

    ran = run_due(made.house, datetime(2026, 9, 12, tzinfo=UTC))

    first = ("2026-09-01", "2026-09-11")  # 25 + 8 x 33.3 = 292 by the 9th, 325 by the 10th
    assert [(one.window, one.start, one.end, sorted(one.outcomes)) for one in ran.looked] == [
        ("rows:300", *first, ["foretold", "mix"])
    ]
    late = [
        made.prediction(f"late-{i}", subject=f"l{i}", predicted_at=datetime(2026, 9, 2, 7, tzinfo=UTC), score=0.5)
        for i in range(300)
    ]
    made.take(EventType.PREDICTION, table(late))
    made.house.events.move()

    then = run_due(made.house, IN_OCTOBER)

    assert then.trouble == []
    spans = [(one.start, one.end) for one in then.looked]
    assert spans[0] == first  # its outcomes are known now: the same days, whatever came late
    assert "ranks" in then.looked[0].outcomes
    assert set(spans[1:]) == {("2026-09-11", "2026-09-20")}  # what is left of the month is too little
    assert run_due(made.house, IN_OCTOBER).looked == []
    made.house.close()


def test_windows_of_rows_begin_where_the_last_one_ended_and_an_open_one_waits():
    counts = {date(2026, 9, day): rows for day, rows in ((1, 4), (2, 5), (4, 1), (5, 30), (6, 9), (7, 100))}

    found = list(filled("rows:10", date(2026, 9, 1), date(2026, 9, 7), counts))

    assert found == [
        Span(date(2026, 9, 1), date(2026, 9, 5)),  # 4 + 5 + 0 + 1
        Span(date(2026, 9, 5), date(2026, 9, 6)),  # 30: more than asked on one day
    ]  # 9 on the 6th wait for more; the 7th is not over


def test_whoever_sent_the_predictions_and_outcomes_has_a_hand_in_the_use(house):
    at = datetime(2026, 11, 1, tzinfo=UTC)
    house.sender = "p-clin"
    for month in (8, 9, 10):
        house.month(month)
    assert "p-clin" not in _hands(house)  # as long as nothing was made of what they sent

    run_due(house.house, at)
    run_due(house.house, at)

    assert _hands(house)["p-clin"] == "sent predictions or outcomes that its evidence is made of"
    assert "p-stat" not in _hands(house)
    with house.house.database.reading() as connection:
        told = [one.value for one in entries(connection) if one.value["action"] == "event.count"]
    assert [one["after"] for one in told] == [{"senders": ["p-clin"]}]


def test_whoever_sent_what_later_days_are_held_against_has_a_hand_in_the_use(house):
    house.sender = "p-stat"
    house.month(8)  # the reference
    house.sender = "p-clin"
    house.month(9)

    run_due(house.house, datetime(2026, 10, 1, 1, tzinfo=UTC))

    assert {"p-stat", "p-clin"} <= _hands(house).keys()


def _hands(house):
    with house.house.database.reading() as connection:
        use = USES.get(connection, "ward")
        return hand_in(connection, use, PRODUCTS.get(connection, use.product))
