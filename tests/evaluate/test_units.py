"""One result per encounter: hand-worked stays, and hourly sepsis scores judged both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from binary_cohorts import cohort
from scipy import stats
from sklearn.metrics import roc_auc_score

from codman.errors import BadInput
from codman.evaluate.result import Evaluation
from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.tables.source import open_source

# stay: (hour, score)…, onset. The event began at the onset; hours after it are not judged.
STAYS = {
    "a": ([(0, 0.1), (1, 0.3), (2, 0.6), (3, 0.8), (4, 0.9)], 3.0),  # max 0.8, mean 0.45, last 0.8; alert at 2
    "b": ([(0, 0.2), (1, 0.2), (2, 0.1), (3, 0.1)], None),  # max 0.2, mean 0.15, last 0.1
    "c": ([(0, 0.7), (1, 0.1), (2, 0.6), (3, 0.2)], None),  # max 0.7, mean 0.4, last 0.2; alerts at 0 and 2
    "d": ([(5, 0.4), (6, 0.1), (7, 0.3), (8, 0.1)], 7.0),  # max 0.4, mean 0.2667, last 0.3; no alert before onset
}


def table(copies: int = 6) -> pl.DataFrame:
    rows = [
        {
            "stay": f"{name}{k}", "hour": float(hour), "risk": score, "onset": onset, "discharge": 2.0,
            "died": int(onset is not None and hour >= onset), "ward": "W" if name in "ab" else "E",
        }
        for k in range(copies) for name, (scores, onset) in STAYS.items() for hour, score in scores
    ]  # fmt: skip
    return pl.DataFrame(rows)


def judged(aggregate: str, source: pl.DataFrame | None = None, **asked: object) -> Evaluation:
    unit = {"column": "stay", "aggregate": aggregate, "index_time": "hour", "onset": "onset"}
    unit |= asked.pop("unit", {})
    spec = EvaluationSpec.model_validate(
        {"task": "binary", "label": "died", "score": "risk", "thresholds": [0.5], "unit": unit, **asked}
    )
    return run(open_source(table() if source is None else source), spec)


def by_stay(found: Evaluation, metric: str, **where: str) -> Measurement:
    return found.measurements.one(metric, slice=where, unit="stay")


@pytest.mark.parametrize(
    ("aggregate", "scores"),
    [
        ("max", [0.8, 0.2, 0.7, 0.4]),
        ("mean", [0.45, 0.15, 0.4, 0.8 / 3]),
        ("last", [0.8, 0.1, 0.2, 0.3]),
        ("first-alert", [0.8, 0.2, 0.7, 0.4]),
    ],
)
def test_each_stay_has_one_score_and_one_outcome(aggregate, scores):
    found = judged(aggregate)
    y, s = np.array([1, 0, 0, 1]), np.array(scores)
    assert by_stay(found, "auroc").n == 24
    assert by_stay(found, "auroc").positives == 12
    assert by_stay(found, "auroc").value == pytest.approx(roc_auc_score(y, s))
    assert by_stay(found, "brier").value == pytest.approx(np.mean((y - s) ** 2))
    assert by_stay(found, "sensitivity").value == pytest.approx(np.mean(s[y == 1] >= 0.5))
    assert by_stay(found, "ppv").value == (pytest.approx(np.mean(y[s >= 0.5])) if (s >= 0.5).any() else None)
    assert by_stay(found, "auroc").params["aggregate"] == aggregate


def test_rows_are_judged_beside_and_clustered_by_stay():
    found = judged("max")
    rows = [m for m in found.measurements.where("auroc") if "unit" not in m.params]
    assert rows[0].n == 6 * 17
    assert found.spec.subject == "stay"


def test_lead_time_runs_from_the_first_alert_to_the_onset():
    # stay a: alerted at hour 2, onset at 3; stay d was never alerted before its onset
    row = by_stay(judged("max", table(12)), "lead_time")
    assert (row.value, row.lower, row.upper, row.n) == (1.0, 1.0, 1.0, 12)


def test_alerts_are_counted_per_hundred_patient_days():
    # hours judged: a 0 to 3 and a step 4, b and c 4, d (until its onset) 3: 15 hours. Alerts: a at 2, 3; c at 0, 2.
    row = by_stay(judged("max"), "alerts_per_100_patient_days")
    assert row.value == pytest.approx(4 / (15 / 24) * 100)
    once = by_stay(judged("first-alert"), "alerts_per_100_patient_days")
    assert once.value == pytest.approx(2 / (15 / 24) * 100)
    per_stay = np.tile([[2.0, 4 / 24], [0, 4 / 24], [2, 4 / 24], [0, 3 / 24]], (6, 1))
    rate = per_stay[:, 0].sum() / per_stay[:, 1].sum()
    residual = per_stay[:, 0] - rate * per_stay[:, 1]
    se = np.sqrt(np.sum(residual**2) * 24 / 23) / per_stay[:, 1].sum()
    half = stats.norm.ppf(0.975) * se / rate
    assert row.lower == pytest.approx(100 * rate * np.exp(-half))
    assert row.upper == pytest.approx(100 * rate * np.exp(half))


def test_rows_after_the_end_of_judgement_are_left_out():
    found = judged("max", unit={"exclude_after": "discharge"})
    y, s = np.array([1, 0, 0]), np.array([0.6, 0.2, 0.7])  # stay d begins after the end: no row to judge
    assert by_stay(found, "auroc").n == 18
    assert by_stay(found, "auroc").value == pytest.approx(roc_auc_score(y, s))


def test_timestamps_and_hours_in_any_unit_are_the_same_clock():
    plain = table()
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def stamp(column: str) -> pl.Series:
        return pl.Series(column, [None if h is None else start + timedelta(hours=h) for h in plain[column]])

    stamped = plain.with_columns(stamp("hour"), stamp("onset"))
    minutes = plain.with_columns(pl.col("hour") * 60, pl.col("onset") * 60)
    reference = judged("max", plain).measurements
    for other in (judged("max", stamped), judged("max", minutes, unit={"time_unit": "minutes"})):
        for a, b in zip(other.measurements, reference, strict=True):
            assert (a.metric, a.params) == (b.metric, b.params)
            assert a.value == (None if b.value is None else pytest.approx(b.value, rel=1e-9)), a.metric


def test_a_stay_has_the_ward_of_its_first_row():
    found = judged("max", by=[["ward"]])
    assert by_stay(found, "sensitivity", ward="W").n == 12
    assert by_stay(found, "sensitivity", ward="W").value == 1.0
    assert by_stay(found, "sensitivity", ward="E").value == 0.0


def test_the_order_of_the_files_rows_does_not_matter_to_stays():
    shuffled = table().sample(fraction=1.0, shuffle=True, seed=4)
    for aggregate in ("last", "first-alert"):
        a, b = judged(aggregate, shuffled).measurements, judged(aggregate).measurements
        for one, two in zip(a, b, strict=True):
            assert one.value == (None if two.value is None else pytest.approx(two.value, abs=1e-12))


def test_arguments_that_make_no_sense_together_are_refused():
    with pytest.raises(BadInput, match="first alert"):
        judged("first-alert", thresholds=[])
    with pytest.raises(BadInput, match="last row"):
        judged("last", unit={"index_time": None, "onset": None})
    with pytest.raises(BadInput, match="onset"):
        judged("max", unit={"index_time": None})
    dated = table().with_columns(onset=pl.lit(datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(BadInput, match="clock"):
        judged("max", dated)


def test_hourly_sepsis_scores_answer_another_question_by_row_than_by_stay():
    c = cohort("sepsis")
    frame = c.frame.assign(died=c.event.astype(int), hour=c.frame["ICULOS"].astype(float))
    first = frame[c.event].groupby("subject")["hour"].min().rename("onset")
    frame = frame.join(first, on="subject")
    threshold = c.threshold
    spec = EvaluationSpec.model_validate(
        {
            "task": "binary", "label": "died", "score": "risk", "thresholds": [threshold],
            "unit": {"column": "subject", "aggregate": "max", "index_time": "hour", "onset": "onset"},
        }
    )  # fmt: skip
    found = run(open_source(frame[["died", "risk", "hour", "onset", "subject"]]), spec).measurements
    (row,) = [m for m in found.where("auroc", slice={}) if "unit" not in m.params]
    (unit,) = [m for m in found.where("auroc", slice={}) if "unit" in m.params]
    before = frame[~(frame["hour"] > frame["onset"])]
    per_stay = before.groupby("subject").agg(risk=("risk", "max"), died=("died", "max"))
    assert row.n == len(frame)
    assert unit.n == len(per_stay) == frame["subject"].nunique()
    assert row.value == pytest.approx(roc_auc_score(frame["died"], frame["risk"]), abs=1e-9)
    assert unit.value == pytest.approx(roc_auc_score(per_stay["died"], per_stay["risk"]), abs=1e-9)
    alerted = before[before["risk"] >= threshold]
    hours = before.groupby("subject")["hour"].agg(lambda h: h.max() - h.min() + 1).sum()
    burden = found.one("alerts_per_100_patient_days", threshold=threshold)
    assert burden.value == pytest.approx(100 * len(alerted) / (hours / 24))
    lead = (first - alerted.groupby("subject")["hour"].min()).dropna()
    shown = found.one("lead_time", threshold=threshold)
    assert shown.value == (pytest.approx(np.median(lead)) if len(lead) >= 11 else None)
    assert isinstance(lead, pd.Series)


def test_a_median_lead_time_of_fewer_than_eleven_patients_is_suppressed():
    row = by_stay(judged("max", table(10)), "lead_time")
    assert row.suppressed
    assert (row.n, row.positives, row.lower) == (None, None, None)


def test_a_median_lead_time_of_few_patients_says_that_it_is_rough():
    row = by_stay(judged("max", table(12)), "lead_time")
    assert row.value is not None
    assert "fewer than 30" in row.note


def test_the_interval_of_a_median_lead_time_is_of_order_statistics():
    leads = np.arange(1.0, 31.0)  # thirty stays, alerted 1 to 30 hours before their onset, and twelve without
    rows = [{"stay": k, "hour": 30.0 - lead, "risk": 0.9, "onset": 30.0, "died": 1} for k, lead in enumerate(leads)]
    rows += [{"stay": 100 + k, "hour": 1.0, "risk": 0.1, "onset": None, "died": 0} for k in range(12)]
    row = by_stay(judged("max", pl.DataFrame(rows)), "lead_time")
    k = int(stats.binom.ppf(0.025, 30, 0.5))  # the k-th smallest and largest hold the median with at least 95 %
    assert row.value == 15.5
    assert (row.lower, row.upper) == (leads[k - 1], leads[30 - k])
    assert stats.binom.cdf(30 - k, 30, 0.5) - stats.binom.cdf(k - 1, 30, 0.5) >= 0.95
