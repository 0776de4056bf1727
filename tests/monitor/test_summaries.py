import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from codman.errors import BadInput
from codman.monitor.drift.column import read_pair
from codman.monitor.drift.run import drift
from codman.monitor.summaries.day import add, summarise
from codman.monitor.summaries.file import NotSummaries, read_summary, write_summary
from codman.monitor.summaries.grid import GridsDiffer, grid_of, make_grid
from codman.monitor.summaries.rows import rows_of
from codman.monitor.summaries.statistics import drift_of, performance_of
from codman.monitor.summaries.windows import total, windows
from codman.tables.source import open_source

START = np.datetime64("2026-01-01")


def stream(days, a_day, seed, *, shift=0.0, decimals=6):
    rng = np.random.default_rng(seed)
    n = days * a_day
    ill = rng.normal(shift, 1, n)
    risk = 1 / (1 + np.exp(2 - ill))
    return pl.DataFrame(
        {
            "t": START.astype("M8[us]") + np.repeat(np.arange(days), a_day).astype("m8[D]") + np.timedelta64(9, "h"),
            "ill": np.where(rng.random(n) < 0.05, np.nan, np.round(ill, decimals)),
            "sex": rng.choice(["F", "M"], n),
            "unit": rng.choice(["A", "B", "C"], n, p=[0.6, 0.3, 0.1]),
            "risk": risk,
            "died": rng.random(n) < risk,
            "who": rng.integers(0, n // 2, n),
        }
    )


def grid_from(frame, *, thresholds=(0.2,)):
    table, source = frame.to_arrow(), open_source(frame)
    pairs = [read_pair(name, table, table, (source, source)) for name in ("ill", "sex", "risk")]
    return make_grid(pairs, by={"unit": ["A", "B", "C"]}, thresholds=thresholds, score=True)


def counted(grid, frame, **asked):
    asked = {"timestamp": "t", "score": "risk", "label_column": "died"} | asked
    return summarise(grid, rows_of(grid, frame.to_arrow(), open_source(frame), **asked))


def of(found, metric, feature=None, **slice_):
    (one,) = [m for m in found if (m.metric, m.feature, m.slice) == (metric, feature, slice_)]
    return one


@pytest.fixture(scope="module")
def two():
    before, now = stream(60, 80, 1), stream(30, 60, 2, shift=0.4)
    grid = grid_from(before)
    return before, now, counted(grid, before), counted(grid, now)


def test_psi_js_hellinger_chi_square_and_missing_rates_are_those_of_the_rows_themselves(two):
    before, now, a, b = two
    summed = list(drift_of(total(a), total(b)))
    exact = drift(before, now, columns=["ill", "sex", "risk"], multivariate=False, effect=False)

    for metric in ("psi", "js_distance", "hellinger", "chi2", "missing_rate_difference"):
        for m in exact.where(metric, slice={}):
            same = of(summed, metric, m.feature)
            assert same.value == pytest.approx(m.value, abs=1e-12), m
            assert same.n == m.n
            if metric != "missing_rate_difference" and metric != "chi2":
                assert (same.lower, same.upper) == pytest.approx((m.lower, m.upper))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0, 1, 6]), st.floats(-1, 1))
def test_what_is_not_exact_is_off_by_no_more_than_it_says(seed, decimals, shift):
    before, now = stream(5, 60, seed, decimals=decimals), stream(4, 40, seed + 1, shift=shift, decimals=decimals)
    grid = grid_from(before)
    summed = list(drift_of(total(counted(grid, before)), total(counted(grid, now))))
    exact = drift(before, now, columns=["ill", "risk"], numeric=["ill"], multivariate=False, effect=False)

    for metric in ("ks", "wasserstein"):
        for m in exact.where(metric, slice={}):
            same = [one for one in summed if (one.metric, one.feature, one.slice) == (metric, m.feature, {})]
            for one in same:  # few whole numbers are categories on the grid
                assert abs(one.value - m.value) <= one.params["error"] + 1e-9
    score = list(performance_of(total(counted(grid, now))))
    area = of(score, "auroc")
    assert abs(area.value - roc_auc_score(now["died"], now["risk"])) <= area.params["error"] + 1e-12


def test_the_error_of_100_quantiles_and_1024_score_bins_is_small(two):
    _, _, a, b = two
    found = list(drift_of(total(a), total(b)))

    assert of(found, "ks", "ill").params["error"] < 0.03
    assert of(list(performance_of(total(b))), "auroc").params["error"] < 0.005


def test_brier_log_loss_and_o_to_e_are_exact(two):
    _, now, _, b = two
    found = list(performance_of(total(b)))

    assert of(found, "brier").value == pytest.approx(((now["risk"] - now["died"]) ** 2).mean(), abs=1e-12)
    assert of(found, "log_loss").value == pytest.approx(log_loss(now["died"], now["risk"]), abs=1e-12)
    assert of(found, "oe_ratio").value == pytest.approx(now["died"].sum() / now["risk"].sum(), abs=1e-12)


def test_rates_at_a_threshold_of_the_grid_are_exact_in_every_slice(two):
    _, now, _, b = two
    found = list(performance_of(total(b, by=[["unit"]])))
    of_unit = now.filter(pl.col("unit") == "B")
    flagged = of_unit["risk"] >= 0.2

    assert of(found, "alert_rate", unit="B").value == flagged.mean()
    assert of(found, "sensitivity", unit="B").value == pytest.approx(flagged.filter(of_unit["died"]).mean())
    assert of(found, "ppv", unit="B").value == pytest.approx(of_unit["died"].filter(flagged).mean())


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 5))
def test_the_order_in_which_days_are_added_does_not_matter(order, cut):
    frame = stream(6, 30, 5)
    grid = grid_from(frame)
    days = frame["t"].dt.date()
    parts = [counted(grid, frame.filter(days == day)) for day in days.unique().sort()]

    in_order = add(parts)
    mixed = add([add([parts[k] for k in order[:cut]]), add([parts[k] for k in order[cut:]])])

    for name in ("day", "cell", "counts", "rows", "sums", "least", "most", "score_sums"):
        assert np.array_equal(getattr(in_order, name), getattr(mixed, name)), name
    assert np.array_equal(total(in_order).counts, total(counted(grid, frame)).counts)


def test_rows_of_one_day_that_come_in_two_parts_are_added():
    frame = stream(1, 100, 7)
    grid = grid_from(frame)

    both = counted(grid, frame[:40]) + counted(grid, frame[40:])

    assert np.array_equal(both.counts, counted(grid, frame).counts)
    assert both.rows.sum() == 100


def test_a_window_is_the_sum_of_its_days(two):
    _, now, _, b = two
    week = now.filter((pl.col("t") >= pl.datetime(2026, 1, 5)) & (pl.col("t") < pl.datetime(2026, 1, 12)))

    summed = total(b, start="2026-01-05", end="2026-01-12")

    assert summed.rows[0] == len(week)
    assert np.array_equal(summed.counts, total(counted(b.grid, week)).counts)
    assert ("2026-01-05", "2026-01-12") in list(windows(b, "week"))
    assert list(windows(b, "month")) == [("2026-01-01", "2026-02-01")]


def test_unseen_categories_and_groups_have_a_place(two):
    _, _, a, _ = two
    strange = stream(1, 50, 9).with_columns(sex=pl.lit("X"), unit=pl.lit("Z"))
    summed = total(counted(a.grid, strange), by=[["unit"]])

    assert summed.of_column(1)[0].tolist() == [0, 0, 50, 0]
    assert summed.rows[[name == {"unit": "(others)"} for name in summed.names]].tolist() == [50]


def test_a_group_of_few_patients_is_suppressed_though_it_has_many_rows():
    frame = stream(2, 60, 11).with_columns(who=pl.lit(3))
    found = list(drift_of(*(total(counted(grid_from(frame), frame, subject="who")) for _ in range(2))))

    assert {m.note for m in found} == {"suppressed"}


def test_a_file_gives_back_what_was_written_and_other_files_are_refused(two, tmp_path):
    _, _, a, b = two
    write_summary(b, tmp_path / "b.arrow")
    back = read_summary(tmp_path / "b.arrow")

    assert back.grid == b.grid
    for name in ("day", "cell", "counts", "rows", "patients", "sums", "least", "most", "score_sums"):
        assert np.array_equal(getattr(back, name), getattr(b, name)), name
    assert list(drift_of(total(a), total(back))) == list(drift_of(total(a), total(b)))
    (tmp_path / "no.arrow").write_bytes(b"ARROW1 and then nothing")
    with pytest.raises(NotSummaries):
        read_summary(tmp_path / "no.arrow")
    with pa.OSFile(str(tmp_path / "other.arrow"), "wb") as out, pa.ipc.new_file(out, pa.schema([("x", pa.int64())])):
        pass
    with pytest.raises(NotSummaries, match="another Arrow file"):
        read_summary(tmp_path / "other.arrow")


def test_summaries_on_different_grids_do_not_add_up(two):
    before, _, a, b = two
    other = counted(grid_from(before, thresholds=(0.3,)), before)

    with pytest.raises(GridsDiffer):
        _ = a + other
    with pytest.raises(GridsDiffer):
        list(drift_of(total(other), total(b)))


def test_a_grid_is_the_same_after_being_written(two):
    grid = two[2].grid

    assert grid_of(grid.as_json()) == grid
    assert grid_of(grid.as_json()).digest == grid.digest
    with pytest.raises(BadInput):
        grid_of('{"version": 99}')
