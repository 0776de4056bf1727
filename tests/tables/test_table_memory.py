"""Only the columns asked for are loaded, streaming stays flat, and reading imports neither pandas nor datasets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

ROWS, COLUMNS = 400_000, 30  # 96 MB of floats that do not compress
_RUN = """
import resource, sys
from codman.tables.source import open_source
source = open_source(sys.argv[1])
for _ in source.batches(["c1"]):
    break
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{work}
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
print(sorted(name for name in ("pandas", "pyarrow.dataset", "polars", "deltalake") if name in sys.modules))
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wide")
    rng = np.random.default_rng(7)
    table = pa.table({f"c{i}": rng.random(ROWS) for i in range(COLUMNS)})
    pq.write_table(table, folder / "x.parquet", compression="none", use_dictionary=False, row_group_size=50_000)
    pacsv.write_csv(table.select(["c1", "c2", "c3"]), folder / "x.csv")  # 24 MB
    return folder


def _grown_mib(work: str, path: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _RUN.format(work=work), path], capture_output=True, text=True, check=True
    )
    grown, imported = done.stdout.splitlines()
    assert imported == "[]"
    return float(grown)


def test_two_columns_of_many_are_all_that_is_loaded(wide: Path):
    assert _grown_mib("table = source.read(['c1', 'c2'])", wide / "x.parquet") < 40  # they are 6 MiB of 92


def test_a_parquet_file_streams_in_flat_memory(wide: Path):
    everything = [f"c{i}" for i in range(COLUMNS)]
    assert _grown_mib(f"rows = sum(b.num_rows for b in source.batches({everything}))", wide / "x.parquet") < 60


def test_a_csv_file_streams_in_flat_memory(wide: Path):
    assert _grown_mib("rows = sum(b.num_rows for b in source.batches(['c1', 'c2', 'c3']))", wide / "x.csv") < 45
