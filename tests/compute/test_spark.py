"""The same on a real Spark as here: to the last bit where sums are whole numbers, within a stated bound else."""

import json

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from codman.cli.main import main
from codman.compute.map_reduce import Job
from codman.compute.spark import NotForSpark
from codman.errors import BadInput
from codman.monitor.summaries.run import count, run
from codman.monitor.summaries.statistics import performance_of
from codman.monitor.summaries.table import SparkTable
from codman.monitor.summaries.windows import total
from codman.spine.drift_spec import DriftSpec
from codman.tables.delta import append
from codman.tables.reader import NotInParts
from codman.tables.source import open_source

ROUNDING = 1e-12  # of sums of a few thousand floats, relative: their order is the partitions'


def rows(n, seed, start, *, shift=0.0):
    rng = np.random.default_rng(seed)
    ill = rng.normal(shift, 1, n)
    risk = 1 / (1 + np.exp(2 - ill))
    return pl.DataFrame(
        {
            "row": np.arange(n),
            "t": np.datetime64(start, "us") + rng.integers(0, 60 * 86_400, n).astype("m8[s]"),
            "ill": np.where(rng.random(n) < 0.05, np.nan, ill),
            "age": rng.integers(18, 95, n),
            "sex": rng.choice(["F", "M"], n),
            "unit": rng.choice(["A", "B", "C", None], n, p=[0.5, 0.3, 0.15, 0.05]),
            "risk": risk,
            "died": rng.random(n) < risk,
            "who": rng.choice([None, *map(str, range(n // 2))], n),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same tables as Delta, with partitions and deleted rows, and as Parquet without those rows."""
    deltalake = pytest.importorskip("deltalake", reason="extra `data` is not installed")
    place = tmp_path_factory.mktemp("tables")
    before, now = rows(4000, 1, "2026-01-01"), rows(3000, 2, "2026-03-10", shift=0.7)
    vectors = {"delta.enableDeletionVectors": "true"}
    deltalake.write_deltalake(place / "before", before[:3000].to_arrow(), partition_by=["sex"], configuration=vectors)
    append(place / "before", before[3000:].to_arrow())
    deltalake.DeltaTable(place / "before").delete("row % 10 = 3")
    append(place / "now", now.to_arrow())
    before.filter(pl.col("row") % 10 != 3).drop("row").write_parquet(place / "before.parquet")
    now.drop("row").write_parquet(place / "now.parquet", row_group_size=500)
    return place


ASKED = {
    "columns": ["ill", "age", "sex"], "score": "risk", "label": "died", "thresholds": [0.2], "timestamp": "t",
    "by": [["unit"], ["sex", "age_band"]], "bands": {"age": [40, 65]}, "delta": {"psi": 0.1},
    "multivariate": False, "effect": False, "summed": True,
}  # fmt: skip


def delta(folder):
    return [open_source(folder / name, name=name) for name in ("before", "now")]


def test_windows_and_drift_of_a_delta_table_are_the_same_here_and_on_spark_to_the_last_bit(spark, folder):
    spec = DriftSpec(**ASKED, subject="who", window="month", reference_window="last:30")

    here, there = run(*delta(folder), spec), run(*delta(folder), spec, spark)

    assert here == there
    assert {m.window.start[:7] for m in here.measurements} == {"2026-03", "2026-04", "2026-05"}
    assert sum(m.value is not None for m in here.measurements) > 300


def test_an_address_only_spark_reads_counts_the_same_rows(spark, folder):
    spec = DriftSpec(**ASKED)
    there = [SparkTable(f"file://{folder}/{name}.parquet", spark, name=name) for name in ("before", "now")]

    counted, again = count(*delta(folder), spec), count(*there, spec, spark)

    assert again.grid == counted.grid
    for name in ("counts", "rows", "least", "most"):
        assert np.array_equal(getattr(again.current, name), getattr(counted.current, name)), name
    figures = zip(performance_of(total(counted.current)), performance_of(total(again.current)), strict=True)
    for one, other in figures:
        assert (one.metric, one.n) == (other.metric, other.n)
        assert other.value == pytest.approx(one.value, rel=ROUNDING), one
    assert there[1].rows == 3000
    assert there[0].digest() != there[1].digest()


@pytest.mark.usefixtures("spark")
def test_the_command_writes_what_is_computed_again_without_spark(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    files = ["--reference", str(folder / "before"), "--current", f"{folder}/now.parquet"]
    asked = ["--column", "ill", "--score", "risk", "--timestamp", "t", "--window", "month", "--out", "drift.json"]
    for arguments in (["monitor", "drift", *files, *asked, "--on", "spark"], ["reproduce", "drift.json"]):
        monkeypatch.setattr("sys.argv", ["codman", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().err
    said = json.loads((tmp_path / "drift.json").read_text())["predicate"]

    assert (said["spec"]["summed"], said["spec"]["window"]) == (True, "month")
    assert said["state"] == "alarm"
    assert said["alarms"][0].startswith("2026-0")


def test_what_is_wrong_with_a_table_is_said_on_spark_as_it_is_here(spark, folder):
    spec = DriftSpec(**{**ASKED, "numeric": ["sex"]})

    with pytest.raises(BadInput) as here:
        run(*delta(folder), spec)
    with pytest.raises(BadInput) as there:
        run(*delta(folder), spec, spark)

    assert str(there.value) == str(here.value)
    assert "holds text that is no number" in str(there.value)


def test_a_delta_table_that_this_spark_cannot_read_is_never_read_as_its_files(spark, folder):
    with pytest.raises(NotForSpark, match="reads no Delta tables"):
        SparkTable(f"file://{folder}/before", spark, name="before")
    with pytest.raises(NotForSpark, match="not there"):
        SparkTable(f"file://{folder}/nothing", spark, name="nothing")


def test_results_of_many_parts_are_added_up_on_spark_and_a_table_in_one_piece_is_refused(spark, tmp_path):
    def numbers(first):
        def read():
            yield pa.RecordBatch.from_pydict({"x": [first, first + 1]})

        return read

    job = Job(
        map=lambda batch: sum(batch.column(0).to_pylist()),
        add=lambda held: sum(held),
        write=lambda found: str(found).encode(),
        read=lambda whole: int(whole),
    )

    assert spark.map_reduce([numbers(first) for first in range(10)], job) == sum(range(10)) + sum(range(1, 11))
    assert spark.map_reduce([], job) is None
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    with pytest.raises(NotInParts, match="read it here"):
        open_source(tmp_path / "a.csv").parts(["x"])
