"""Curves of survival: observed beside stated at each horizon, and calibration there by groups of stated risk."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import CodeArray
from codman.evaluate.rows import Standing
from codman.evaluate.suppression import FEWEST
from codman.evaluate.survival.followup import Followup, inner
from codman.evaluate.survival.intervals import plain
from codman.evaluate.survival.point import effective
from codman.evaluate.survival.points import Cohort
from codman.evaluate.survival.product_limit import kaplan_meier
from codman.spine.statement import Curve, Curves

GROUPS: Final = 10


def curves_of(cohort: Cohort, standing: Standing, *, strict: bool) -> Curves:
    """Curves of every slice that may be shown; no point rests on fewer than 11 patients.

    Args:
        cohort: All rows and slices.
        standing: Which slices are hidden, and the level of the intervals.
        strict: Also hide a group of stated risk where either outcome has fewer than 11.
    """
    survival: list[Curve] = []
    calibration: list[Curve] = []
    for s, name in enumerate(standing.slices.names):
        if standing.hidden[s]:
            continue
        mine = cohort.of_slice(s)
        rows = cohort.rows.of(mine)
        subject = None if cohort.subject is None else cohort.subject[mine]
        if cohort.wanted.horizons:
            survival.append(_observed(rows, subject, cohort.wanted.horizons, standing.level, name))
        calibration += [
            curve
            for horizon in cohort.wanted.stated
            if (curve := _calibration(rows, subject, horizon, standing.level, name, strict)) is not None
        ]
    return Curves(survival=survival, calibration=calibration)


def observed_free(
    rows: Followup, subject: CodeArray | None, horizon: float, level: float
) -> tuple[float, float, float]:
    """Kaplan–Meier at the horizon with its interval on the log(−log) scale, by patient.

    Returns:
        NaN where follow-up ends before the horizon. At 1 the lower end is the exact one for those still followed.

    Source: Kalbfleisch & Prentice 2002, section 1.4.2; variance: Greenwood 1926, which is the sum of the squared pulls.
    """
    curve = kaplan_meier(rows)
    free = float(curve.at(np.array([horizon]))[0])
    if np.isnan(free) or free <= 0:
        return free, np.nan, np.nan
    if free >= 1:
        followed = effective(rows.weight[rows.time > horizon])
        return 1.0, ((1 - level) / 2) ** (1 / followed) if followed > 0 else np.nan, 1.0
    mass = np.zeros(len(curve.times))
    mass[curve.index(np.array([horizon]))[0]] = 1.0
    pulls = rows.weight * curve.pull_of_rows(mass)
    spread = float(np.sum((pulls if subject is None else np.bincount(subject, pulls)) ** 2))
    half = z_of_level(level) * np.sqrt(spread) / abs(np.log(free))
    return free, float(free ** np.exp(half)), float(free ** np.exp(-half))


def _observed(
    rows: Followup, subject: CodeArray | None, horizons: tuple[float, ...], level: float, name: dict[str, str]
) -> Curve:
    ends = [observed_free(rows, subject, horizon, level) for horizon in horizons]
    followed = [_patients(subject, rows.time >= horizon) for horizon in horizons]
    shown = [n >= FEWEST for n in followed]
    stated = [_share(rows.survival[h], rows.weight) if h in rows.survival else None for h in horizons]
    columns: dict[str, Any] = {
        "x": list(horizons),
        "y": _column([end[0] for end in ends], shown),
        "lower": _column([end[1] for end in ends], shown),
        "upper": _column([end[2] for end in ends], shown),
        "predicted": stated,
        "n": [n if show else None for n, show in zip(followed, shown, strict=True)],
    }
    return Curve.model_validate({"slice": name, **columns})


def _calibration(
    rows: Followup, subject: CodeArray | None, horizon: float, level: float, name: dict[str, str], strict: bool
) -> Curve | None:
    risk = 1 - rows.survival[horizon]
    groups = min(GROUPS, _patients(subject, np.ones(len(risk), dtype=bool)) // (2 * FEWEST))
    if groups < 1:
        return None
    order = np.argsort(risk, kind="stable")
    edges = risk[order[[round(k * len(risk) / groups) for k in range(1, groups)]]]
    group = np.searchsorted(np.unique(edges), risk, side="right")  # tied risks stay together
    columns: dict[str, list[Any]] = {"x": [], "y": [], "lower": [], "upper": [], "n": []}
    for g in np.unique(group):
        inside = group == g
        n = _patients(subject, inside)
        failed = _patients(subject, inside & rows.event & (rows.time <= horizon))
        if n < FEWEST or (strict and min(failed, n - failed) < FEWEST):
            continue
        who = None if subject is None else subject[inside]
        free, lower, upper = observed_free(rows.of(np.flatnonzero(inside)), who, horizon, level)
        columns["x"].append(_share(risk[inside], rows.weight[inside]))
        columns["y"].append(_or_none(1 - free))
        columns["lower"].append(_or_none(1 - upper))
        columns["upper"].append(_or_none(1 - lower))
        columns["n"].append(n)
    if not columns["x"]:
        return None
    return Curve.model_validate({"slice": name, "horizon": plain(horizon), **columns})


def _patients(subject: CodeArray | None, where: Any) -> int:
    return int(np.count_nonzero(where)) if subject is None else len(np.unique(subject[where]))


def _share(values: FloatArray, weight: FloatArray) -> float:
    return inner(weight, values) / float(weight.sum())


def _column(values: list[float], shown: list[bool]) -> list[float | None]:
    return [_or_none(value) if show else None for value, show in zip(values, shown, strict=True)]


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
