"""Real ICU stays replayed as a stream: admissions one after the other, each label known only when the stay ends.

The data sets carry no calendar, so stays are admitted evenly over half a year, in their own order.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from codman.monitor.estimate.run import estimate
from codman.spine.estimate_spec import EstimateSpec
from codman.tables.source import open_source

STAYS = 1500  # of sepsis2019_setB
DAYS = 182
BEGIN = np.datetime64("2026-01-01", "us")


def _needed(folder: Path, *parts: str) -> Path:
    path = folder.joinpath(*parts)
    if not path.exists():
        pytest.skip("no real data here: set CODMAN_TEST_DATA to its folder")
    return path


def fitted(x, y):
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=0.1, max_iter=500)).fit(x, y)


def after(days):
    return BEGIN + (np.asarray(days) * 86_400e6).astype("m8[us]")


@pytest.fixture(scope="module")
def icu(real_data: Path) -> pl.DataFrame:
    """physionet2012: in-hospital death foretold at 48 hours, known after the length of stay."""
    outcomes = pl.read_csv(_needed(real_data, "physionet2012_icu_mortality", "Outcomes-a.txt"))
    wanted = ("Age", "GCS", "BUN", "HR", "Urine", "Temp", "Creatinine", "HCO3", "WBC", "NISysABP", "Lactate")
    stays = []
    with tarfile.open(_needed(real_data, "physionet2012_icu_mortality", "set-a.tar.xz")) as archive:
        for member in archive:
            held = archive.extractfile(member) if member.isfile() else None
            if held is None:
                continue
            last: dict[str, float] = {}
            for line in held.read().decode().splitlines()[1:]:
                _, name, value = line.split(",")
                if name in wanted and float(value) >= 0:
                    last[name] = float(value)
            stays.append({"RecordID": int(Path(member.name).stem), **{name: last.get(name) for name in wanted}})
    table = pl.DataFrame(stays, schema={"RecordID": pl.Int64, **dict.fromkeys(wanted, pl.Float64)}).join(
        outcomes, on="RecordID"
    )
    table = table.filter(pl.col("Length_of_stay") >= 2).sort("RecordID")
    table = table.with_columns(pl.col("In-hospital_death").alias("died"))
    split = len(table) // 3
    model = fitted(table[:split].select(wanted).to_numpy(), table[:split]["died"].to_numpy())
    rest = table[split:].with_columns(
        pl.Series("risk", model.predict_proba(table[split:].select(wanted).to_numpy())[:, 1])
    )
    spoke = after(np.arange(len(rest)) / len(rest) * 2 * DAYS - DAYS)  # half a year of reference, then half a year
    # the score is given at 48 hours; the label comes when the stay ends
    return rest.with_columns(
        pl.Series("spoke", spoke), (pl.col("Length_of_stay") - 2).cast(pl.Float64).alias("delay")
    ).select("risk", "died", "spoke", "delay")


@pytest.fixture(scope="module")
def sepsis(real_data: Path) -> pl.DataFrame:
    """sepsis2019_setB: every fourth hour is scored, labels are known when the stay ends."""
    wanted = ["HR", "Temp", "SBP", "Resp", "O2Sat", "Age", "ICULOS", "SepsisLabel"]
    stays = []
    with tarfile.open(_needed(real_data, "sepsis2019_setB", "psv_dev.tar.xz")) as archive:
        for member in archive:
            held = archive.extractfile(member) if member.isfile() and member.name.endswith(".psv") else None
            if held is None:
                continue
            kinds = dict.fromkeys(wanted, pl.Float64)
            hours = pl.read_csv(held.read(), separator="|", columns=wanted, null_values="NaN", schema_overrides=kinds)
            hours = hours.with_columns(pl.all().forward_fill())
            stays.append(
                hours.with_columns(
                    pl.lit(len(stays)).alias("stay"), (hours["ICULOS"].max() - pl.col("ICULOS")).alias("left")
                )[3::4]
            )
            if len(stays) == STAYS:
                break
    table = pl.concat(stays)
    x, y = table.select(wanted[:-1]).to_numpy(), table["SepsisLabel"].to_numpy() == 1
    train = table["stay"].to_numpy() < STAYS // 3
    model = fitted(x[train], y[train])
    rest = table.filter(pl.Series(~train))
    order = rest["stay"].to_numpy() - STAYS // 3
    admitted = order / order.max() * 2 * DAYS - DAYS
    return rest.select(
        pl.Series("risk", model.predict_proba(x[~train])[:, 1]),
        pl.Series("died", y[~train].astype(int)),
        pl.Series("spoke", after(admitted + rest["ICULOS"].to_numpy() / 24)),
        (pl.col("left") / 24).alias("delay"),
        "stay",
    )


def replay(stream: pl.DataFrame, **asked):
    before, now = stream.filter(pl.col("spoke") < BEGIN), stream.filter(pl.col("spoke") >= BEGIN)
    spec = EstimateSpec(label="died", score="risk", timestamp="spoke", window="month", thresholds=[0.2], **asked)
    return estimate(open_source(before), open_source(now), spec)


def held(found):
    return {
        m.params["of"].removeprefix("estimated_"): m.value
        for m in found.measurements.where("coverage", slice={})
        if m.n is not None and m.n >= 5
    }


def test_what_was_estimated_of_icu_deaths_came_true(icu):
    found = replay(icu)

    shares = held(found)
    assert {"auroc", "brier", "prevalence", "sensitivity", "ppv"} <= set(shares)
    assert np.mean(list(shares.values())) > 0.85
    auroc = found.measurements.where("bias", slice={}, of="estimated_auroc")[0]
    assert abs(auroc.value) < 0.04


def test_deaths_and_discharges_are_about_equally_quick_to_be_known_until_deaths_are_made_quicker(icu):
    """In these stays a death takes about as long as a discharge; with deaths known in half the time it is found out."""
    asked = {"delay": "delay", "as_of": "2026-05-20T00:00:00Z", "metrics": ["prevalence", "auroc"]}
    sooner = icu.with_columns(pl.when(pl.col("died") == 1).then(pl.col("delay") / 3).otherwise(pl.col("delay")))

    plain, planted = (
        [m for m in replay(stream, **asked).measurements if m.params.get("age") == "partial"]
        for stream in (icu, sooner)
    )

    assert {m.window.start[:7] for m in plain} >= {"2026-05"}
    assert not any("possibly_biased" in m.params for m in plain)
    assert all(m.params["possibly_biased"] for m in planted)
    assert "events were known sooner than non-events" in planted[0].note


def test_partial_numbers_of_icu_deaths_come_near_the_final_ones(icu):
    partly = replay(icu, delay="delay", as_of="2026-06-01T00:00:00Z", metrics=["prevalence"])
    wholly = replay(icu, metrics=["prevalence"])

    may = next(m for m in wholly.measurements.where("prevalence", age="final") if m.window.start[:7] == "2026-05")
    early = next(m for m in partly.measurements.where("prevalence", age="partial") if m.window.start[:7] == "2026-05")
    assert early.params["labelled"] < 0.9
    assert early.lower <= may.value <= early.upper


def test_hours_of_sepsis_are_judged_by_patient(sepsis):
    found = replay(sepsis, subject="stay")

    months = [m for m in found.measurements.where("estimated_prevalence", slice={}) if m.value is not None]
    assert len(months) == 6
    assert all(m.params["subjects"] < m.n for m in months)
    alone = replay(sepsis).measurements.where("estimated_prevalence", slice={})[:6]
    # hours of one stay share their fate: as if they were patients, the interval would be too narrow
    assert np.median([m.upper - m.lower for m in months]) > 1.2 * np.median([m.upper - m.lower for m in alone])
    assert held(found)["prevalence"] >= 0.8


def test_sepsis_hours_wait_for_the_end_of_the_stay(sepsis):
    now = sepsis.filter(pl.col("spoke") >= BEGIN)
    found = replay(sepsis, subject="stay", delay="delay", as_of="2026-04-10T00:00:00Z", metrics=["auroc", "prevalence"])

    april = [m for m in found.measurements.where("prevalence", age="partial") if m.window.start[:7] == "2026-04"]
    assert len(april) == 1
    assert 0.3 < april[0].params["labelled"] < 1
    assert found.rows.eligible == len(now)
