"""The ready policies held against what `codman evaluate` and `compare` really measure: no number is asked in vain."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

BY = ("--by", "sex", "--by", "race", "--by", "age_band", "--by", "manufacturer", "--band", "age=0,40,65")
WARD = ("--product", "m", "--version", "2")


@pytest.fixture(autouse=True)
def _patients(tmp_path) -> None:
    """4,000 invented patients of a model whose risks are right, about one in six with the event."""
    rng, n = np.random.default_rng(11), 4000
    logit = rng.normal(-2.2, 1.4, n)
    risk = 1 / (1 + np.exp(-logit))
    waited = rng.exponential(np.exp(4.8 - logit / 1.4))
    left = rng.uniform(200, 1500, n)
    table = pl.DataFrame(
        {
            "id": np.arange(n),
            "sex": rng.choice(["F", "M"], n),
            "race": rng.choice(["Black", "White"], n),
            "manufacturer": rng.choice(["A", "B"], n),
            "age": rng.integers(18, 95, n),
            "risk": risk,
            "older": 1 / (1 + np.exp(-logit - rng.normal(0, 0.3, n))),
            "died": rng.random(n) < risk,
            "days": np.minimum(waited, left),
            "ended": waited <= left,
            "alive_365": np.exp(-365 / np.exp(4.8 - logit / 1.4)),
        }
    )
    table.write_parquet(tmp_path / "new.parquet")
    table.with_columns(risk="older").write_parquet(tmp_path / "old.parquet")
    table.with_columns(risk=1 - pl.col("alive_365")).write_parquet(tmp_path / "time.parquet")


def outcomes(codman, policy: str, *arguments: str) -> dict[str, str]:
    """How each requirement of a ready policy comes out."""
    Path("policy.yaml").write_text(codman("policy", "show", policy, "--at", "2026-11-21").out)
    answer = json.loads(codman("gate", "--policy", "policy.yaml", "--format", "json", *arguments).out)
    return {r["id"]: r["outcome"] for r in answer["results"]}


NUMBERS = {"discrimination", "calibration-on-average"}
GROUPS = {"equal-sensitivity-sex", "equal-sensitivity-age-band", "equal-sensitivity-race"}


@pytest.mark.parametrize(
    ("policy", "asked"),
    [
        ("predictive-medium-go-live", NUMBERS | GROUPS | {"calibration-slope", "better-than-none", "better-than-all"}),
        ("predictive-high-monitoring", NUMBERS | GROUPS),
        ("bought-embedded-high-go-live", NUMBERS | GROUPS | {"better-than-none", "better-than-all"}),
        ("imaging-triage-go-live", {"finds", "spares", "equal-sensitivity-sex", "equal-sensitivity-manufacturer"}),
    ],
)
def test_every_number_a_ready_policy_asks_of_a_yes_or_no_is_one_that_is_measured(codman, policy, asked):
    columns = ("--label", "died", "--score", "risk", "--threshold", "0.2")
    assert codman("evaluate", "new.parquet", *columns, *BY, *WARD, "--out", "e.json").code == 0

    found = outcomes(codman, policy, "e.json")

    assert {found[id_] for id_ in asked} <= {"met", "not-met", "inconclusive"}
    assert {found[id_] for id_ in asked & (NUMBERS | {"calibration-slope", "better-than-none"})} <= {"met"}


def test_every_number_a_ready_policy_asks_of_the_time_to_an_event_is_one_that_is_measured(codman):
    columns = ("--task", "survival", "--label", "ended", "--time", "days", "--score", "risk")
    horizon = ("--survival", "365=alive_365", "--horizon", "365")
    assert codman("evaluate", "time.parquet", *columns, *horizon, *BY, *WARD, "--out", "s.json").code == 0

    found = outcomes(codman, "time-to-event-go-live", "s.json")

    numbers = {"discrimination", "calibration-on-average", "calibration-slope"}
    groups = {"equal-ranking-sex", "equal-ranking-age-band", "equal-ranking-race"}
    assert {found[id_] for id_ in numbers} == {"met"}
    assert {found[id_] for id_ in groups} <= {"met", "not-met", "inconclusive"}


def test_a_new_version_is_held_against_the_old_on_the_same_patients(codman):
    columns = ("--label", "died", "--score", "risk")
    compared = codman("compare", "old.parquet", "new.parquet", *columns, "--id", "id", *WARD, "--out", "c.json")
    assert compared.code == 0
    assert codman("evaluate", "new.parquet", *columns, "--threshold", "0.2", *BY, *WARD, "--out", "e.json").code == 0

    found = outcomes(codman, "predictive-medium-change", "e.json", "c.json")

    assert found["no-worse"] == found["discrimination"] == found["calibration-on-average"] == "met"
