"""Every format gives the same table, column by column and piece by piece."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from codman.tables.arrays import as_numpy, is_there, words
from codman.tables.source import Source, open_source

TABLE = pa.table(
    {
        "patient": pa.array(["001", "002", "010", "011"]),
        "died": pa.array([1, 0, None, 1], pa.int64()),
        "risk": pa.array([0.25, 0.5, 1.0, 1e-7]),
        "sex": pa.array(["F", None, "M", "é,ü"]),
        "seen": pa.array([True, None, False, True]),
        "day": pa.array([dt.date(2024, 2, 29), None, dt.date(1999, 12, 31), dt.date(2020, 1, 1)]),
        "at": pa.array(["2024-02-29T12:30", None, "1999-01-01T00:00", "2020-01-01T01:02:03"]).cast(pa.timestamp("us")),
    }
)


def _ndjson() -> bytes:
    rows = TABLE.to_pylist()
    return "".join(json.dumps(row, default=lambda value: value.isoformat()) + "\n" for row in rows).encode()


def _csv(separator: str = ",") -> bytes:
    sink = pa.BufferOutputStream()
    pacsv.write_csv(TABLE, sink, pacsv.WriteOptions(delimiter=separator))
    return sink.getvalue().to_pybytes()


@pytest.fixture(
    params=["parquet", "folder", "arrow", "arrows", "csv", "csv.gz", "tsv", "semicolon", "bar", "ndjson", "ndjson.gz"]
)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    kind = request.param
    out = tmp_path / f"predictions.{kind}"
    if kind == "parquet":
        pq.write_table(TABLE, out, row_group_size=2)
    elif kind == "folder":
        out.mkdir()
        pq.write_table(TABLE.slice(0, 1), out / "part-0.parquet")
        pq.write_table(TABLE.slice(1), out / "part-1.parquet")
        (out / "_SUCCESS").write_bytes(b"")
    elif kind == "arrow":
        pyarrow.feather.write_feather(TABLE, out)
    elif kind == "arrows":
        with pa.ipc.new_stream(out, TABLE.schema) as writer:
            writer.write_table(TABLE, max_chunksize=3)
    elif kind in ("csv", "tsv", "semicolon", "bar"):
        out.write_bytes(_csv({"csv": ",", "tsv": "\t", "semicolon": ";", "bar": "|"}[kind]))
    elif kind == "csv.gz":
        out.write_bytes(gzip.compress(_csv()))
    else:
        out.write_bytes(_ndjson() if kind == "ndjson" else gzip.compress(_ndjson()))
    return out


def _same(read: pa.Table, columns: list[str]) -> None:
    assert read.column_names == columns
    assert read.to_pylist() == TABLE.select(columns).to_pylist()


def test_every_format_gives_the_same_columns_in_the_order_asked(path: Path):
    source = open_source(path)

    assert source.columns == tuple(TABLE.column_names)
    assert source.uri == str(path)
    assert source.name == "predictions"
    _same(source.read(["risk", "died"]), ["risk", "died"])
    _same(source.read(TABLE.column_names), TABLE.column_names)
    assert source.rows == 4


def test_every_format_gives_the_same_values_and_types_piece_by_piece(path: Path):
    source = open_source(path)

    batches = list(source.batches(TABLE.column_names))

    assert {str(batch.schema) for batch in batches} == {str(open_source(path).read(TABLE.column_names).schema)}
    _same(pa.Table.from_batches(batches), TABLE.column_names)


def test_the_digest_is_of_the_bytes_and_changes_with_them(path: Path):
    before = open_source(path).digest()
    assert before == open_source(path).digest()
    assert len(before) == 64

    file = path / "part-1.parquet" if path.is_dir() else path
    file.write_bytes(
        file.read_bytes().replace(b"011", b"012") if ".gz" not in file.name else gzip.compress(b"a,b\n1,2\n")
    )

    if ".gz" not in path.name:
        assert open_source(path).digest() != before


def test_a_file_of_one_kind_is_known_by_its_content_whatever_its_name(tmp_path: Path):
    pq.write_table(TABLE, tmp_path / "a.csv")
    (tmp_path / "b.parquet.csv").write_bytes(gzip.compress(_csv()))
    (tmp_path / "c").write_bytes(_csv())
    (tmp_path / "d.json").write_bytes(_ndjson())
    for name in ("a.csv", "b.parquet.csv", "c", "d.json"):
        _same(open_source(tmp_path / name).read(["patient", "risk"]), ["patient", "risk"])


@pytest.mark.parametrize(
    "make", [lambda: TABLE, lambda: pl.from_arrow(TABLE), lambda: TABLE.to_pydict(), lambda: TABLE.to_pandas()]
)
def test_a_data_frame_of_any_library_is_read_like_a_file(make):
    source = open_source(make())

    assert source.columns == tuple(TABLE.column_names)
    assert source.rows == 4
    assert source.uri == "the table"
    read = source.read(["sex", "risk"])
    assert read.to_pylist() == TABLE.select(["sex", "risk"]).to_pylist()
    assert pa.Table.from_batches(list(source.batches(["risk"]))).to_pylist() == TABLE.select(["risk"]).to_pylist()


def test_equal_frames_have_one_digest_whichever_library_or_chunks_they_come_in():
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 2), TABLE.slice(3)])
    encoded = TABLE.set_column(3, "sex", TABLE["sex"].dictionary_encode())
    digests = {
        open_source(frame).digest() for frame in (TABLE, chunked, encoded, pl.from_arrow(TABLE), TABLE.to_pydict())
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    "other",
    [
        TABLE.rename_columns(["patient", "died", "risk", "sex", "seen", "day", "then"]),
        TABLE.set_column(1, "died", pa.array([1, 0, 0, 1])),  # a missing value is not a zero
        TABLE.set_column(3, "sex", pa.array(["F", "", "M", "é,ü"])),  # nor is it empty text
        TABLE.set_column(0, "patient", pa.array(["0010", "02", "010", "011"])),  # the same letters, other words
        TABLE.take(pa.array([1, 0, 2, 3])),
        TABLE.slice(0, 3),
    ],
)
def test_any_other_value_order_or_name_changes_a_frames_digest(other: pa.Table):
    assert open_source(other).digest() != open_source(TABLE).digest()


def test_a_pandas_column_of_odd_objects_does_not_spoil_the_others():
    frame = pd.DataFrame({"risk": [0.1, 0.2], "odd": [object(), 1], "sex": pd.Categorical(["F", "M"])})

    assert open_source(frame).read(["risk", "sex"]).to_pylist() == [
        {"risk": 0.1, "sex": "F"},
        {"risk": 0.2, "sex": "M"},
    ]


def test_polars_text_comes_as_text_every_reader_knows():
    types = open_source(pl.DataFrame({"a": ["x"], "b": [0.5]})).read(["a", "b"]).schema.types
    assert types == [pa.large_string(), pa.float64()]


@pytest.mark.parametrize(
    "series",
    [
        pl.Series("a", ["x", "y", None], dtype=pl.Categorical),
        pl.Series("a", ["x", "y", None], dtype=pl.Enum(["x", "y"])),
        pd.Series(["x", "y", None], name="a", dtype="category"),
        pd.Series(["x", "y", None], name="a", dtype="string"),
        pd.Series(["x", "y", None], name="a", dtype="string[pyarrow]"),
    ],
    ids=["polars categorical", "polars enum", "pandas category", "pandas string", "pandas arrow string"],
)
def test_categories_of_any_library_are_the_same_text(series):
    read = open_source(series.to_frame()).read(["a"])
    assert read.to_pydict() == {"a": ["x", "y", None]}
    assert read["a"].cast(pa.string()).to_pylist() == ["x", "y", None]
    assert open_source(series.to_frame()).digest() == open_source({"a": ["x", "y", None]}).digest()


def test_lists_of_text_runs_and_extension_types_come_as_plain_arrow():
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["x", "y"]))
    uuids = pa.array([bytes(16)] * 3, pa.uuid()) if hasattr(pa, "uuid") else pa.array([bytes(16)] * 3, pa.binary(16))
    table = pa.table({"sets": pl.Series([["a"], ["b", "c"], None]).to_arrow(), "runs": runs, "id": uuids})

    read = open_source(table).read(["sets", "runs", "id"])

    assert read.to_pydict() == {"sets": [["a"], ["b", "c"], None], "runs": ["x", "x", "y"], "id": [bytes(16)] * 3}
    assert read.schema.types == [pa.large_list(pa.large_string()), pa.string(), pa.binary(16)]
    assert len(open_source(table).digest()) == 64


def test_columns_may_be_named_with_dots_commas_and_accents(tmp_path: Path):
    table = pa.table({"a.b": [1], "a": [2], "sex,age": [3], "né": [4], "": [5]})
    pq.write_table(table, tmp_path / "x.parquet")
    pacsv.write_csv(table, tmp_path / "x.csv")
    for name in ("x.parquet", "x.csv"):
        source = open_source(tmp_path / name)
        assert source.columns == ("a.b", "a", "sex,age", "né", "")
        assert source.read(["a", "sex,age", "né", "a.b"]).to_pylist() == [{"a": 2, "sex,age": 3, "né": 4, "a.b": 1}]


def test_a_table_without_rows_has_columns_and_no_rows(tmp_path: Path):
    pq.write_table(TABLE.slice(0, 0), tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_text("died,risk\n")
    pyarrow.feather.write_feather(TABLE.slice(0, 0), tmp_path / "x.arrow")
    for name in ("x.parquet", "x.csv", "x.arrow"):
        source: Source = open_source(tmp_path / name)
        assert source.read(["died", "risk"]).num_rows == 0
        assert source.read(["died", "risk"]).column_names == ["died", "risk"]
        assert list(source.batches(["died"])) == []


def test_no_columns_can_be_asked_for(path: Path):
    assert open_source(path).read([]).column_names == []


def test_a_column_becomes_numpy_with_its_gaps_filled_as_asked():
    column = pa.chunked_array([pa.array([1.5, None, 3.0]).slice(1), pa.array([4.0])])
    assert as_numpy(column, missing=np.nan).tolist()[1:] == [3.0, 4.0]
    assert np.isnan(as_numpy(column, missing=np.nan)[0])
    assert is_there(column).tolist() == [False, True, True]
    with pytest.raises(ValueError, match="1 values are missing"):
        as_numpy(column)


def test_truth_values_become_numpy_at_any_offset():
    values = np.random.default_rng(7).random(100) < 0.5
    array = pa.array(values)
    for start in (0, 1, 7, 8, 9, 63, 99, 100):
        assert as_numpy(array.slice(start)).tolist() == values[start:].tolist()
    assert as_numpy(pa.array([None, True, None, False]), missing=True).tolist() == [True, True, True, False]


def test_dates_become_the_integers_they_are_stored_as_and_text_is_refused():
    assert as_numpy(pa.array([dt.date(1970, 1, 3)])).tolist() == [2]
    assert as_numpy(pa.array([3, 4], pa.uint8())).dtype == np.uint8
    assert as_numpy(pa.nulls(2), missing=0).tolist() == [0.0, 0.0]
    assert words("é", "", "b").to_pylist() == ["é", "", "b"]
    with pytest.raises(TypeError, match="string"):
        as_numpy(pa.array(["a"]))
