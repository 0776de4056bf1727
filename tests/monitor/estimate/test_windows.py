import pyarrow as pa
import pytest

from codman.errors import BadInput
from codman.monitor.estimate.windows import NotTimes, cut, times
from codman.tables.source import open_source


def read(values, kind=None):
    table = pa.table({"at": pa.array(values, kind)})
    return times(table, "at", open_source(table))


def test_months_weeks_and_days_begin_where_the_calendar_says():
    when = read(["2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", "2026-02-02T10:00:00Z"])

    assert [w.start for w in cut(when, 3, "month").windows] == ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]
    assert [w.end for w in cut(when, 3, "month").windows] == ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]
    assert cut(when, 3, "week").names == ("week of 2026-01-26", "week of 2026-02-02")  # Mondays
    assert cut(when, 3, "day").code.tolist() == [0, 1, 2]


def test_counted_windows_follow_the_time_and_keep_the_short_end():
    when = read(["2026-01-03", "2026-01-01", "2026-01-02"])

    found = cut(when, 3, "rows:2")

    assert found.code.tolist() == [1, 0, 0]
    assert found.rows == ("1-2", "3-3")
    assert found.windows[0].start == "2026-01-01T00:00:00Z"
    assert found.windows[0].end == "2026-01-02T00:00:00.000001Z"  # end exclusive


def test_without_times_windows_are_counted_in_the_rows_own_order():
    found = cut(None, 5, "rows:2")

    assert found.code.tolist() == [0, 0, 1, 1, 2]
    assert found.windows == (None, None, None)
    assert found.params(2) == {"rows": "5-5"}


def test_a_calendar_window_without_times_is_refused():
    with pytest.raises(BadInput, match="--timestamp"):
        cut(None, 5, "month")


@pytest.mark.parametrize(
    ("values", "kind"),
    [(["2026-01-31T23:00:00Z"], None), (["2026-02-01T01:00:00+02:00"], None), (["2026-01-31 23:00:00"], None)],
)
def test_text_is_read_as_the_instant_it_names(values, kind):
    assert read(values, kind).tolist() == [1769900400000000]


def test_text_that_is_no_time_is_named_by_its_row_and_not_shown():
    with pytest.raises(NotTimes, match="row 2") as refused:
        read(["2026-01-31", "Smith"])

    assert "Smith" not in str(refused.value)


def test_numbers_are_no_times():
    with pytest.raises(NotTimes):
        read([1.0, 2.0])
