import json
import re

import numpy as np
import polars as pl
import pytest

POLICY = """\
policy: drift-watch
edition: 2026-11
checkpoint: monitoring
requires:
  - id: same-patients
    title: Patients are as they were
    evidence: monitoring
    measurement: {metric: psi, feature: lactate, at_most: 0.1}
"""


@pytest.fixture
def files(tmp_path):
    def rows(seed, n, shift):
        rng = np.random.default_rng(seed)
        return pl.DataFrame(
            {
                "lactate": rng.normal(shift, 1, n),
                "sex": rng.choice(["F", "M"], n),
                "risk": rng.random(n),
                "died": rng.random(n) < 0.2,
            }
        )

    rows(1, 2000, 0.0).write_parquet(tmp_path / "a.parquet")
    rows(2, 2000, 0.0).write_csv(tmp_path / "same.csv")
    rows(3, 900, 1.0).write_parquet(tmp_path / "moved.parquet")
    return tmp_path


@pytest.fixture
def drift(codman, files):  # noqa: ARG001 (they must be there)
    return lambda current, *more: codman("monitor", "drift", "--reference", "a.parquet", "--current", current, *more)


def test_a_statement_is_written_that_says_what_was_asked_and_a_gate_judges_it(codman, files, drift):
    (files / "policy.yaml").write_text(POLICY)
    for current, code in (("same.csv", 0), ("moved.parquet", 1)):
        done = drift(current, "--column", "lactate", "--no-multivariate", "--no-effect", "--out", "d.json")
        judged = codman("gate", "--policy", "policy.yaml", "d.json")

        assert (done.code, judged.code) == (0, code), done.err + judged.out + judged.err
    said = json.loads((files / "d.json").read_text())["predicate"]
    assert said["spec"]["columns"] == ["lactate"]
    assert [one["name"] for one in said["inputs"]] == ["reference", "current"]
    assert said["state"] == "alarm"
    assert "above 0.1" in said["alarms"][0]


def test_drift_by_itself_is_exit_0_and_fail_on_drift_makes_it_1(drift):
    assert drift("moved.parquet").code == 0
    assert drift("moved.parquet", "--fail-on", "drift").code == 1
    assert drift("same.csv", "--fail-on", "drift").code == 0


def test_text_says_first_what_moved_and_by_how_much(drift):
    done = drift("moved.parquet", "--score", "risk", "--label", "died", "--threshold", "0.5")

    assert done.code == 0, done.err
    first = done.out.splitlines()[0]
    assert first == "900 rows against 2,000 of the reference: something moved by more than matters"
    assert "PSI of lactate" in done.out
    assert re.search(r"^AUROC +0\.\d{3} \(", done.out, re.MULTILINE)
    assert done.out.count("rows without labels cannot check") <= 1  # said of all of them together


def test_the_same_numbers_come_out_again_from_the_statement(codman, drift):
    drift("moved.parquet", "--score", "risk", "--label", "died", "--by", "sex", "--out", "d.json")
    again = codman("reproduce", "d.json", "--format", "json")

    assert again.code == 0, again.out + again.err
    assert json.loads(again.out)["reproduced"] is True


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--delta", "auroc=0.1"], "auroc"),
        (["--delta", "psi"], "NAME=VALUE"),
        (["--reference-window", "winter", "--timestamp", "sex"], "no times"),
        (["--importance", "none.json"], "none.json"),
        (["--subject", "sex", "--by", "sex"], "name patients"),
        (["--column", "lactat"], "lactate"),
    ],
)
def test_what_cannot_be_done_exits_2_and_says_why(drift, more, said):
    done = drift("same.csv", *more)

    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_importances_come_from_a_file_of_names_and_numbers(files, drift):
    (files / "i.csv").write_text("column,importance\nlactate,0.9\nsex,0.1\n")
    done = drift("moved.parquet", "--importance", "i.csv", "--no-effect", "--no-multivariate", "--format", "json")
    rows = json.loads(done.out)["predicate"]["measurements"]

    (psi,) = [m for m in rows if m["metric"] == "psi" and m["feature"] == "lactate"]
    assert psi["params"]["importance"] == pytest.approx(0.9)
    assert "reliance on it is 90%" in json.loads(done.out)["predicate"]["alarms"][0]
