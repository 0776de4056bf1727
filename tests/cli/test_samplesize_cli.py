"""codman samplesize from outside."""

import json

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def earlier(tmp_path):
    random = np.random.default_rng(0)
    n = 500
    risk = random.beta(1, 8, n)
    pl.DataFrame(
        {"sex": random.choice(["F", "M"], n), "risk": risk, "died": (random.random(n) < risk).astype(int)}
    ).write_csv(tmp_path / "earlier.csv")
    return tmp_path


def test_the_readme_example_answers_in_patients_and_events(codman):
    done = codman("samplesize", "--metric", "auroc", "--expect", 0.8, "--width", 0.1, "--prevalence", 0.05)

    assert done.code == 0, done.err
    assert done.out.startswith("1,583 patients")
    assert "80 with the event" in done.out


def test_json_has_every_need_and_the_largest(codman):
    done = codman(
        "samplesize", "--metric", "auroc", "--metric", "calibration_slope", "--metric", "oe_ratio",
        "--expect", "auroc=0.8", "--width", 0.2, "--width", "auroc=0.1", "--lp-mean", -5, "--lp-sd", 2.5,
        "--prevalence", 0.018, "--format", "json",
    )  # fmt: skip

    answer = json.loads(done.out)
    assert {need["metric"]: need["n"] for need in answer["needs"]}["auroc"] == 4252
    assert answer["largest"]["metric"] == "oe_ratio"
    assert answer["patients"] == answer["largest"]["n"]


def test_slices_come_from_shares_or_from_a_file(earlier, codman):
    done = codman(
        "samplesize", "--metric", "sensitivity", "--expect", 0.8, "--width", 0.2, "--by-slice", "earlier.csv",
        "--by", "sex", "--label", "died", "--slice-share", 0.12, "--out", "plan.json",
    )  # fmt: skip

    assert done.code == 0, done.err
    assert done.out == ""
    answer = json.loads((earlier / "plan.json").read_text())
    assert [need["slice"] for need in answer["slices"]] == [{"share": "0.12"}, {"sex": "F"}, {"sex": "M"}]
    assert answer["patients"] == max(need["n"] for need in answer["slices"])


@pytest.mark.usefixtures("earlier")
def test_the_spread_comes_from_earlier_predictions(codman):
    done = codman(
        "samplesize", "--metric", "calibration_slope", "--width", 0.4, "--predictions", "earlier.csv", "--score", "risk"
    )

    assert done.code == 0, done.err
    assert "the scores of 500 patients" in done.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--metric", "auroc", "--width", 0.1, "--expect", 0.8), "--prevalence"),
        (("--metric", "auroc", "--width", 0.1, "--prevalence", 0.1), "--expect auroc=X"),
        (("--metric", "auc", "--width", 0.1, "--prevalence", 0.1), "auroc"),
        (("--metric", "auroc", "--width", "x", "--prevalence", 0.1), "not a number"),
        (("--metric", "auroc", "--width", "brier=0.1", "--prevalence", 0.1), "no wanted width"),
        (("--metric", "auroc", "--width", 0.1, "--width", "brier=1", "--prevalence", 0.1), "add --metric brier"),
        (("--metric", "auroc", "--width", 0.1, "--expect", 0.8, "--prevalence", 5), "prevalence"),
        (("--metric", "auroc", "--width", 0.1, "--expect", 0.8, "--prevalence", 0.1, "--level", 0), "--level"),
        (("--metric", "auroc", "--width", 0.1, "--by-slice", "earlier.csv"), "--by"),
        (("--metric", "brier", "--width", 0.1, "--lp-mean", 0), "--lp-sd"),
        (("--metric", "brier", "--width", 0.1, "--lp-beta", "1"), "two numbers"),
        (("--metric", "brier", "--width", 0.1, "--lp-beta", "1,9", "--lp-mean", 0, "--lp-sd", 1), "more than once"),
        (("--metric", "brier", "--width", 0.1, "--predictions", "earlier.csv"), "--score"),
        (
            ("--metric", "brier", "--width", 0.1, "--predictions", "earlier.csv", "--score", "rsk"),
            "did you mean 'risk'",
        ),
    ],
)
@pytest.mark.usefixtures("earlier")
def test_bad_input_is_exit_2_with_one_clear_error(codman, arguments, says):
    done = codman("samplesize", *arguments)

    assert done.code == 2, done.err
    assert says in done.err
    assert "Traceback" not in done.err
