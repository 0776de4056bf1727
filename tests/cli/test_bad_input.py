"""`codman evaluate` on bad input: one clear error, exit 2, no traceback, no half-written file."""

from __future__ import annotations

import datetime as dt
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codman.cli.main import main

N = 400
RNG = np.random.default_rng(7)
DIED = RNG.integers(0, 2, N)
RISK = np.clip(0.3 * DIED + 0.7 * RNG.random(N), 0, 1)
BASE: dict[str, Any] = {
    "died": DIED,
    "risk": RISK,
    "sex": np.array(["F", "M"])[RNG.integers(0, 2, N)],
    "age": RNG.integers(20, 90, N),
    "pid": RNG.integers(0, 200, N),
}


class Answer:
    """What `codman evaluate` answered."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def rows(self) -> list[dict[str, Any]]:
        statement = json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
        found: list[dict[str, Any]] = statement["predicate"]["measurements"]
        return found

    def value(self, metric: str) -> float | None:
        found = next(row for row in self.rows() if row["metric"] == metric and not row.get("slice"))
        value: float | None = found.get("value")
        return value


@pytest.fixture
def evaluate(codman: Callable[..., tuple[int, str, str]]):
    def run(*flags: str, file: str = "x.parquet", label: str = "died", score: str = "risk", **columns: Any) -> Answer:
        if file == "x.parquet":
            pq.write_table(pa.table({**BASE, **columns}), file)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # a user would see it as noise on standard error
            said = codman("evaluate", file, "--label", label, "--score", score, *flags, "--format", "json")
        return Answer(*said)

    return run


def _refused(said: Answer, *words: str) -> None:
    assert said.code == 2, said.out[:300]
    assert said.err.startswith("error: ")
    assert "why: " in said.err
    assert "fix: " in said.err
    for word in words:
        assert word in said.err
    assert said.out == ""


def _lists() -> pa.Array:
    return pa.array([["a"], ["b"]] * (N // 2))


def _structs() -> pa.Array:
    return pa.array([{"a": 1}] * N)


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_refused_with_its_neighbours(evaluate):
    Path("predictions.csv").write_text("a,b\n1,2\n")
    _refused(evaluate(file="prediction.csv"), "did you mean 'predictions.csv'")


@pytest.mark.parametrize(
    ("flags", "near"),
    [
        (["--by", "sexx"], "sex"),
        (["--by", "sex,agee"], "age"),
        (["--subject", "pidd"], "pid"),
        (["--weight", "rsk"], "risk"),
        (["--band", "agee=0,40", "--by", "agee_band"], "age"),
    ],
)
def test_a_missing_column_is_refused_with_the_nearest(evaluate, flags, near):
    _refused(evaluate(*flags), f"'{near}'")


def test_a_band_of_a_missing_column_is_refused_even_where_nothing_is_grouped_by_it(evaluate):
    _refused(evaluate("--band", "agee=0,40"), "agee")


def test_an_unknown_metric_is_refused_with_the_nearest(evaluate):
    _refused(evaluate("--metrics", "aurocc"), "'auroc'")


def test_a_reference_for_a_grouping_that_is_not_asked_for_is_refused(evaluate):
    _refused(evaluate("--by", "sex", "--reference", "race=White"), "race")


@pytest.mark.parametrize("flag", ["--prediction-set", "--abstain"])
def test_a_missing_column_of_an_uncertainty_flag_is_refused(evaluate, flag):
    _refused(evaluate(flag, "nowhere"), "nowhere")


def test_a_horizon_has_no_meaning_for_a_binary_task(evaluate):
    _refused(evaluate("--horizon", "30"), "--horizon")


def test_a_column_whose_name_has_a_comma_can_be_grouped_by(evaluate):
    said = evaluate("--by", "sex,age", **{"sex,age": BASE["sex"]})
    assert said.code == 0
    assert any(row.get("slice") == {"sex,age": "F"} for row in said.rows())


def test_a_band_that_would_hide_a_column_of_that_name_is_refused(evaluate):
    _refused(evaluate("--band", "age=0,40", "--by", "age_band", age_band=BASE["sex"]), "age_band")


def test_a_column_that_is_there_twice_is_refused(evaluate):
    columns = [BASE["died"], BASE["risk"], BASE["died"]]
    pq.write_table(pa.Table.from_arrays([pa.array(c) for c in columns], names=["died", "risk", "died"]), "y.parquet")
    _refused(evaluate(file="y.parquet"), "ambiguous")


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_cut_parquet_file_is_refused(evaluate):
    pq.write_table(pa.table(BASE), "y.parquet")
    Path("y.parquet").write_bytes(Path("y.parquet").read_bytes()[:-30])
    _refused(evaluate(file="y.parquet"), "cut short")


def test_a_broken_csv_row_is_named(evaluate):
    Path("x.csv").write_text("died,risk\n1,0.5\n0\n")
    _refused(evaluate(file="x.csv"), "row 3 of", "the header has 2 fields, the row has 1")


@pytest.mark.parametrize("content", ["", "died,risk\n"])
def test_a_file_without_rows_is_refused(evaluate, content):
    Path("x.csv").write_text(content)
    _refused(evaluate(file="x.csv"))


@pytest.mark.parametrize("out", ["no/such/folder/x.json", "."])
def test_nothing_is_left_behind_where_the_result_cannot_be_written(evaluate, out):
    before = sorted(Path().iterdir())
    _refused(evaluate("--out", out))
    assert sorted(Path().iterdir()) == sorted({*before, Path("x.parquet")})


def test_a_refused_evaluation_leaves_an_older_result_as_it_was(evaluate):
    Path("e.json").write_text("older")
    _refused(evaluate("--by", "nowhere", "--out", "e.json"))
    assert Path("e.json").read_text() == "older"


# --- types -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "score",
    [
        np.array(["high"] * N),
        np.array(["50%"] * N),
        pa.array([dt.date(2024, 1, 1)] * N),
        pa.array([0] * N).cast(pa.timestamp("us", "UTC")),
        pa.array([dt.timedelta(1)] * N),
        pa.array([b"0.5"] * N),
        _lists(),
        _structs(),
    ],
    ids=["text", "percent", "date", "time", "duration", "bytes", "list", "struct"],
)
def test_a_score_that_is_no_number_is_refused(evaluate, score):
    _refused(evaluate(risk=score), "'risk'", "not numbers")


@pytest.mark.parametrize("values", [_lists(), _structs()], ids=["list", "struct"])
@pytest.mark.parametrize(
    ("column", "flags"),
    [
        ("died", []),
        ("died", ["--task", "multiclass"]),
        ("sex", ["--by", "sex"]),
        ("pid", ["--subject", "pid"]),
        ("pid", ["--unit", "pid", "--aggregate", "max"]),
    ],
    ids=["label", "class", "by", "subject", "unit"],
)
def test_a_nested_column_is_refused_where_one_value_a_row_is_needed(evaluate, column, flags, values):
    score = "a=risk,b=risk" if "multiclass" in flags else "risk"
    _refused(evaluate(*flags, score=score, **{column: values}), f"'{column}'")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([10**8] * N, pa.int32()).cast(pa.date32()),  # a year beyond 9999
        pa.array([0] * N).cast(pa.timestamp("us", "Nowhere/Land")),
    ],
    ids=["far date", "unknown zone"],
)
def test_times_python_cannot_hold_are_grouped_or_refused(evaluate, values):
    said = evaluate("--by", "sex", sex=values)
    assert said.code in (0, 2)


@pytest.mark.parametrize(
    "label",
    [
        RNG.integers(0, 3, N),
        np.array(["a", "b", "c"] * N)[:N],
        np.array(["yes", "0", "1", "no"] * N)[:N],
        np.array(["alive", "dead"])[DIED],
        DIED + 1,
        RNG.random(N),
        pa.nulls(N),
    ],
    ids=["three levels", "three words", "mixed", "two words", "one and two", "fractions", "all missing"],
)
def test_a_label_that_does_not_say_yes_or_no_is_refused(evaluate, label):
    _refused(evaluate("--task", "binary", died=label), "'died'")


def test_dictionary_text_and_small_floats_are_fine(evaluate):
    words = pa.array(np.array(["no", "yes"])[DIED]).dictionary_encode()
    assert (
        evaluate(died=words, risk=RISK.astype(np.float32), sex=pa.array(BASE["sex"]).cast(pa.large_string())).code == 0
    )


# --- values ----------------------------------------------------------------------------------------------------------


def test_no_row_left_is_answered_with_reasons_for_groups_too(evaluate):
    said = evaluate("--by", "sex", "--threshold", "0.5", risk=pa.nulls(N, pa.float64()))
    assert said.code in (0, 2)
    if said.code == 0:
        assert said.value("auroc") is None


def test_no_row_left_is_answered_by_the_bootstrap_too(evaluate):
    said = evaluate("--interval", "bca", "--replicates", "100", risk=pa.nulls(N, pa.float64()))
    assert said.code in (0, 2)


ODD = {
    "constant": {"risk": np.full(N, 0.5)},
    "zero": {"risk": np.zeros(N)},
    "inf": {"risk": np.where(np.arange(N) < 5, np.inf, RISK)},
    "minus inf": {"risk": np.where(np.arange(N) < 5, -np.inf, RISK)},
    "nan": {"risk": np.where(np.arange(N) < 5, np.nan, RISK)},
    "above one": {"risk": RISK * 10},
    "huge": {"risk": np.full(N, 2**62)},
    "no event": {"died": np.zeros(N, int)},
    "all events": {"died": np.ones(N, int)},
}


@pytest.mark.parametrize(
    ("odd", "interval"),
    [
        *((odd, interval) for odd in ODD for interval in ("analytic", "percentile")),
        *((odd, "bca") for odd in ("constant", "no event")),
    ],
)
def test_odd_values_give_numbers_or_reasons_and_no_noise(evaluate, odd, interval):
    said = evaluate("--threshold", "0.5", "--by", "sex", "--interval", interval, "--replicates", "100", **ODD[odd])
    assert said.code == 0
    assert said.err == ""
    for row in said.rows():
        assert row.get("value") is not None or row.get("note"), row


def test_raw_ages_by_sex_give_many_small_groups_and_still_a_statement(evaluate):
    said = evaluate("--by", "sex,age", "--threshold", "0.5")
    assert said.code == 0, said.err


def test_a_grouping_by_a_number_that_differs_in_every_row_says_to_band_it(evaluate):
    _refused(evaluate("--by", "risk"), "'risk'", "--band")


def test_enormous_weights_are_refused_or_counted(evaluate):
    said = evaluate("--weight", "w", w=np.full(N, 1e300))
    assert said.code in (0, 2)


@pytest.mark.parametrize("weight", [-1.0, np.inf])
def test_a_weight_that_is_none_is_refused(evaluate, weight):
    _refused(evaluate("--weight", "w", w=np.full(N, weight)), "'w'")


def test_a_patient_number_that_is_not_a_number_counts_as_missing(evaluate):
    said = evaluate("--subject", "pid", pid=np.where(np.arange(N) < 9, np.nan, np.arange(N, dtype=float)))
    assert json.loads(said.out)["predicate"]["rows"]["excluded"] == {"subject missing": 9}


def test_times_and_numbers_do_not_mix_as_times_of_one_encounter(evaluate):
    flags = ["--unit", "pid", "--aggregate", "max", "--index-time", "t", "--onset", "o", "--threshold", "0.5"]
    _refused(evaluate(*flags, t=np.arange(N), o=pa.array([0] * N).cast(pa.timestamp("us"))), "'o'")


def test_the_last_row_of_an_encounter_needs_a_time(evaluate):
    _refused(evaluate("--unit", "pid", "--aggregate", "last", "--threshold", "0.5"), "--index-time")


def test_the_first_alert_of_an_encounter_needs_a_threshold(evaluate):
    _refused(
        evaluate("--unit", "pid", "--aggregate", "first-alert", "--index-time", "t", t=np.arange(N)), "--threshold"
    )


@pytest.mark.parametrize(
    "flags",
    [
        ["--threshold", "nan"],
        ["--threshold", "a"],
        ["--level", "95"],
        ["--band", "age=40,0", "--by", "age_band"],
        ["--band", "age=40,40"],
        ["--band", "age=a,b"],
        ["--band", "age="],
        ["--band", "sex=0,40", "--by", "sex_band"],
        ["--by", ""],
        ["--by", "sex,"],
        ["--by", "sex,sex"],
        ["--task", "binry"],
        ["--interval", "boot"],
        ["--replicates", "1", "--interval", "percentile"],
        ["--positive", "maybe"],
        ["--reference", "sex", "--by", "sex"],
        ["--reference", "sex=X", "--by", "sex"],
        ["--choose", "sensitivity=2"],
        ["--choose", "luck=0.2"],
        ["--choose", "sensitivity=0.9", "--choose-on", "nowhere.csv"],
        ["--unit", "pid"],
        ["--aggregate", "max"],
        ["--criteria", "nowhere.json"],
        ["--key", "nowhere.key"],
        ["--artifact", "nowhere.bin"],
        ["--artifact", "sha256:zz"],
        ["--at-version", "3"],
        ["--task", "survival"],
        ["--task", "regression", "--threshold", "0.2"],
        ["--interval-columns", "age"],
    ],
    ids=" ".join,
)
def test_a_flag_that_makes_no_sense_is_refused(evaluate, flags):
    _refused(evaluate(*flags))


@pytest.mark.parametrize(
    ("flags", "columns"),
    [
        (["--task", "regression"], {"died": np.full(N, np.inf)}),
        (["--task", "regression"], {"died": np.array(["a"] * N)}),
        (["--task", "survival", "--time", "t"], {"t": -np.ones(N)}),
        (["--task", "survival", "--time", "t"], {"t": np.full(N, np.inf)}),
        (["--task", "survival", "--time", "t", "--horizon", "-3"], {"t": np.ones(N)}),
        (["--task", "survival", "--time", "t", "--survival", "365=s"], {"t": np.ones(N), "s": np.full(N, 3.0)}),
    ],
    ids=[
        "infinite outcome",
        "outcome in words",
        "time before zero",
        "endless time",
        "horizon before zero",
        "S above one",
    ],
)
def test_other_tasks_refuse_what_they_cannot_use(evaluate, flags, columns):
    _refused(evaluate(*flags, **columns))


def test_a_regression_of_enormous_numbers_makes_no_noise(evaluate):
    said = evaluate("--task", "regression", died=np.full(N, 1e308), risk=np.full(N, -1e308))
    assert said.code in (0, 2)


def test_a_nested_id_of_a_comparison_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({**BASE, "row": _lists()}), path)
    flags = ["--label", "died", "--score", "risk", "--id", "row"]
    monkeypatch.setattr(sys, "argv", ["codman", "compare", str(path), str(path), *flags])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "'row'" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--subject", "pid"], ["--unit", "pid", "--aggregate", "max"], []])
def test_a_grouping_that_names_patients_is_refused_and_names_none(evaluate, flags):
    said = evaluate("--by", "pid", *flags, pid=np.array([f"MRN{i % 200:05d}" for i in range(N)]))

    _refused(said, "--by pid", "patient")
    assert "MRN0" not in said.err + said.out


def test_a_result_never_takes_the_place_of_what_it_was_made_from(evaluate):
    evaluate()
    before = Path("x.parquet").read_bytes()
    Path("again.json").symlink_to("x.parquet")

    for out in ("x.parquet", "./x.parquet", "again.json"):
        _refused(evaluate("--out", out, file="./x.parquet"), "overwritten")
    assert Path("x.parquet").read_bytes() == before
