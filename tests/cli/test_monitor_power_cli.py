"""`codman monitor power` and `replay` as an owner runs them before switching on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from codman.evidence.canonical import canonical
from policy_evidence import evaluation, measured

QUICK = ("--runs", 40, "--weeks", 12)


@pytest.fixture
def predictions(tmp_path):
    random = np.random.default_rng(0)
    for name, weeks, shift in (("before.parquet", 12, 0.0), ("after.csv", 10, 0.25)):
        n = 400 * weeks
        day = np.sort(random.random(n)) * 7 * weeks
        risk = random.beta(2, 8, n)
        died = random.random(n) < risk
        risk = np.where(day > 35, np.minimum(risk + shift, 0.99), risk)
        frame = pl.DataFrame(
            {
                "at": [(datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=one)).isoformat() for one in day],
                "risk": risk, "died": died.astype(int), "sex": random.choice(["F", "M"], n),
            }
        )  # fmt: skip
        frame.write_csv(tmp_path / name) if name.endswith("csv") else frame.write_parquet(tmp_path / name)
    return tmp_path


def test_power_answers_in_days_with_false_alarms_beside(codman):
    asked = ("--metric", "ks", "--fall", 0.3, "--per-week", 800, "--prevalence", 0.1, *QUICK)
    said = codman("monitor", "power", *asked, "--format", "json")
    told = codman("monitor", "power", *asked)

    assert said.code == 0, said.err
    answer = json.loads(said.out)
    assert answer["possible"] is True
    assert 7 < answer["median_days"] <= answer["days_90"] <= 35
    assert answer["found"] == 1.0
    assert answer["false_alarms_per_month"] == 0
    assert [one["level"] for one in answer["at_levels"]] == [0.01, 0.05, 0.2, 0.5]
    assert f"90% noticed within {answer['days_90']:.0f} days" in told.out
    assert "what another level buys:" in told.out


def test_power_takes_the_scores_of_earlier_predictions_and_flags_what_nobody_could_meet(predictions, codman):
    said = codman(
        "monitor", "power", "--metric", "sensitivity", "--fall", 0.1, "--per-week", 20, "--threshold", 0.3,
        "--from", "before.parquet", "--score", "risk", "--label", "died", "--delay", 30, "--owner-budget", 2, *QUICK,
        "--out", "answer.json",
    )  # fmt: skip

    assert said.code == 0, said.err
    answer = json.loads((predictions / "answer.json").read_text())
    assert answer["possible"] is False
    assert answer["days_90"] is None
    assert (answer["label_delay_days"], answer["owner_budget"]) == (30, 2)
    assert any("nobody could meet this at 20 patients a week" in note for note in answer["notes"])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--metric", "auroc", "--fall", 0.1, "--per-week", 100), "--prevalence is missing"),
        (("--metric", "mcc", "--fall", 0.1, "--per-week", 100, "--prevalence", 0.1), "mcc cannot be planted"),
        (("--metric", "ppv", "--fall", 0.1, "--per-week", 100, "--prevalence", 0.1), "needs a threshold"),
        (("--metric", "auroc", "--fall", 0.5, "--per-week", 100, "--prevalence", 0.1), "cannot fall by 0.5"),
        (("--metric", "auroc", "--fall", 0.1, "--per-week", -1, "--prevalence", 0.1), "per-week cannot be used"),
        (("--metric", "auroc", "--fall", 0.1, "--per-week", 100, "--from", "none.csv"), "none.csv"),
        (("--metric", "auroc", "--fall", 0.1, "--per-week", 9, "--prevalence", 0.1, "--window", "year"), "window"),
        (("--metric", "auroc", "--fall", 0.1, "--per-week", 9, "--prevalence", 0.1, "--alarm-level", 2), "level"),
    ],
    ids=str,
)
def test_a_question_that_cannot_be_asked_exits_2_and_says_why(codman, arguments, why):
    said = codman("monitor", "power", *arguments)

    assert said.code == 2
    assert why in said.err


@pytest.mark.usefixtures("predictions")
def test_replay_of_predictions_tells_the_alarms_a_history_would_have_raised(codman):
    asked = (
        "monitor", "replay", "--reference", "before.parquet", "--current", "after.csv", "--score", "risk",
        "--timestamp", "at", "--label", "died", "--threshold", 0.3, "--by", "sex", "--metric", "ks",
        "--metric", "oe_ratio", "--owner", "ana", "--owner-budget", 1,
    )  # fmt: skip
    said, told = codman(*asked, "--format", "json"), codman(*asked)

    assert said.code == 0, said.err
    answer = json.loads(said.out)
    assert answer["streams"] == 6
    assert answer["alarms"] == 6
    assert len(answer["incidents"]) == 1
    assert answer["incidents"][0]["streams"][0]["since"].startswith("2026-02-09")
    assert answer["owners"] == [{"owner": "ana", "at_once": 1, "digest": 0}]
    assert "6 alarms in 1 incident" in told.out


def test_replay_of_statements_takes_any_tools_measurements(codman, tmp_path):
    files = []
    for week in range(14):
        start = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=week)
        value = 0.8 if week < 9 else 0.68
        row = measured("auroc", value, value - 0.02, value + 0.02)
        row |= {"window": {"start": start.isoformat(), "end": (start + timedelta(weeks=1)).isoformat()}}
        said = evaluation(row, evaluated_at="2026-05-10T10:00:00Z")
        files.append(f"week{week}.json")
        (tmp_path / files[-1]).write_bytes(canonical(said.model_dump(mode="json", by_alias=True, exclude_none=True)))

    said = codman("monitor", "replay", *files, "--delta", "auroc=0.03", "--format", "json")

    assert said.code == 0, said.err
    answer = json.loads(said.out)
    assert (answer["windows"], answer["alarms"]) == (14, 1)
    assert answer["incidents"][0]["streams"][0]["since"].startswith("2026-03-09")


@pytest.mark.usefixtures("predictions")
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "nothing to replay"),
        (("--reference", "before.parquet", "--current", "after.csv", "--score", "risk"), "--timestamp is missing"),
        (("--reference", "before.parquet", "--current", "after.csv", "--score", "riks", "--timestamp", "at"), "riks"),
        (("x.json", "--reference", "before.parquet"), "two histories at once"),
        (("before.parquet",), "not a statement"),
    ],
    ids=str,
)
def test_a_history_that_cannot_be_replayed_exits_2_and_says_why(codman, arguments, why):
    said = codman("monitor", "replay", *arguments)

    assert said.code == 2
    assert why in said.err
