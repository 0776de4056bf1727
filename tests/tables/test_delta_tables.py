"""Delta tables: versions, partitions, deleted rows, digests."""

from __future__ import annotations

import builtins
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codman.errors import BadInput, MissingExtra
from codman.tables import reader
from codman.tables.delta import append
from codman.tables.source import open_source

deltalake = pytest.importorskip("deltalake", reason="extra `data` is not installed")

FIRST = pa.table({"id": [1, 2, 3], "risk": [0.1, 0.2, 0.3], "site": ["north east", None, "south"]})
SECOND = pa.table({"id": [4], "risk": [0.4], "site": ["south"]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "events"
    deltalake.write_deltalake(path, FIRST, partition_by=["site"], configuration={"delta.enableDeletionVectors": "true"})
    append(path, SECOND)
    return path


def _ids(folder: Path, version: int | None = None) -> list[int]:
    return sorted(open_source(folder, at_version=version).read(["id"])["id"].to_pylist())


def test_appending_gives_the_version_that_has_the_rows(tmp_path: Path):
    assert append(tmp_path / "t", FIRST) == 0
    assert append(tmp_path / "t", SECOND) == 1
    assert _ids(tmp_path / "t") == [1, 2, 3, 4]


def test_a_pinned_version_stays_as_it_was(folder: Path):
    assert _ids(folder) == [1, 2, 3, 4]
    assert _ids(folder, 0) == [1, 2, 3]
    assert open_source(folder).table_version == 1
    assert open_source(folder, at_version=0).table_version == 0


def test_partition_columns_are_filled_in_from_the_log(folder: Path):
    rows = open_source(folder).read(["site", "id"]).to_pylist()
    assert sorted(rows, key=lambda row: row["id"]) == [
        {"site": "north east", "id": 1},
        {"site": None, "id": 2},
        {"site": "south", "id": 3},
        {"site": "south", "id": 4},
    ]
    assert open_source(folder).read(["site"]).num_rows == 4


def test_deleted_rows_are_gone_and_come_back_in_the_older_version(folder: Path):
    append(folder, pa.table({"id": list(range(10, 60)), "risk": [0.5] * 50, "site": ["south"] * 50}))
    deltalake.DeltaTable(folder).delete("id = 12")
    assert 12 not in _ids(folder)
    assert len(_ids(folder)) == 53
    assert 12 in _ids(folder, 2)
    assert open_source(folder).digest() != open_source(folder, at_version=2).digest()


def test_a_column_that_came_later_is_missing_in_older_files(tmp_path: Path):
    append(tmp_path / "t", FIRST)
    deltalake.write_deltalake(
        tmp_path / "t", SECOND.append_column("age", pa.array([70])), mode="append", schema_mode="merge"
    )
    ages = open_source(tmp_path / "t").read(["id", "age"]).to_pylist()
    assert {row["id"]: row["age"] for row in ages} == {1: None, 2: None, 3: None, 4: 70}


def test_the_same_version_gives_the_same_rows_in_the_same_order_and_the_same_digest(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "copy")
    one, other = open_source(folder), open_source(tmp_path / "copy")
    assert one.read(["id", "risk"]).equals(other.read(["id", "risk"]))
    assert one.digest() == other.digest()
    assert one.digest() != open_source(folder, at_version=0).digest()


def test_whole_and_in_pieces_agree(folder: Path):
    whole = open_source(folder).read(["risk", "site"])
    assert pa.Table.from_batches(list(open_source(folder).batches(["risk", "site"]))).equals(whole)


def test_an_empty_table_has_columns_and_no_rows(tmp_path: Path):
    append(tmp_path / "t", FIRST.slice(0, 0))
    assert open_source(tmp_path / "t").read(["id"]).num_rows == 0


@pytest.mark.parametrize("version", [7, -1, 10**18])
def test_a_version_that_never_was_names_the_newest(folder: Path, version: int):
    with pytest.raises(reader.NoSuchVersion, match="newest version is 1"):
        open_source(folder, at_version=version)


def test_a_damaged_log_or_a_lost_data_file_is_one_clear_error(folder: Path):
    source = open_source(folder)
    lost = next(folder.rglob("*.parquet"))
    kept = lost.read_bytes()
    lost.unlink()
    with pytest.raises(reader.NotATable, match="missing or damaged"):
        source.read(["id"])
    with pytest.raises(reader.UnreadableFile, match="missing"):
        source.digest()
    lost.write_bytes(kept)
    for entry in (folder / "_delta_log").iterdir():
        if entry.is_file():
            entry.write_text("not json")
    with pytest.raises(reader.NotATable, match="log is damaged"):
        open_source(folder)


def test_rows_that_do_not_fit_are_refused(folder: Path):
    with pytest.raises(BadInput, match="cannot append"):
        append(folder, pa.table({"other": [1]}))
    assert _ids(folder) == [1, 2, 3, 4]


def test_without_deltalake_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("deltalake"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"codman\[data\]"):
        open_source(folder)


def test_a_delta_folder_is_not_read_as_loose_parquet_files(tmp_path: Path):
    append(tmp_path / "t", FIRST)
    deltalake.DeltaTable(tmp_path / "t").delete("id = 1")
    loose = sum(pq.ParquetFile(path).metadata.num_rows for path in (tmp_path / "t").glob("*.parquet"))
    assert loose > 2  # the deleted row's old file is still in the folder
    assert _ids(tmp_path / "t") == [2, 3]
