"""predictions: what a model said of invented patients, beside what then happened to them.

Every patient carries a signal drawn by the binormal model, in which the distance between those with and without the
event is set by the AUROC asked for (Hanley 1988), so that the true risk is known and a model can be made right or wrong
by a stated amount: too extreme, too high, blind in one group, or right only until the patients change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from codman.simulate.catalogue import Outcome
from codman.spine.evaluation_spec import EvaluationSpec

Floats = NDArray[np.float64]
Groups = Sequence[Sequence[str]]

RACES: Final = {"White": 0.58, "Black": 0.2, "Asian": 0.09, "Hispanic": 0.12, "American Indian": 0.01}
LANGUAGES: Final = {"English": 0.82, "Spanish": 0.12, "Other": 0.06}
AGE_BANDS: Final = [0.0, 40.0, 65.0, 80.0]
BY_SEX_AGE_RACE: Final = (("sex",), ("age_band",), ("race",))
_BRIEF: Final = {
    "binary": (
        "auroc",
        "brier",
        "prevalence",
        "sensitivity",
        "specificity",
        "ppv",
        "alert_rate",
        "oe_ratio",
        "calibration_slope",
        "calibration_intercept",
    ),
    "multiclass": ("macro_auroc", "macro_f1", "accuracy", "cohen_kappa"),
    "survival": ("cindex_harrell", "cindex_ipcw", "auroc_t", "brier_t", "oe_ratio_t"),
}
_VISITS_A_PATIENT: Final = 1.15
_LONGEST: Final = 0.999999


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Which invented patients, and how well the model knows them.

    Args:
        outcome: What is foretold, and how well such models usually foretell it.
        rows: How many predictions.
        seed: The same seed gives the same patients, to the last bit.
        start: First day of the window.
        end: Last day.
        signal: Of the usual distance between those with and without the event; 1 is the catalogue's AUROC, 0 is chance.
        slope: By which the model stretches its log odds; above 1 its risks are too extreme.
        shift: That it adds to its log odds; above 0 its risks are too high.
        blind: A column, a value in it, and the share of the signal that is lost there without the model knowing.
        drift: Share of the signal lost by the window's end.
    """

    outcome: Outcome
    rows: int
    seed: int
    start: date
    end: date
    signal: float = 1.0
    slope: float = 1.0
    shift: float = 0.0
    blind: tuple[str, str, float] | None = None
    drift: float = 0.0


def predictions(cohort: Cohort) -> pl.DataFrame:
    """One row a prediction: patient_id, predicted_on, sex, age, race, language, the score's columns, what happened.

    Returns:
        For a binary outcome the column `risk` and the label's, true or false; for classes one column `p_CLASS` each
        and the label's words; for survival `risk` (by the last horizon), `alive_DAYS` a horizon, `days` of follow-up
        and the label's, true where the event was seen.
    """
    random = np.random.default_rng(cohort.seed)
    patients = _patients(random, cohort)
    known, believed = _signal_lost(cohort, patients)
    said = {
        "binary": _binary,
        "multiclass": _multiclass,
        "survival": _survival,
    }[cohort.outcome.task](random, cohort, known, believed)
    return patients.with_columns([pl.Series(name, values) for name, values in said.items()])


def question(outcome: Outcome, *, groups: Groups = BY_SEX_AGE_RACE, brief: bool = False) -> EvaluationSpec:
    """What to ask of a cohort's table.

    Args:
        outcome: What is foretold.
        groups: Groups of patients, one or more columns each; `age_band` is made from `age`.
        brief: Only what a yearly look asks for; else every metric of the task, and its curves.
    """
    task = outcome.task
    classes = sorted(outcome.classes)  # as a statement orders them: a mean's last bit depends on it
    return EvaluationSpec(
        task=task,
        label=outcome.label,
        score={name: f"p_{name}" for name in classes} if task == "multiclass" else "risk",
        by=[list(group) for group in groups],
        bands={"age": AGE_BANDS} if ("age_band",) in groups else {},
        thresholds=[] if outcome.threshold is None else [outcome.threshold],
        subject="patient_id",
        time="days" if task == "survival" else None,
        horizons=[float(days) for days in outcome.horizons],
        survival={str(days): f"alive_{days}" for days in outcome.horizons},
        metrics=list(_BRIEF[task]) if brief else None,
    )


def _patients(random: np.random.Generator, cohort: Cohort) -> pl.DataFrame:
    n = cohort.rows
    count = max(1, round(n / _VISITS_A_PATIENT))
    who = np.concatenate([np.arange(count), random.integers(0, count, n - count)])  # everybody once, some again
    sex = random.choice(["F", "M"], count, p=[0.52, 0.48])
    race = random.choice(list(RACES), count, p=list(RACES.values()))
    language = random.choice(list(LANGUAGES), count, p=list(LANGUAGES.values()))
    age = np.clip(random.normal(61, 18, count), 18, 97).astype(np.int64)
    days = np.sort(random.integers(0, (cohort.end - cohort.start).days + 1, n))
    random.shuffle(who)  # visits in order of time, patients in none
    first = np.datetime64(cohort.start, "D")
    names = np.array([f"invented-{cohort.seed % 1_000_000:06d}-{one:05d}" for one in range(count)])
    return pl.DataFrame(
        {
            "patient_id": names[who].tolist(),
            "predicted_on": (first + days).astype("datetime64[D]"),
            "sex": sex[who].tolist(),
            "age": age[who],
            "race": race[who].tolist(),
            "language": language[who].tolist(),
        }
    )


def _signal_lost(cohort: Cohort, patients: pl.DataFrame) -> tuple[Floats, float]:
    """(n,) distance between those with and without the event as it is, and the one the model was fitted on."""
    usual = math.sqrt(2) * NormalDist().inv_cdf(cohort.outcome.auroc) * cohort.signal
    known = np.full(cohort.rows, usual)
    known *= 1 - cohort.drift * np.linspace(0, 1, cohort.rows)
    if cohort.blind is not None:
        column, value, lost = cohort.blind
        there = patients[column].to_numpy() == value
        known[there] *= 1 - lost
    return known, usual


def _binary(random: np.random.Generator, cohort: Cohort, known: Floats, believed: float) -> dict[str, Any]:
    prevalence = cohort.outcome.prevalence or 0.5
    happened = random.random(cohort.rows) < prevalence
    x = random.normal(known * (happened - 0.5), 1)
    odds = believed * x + math.log(prevalence / (1 - prevalence))
    return {"risk": _sigmoid(cohort.slope * odds + cohort.shift), cohort.outcome.label: happened}


def _multiclass(random: np.random.Generator, cohort: Cohort, known: Floats, believed: float) -> dict[str, Any]:
    classes, shares = cohort.outcome.classes, np.array(cohort.outcome.shares)
    truth = random.choice(len(classes), cohort.rows, p=shares)
    x = random.normal(0, 1, (cohort.rows, len(classes)))
    x[np.arange(cohort.rows), truth] += known
    logits = cohort.slope * (believed * x + np.log(shares))
    logits[:, 0] += cohort.shift
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return {f"p_{name}": share[:, k] for k, name in enumerate(classes)} | {
        cohort.outcome.label: [classes[k] for k in truth]
    }


def _survival(random: np.random.Generator, cohort: Cohort, known: Floats, believed: float) -> dict[str, Any]:
    """Exponential times whose log hazard is the signal; censored by the end of follow-up and at random."""
    horizons = cohort.outcome.horizons
    last, prevalence = horizons[-1], cohort.outcome.prevalence or 0.5
    z = random.normal(0, 1, cohort.rows)
    base = -math.log(1 - prevalence) / last
    hazard = base * np.exp(known * z - known**2 / 2)
    time = random.exponential(1, cohort.rows) / hazard
    censored = np.minimum(random.exponential(3.0 * last, cohort.rows), 1.5 * last)
    days = np.maximum(np.ceil(np.minimum(time, censored)), 1)
    said = base * np.exp(cohort.slope * (believed * z - believed**2 / 2) + cohort.shift)
    alive = {f"alive_{t}": np.clip(np.exp(-said * t), 1 - _LONGEST, _LONGEST) for t in horizons}
    return {"risk": 1 - alive[f"alive_{last}"], **alive, "days": days, cohort.outcome.label: time <= censored}


def _sigmoid(odds: Floats) -> Floats:
    risk: Floats = 1 / (1 + np.exp(-odds))
    return risk
