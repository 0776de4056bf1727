"""Events of the demo hospital: each story happens to the invented patients, and only from its day on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from codman.flows.demo.monitoring_events import Feature, Stream, Turn, events
from codman.spine.event import EventType
from codman.tables.events.checks import check

TURNS = date(2026, 7, 1)
KINDS = {"score": EventType.PREDICTION, "label": EventType.OUTCOME, "action": EventType.ACTION}


def stream(turn: Turn) -> Stream:
    return Stream(
        use="use-one", version="1.0", first=date(2026, 4, 1), turns_on=TURNS, until=date(2026, 10, 1), a_day=60,
        turn=turn,
        features=(
            Feature(name="lactate", centre=2.0, spread=0.7, weight=1.3),
            Feature(name="age", centre=65.0, spread=14.0, weight=0.3),
        ),
        base=-1.8, delay_days=14, threshold=0.3,
    )  # fmt: skip


def told(turn: Turn) -> dict[EventType, pa.Table]:
    tables: dict[EventType, list[pa.Table]] = {}
    for table in events(stream(turn), 7):
        kind = next(kind for column, kind in KINDS.items() if column in table.column_names)
        tables.setdefault(kind, []).append(table)
    return {kind: pa.concat_tables(some) for kind, some in tables.items()}


def joined(turn: Turn) -> dict[str, Any]:
    """Score, outcome, whether it was shown and whether it came after the turn, of rows whose outcome is known."""
    found = told(turn)
    said = found[EventType.PREDICTION].select(["prediction_id", "predicted_at", "score", "shown"])
    rows = said.join(found[EventType.OUTCOME].select(["prediction_id", "label"]), "prediction_id")
    rows = rows.filter(pc.is_valid(rows["label"]))
    late = np.array([at.date() >= TURNS for at in rows["predicted_at"].to_pylist()])
    return {name: rows[name].to_numpy() for name in ("score", "label", "shown")} | {"late": late}


def auroc(rows: dict[str, Any], which: Any) -> float:
    score, label = rows["score"][which], rows["label"][which] > 0
    order = np.argsort(np.argsort(score))
    return float((order[label].mean() - (label.sum() - 1) / 2) / (~label).sum())


@pytest.mark.parametrize("turn", list(Turn))
def test_every_event_can_be_taken_and_the_same_seed_gives_the_same(turn: Turn) -> None:
    found, again = told(turn), told(turn)

    for kind, table in found.items():
        assert check(kind, table, datetime(2026, 10, 1, tzinfo=UTC)).refused == []
    assert all(table.equals(again[kind]) for kind, table in found.items())


def test_a_broken_feed_makes_the_model_rank_worse_from_its_day_on() -> None:
    rows = joined(Turn.FEED_BREAKS)

    assert auroc(rows, ~rows["late"]) - auroc(rows, rows["late"]) > 0.07


def test_older_patients_leave_the_model_as_good_and_as_well_calibrated() -> None:
    rows = joined(Turn.PATIENTS_AGE)
    late = rows["late"]

    assert abs(auroc(rows, ~late) - auroc(rows, late)) < 0.03
    assert rows["label"][late].mean() / rows["score"][late].mean() == pytest.approx(1, abs=0.08)
    assert rows["score"][late].mean() > rows["score"][~late].mean()


def test_where_staff_act_on_a_score_fewer_of_its_events_happen_and_nowhere_else() -> None:
    rows = joined(Turn.STAFF_ACT)
    late, shown = rows["late"], rows["shown"]

    def observed_over_expected(which: Any) -> float:
        return float(rows["label"][which].mean() / rows["score"][which].mean())

    assert not shown[~late].any()
    assert observed_over_expected(late & shown) < 0.7
    assert observed_over_expected(late & ~shown) == pytest.approx(1, abs=0.1)
