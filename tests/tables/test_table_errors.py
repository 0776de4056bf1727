"""What is wrong with a table is said in one clear error, never in a traceback."""

from __future__ import annotations

import contextlib
import gzip
import os
import pickle
import time
import tracemalloc
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codman.errors import BadInput
from codman.tables import reader
from codman.tables.source import NotVersioned, open_source

TABLE = pa.table({"died": [0, 1, 1] * 500, "risk": [0.1, 0.5, 0.9] * 500, "sex": ["F", "M", None] * 500})


def _read_all(path: Path) -> None:
    source = open_source(path)
    source.read([c for c in source.columns if source.columns.count(c) == 1])
    for _ in source.batches([c for c in source.columns if source.columns.count(c) == 1]):
        pass
    source.digest()


def test_a_missing_file_names_its_nearest_neighbours(tmp_path: Path):
    (tmp_path / "predictions.parquet").write_bytes(b"")
    with pytest.raises(reader.NoSuchFile) as caught:
        open_source(tmp_path / "prediction.parquet")
    assert caught.value.fix == "did you mean 'predictions.parquet'?"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("path", ["", "nowhere/at/all.csv", "x" * 5000, "nul\0.csv", "s3://bucket/x.parquet"])
def test_a_path_that_cannot_be_is_a_missing_file(path: str):
    with pytest.raises(reader.NoSuchFile):
        open_source(path)


def test_an_empty_file_says_so(tmp_path: Path):
    for name, content in (
        ("a.csv", b""),
        ("b.parquet", b""),
        ("c.csv", b"\n \n"),
        ("d.csv.gz", gzip.compress(b"")),
        ("e.ndjson", b"\n\n"),
        ("f.csv", b"\xef\xbb\xbf"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(reader.EmptyFile):
            open_source(tmp_path / name)


def test_a_folder_that_is_no_table_says_so(tmp_path: Path):
    with pytest.raises(reader.UnreadableFile, match="folder"):
        open_source(tmp_path)
    (tmp_path / "sex=F").mkdir()
    pq.write_table(TABLE, tmp_path / "x.parquet")
    with pytest.raises(reader.UnreadableFile, match="partitions in folder names"):
        open_source(tmp_path)


def test_a_folder_of_files_with_other_columns_says_which(tmp_path: Path):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    pq.write_table(TABLE.select(["died"]), tmp_path / "b.parquet")
    with pytest.raises(reader.NotATable, match=r"b\.parquet"):
        open_source(tmp_path)


def test_a_pipe_is_refused_since_it_can_be_read_only_once(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(reader.UnreadableFile, match="only once"):
        open_source(tmp_path / "pipe")


def test_a_file_without_permission_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # tests may run as root, whom no mode stops
    with pytest.raises(reader.UnreadableFile, match="permission is denied"):
        open_source(path)


def test_a_column_that_is_not_there_names_the_nearest(tmp_path: Path):
    pq.write_table(TABLE, tmp_path / "x.parquet")
    source = open_source(tmp_path / "x.parquet")
    with pytest.raises(reader.NoSuchColumn) as caught:
        source.read(["risk", "dide"])
    assert caught.value.column == "dide"
    assert "did you mean 'died'?" in caught.value.fix
    with pytest.raises(reader.NoSuchColumn, match="did you mean 'sex'"):
        next(iter(source.batches(["SEX"])))


def test_a_column_that_is_there_twice_is_refused_only_when_asked_for(tmp_path: Path):
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "b", "a"])
    pq.write_table(twice, tmp_path / "x.parquet")
    pyarrow.feather.write_feather(twice, tmp_path / "x.arrow")
    (tmp_path / "x.csv").write_text("a,b,a\n1,2,3\n")
    for source in (*(open_source(tmp_path / f"x.{kind}") for kind in ("parquet", "arrow", "csv")), open_source(twice)):
        assert source.read(["b"]).to_pydict() == {"b": [2]}
        with pytest.raises(reader.DuplicateColumn, match="2 columns of that name"):
            source.read(["a"])


def test_a_cut_parquet_file_says_that_it_is_cut(tmp_path: Path):
    path = tmp_path / "x.parquet"
    pq.write_table(TABLE, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(reader.TruncatedFile, match="PAR1"):
        open_source(path)


def test_a_cut_gzip_says_that_it_is_cut(tmp_path: Path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-9])
    with pytest.raises(reader.TruncatedFile):
        _read_all(path)
    rows = "".join(f"{i},{os.urandom(8).hex()}\n" for i in range(60_000)).encode()
    path.write_bytes(gzip.compress(b"a,b\n" + rows)[:-4000])  # the start is whole
    with pytest.raises(reader.TruncatedFile):
        open_source(path).read(["a"])


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
@pytest.mark.parametrize("far", [0, 200_000])
def test_a_broken_row_is_named_as_an_editor_counts_it(tmp_path: Path, ending: str, far: int):
    content = 'id,x,y\n1,"two\nlines",2\n' + "1,2,3\n" * far + "4,5\n6,7,8\n"
    path = tmp_path / f"x.{ending}"
    path.write_bytes(gzip.compress(content.encode()) if ending.endswith("gz") else content.encode())
    for read in (lambda: open_source(path).read(["x"]), lambda: list(open_source(path).batches(["x"]))):
        with pytest.raises(reader.BrokenRow) as caught:
            read()
        assert caught.value.line == 4 + far
        assert "the header has 3 fields, the row has 2" in caught.value.why
        assert str(path) in caught.value.what


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_an_unclosed_quotation_mark_does_not_swallow_the_rest_of_the_file(tmp_path: Path, ending: str):
    content = b'id,x\n1,"a"\n2,"b\n3,c\n4,d\n'
    path = tmp_path / f"x.{ending}"
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    with pytest.raises(reader.BrokenRow, match="not closed") as caught:
        open_source(path).read(["id"])
    assert caught.value.line == 3


def test_an_inch_mark_inside_a_value_is_just_a_mark(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text('id,tube\n1,5" long\n2,b\n')
    assert open_source(path).read(["id", "tube"]).to_pydict() == {"id": [1, 2], "tube": ['5" long', "b"]}


def test_no_message_carries_a_value_of_the_broken_row(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("id,x\n1,Smith\nJones\n")
    with pytest.raises(reader.BrokenRow) as caught:
        open_source(path).read(["x"])
    assert "Jones" not in str(caught.value)


def test_nul_bytes_are_refused(tmp_path: Path):
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,\0\n")
    with pytest.raises(reader.NotATable, match="NUL"):
        open_source(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04rest", "Excel"),
        (b"%PDF-1.7\n", "PDF"),
        (b"BZh91AY", "bzip2"),
        (pickle.dumps({"a": [1]}, protocol=4), "pickle"),
        (b"just a sentence\n", "no known format"),
        (bytes(range(256)), "no known format"),
    ],
)
def test_what_is_no_table_is_named_for_what_it_is(tmp_path: Path, content: bytes, says: str):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(reader.NotATable, match=says):
        open_source(tmp_path / "x")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"a": 1', "character"),
        ("[1]", "not a JSON object"),
        ('{"a": 1, "a": 2}', "names 'a' twice"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ("3", "not a JSON object"),
    ],
)
def test_a_broken_json_line_is_named(tmp_path: Path, line: str, says: str):
    path = tmp_path / "x.ndjson"
    path.write_text('{"a": 1}\n\n' + line + "\n")
    with pytest.raises(reader.BrokenRow, match=says) as caught:
        open_source(path).read(["a"])
    assert caught.value.line == 3


def test_a_json_array_says_what_to_write_instead(tmp_path: Path):
    (tmp_path / "x.json").write_text('[{"a": 1}]')
    with pytest.raises(reader.NotATable, match="NDJSON"):
        open_source(tmp_path / "x.json")


def test_a_version_of_what_has_none_is_refused(tmp_path: Path):
    pq.write_table(TABLE, tmp_path / "x.parquet")
    for source in (tmp_path / "x.parquet", TABLE):
        with pytest.raises(NotVersioned):
            open_source(source, at_version=3)


@pytest.mark.parametrize(
    "thing", [3, None, [1], object(), pl.Series([1]), {"a": [1], "b": [1, 2]}, {"a": [1, "x"]}, {"a": 3}]
)
def test_what_is_neither_path_nor_frame_is_refused(thing: object):
    with pytest.raises(reader.NotATable):
        open_source(thing)


def test_a_lazy_frame_says_to_collect_it():
    with pytest.raises(reader.NotATable, match=r"\.collect\(\)"):
        open_source(pl.LazyFrame({"a": [1]}))


FUZZ = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
MARKS = st.sampled_from(
    [b"", b"PAR1", b"ARROW1", b"\xff\xff\xff\xff", b"\x1f\x8b\x08", b"{", b"a,b\n", b'"', b"\xff\xfe", b"\xef\xbb\xbf"]
)


@FUZZ
@pytest.mark.parametrize("ending", ["parquet", "csv", "csv.gz", "arrow", "ndjson", "tsv", "bin"])
@given(mark=MARKS, rest=st.binary(max_size=300))
def test_random_bytes_are_a_table_or_one_clear_error(tmp_path: Path, ending: str, mark: bytes, rest: bytes):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(mark + rest)
    started = time.perf_counter()
    with contextlib.suppress(BadInput):
        _read_all(path)
    assert time.perf_counter() - started < 5


@FUZZ
@given(text=st.text(st.sampled_from('ab01,;\t|"\n\r .-{}[]:é\\'), max_size=60))
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "ndjson"])
def test_random_text_is_a_table_or_one_clear_error(tmp_path: Path, ending: str, text: str):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())
    with contextlib.suppress(BadInput):
        _read_all(path)


def _valid(tmp_path: Path, ending: str) -> Path:
    path = tmp_path / f"x.{ending}"
    frame = pl.from_arrow(TABLE)
    if ending == "parquet":
        pq.write_table(TABLE, path)
    elif ending == "arrow":
        pyarrow.feather.write_feather(TABLE, path, compression="lz4")
    elif ending == "arrows":
        with pa.ipc.new_stream(path, TABLE.schema) as writer:
            writer.write_table(TABLE)
    elif ending == "ndjson":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, check_extension=False)
        if ending == "csv.gz":
            path.write_bytes(gzip.compress(path.read_bytes()))
    return path


@FUZZ
@pytest.mark.parametrize("ending", ["parquet", "arrow", "arrows", "ndjson", "csv", "csv.gz"])
@given(share=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=3))
def test_a_cut_or_damaged_file_is_a_table_or_one_clear_error(
    tmp_path: Path, ending: str, share: float, flips: list[tuple[float, int]]
):
    path = _valid(tmp_path, ending)
    content = bytearray(path.read_bytes())
    for at, value in flips:
        content[int(at * (len(content) - 1))] = value
    path.write_bytes(content[: int(share * len(content))] if not flips else content)
    with contextlib.suppress(BadInput):
        _read_all(path)


@pytest.mark.parametrize(("head", "why"), [(b"", "first line is longer than 1 MiB"), (b"died,risk\n0,0.5\n", "16 MiB")])
@pytest.mark.parametrize("lines", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_line_that_never_ends_is_refused_before_it_is_held(tmp_path: Path, head: bytes, why: str, lines: bytes):
    path = tmp_path / "x.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head.replace(b"\n", lines))
        for _ in range(17):
            file.write(b"1" * (1 << 20))
        file.write(b",0.3" + lines + b"1,0.2" + lines)
    tracemalloc.start()

    with pytest.raises(reader.NotATable) as refused:
        open_source(path).read(["died", "risk"])

    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert why in refused.value.why
    assert held < 12 << 20


def test_a_quoted_value_over_many_lines_is_bounded_too(tmp_path: Path):
    path = tmp_path / "x.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'note,risk\n"')
        for _ in range(100):  # more than the two blocks the parser looks at
            file.write((b"a" * 1023 + b"\n") * 1024)
        file.write(b'",0.3\n')

    with pytest.raises(reader.NotATable, match="a row is longer than 16 MiB"):
        open_source(path).read(["risk"])
