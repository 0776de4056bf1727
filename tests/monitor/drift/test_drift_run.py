from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from codman.errors import BadInput
from codman.monitor.drift.run import drift
from codman.spine.measurement import Measurement, Measurements

ALONE = {"multivariate": False, "effect": False}


def patients(rows, seed, *, shift=0.0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "age": rng.integers(18, 95, rows),
            "lactate": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(shift, 1, rows)),
            "sex": rng.choice(["F", "M"], rows),
            "unit": rng.choice(list("ABC"), rows, p=[0.5, 0.4, 0.1]),
            "risk": rng.beta(2, 8, rows),
            "died": rng.random(rows) < 0.1,
        }
    )


def of(found: Measurements, metric: str, feature: str | None = None, **slice_: str) -> Measurement:
    (one,) = [m for m in found if (m.metric, m.feature, m.slice) == (metric, feature, slice_)]
    return one


def test_every_statistic_equals_scipys_on_the_rows_that_have_a_value():
    a, b = patients(3000, 1), patients(800, 2, shift=0.2)
    found = drift(a, b, **ALONE)
    before, now = (x["lactate"].drop_nans().to_numpy() for x in (a, b))
    table = [[(x["sex"] == level).sum() for level in ("F", "M")] for x in (a, b)]

    test = of(found, "ks", "lactate")

    assert test.value == pytest.approx(ks_2samp(before, now).statistic, abs=1e-12)
    assert test.p_value == pytest.approx(ks_2samp(before, now, method="asymp").pvalue, abs=1e-9)
    assert (test.n, test.params["reference_n"]) == (len(now), len(before))
    area = of(found, "wasserstein", "lactate")
    assert area.value == pytest.approx(wasserstein_distance(before, now), abs=1e-9)
    assert area.params["scaled"] == pytest.approx(wasserstein_distance(before, now) / before.std(), abs=1e-9)
    square = of(found, "chi2", "sex")
    assert square.value == pytest.approx(chi2_contingency(table, correction=False).statistic, abs=1e-9)
    assert square.p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue, abs=1e-9)


def test_a_slice_is_what_its_rows_alone_would_give():
    a, b = patients(3000, 3), patients(900, 4, shift=0.3)
    sliced = drift(a, b, by=["unit", "sex,unit"], **ALONE)
    alone = drift(a.filter(pl.col("unit") == "B"), b.filter(pl.col("unit") == "B"), **ALONE)

    for m in alone:
        if m.feature == "unit":
            continue
        same = of(sliced, m.metric, m.feature, unit="B")
        assert same.value == pytest.approx(m.value, abs=1e-12), m
        assert (same.n, same.lower, same.upper) == (m.n, m.lower, m.upper)
    assert {tuple(m.slice) for m in sliced} == {(), ("unit",), ("sex", "unit")}


def test_a_slice_of_few_patients_on_either_side_is_suppressed():
    a, b = patients(2000, 5), patients(60, 6).with_columns(unit=pl.Series(["A"] * 55 + ["C"] * 5))
    found = drift(a, b, columns=["age"], by=["unit"], **ALONE)

    hidden = of(found, "ks", "age", unit="C")
    gone = of(found, "ks", "age", unit="B")

    assert (hidden.value, hidden.n, hidden.note) == (None, None, "suppressed")
    assert gone.value is None
    assert gone.note == "the current rows have no value here"


def test_an_unseen_and_a_vanished_category_are_counted():
    a = pl.DataFrame({"drug": ["x"] * 60 + ["y"] * 40})
    b = pl.DataFrame({"drug": ["x"] * 30 + ["z"] * 20})

    found = of(drift(a, b, **ALONE), "chi2", "drug")

    assert found.params["unseen_levels"] == 1
    assert found.params["unseen_rate"] == pytest.approx(0.4)
    assert found.params["vanished_levels"] == 1
    assert found.value == pytest.approx(chi2_contingency([[60, 40, 0], [30, 0, 20]], correction=False).statistic)


def test_whole_numbers_of_few_values_are_categories_unless_asked_otherwise_and_the_row_says_why():
    a, b = (pl.DataFrame({"grade": np.random.default_rng(s).integers(0, 4, 300)}) for s in (1, 2))
    read = of(drift(a, b, **ALONE), "chi2", "grade")

    assert read.params["read_as"] == "categories"
    assert read.params["why"] == "whole numbers with 4 different values in the reference"
    assert of(drift(a, b, numeric=["grade"], **ALONE), "ks", "grade").value is not None


def test_numbers_of_many_values_can_be_read_as_categories():
    a, b = (pl.DataFrame({"ward": np.random.default_rng(s).integers(0, 30, 3000)}) for s in (1, 2))

    assert of(drift(a, b, categorical=["ward"], **ALONE), "chi2", "ward").params["degrees_of_freedom"] == 29


def test_dates_are_days():
    start = date(2026, 1, 1)
    a = pl.DataFrame({"seen": [start + timedelta(days=d % 30) for d in range(300)]})
    b = pl.DataFrame({"seen": [start + timedelta(days=5 + d % 30) for d in range(300)]})

    moved = of(drift(a, b, **ALONE), "wasserstein", "seen")

    assert moved.value == pytest.approx(5.0)
    assert moved.params["unit"] == "days"


def test_an_infinite_value_ranks_last_and_has_no_distance_to_move():
    a = pl.DataFrame({"x": np.arange(100) + 0.5})
    b = pl.DataFrame({"x": np.append(np.arange(60) + 0.5, np.full(40, np.inf))})
    found = drift(a, b, **ALONE)

    assert of(found, "ks", "x").value == pytest.approx(0.4)
    assert of(found, "wasserstein", "x").value is None
    assert of(found, "wasserstein", "x").note == "some values are infinite"


def test_a_constant_reference_has_no_bins_and_says_so():
    a, b = pl.DataFrame({"x": np.full(100, 2.5)}), pl.DataFrame({"x": np.full(50, 3.5)})
    found = drift(a, b, **ALONE)

    assert of(found, "ks", "x").value == 1.0
    assert of(found, "wasserstein", "x").value == pytest.approx(1.0)
    assert of(found, "psi", "x").value is None
    assert "one value" in (of(found, "psi", "x").note or "")


def test_a_column_that_is_all_missing_now_has_no_distances_and_a_missing_rate_of_one():
    a, b = pl.DataFrame({"x": np.arange(100.0) / 3}), pl.DataFrame({"x": [None] * 50}, schema={"x": pl.Float64})
    found = drift(a, b, **ALONE)

    assert of(found, "ks", "x").value is None
    assert of(found, "ks", "x").note == "the current rows have no value here"
    assert of(found, "missing_rate_difference", "x").value == 1.0


def test_the_difference_of_missing_rates_has_newcombes_interval():
    a = pl.DataFrame({"x": [None] * 10 + [float(i) + 0.5 for i in range(90)]})
    b = pl.DataFrame({"x": [None] * 12 + [float(i) + 0.5 for i in range(28)]})
    z = 1.959963984540054

    def wilson(k: int, n: int) -> tuple[float, float]:
        half = z * ((k / n * (1 - k / n) + z * z / 4 / n) / n) ** 0.5
        return tuple((k / n + z * z / 2 / n + way * half) / (1 + z * z / n) for way in (-1, 1))  # type: ignore[return-value]

    (low_a, high_a), (low_b, high_b) = wilson(10, 100), wilson(12, 40)
    found = of(drift(a, b, **ALONE), "missing_rate_difference", "x")

    assert found.value == pytest.approx(0.2)
    assert found.lower == pytest.approx(0.2 - ((0.3 - low_b) ** 2 + (high_a - 0.1) ** 2) ** 0.5)
    assert found.upper == pytest.approx(0.2 + ((high_b - 0.3) ** 2 + (0.1 - low_a) ** 2) ** 0.5)


def test_alert_rate_and_prevalence_are_compared_where_score_and_label_are_there():
    a, b = patients(2000, 7), patients(500, 8)
    found = drift(a, b, score="risk", label="died", thresholds=[0.2], **ALONE)

    assert of(found, "alert_rate_difference").value == pytest.approx(
        (b["risk"] >= 0.2).mean() - (a["risk"] >= 0.2).mean()
    )
    assert of(found, "prevalence_difference").value == pytest.approx(b["died"].mean() - a["died"].mean())
    assert of(found, "ks", "risk").params["role"] == "score"


def test_patients_who_repeat_raise_no_false_alarms():
    level, runs, alarms, naive = 0.05, 200, 0, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        who = np.repeat(np.arange(120), 8)
        table = pl.DataFrame(
            {"who": who, "x": rng.normal(size=120)[who] + 0.3 * rng.normal(size=960), "c": rng.integers(0, 3, 120)[who]}
        )
        a, b = table.filter(pl.col("who") < 80), table.filter(pl.col("who") >= 80)
        found = drift(a, b, subject="who", columns=["x", "c"], **ALONE)
        alarms += (of(found, "ks", "x").p_value < level) + (of(found, "chi2", "c").p_value < level)
        naive += ks_2samp(a["x"].to_numpy(), b["x"].to_numpy()).pvalue < level

    assert naive / runs > 0.3  # what a test that counts rows does
    assert alarms / (2 * runs) <= 0.075


def test_intervals_of_ks_and_wasserstein_hold_the_truth():
    held = np.zeros(2)
    for seed in range(300):
        rng = np.random.default_rng(seed)
        a, b = pl.DataFrame({"x": rng.random(400)}), pl.DataFrame({"x": rng.random(150) * 0.8})
        found = drift(a, b, **ALONE)
        for k, (metric, truth) in enumerate((("ks", 0.2), ("wasserstein", 0.1))):
            m = of(found, metric, "x")
            held[k] += m.lower <= truth <= m.upper

    assert (held / 300 >= 0.935).all()


def test_a_shift_matters_only_where_its_whole_interval_lies_above_delta():
    rng = np.random.default_rng(1)
    a = pl.DataFrame({"still": rng.normal(size=5000), "moved": rng.normal(size=5000)})
    b = pl.DataFrame({"still": rng.normal(size=3000), "moved": rng.normal(0.8, 1, 3000)})
    found = drift(a, b, delta={"psi": 0.1, "ks": 0.3}, **ALONE)

    assert of(found, "psi", "moved").params["beyond"] == "yes"
    assert of(found, "psi", "still").params["beyond"] == "no"
    assert of(found, "ks", "moved").params["beyond"] == "unclear"  # about 0.31


def test_winter_is_held_against_last_winter():
    days = [datetime(2025, 1, 1) + timedelta(hours=6 * k) for k in range(4 * 420)]  # noqa: DTZ001 (as files have them)
    values = [10.0 if day.month in (12, 1, 2) else 0.0 for day in days]
    noise = np.random.default_rng(1).normal(size=len(days))
    table = pl.DataFrame({"t": days, "flu": np.array(values) + noise})
    a, b = table.filter(pl.col("t") < datetime(2026, 1, 1)), table.filter(pl.col("t") >= datetime(2026, 1, 1))  # noqa: DTZ001

    against_all = of(drift(a, b, timestamp="t", columns=["flu"], **ALONE), "ks", "flu")
    against_winter = of(
        drift(a, b, timestamp="t", columns=["flu"], reference_window="same-month-last-year", **ALONE), "ks", "flu"
    )

    assert against_all.value > 0.6
    assert against_winter.p_value > 0.05
    assert against_winter.params["reference_n"] == 4 * 59  # January and February


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"columns": ["ages"]}, "ages"),
        ({"columns": ["who"]}, "identifier"),
        ({"reference_window": "same-month"}, "timestamp"),
        ({"timestamp": "age", "reference_window": "last:9"}, "no times"),
        ({"label": "age"}, "yes-or-no"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_reason(asked, said):
    a = patients(200, 1).with_columns(who=pl.Series([f"p{k}" for k in range(200)]))

    with pytest.raises(BadInput) as error:
        drift(a, a, **ALONE, **asked)

    assert said in str(error.value)


def test_a_column_of_texts_in_one_file_and_numbers_in_the_other_is_refused_by_name():
    a, b = pl.DataFrame({"x": [1.5] * 20, "y": [1.0] * 20}), pl.DataFrame({"x": ["a"] * 20, "y": [1.0] * 20})

    with pytest.raises(BadInput, match="'x' cannot be compared"):
        drift(a, b, columns=["x"], **ALONE)
    assert {m.feature for m in drift(a, b, **ALONE)} == {"y"}
