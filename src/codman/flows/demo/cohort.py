"""The free-light-chain cohort of Olmsted County, and a plain model of death within five years.

7,874 residents aged 50 and over, half of the cohort of Dispenzieri 2012 (doi:10.1016/j.mayocp.2012.03.009). The
file comes
inside the scikit-survival wheel; it is read as data, and that package is never imported.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codman.errors import BadInput, MissingExtra
from codman.evaluate.estimates import BoolArray, FloatArray

ARFF: Final = Path("datasets", "data", "flchain.arff")
DAYS_A_YEAR: Final = 365.25
HORIZON_YEARS: Final = 5
LAST_TRAINING_YEAR: Final = 1997
NEWTON_STEPS: Final = 50
RIDGE: Final = 1.0  # keeps the fit finite; a unit-variance coefficient is worth one patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Residents, what was measured on them, and what followed."""

    age: FloatArray  # (n,) years
    sex: list[str]  # (n,) F or M
    sample_year: FloatArray  # (n,)
    predictors: FloatArray  # (n, 5) age, male, log kappa, log lambda, creatinine (NaN where not measured)
    follow_up_years: FloatArray  # (n,)
    died: BoolArray  # (n,)


def read_cohort() -> Cohort:
    """The cohort, from the installed wheel.

    Raises:
        MissingExtra: The extra `demo` is not installed.
    """
    found = importlib.util.find_spec("sksurv")
    if found is None or not found.submodule_search_locations:
        raise MissingExtra("demo", "scikit-survival, whose wheel carries the cohort's file,")
    path = Path(found.submodule_search_locations[0]) / ARFF
    if not path.exists():
        raise BadInput(
            what="the cohort's file is not in the scikit-survival wheel",
            why=f"there is no {ARFF} in it",
            fix="install the version in constraints.txt",
        )
    names, rows = _arff(path)
    column = {name: [row[k] for row in rows] for k, name in enumerate(names)}

    def floats(name: str) -> FloatArray:
        return np.array([np.nan if text == "?" else float(text) for text in column[name]])

    age = floats("age")
    predictors = np.column_stack(
        [
            age,
            np.array([sex == "M" for sex in column["sex"]], dtype=np.float64),
            np.log(floats("kappa")),
            np.log(floats("lambda")),
            floats("creatinine"),
        ]
    )
    return Cohort(
        age=age,
        sex=column["sex"],
        sample_year=floats("sample.yr"),
        predictors=predictors,
        follow_up_years=floats("futime") / DAYS_A_YEAR,
        died=np.array([state == "dead" for state in column["death"]]),
    )


def _arff(path: Path) -> tuple[list[str], list[list[str]]]:
    names: list[str] = []
    rows: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        word = line.strip()
        if word.lower().startswith("@attribute"):
            names.append(word.split()[1].strip("'\""))
        elif word and not word.startswith(("%", "@")):
            rows.append([cell.strip() for cell in word.split(",")])
    return names, rows


def predict(cohort: Cohort) -> FloatArray:
    """(n,) risk of death within five years, from a logistic model fitted on the earlier sample years.

    Those censored before five years are left out of the fit; a creatinine that was not measured takes the median.
    """
    earlier = cohort.sample_year <= LAST_TRAINING_YEAR
    within = cohort.died & (cohort.follow_up_years <= HORIZON_YEARS)
    known = within | (cohort.follow_up_years >= HORIZON_YEARS)
    fitted = earlier & known
    x = cohort.predictors.copy()
    median = np.nanmedian(x[fitted, 4])
    x[np.isnan(x[:, 4]), 4] = median
    centre, scale = x[fitted].mean(axis=0), x[fitted].std(axis=0)
    design = np.column_stack([np.ones(len(x)), (x - centre) / scale])
    coefficients = _logistic(design[fitted], within[fitted])
    risk: FloatArray = 1 / (1 + np.exp(-design @ coefficients))
    return risk


def _logistic(x: FloatArray, y: BoolArray) -> FloatArray:
    """Logistic regression with a light ridge on all but the intercept, by Newton's method."""
    penalty = np.diag([0.0] + [RIDGE] * (x.shape[1] - 1))
    at = np.zeros(x.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-x @ at))
        step = np.linalg.solve((x.T * (p * (1 - p))) @ x + penalty, x.T @ (y - p) - penalty @ at)
        at = at + step
        if np.max(np.abs(step)) < 1e-10:
            break
    return at


def write_predictions(cohort: Cohort, risk: FloatArray, path: Path) -> int:
    """Write the later years' predictions beside what followed, as a team would hand them over; returns the rows."""
    later = np.flatnonzero(cohort.sample_year > LAST_TRAINING_YEAR)
    table = pa.table(
        {
            "patient_id": [f"olmsted-{row:05d}" for row in later],
            "sample_year": cohort.sample_year[later].astype(np.int64),
            "age": cohort.age[later].astype(np.int64),
            "sex": [cohort.sex[row] for row in later],
            "risk": risk[later],
            "died": cohort.died[later],
            "follow_up_years": cohort.follow_up_years[later],
        }
    )
    fresh = path.with_suffix(".new")
    pq.write_table(table, fresh)
    fresh.replace(path)
    return len(later)
