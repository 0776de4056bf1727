"""What `codman evaluate` and `codman evidence show` print: one screen a person can read, and where the rest is."""

import json

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def codman(codman, monkeypatch):
    """The command in a terminal of no particular width; it succeeds."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments):
        said = codman(*arguments)
        assert said.code == 0, said.err
        return said

    return run


@pytest.fixture
def rows(tmp_path):
    random = np.random.default_rng(4)
    n = 1200
    x = random.normal(size=n)
    risk = 1 / (1 + np.exp(1.5 - x))
    patient = np.repeat(np.arange(n // 3), 3)
    sick = random.random(n // 3) < risk.reshape(-1, 3).max(axis=1)
    frame = pl.DataFrame(
        {
            "patient": patient,
            "hour": np.tile([0.0, 1.0, 2.0], n // 3),
            "onset": np.where(sick[patient], 3.0, np.nan),
            "sex": np.repeat(random.choice(["F", "M"], n // 3), 3),
            "site": np.repeat(random.choice(list("abcd"), n // 3), 3),
            "risk": risk,
            "died": sick[patient].astype(int),
            "late": (random.random(n) < 0.3).astype(int),
            "p_no": 1 - risk,
            "days": random.exponential(300, n),
            "y": x * 2 + random.normal(size=n),
        }
    )
    frame.with_columns(pl.col("onset").fill_nan(None)).write_csv(tmp_path / "rows.csv")


pytestmark = pytest.mark.usefixtures("rows")

ASK = ("evaluate", "rows.csv", "--label", "died", "--score", "risk")
GROUPS = ("--by", "sex", "--by", "site", "--threshold", 0.2)


def test_one_screen_a_row_a_group_a_table_a_threshold_and_where_the_rest_is(codman):
    out = codman(*ASK, *GROUPS, "--threshold", 0.3).out
    text = out.splitlines()

    assert len(text) < 90
    assert max(map(len, text[6:])) <= 80
    assert "AUROC is 0." in out
    for head in (
        "Ranking and calibration;",
        "At threshold 0.2;",
        "At threshold 0.3;",
        "Widest differences between groups",
    ):
        assert sum(head in line for line in text) == 1, head
    assert sum(line.startswith("sex F") for line in text) == 3
    assert "starts at 0 may be chance" in out
    assert "\x1b" not in out
    assert text[-1].endswith("more numbers: --format json, or --out FILE and codman report")


def test_what_is_counted_as_more_is_what_is_not_shown(codman):
    ask = (*ASK, "--metrics", "auroc,brier,ici", "--by", "sex")
    every = len(json.loads(codman(*ask, "--format", "json").out)["predicate"]["measurements"])
    out = codman(*ask).out

    # three AUROC in the table and one difference of AUROC in a sentence
    assert f"{every - 4} more numbers" in out


def test_the_stored_statement_is_shown_alike(codman):
    codman(*ASK, *GROUPS, "--out", "e.json")
    out = codman("evidence", "show", "e.json").out

    assert len(out.splitlines()) < 75
    assert "At threshold 0.2;" in out
    assert out.splitlines()[-1].endswith("more numbers: --format json, or codman report")


def test_one_result_per_unit_comes_first_and_says_that_a_policy_uses_it(codman):
    unit = ("--unit", "patient", "--aggregate", "max", "--index-time", "hour", "--onset", "onset")
    out = codman(*ASK, *GROUPS, *unit).out

    first = out.index("One result per patient: a policy should use these")
    assert first < out.index("Lead time at threshold 0.2 (hours)") < out.index("Row by row: for comparison only")
    assert out.index("Row by row") < out.index("Widest differences")


@pytest.mark.parametrize(
    ("ask", "heads"),
    [
        (("--label", "y", "--score", "risk", "--task", "regression"), ["Error;", "MAE"]),
        (("--label", "died", "--score", "risk", "--time", "days", "--horizon", 200), ["Harrell's C", "By 200 days;"]),
        (("--label", "died", "--score", "0=p_no,1=risk"), ["All classes together;", "Class 1", "Macro AUROC"]),
        (("--label", "died,late", "--score", "risk,p_no"), ["Label died", "Label late", "AUROC by group;"]),
    ],
)
def test_other_tasks_have_the_like_tables(codman, ask, heads):
    out = codman("evaluate", "rows.csv", *ask, "--by", "sex").out

    assert [head for head in heads if head not in out] == []
    assert len(out.splitlines()) < 60
    assert "sex M" in out


def test_a_threshold_chosen_on_the_judged_rows_is_warned_of_wherever_the_answer_goes(codman):
    choose = (*ASK, "--metrics", "auroc,sensitivity", "--choose", "sensitivity=0.8")
    assert "chosen on the rows that are judged" in codman(*choose, "--out", "e.json").err
    assert "chosen on the rows that are judged" in codman(*choose).err
    assert "warning" not in codman(*choose, "--choose-on", "rows.csv", "--out", "f.json").err


def test_a_comparison_is_shown_as_compare_prints_it(codman):
    ask = ("compare", "rows.csv", "rows.csv", "--label", "died", "--score", "risk", "--score-b", "p_no")
    printed = codman(*ask, "--threshold", 0.2, "--out", "c.json").err
    shown = codman("evidence", "show", "c.json").out

    assert "B minus A" in shown
    assert [line for line in printed.splitlines()[1:] if line and line not in shown] == []
