import numpy as np
import polars as pl
import pytest
from estimate_worlds import auroc, patients

from codman.errors import BadInput
from codman.monitor.estimate.run import estimate
from codman.spine.estimate_spec import EstimateSpec
from codman.tables.source import open_source


def rows(seed, n, *, start="2026-01-01", days=90, delay=None):
    """Predictions over some days; where `delay` says how many days labels take, when each was known."""
    rng = np.random.default_rng(seed)
    risk, died = patients(rng, n)
    spoke = np.datetime64(start, "us") + (rng.uniform(0, days, n) * 86_400e6).astype("m8[us]")
    columns = {
        "risk": risk, "died": died.astype(int), "spoke": spoke, "sex": rng.choice(["F", "M"], n),
        "patient": rng.integers(0, n // 2, n),
    }  # fmt: skip
    if delay is not None:
        columns["known"] = spoke + (rng.exponential(delay, n) * 86_400e6).astype("m8[us]")
    return pl.DataFrame(columns).sort("spoke")


BEFORE = rows(0, 6000, start="2025-06-01")


def run(current, **asked):
    spec = EstimateSpec(label="died", score="risk", **{"window": "month", "timestamp": "spoke", **asked})
    return estimate(open_source(BEFORE), open_source(current), spec)


def of_age(found, metric, age):
    return [m for m in found.measurements if m.metric == metric and m.params.get("age") == age and not m.slice]


def test_a_window_without_labels_is_estimated_and_nothing_else():
    found = run(rows(1, 3000).drop("died"))

    assert [m.window.start[:7] for m in found.measurements.where("estimated_auroc")] == [
        "2026-01", "2026-02", "2026-03",
    ]  # fmt: skip
    assert {m.params["age"] for m in found.measurements if m.metric.startswith("estimated_")} == {"estimated"}
    assert not [m for m in found.measurements if m.metric == "auroc"]
    assert found.reference.start.startswith("2025-06-01")
    assert found.window.end == "2026-04-01T00:00:00Z"


def test_labels_that_are_all_missing_are_awaited():
    current = rows(1, 1500).with_columns(pl.lit(None, dtype=pl.Int64).alias("died"))

    found = run(current)

    assert len(found.measurements.where("estimated_auroc")) == 3
    assert not found.measurements.where("auroc")


def test_the_three_ages_stand_side_by_side():
    """Labels take five days or so; three weeks after February's end January is final, February and March are not."""
    current = rows(2, 4500, delay=5)

    found = run(current, delay="known", as_of="2026-03-20T00:00:00Z", thresholds=[0.2])

    assert len(of_age(found, "estimated_auroc", "estimated")) == 3
    assert [m.window.start[:7] for m in of_age(found, "auroc", "final")] == ["2026-01"]
    partial = of_age(found, "auroc", "partial")
    assert [m.window.start[:7] for m in partial] == ["2026-02", "2026-03"]
    assert partial[0].params["labelled"] > 0.99 > partial[1].params["labelled"]
    assert partial[1].method.startswith("ipcw+")
    assert found.rows.excluded == {"scored after the time asked about": 4500 - found.rows.evaluated}


def test_a_final_number_is_that_of_the_windows_rows():
    current = rows(3, 3000)
    january = current.filter(pl.col("spoke") < np.datetime64("2026-02-01"))

    final = of_age(run(current), "auroc", "final")[0]

    assert final.value == pytest.approx(auroc(january["risk"].to_numpy(), january["died"].to_numpy() == 1))
    assert final.n == len(january)
    assert final.method == "delong-logit"


def test_partial_numbers_are_unbiased_beside_the_final_ones():
    errors = []
    for seed in range(25):
        current = rows(100 + seed, 1500, days=30, delay=15)
        partial = of_age(
            run(current, delay="known", as_of="2026-01-31T00:00:00Z", window="month", metrics=["prevalence"]),
            "prevalence",
            "partial",
        )
        errors.append(partial[0].value - current.filter(pl.col("spoke") < np.datetime64("2026-01-31"))["died"].mean())

    assert abs(np.mean(errors)) < 3 * np.std(errors) / 5


def test_labels_here_without_their_delay_may_mislead_and_say_so():
    current = rows(4, 1500).with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise(pl.col("died")).alias("died")
    )

    partial = of_age(run(current), "auroc", "partial")

    assert all(m.params["possibly_biased"] for m in partial)
    assert partial[0].note.startswith("possibly biased: labels are missing and nobody said how long they take")


def test_a_horizon_that_nobody_has_reached_leaves_a_window_without_a_partial_number():
    found = run(rows(5, 3000, delay=5), delay="known", horizon_days=30, as_of="2026-03-25T00:00:00Z")

    march = [m for m in found.measurements if m.metric == "prevalence" and m.window.start[:7] == "2026-03"]
    assert march[0].value is None
    assert march[0].note == "nobody in this window has been followed for the whole horizon"


def test_each_estimate_is_set_beside_what_came_true():
    found = run(rows(6, 6000, days=180))

    coverage = found.measurements.where("coverage", slice={}, of="estimated_auroc")[0]
    assert coverage.n == 6
    assert coverage.value >= 5 / 6
    assert found.sentence.startswith("Of 6 windows whose labels are all in, the AUROC came true inside")


def test_a_slice_reads_its_scores_by_its_own_rows_where_there_are_enough():
    found = run(rows(7, 3000), by=[["sex"]])

    women = found.measurements.where("estimated_auroc", slice={"sex": "F"})
    assert len(women) == 3
    assert {m.params["calibrated_on"] for m in women} == {"slice"}


def test_a_slice_the_reference_hardly_knows_is_read_by_everyones_and_says_so():
    strangers = rows(8, 3000).with_columns(pl.lit("X").alias("sex"))

    found = run(strangers, by=[["sex"]])

    one = found.measurements.where("estimated_auroc", slice={"sex": "X"})[0]
    assert one.params["calibrated_on"] == "everyone"
    assert one.note.endswith("read by everyone's calibration: too few of its own rows")


def test_fewer_than_eleven_patients_are_not_shown():
    current = rows(9, 300).with_columns(
        pl.when(pl.int_range(pl.len()) < 8).then(pl.lit("X")).otherwise(pl.lit("F")).alias("sex")
    )

    found = run(current, by=[["sex"]], window="rows:300")

    assert all(m.suppressed for m in found.measurements.where(slice={"sex": "X"}))
    assert len(found.measurements.where("estimated_auroc", slice={"sex": "X"})) == 1


def test_eleven_rows_of_ten_patients_are_not_shown_either():
    current = rows(10, 300).with_columns(pl.Series("patient", np.minimum(np.arange(300) // 30, 9)))

    found = run(current, subject="patient", window="rows:300")

    assert found.measurements.where("estimated_auroc")[0].suppressed
    assert found.measurements.where("auroc")[0].suppressed


def test_rows_without_a_score_or_a_time_are_left_out_and_counted():
    current = rows(11, 1000).with_columns(
        pl.when(pl.int_range(pl.len()) < 5).then(None).otherwise(pl.col("risk")).alias("risk"),
        pl.when(pl.int_range(pl.len()) >= 993).then(None).otherwise(pl.col("spoke")).alias("spoke"),
    )

    found = run(current)

    assert found.rows.excluded == {"score missing": 5, "time missing": 7}
    assert found.rows.evaluated == 988


def test_the_order_of_the_rows_does_not_matter():
    current = rows(12, 2000)

    plain = run(current, by=[["sex"]], thresholds=[0.2]).measurements
    shuffled = run(current.sample(fraction=1, shuffle=True, seed=1), by=[["sex"]], thresholds=[0.2]).measurements

    for a, b in zip(plain, shuffled, strict=True):
        assert (a.metric, a.slice, a.n) == (b.metric, b.slice, b.n)
        assert a.value == pytest.approx(b.value, abs=1e-12)
        assert a.lower == pytest.approx(b.lower, abs=1e-9)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"metrics": ["mcc"]}, "cannot be estimated without labels"),
        ({"metrics": ["ppv"]}, "ppv needs a threshold"),
        ({"delay": "known", "timestamp": None, "window": "rows:100"}, "needs to know when the model spoke"),
        ({"timestamp": "nowhere"}, "there is no column 'nowhere'"),
    ],
)
def test_what_cannot_be_answered_is_refused(asked, why):
    with pytest.raises(BadInput, match=why):
        run(rows(13, 500, delay=3), **asked)


def test_a_label_known_before_the_model_spoke_is_refused():
    current = rows(14, 500, delay=3).with_columns((pl.col("spoke") - pl.duration(days=1)).alias("known"))

    with pytest.raises(BadInput, match="known before the model spoke"):
        run(current, delay="known")


def test_delays_may_be_days():
    current = rows(15, 1500, delay=3)
    days = current.with_columns(((pl.col("known") - pl.col("spoke")).dt.total_microseconds() / 86_400e6).alias("known"))

    by_time = run(current, delay="known", as_of="2026-03-20T00:00:00Z").measurements
    by_days = run(days, delay="known", as_of="2026-03-20T00:00:00Z").measurements

    assert [m.value for m in by_days] == pytest.approx([m.value for m in by_time], abs=1e-9)


def test_in_strict_no_hidden_group_can_be_worked_out_by_subtraction():
    current = rows(16, 400).with_columns(
        pl.when(pl.int_range(pl.len()) < 8).then(pl.lit("X")).otherwise(pl.col("sex")).alias("sex")
    )

    standard = run(current, by=[["sex"]], window="rows:400", metrics=["auroc"]).measurements
    strict = run(current, by=[["sex"]], window="rows:400", metrics=["auroc"], suppression="strict").measurements

    assert [m.suppressed for m in standard.where("estimated_auroc")].count(True) == 1
    assert [m.suppressed for m in strict.where("estimated_auroc")].count(True) == 2  # the next smallest with it
    assert not strict.where("estimated_auroc", slice={})[0].suppressed


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"horizon_days": 30}, "horizon moves nothing without delay"),
        ({"delay_by": ["sex"]}, "delay by moves nothing without delay"),
        ({"features": ["sex"]}, "features moves nothing without method pape"),
        ({"as_of": "2026-03-01T00:00:00Z", "timestamp": None, "window": "rows:100"}, "as of moves nothing"),
        ({"verified": "risk", "delay": "known"}, "verified and delay are both given"),
        ({"window": "rows:1"}, "are too many"),
    ],
)
def test_what_would_move_nothing_or_be_too_much_is_refused(asked, why):
    with pytest.raises(BadInput, match=why):
        run(rows(17, 20_000, delay=3), **asked)


def test_infinite_scores_are_left_out_and_counted():
    current = rows(18, 500).with_columns(
        pl.when(pl.int_range(pl.len()) == 3).then(float("inf")).otherwise(pl.col("risk")).alias("risk")
    )

    assert run(current).rows.excluded == {"score missing": 1}
