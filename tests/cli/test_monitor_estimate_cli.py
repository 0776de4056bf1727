"""`codman monitor estimate` as a person runs it, and what becomes of its statement."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

pytestmark = pytest.mark.usefixtures("rounds")


@pytest.fixture
def rounds(tmp_path):
    """A reference and three windows of 500 patients whose labels are known."""
    rng = np.random.default_rng(11)
    logit = -2 + 1.2 * rng.normal(size=4500)
    table = pl.DataFrame(
        {
            "risk": 1 / (1 + np.exp(-logit)),
            "died": (rng.random(4500) < 1 / (1 + np.exp(-logit))).astype(int),
            "sex": rng.choice(["F", "M"], 4500),
            "spoke": np.datetime64("2026-01-01", "us") + (np.arange(4500) * 30 * 60e6).astype("m8[us]"),
        }
    )
    table[:3000].write_parquet(tmp_path / "a.parquet")
    table[3000:].write_parquet(tmp_path / "b.parquet")


ASKED = ("--reference", "a.parquet", "--current", "b.parquet", "--label", "died", "--score", "risk")


def test_each_window_is_estimated_and_set_beside_what_came_true(run_codman):
    done = run_codman("monitor", "estimate", *ASKED, "--window", "rows:500", "--threshold", "0.2")

    assert done.returncode == 0, done.stderr
    assert "1,500 rows in windows" in done.stdout
    assert "rows 1001 to 1500" in done.stdout
    assert "estimated     will lie in  final" in done.stdout
    assert "Of 3 windows whose labels are all in, the AUROC came true inside its prediction interval" in done.stdout
    assert "which nobody can check without labels" in done.stdout


def test_the_statement_says_what_was_asked_and_is_reproduced_and_judged(run_codman, tmp_path):
    made = run_codman(
        "monitor", "estimate", *ASKED, "--window", "week", "--timestamp", "spoke", "--by", "sex", "--product", "flc",
        "--version", "1", "--out", "e.json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    predicate = json.loads((tmp_path / "e.json").read_text())["predicate"]
    assert predicate["spec"]["window"] == "week"
    assert [one["name"] for one in predicate["inputs"]] == ["reference", "current"]
    assert predicate["rows"]["evaluated"] == 1500
    assert predicate["window"]["start"].startswith("2026-03-02")  # a Monday
    estimates = [m for m in predicate["measurements"] if m["metric"] == "estimated_auroc" and not m["slice"]]
    assert len({m["window"]["start"] for m in estimates}) == len(estimates) == 5

    again = run_codman("reproduce", "e.json")
    assert again.returncode == 0, again.stdout + again.stderr

    (tmp_path / "p.yaml").write_text(
        "policy: watch\nedition: 2026-11\ncheckpoint: monitoring\nrequires:\n"
        "  - {id: ranks, evidence: monitoring, measurement: {metric: estimated_auroc, at_least: 0.5}}\n"
        "  - {id: real, evidence: monitoring, measurement: {metric: auroc, at_least: 0.99}}\n"
    )
    judged = run_codman("gate", "--policy", "p.yaml", "e.json", "--format", "json")
    outcomes = {one["id"]: one["outcome"] for one in json.loads(judged.stdout)["results"]}
    assert outcomes["ranks"] == "met"
    assert outcomes["real"] == "not-met"


def test_json_is_the_statement(run_codman):
    done = run_codman(
        "monitor", "estimate", *ASKED, "--window", "month", "--timestamp", "spoke", "--metrics", "auroc",
        "--format", "json",
    )  # fmt: skip

    said = json.loads(done.stdout)
    assert said["predicateType"].endswith("/monitoring/v1")
    assert {m["metric"] for m in said["predicate"]["measurements"]} == {"estimated_auroc", "auroc", "coverage", "bias"}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("--window", "fortnight"), "none of month, week, day, rows:500"),
        (("--window", "rows:0"), "none of month, week, day, rows:500"),
        (("--window", "month"), "--timestamp"),
        (("--window", "month", "--timestamp", "spoken"), "did you mean 'spoke'?"),
        (("--window", "rows:500", "--metrics", "mcc"), "cannot be estimated without labels"),
        (("--window", "rows:500", "--method", "pape"), "--feature"),
        (("--window", "rows:500", "--by", "risk", "--subject", "risk"), "would name patients"),
        (("--window", "rows:500", "--as-of", "soon"), "as of cannot be used"),
    ],
)
def test_what_cannot_be_answered_is_refused_and_nothing_is_written(run_codman, tmp_path, asked, why):
    done = run_codman("monitor", "estimate", *ASKED, *asked, "--out", "e.json")

    assert done.returncode == 2, done.stdout
    assert why in done.stderr
    assert not (tmp_path / "e.json").exists()


def test_each_row_of_a_monitoring_statement_says_which_column_it_is_about_or_that_it_is_about_none(run_codman):
    done = run_codman("monitor", "estimate", *ASKED, "--window", "rows:500", "--metrics", "auroc", "--format", "json")

    rows = json.loads(done.stdout)["predicate"]["measurements"]
    assert {m["feature"] for m in rows} == {None}
