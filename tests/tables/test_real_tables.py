"""Real files of real hospitals are read whole, with the types a person would give them."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from codman.tables.source import open_source

DATA = Path(os.environ.get("CODMAN_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


def _file(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not among the real data: set CODMAN_TEST_DATA to its folder")
    return path


def test_the_diabetes_hospitals_keep_their_question_marks_and_untested_patients():
    source = open_source(_file("diabetes130_hospitals/diabetic_data_dev.csv.gz"))

    table = source.read(["readmitted", "max_glu_serum", "race", "time_in_hospital", "patient_nbr"])

    assert source.columns[0] == "encounter_id"
    assert len(source.columns) == 50
    assert source.rows == 71_504
    assert table.schema.types == [pa.string(), pa.string(), pa.string(), pa.int64(), pa.int64()]
    assert set(table["readmitted"].to_pylist()) == {"<30", ">30", "NO"}
    assert "None" in set(table["max_glu_serum"].to_pylist())
    assert "?" in set(table["race"].to_pylist())


def test_every_column_of_the_right_heart_catheter_study_agrees_with_pandas():
    path = _file("rhc_right_heart_cath/rhc.csv.gz")
    source = open_source(path)
    ours = source.read(source.columns).to_pandas()
    theirs = pd.read_csv(path)
    assert list(ours.columns) == list(theirs.columns)
    for name in theirs:
        assert ours[name].isna().equals(theirs[name].isna())
        pd.testing.assert_series_equal(ours[name].dropna(), theirs[name].dropna(), check_dtype=False)


def test_the_icu_outcomes_are_read_whatever_their_ending():
    table = open_source(_file("physionet2012_icu_mortality/Outcomes-a.txt")).read(["RecordID", "In-hospital_death"])
    assert table.num_rows == 4000
    assert table.schema.types == [pa.int64(), pa.int64()]


def test_an_hourly_sepsis_record_reads_its_bars_and_nans(tmp_path: Path):
    with tarfile.open(_file("sepsis2019_setB/psv_dev.tar.xz")) as archive:
        member = next(member for member in archive if member.name.endswith(".psv"))
        content = archive.extractfile(member)
        assert content is not None
        raw = content.read()
    (tmp_path / "p.psv").write_bytes(raw)

    source = open_source(tmp_path / "p.psv")
    ours = source.read(source.columns)

    theirs = pd.read_csv(io.BytesIO(raw), sep="|")
    assert list(source.columns) == list(theirs.columns)
    assert ours.num_rows == len(theirs)
    assert ours["SepsisLabel"].type == pa.int64()
    for name in theirs:
        assert ours[name].null_count == theirs[name].isna().sum()
