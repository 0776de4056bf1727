"""codman compare from outside: files, exit codes, what is printed where."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def files(tmp_path):
    random = np.random.default_rng(2)
    n = 800
    event = random.random(n) < 0.25
    shared = random.normal(size=n) + event
    risk = lambda: 1 / (1 + np.exp(-(shared + random.normal(size=n) - 1.5)))  # noqa: E731
    a = pl.DataFrame(
        {
            "row": np.arange(n),
            "patient": [f"p{i}" for i in np.sort(random.integers(0, n // 2, n))],
            "sex": random.choice(["F", "M"], n),
            "age": random.integers(20, 90, n),
            "risk": risk(),
            "died": event.astype(int),
        }
    )
    b = a.with_columns(risk=pl.Series(risk()))
    a.write_parquet(tmp_path / "a.parquet")
    b.sample(fraction=1.0, shuffle=True, seed=3).head(790).write_parquet(tmp_path / "b.parquet")
    b.write_csv(tmp_path / "b.csv")
    return tmp_path


ASK = ("--label", "died", "--score", "risk")


def test_a_comparison_is_written_as_a_statement_that_reproduces(files, codman):
    done = codman(
        "compare", "a.parquet", "b.parquet", *ASK, "--id", "row", "--subject", "patient", "--threshold", 0.2,
        "--by", "sex", "--by", "sex,age_band", "--band", "age=0,65", "--margin", "auroc=-0.5",
        "--product", "flc", "--version", "2.0", "--use", "ward", "--out", "c.json",
    )  # fmt: skip

    assert done.code == 0, done.err
    statement = json.loads((files / "c.json").read_text())
    said = statement["predicate"]
    assert statement["predicateType"] == "https://codman.dev/evidence/comparison/v1"
    assert statement["subject"][0]["name"] == "flc@2.0"
    assert [one["name"] for one in said["inputs"]] == ["a", "b"]
    assert said["rows"]["excluded"] == {"row only in A": 10}
    assert said["spec"]["margins"] == {"auroc": -0.5}
    change = next(m for m in said["measurements"] if m["metric"] == "auroc_change" and m["slice"] == {})
    assert change["params"]["conclusion"] in ("superior", "non-inferior")
    assert done.out == ""
    assert "the margin is -0.5" in done.err
    assert codman("reproduce", "c.json").code == 0


@pytest.mark.usefixtures("files")
def test_the_answer_is_a_table_on_standard_output(codman):
    done = codman("compare", "a.parquet", "b.csv", *ASK, "--threshold", 0.2, "--margin", "brier=0.5")

    assert done.code == 0, done.err
    assert done.out.startswith("800 of 800 rows compared")
    assert "Brier score: B minus A is" in done.out
    assert "McNemar's test at 0.2, everyone" in done.out


@pytest.mark.usefixtures("files")
def test_format_json_prints_the_statement(codman):
    done = codman("compare", "a.parquet", "b.csv", *ASK, "--metrics", "auroc", "--format", "json")

    statement = json.loads(done.out)
    assert {m["metric"] for m in statement["predicate"]["measurements"]} == {"auroc", "auroc_change"}


def test_a_key_signs_it(files, codman):
    codman("evidence", "keygen", "--out", "mine")
    done = codman("compare", "a.parquet", "b.csv", *ASK, "--key", "mine.key", "--out", "c.json")

    assert done.code == 0, done.err
    assert json.loads((files / "c.json").read_text())["payloadType"] == "application/vnd.in-toto+json"
    assert codman("evidence", "verify", "c.json", "--key", "mine.pub").code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a.parquet", "b.parquet", *ASK), "cannot be compared row by row"),
        (("a.parquet", "nowhere.csv", *ASK), "nowhere.csv"),
        (("a.parquet", "b.csv", "--label", "dead", "--score", "risk"), "did you mean 'died'"),
        (("a.parquet", "b.csv", *ASK, "--margin", "auroc"), "NAME=VALUE"),
        (("a.parquet", "b.csv", *ASK, "--margin", "auroc=small"), "not a number"),
        (("a.parquet", "b.csv", *ASK, "--margin", "auroc=0.02"), "write auroc=-0.02"),
        (("a.parquet", "b.csv", *ASK, "--margin", "aroc=-0.02"), "did you mean"),
        (("a.parquet", "b.csv", *ASK, "--margin", "auroc=-0.1", "--margin", "auroc=-0.2"), "twice"),
        (("a.parquet", "b.csv", *ASK, "--threshold", "nan"), "not finite"),
        (("a.parquet", "b.csv", *ASK, "--level", "1.5"), "level cannot be used"),
        (("a.parquet", "b.csv", *ASK, "--replicates", "5"), "replicates cannot be used"),
        (("a.parquet", "b.csv", *ASK, "--interval", "wald"), "--interval"),
        (("a.parquet", "b.csv", *ASK, "--id", "patient"), "does not identify a row"),
        (("a.parquet", "b.csv", *ASK, "--band", "age=65,40", "--by", "age_band"), "edges must be"),
        (("a.parquet", "b.csv", *ASK, "--out", "no/such/folder/c.json"), "no folder"),
        (("a.parquet", "b.csv", *ASK, "--key", "none.key", "--out", "c.json"), "none.key"),
    ],
)
def test_bad_input_is_exit_2_with_one_clear_error_and_no_file(files, codman, arguments, says):
    done = codman("compare", *arguments)

    assert done.code == 2, done.err
    assert says in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not (files / "c.json").exists()


@pytest.mark.parametrize(
    ("column", "arguments"),
    [("row", ("--id", "row")), ("patient", ("--subject", "patient")), ("row", ()), ("patient", ())],
    ids=["the id", "the patient", "an id nobody named", "a patient nobody named"],
)
def test_a_grouping_that_would_name_patients_is_refused_and_no_name_shown(files, codman, column, arguments):
    done = codman("compare", "a.parquet", "b.csv", *ASK, "--by", column, *arguments, "--out", "c.json")

    assert done.code == 2, done.err
    assert f"--by {column} would name patients in the evidence" in done.err
    assert "p41" not in done.err
    assert done.out == ""
    assert not (files / "c.json").exists()


def test_the_first_row_that_differs_is_named_and_no_value_shown(files, codman):
    b = pl.read_csv(files / "b.csv")
    b.with_columns(died=pl.when(pl.col("row") == 41).then(1 - pl.col("died")).otherwise("died")).write_csv(
        files / "b.csv"
    )

    done = codman("compare", "a.parquet", "b.csv", *ASK)

    assert done.code == 2
    assert "row 42" in done.err
    assert "p41" not in done.err


def test_on_real_admissions_an_added_blood_test_is_judged(real_data, codman, tmp_path):
    """Right heart catheterisation: death predicted with and without the APACHE score, on the same patients."""
    folder = Path(real_data) / "rhc_right_heart_cath"
    found = sorted(folder.glob("*.csv*")) if folder.is_dir() else []
    if not found:
        pytest.skip("rhc_right_heart_cath is not among the real data")
    from sklearn.linear_model import LogisticRegression

    rhc = pl.read_csv(found[0], infer_schema_length=None, null_values=["NA"])
    died = rhc["death"].cast(str).is_in(["1", "Yes"]).to_numpy()
    fit = np.arange(len(rhc)) % 2 == 0
    for name, columns in (("a", ["age"]), ("b", ["age", "aps"])):
        x = rhc.select(columns).to_numpy().astype(float)
        x = (x - x[fit].mean(axis=0)) / x[fit].std(axis=0)
        risk = LogisticRegression().fit(x[fit], died[fit]).predict_proba(x[~fit])[:, 1]
        rows = rhc.filter(~fit).select("sex").with_columns(died=died[~fit], risk=risk)
        rows.write_parquet(tmp_path / f"{name}.parquet")

    done = codman("compare", "a.parquet", "b.parquet", *ASK, "--by", "sex", "--threshold", 0.6,
                      "--margin", "auroc=-0.01", "--out", "c.json")  # fmt: skip

    assert done.code == 0, done.err
    measurements = json.loads((tmp_path / "c.json").read_text())["predicate"]["measurements"]
    change = next(m for m in measurements if m["metric"] == "auroc_change" and m["slice"] == {})
    assert change["params"]["conclusion"] == "superior"
    assert change["p_value"] < 0.001
