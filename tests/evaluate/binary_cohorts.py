"""Real cohorts under a simple model, read once a session: what happened, a risk, who, which group."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from codman.evaluate.run import run
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement, Measurements
from codman.tables.source import open_source

DATA = Path(os.environ.get("CODMAN_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
ICU_STAYS = 900  # enough for the numbers, few enough to read quickly
SEPSIS_STAYS = 500
NAMES = ("diabetes", "rhc", "icu", "sepsis", "flchain")


@dataclass(frozen=True)
class Cohort:
    """One cohort's judged half."""

    event: np.ndarray
    risk: np.ndarray
    sex: np.ndarray
    group: np.ndarray
    subject: np.ndarray
    weight: np.ndarray
    threshold: float
    frame: pd.DataFrame | None = None

    def columns(self) -> dict[str, np.ndarray]:
        return {
            "died": self.event.astype(int), "risk": self.risk, "sex": self.sex, "group": self.group,
            "patient": self.subject, "w": self.weight,
        }  # fmt: skip


@cache
def cohort(name: str) -> Cohort:
    """A cohort by name; the test is skipped where its data are absent."""
    table = LOADERS[name]()
    features = table.drop(columns=["event", "sex", "group", "subject"])
    x = features.fillna(features.median()).to_numpy(dtype=float)
    y = table["event"].to_numpy(dtype=bool)
    order = np.random.default_rng(3).permutation(np.unique(table["subject"]))
    train = np.isin(table["subject"], order[: len(order) // 2])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(x[train], y[train])
    risk = np.round(model.predict_proba(x)[:, 1], 4)  # rounding makes ties
    judged = table[~train]
    return Cohort(
        event=y[~train],
        risk=risk[~train],
        sex=judged["sex"].to_numpy(dtype=str),
        group=judged["group"].to_numpy(dtype=str),
        subject=judged["subject"].to_numpy(),
        weight=np.random.default_rng(5).uniform(0.2, 3, len(judged)),
        threshold=round(float(np.quantile(risk, 0.8)), 4),
        frame=judged.assign(risk=risk[~train]),
    )


def _needed(*parts: str) -> Path:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip("no real data here: set CODMAN_TEST_DATA to its folder")
    return path


def _diabetes() -> pd.DataFrame:
    raw = pd.read_csv(
        _needed("diabetes130_hospitals", "diabetic_data_dev.csv.gz"),
        usecols=[
            "patient_nbr", "race", "gender", "age", "readmitted", "time_in_hospital", "number_inpatient",
            "number_emergency", "num_medications", "number_diagnoses",
        ],
        nrows=12_000,
    )  # fmt: skip
    return pd.DataFrame(
        {
            "event": raw["readmitted"] == "<30", "sex": raw["gender"], "group": raw["race"],
            "subject": raw["patient_nbr"],
            "age": raw["age"].str.extract(r"(\d+)")[0].astype(float),
            **{c: raw[c] for c in ("time_in_hospital", "number_inpatient", "number_emergency", "num_medications")},
        }
    )  # fmt: skip


def _rhc() -> pd.DataFrame:
    raw = pd.read_csv(_needed("rhc_right_heart_cath", "rhc.csv.gz"))
    return pd.DataFrame(
        {
            "event": raw["death_d30"] == 1, "sex": raw["sex"], "group": raw["race"], "subject": raw["ptid"],
            **{c: raw[c] for c in ("age", "aps", "meanbp1", "crea1", "alb1", "scoma1")},
        }
    )  # fmt: skip


def _icu() -> pd.DataFrame:
    outcomes = pd.read_csv(_needed("physionet2012_icu_mortality", "Outcomes-a.txt")).set_index("RecordID")
    wanted = ("Age", "Gender", "GCS", "BUN", "HR")
    rows = []
    with tarfile.open(_needed("physionet2012_icu_mortality", "set-a.tar.xz")) as archive:
        for member in archive:
            held = archive.extractfile(member) if member.isfile() else None
            if held is None:
                continue
            last: dict[str, float] = {}
            for line in held.read().decode().splitlines()[1:]:
                _time, name, value = line.split(",")
                if name in wanted and float(value) >= 0:
                    last[name] = float(value)
            rows.append({"record": int(Path(member.name).stem), **last})
            if len(rows) == ICU_STAYS:
                break
    raw = pd.DataFrame(rows).set_index("record")
    return pd.DataFrame(
        {
            "event": outcomes.loc[raw.index, "In-hospital_death"] == 1,
            "sex": np.where(raw["Gender"] == 1, "M", "F"), "group": np.where(raw["Age"] >= 65, "65+", "<65"),
            "subject": raw.index,
            **{c: raw[c] for c in ("Age", "GCS", "BUN", "HR")},
        }
    ).reset_index(drop=True)  # fmt: skip


def _sepsis() -> pd.DataFrame:
    wanted = ["HR", "Temp", "SBP", "Resp", "O2Sat", "Age", "Gender", "ICULOS", "SepsisLabel"]
    stays = []
    with tarfile.open(_needed("sepsis2019_setB", "psv_dev.tar.xz")) as archive:
        for member in archive:
            held = archive.extractfile(member) if member.isfile() and member.name.endswith(".psv") else None
            if held is None:
                continue
            one = pd.read_csv(held, sep="|", usecols=wanted)
            stays.append(one.ffill().assign(subject=Path(member.name).stem))
            if len(stays) == SEPSIS_STAYS:
                break
    raw = pd.concat(stays, ignore_index=True)
    return pd.DataFrame(
        {
            "event": raw["SepsisLabel"] == 1, "sex": np.where(raw["Gender"] == 1, "M", "F"),
            "group": np.where(raw["Age"] >= 65, "65+", "<65"), "subject": raw["subject"],
            **{c: raw[c] for c in ("HR", "Temp", "SBP", "Resp", "O2Sat", "ICULOS")},
        }
    )  # fmt: skip


def _flchain() -> pd.DataFrame:
    datasets = pytest.importorskip("sksurv.datasets", reason="scikit-survival carries the cohort")
    x, y = datasets.load_flchain()
    died, days = (np.asarray(y[name]) for name in y.dtype.names)
    known = died | (days >= 1825)
    return pd.DataFrame(
        {
            "event": died & (days <= 1825), "sex": x["sex"].astype(str), "group": x["flc.grp"].astype(str),
            "subject": np.arange(len(x)),
            **{c: x[c].astype(float) for c in ("age", "kappa", "lambda")},
        }
    )[known].reset_index(drop=True)  # fmt: skip


LOADERS: dict[str, Callable[[], pd.DataFrame]] = {
    "diabetes": _diabetes,
    "rhc": _rhc,
    "icu": _icu,
    "sepsis": _sepsis,
    "flchain": _flchain,
}


def binary(columns: dict[str, object], **asked: object) -> Measurements:
    """Measure columns `died` and `risk`."""
    spec = EvaluationSpec.model_validate({"task": "binary", "label": "died", "score": "risk", **asked})
    return run(open_source(columns), spec).measurements


def some(n: int = 500, seed: int = 1, prevalence: float = 0.3, decimals: int = 2) -> dict[str, np.ndarray]:
    """Invented patients with tied risks, groups, repeated patients and weights."""
    r = np.random.default_rng(seed)
    x = r.standard_normal(n)
    risk = np.clip(np.round(1 / (1 + np.exp(-(np.log(prevalence / (1 - prevalence)) + x))), decimals), 0.01, 0.99)
    return {
        "died": (r.uniform(size=n) < risk).astype(int),
        "risk": risk,
        "sex": r.choice(["F", "M"], n),
        "age": r.integers(18, 95, n),
        "patient": r.integers(0, n // 3, n),
        "w": r.uniform(0.2, 3, n),
    }


def ends(found: Measurement) -> tuple[float, float]:
    """The interval, which must be there."""
    assert found.lower is not None, found
    assert found.upper is not None, found
    return found.lower, found.upper
