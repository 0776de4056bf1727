"""X̄ and s charts of windows with several values, and the chart of individual values by their moving range."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.charts.chart import (
    FEWEST,
    Annotation,
    Chart,
    ChartImpossible,
    as_floats,
    beyond,
    by_phase,
    in_sigmas,
    phases,
    times,
)
from codman.monitor.charts.run_rules import run_signals
from codman.monitor.charts.shares import D2, together


def xbar_chart(
    mean: Sequence[float] | FloatArray,
    sd: Sequence[float] | FloatArray,
    n: Sequence[float] | FloatArray,
    *,
    at: Sequence[str] | None = None,
    annotations: Sequence[Annotation] = (),
    baseline: int | None = None,
    standard: tuple[float, float] | None = None,
    width: float = 3.0,
    rules: Sequence[str] = (),
    fewest: int = FEWEST,
) -> Chart:
    """Mean of a feature or score, window by window, with limits from the spread within windows.

    Args:
        mean: (n,) each window's mean.
        sd: (n,) each window's standard deviation (n − 1 below the line).
        n: (n,) patients in each window; windows may differ in size.
        at: (n,) when each window starts; needed where annotations stand.
        annotations: What happened; those that break start a new centre.
        baseline: Points of each phase that centre and spread rest on; all without it.
        standard: (centre, standard deviation) from elsewhere.
        width: Sigmas from the centre to a limit.
        rules: Run rules to look for beside the limits.
        fewest: Points on fewer patients are hidden.

    Raises:
        ChartImpossible: The three rows differ in length, or a spread is below 0.

    Source: Montgomery 2013, 6.3; for unequal sizes Burr 1969, doi:10.1080/00224065.1969.11980374.
    """
    mean, sd, n = as_floats(mean), as_floats(sd), as_floats(n)
    named, value, hidden = _windows(mean, sd, n, at, fewest)
    phase = phases(named, annotations)
    centre, spread = np.full(len(mean), np.nan), np.full(len(mean), np.nan)
    for mine, base in by_phase(phase, np.isfinite(value), baseline):
        if standard is not None:
            centre[mine], spread[mine] = standard
        elif base.any():
            centre[mine] = np.average(mean[base], weights=n[base])
            spread[mine] = _within(sd[base], n[base])
    with np.errstate(invalid="ignore", divide="ignore"):
        sigma = spread / np.sqrt(n)
    lower, upper = centre - width * sigma, centre + width * sigma
    return Chart(
        kind="xbar", at=named, value=value, centre=centre, lower=lower, upper=upper, n=n, phase=phase,
        signals=tuple(beyond(value, lower, upper) + run_signals(in_sigmas(value, centre, sigma), rules)),
        annotations=tuple(annotations), hidden=hidden,
        method=f"xbar-s:{width:g}-sigma" + ("" if standard is None else ":standard given"),
        in_control_run=together(rules, width),
    )  # fmt: skip


def s_chart(
    sd: Sequence[float] | FloatArray,
    n: Sequence[float] | FloatArray,
    *,
    at: Sequence[str] | None = None,
    annotations: Sequence[Annotation] = (),
    baseline: int | None = None,
    width: float = 3.0,
    fewest: int = FEWEST,
) -> Chart:
    """Standard deviation of a feature or score, window by window, beside its X̄ chart.

    Args:
        sd: (n,) each window's standard deviation (n − 1 below the line).
        n: (n,) patients in each window.
        at: (n,) when each window starts; needed where annotations stand.
        annotations: What happened; those that break start a new centre.
        baseline: Points of each phase that the spread rests on; all without it.
        width: Sigmas from the centre to a limit.
        fewest: Points on fewer patients are hidden.

    Raises:
        ChartImpossible: The rows differ in length, or a spread is below 0.

    Source: Montgomery 2013, 6.3 (B3 and B4 as functions of the window's size).
    """
    sd, n = as_floats(sd), as_floats(n)
    named, value, hidden = _windows(sd, sd, n, at, fewest)
    phase = phases(named, annotations)
    spread = np.full(len(sd), np.nan)
    for mine, base in by_phase(phase, np.isfinite(value), baseline):
        spread[mine] = _within(sd[base], n[base]) if base.any() else np.nan
    unbias = np.array([c4(size) for size in n])
    centre, sigma = unbias * spread, spread * np.sqrt(1 - unbias**2)
    lower, upper = np.maximum(centre - width * sigma, 0.0), centre + width * sigma
    return Chart(
        kind="s", at=named, value=value, centre=centre, lower=lower, upper=upper, n=n, phase=phase,
        signals=tuple(beyond(value, lower, upper)), annotations=tuple(annotations), hidden=hidden,
        method=f"s:{width:g}-sigma",
    )  # fmt: skip


def individuals_chart(
    value: Sequence[float] | FloatArray,
    *,
    at: Sequence[str] | None = None,
    annotations: Sequence[Annotation] = (),
    baseline: int | None = None,
    width: float = 3.0,
    rules: Sequence[str] = (),
) -> Chart:
    """One number a window (an AUROC, a drift distance) with limits from how much neighbours differ.

    Args:
        value: (n,) the numbers; NaN where a window has none.
        at: (n,) when each window starts; needed where annotations stand.
        annotations: What happened; those that break start a new centre.
        baseline: Points of each phase that centre and limits rest on; all without it.
        width: Sigmas from the centre to a limit.
        rules: Run rules to look for beside the limits.

    Raises:
        ChartImpossible: There is nothing to chart.

    Source: Montgomery 2013, 6.4 (moving range of two, d2 = 1.128).
    """
    value = as_floats(value)
    named = times(at, len(value))
    phase = phases(named, annotations)
    centre, sigma = np.full(len(value), np.nan), np.full(len(value), np.nan)
    for mine, base in by_phase(phase, np.isfinite(value), baseline):
        if base.sum() >= 2:
            centre[mine] = value[base].mean()
            sigma[mine] = np.abs(np.diff(value[base])).mean() / D2
    lower, upper = centre - width * sigma, centre + width * sigma
    return Chart(
        kind="individuals", at=named, value=value, centre=centre, lower=lower, upper=upper,
        n=np.isfinite(value).astype(np.float64), phase=phase,
        signals=tuple(beyond(value, lower, upper) + run_signals(in_sigmas(value, centre, sigma), rules)),
        annotations=tuple(annotations), method=f"individuals:moving-range:{width:g}-sigma",
        in_control_run=together(rules, width),
    )  # fmt: skip


def c4(n: float) -> float:
    """Mean of the standard deviation of n standard normals: 0.9400 for 5."""
    if n < 2:
        return math.nan
    return math.sqrt(2 / (n - 1)) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))


def _within(sd: FloatArray, n: FloatArray) -> float:
    """Spread within windows: each window's unbiased one, weighted by how sure it is."""
    unbias = np.array([c4(size) for size in n])
    weight = unbias**2 / (1 - unbias**2)
    return float(np.sum(weight * sd / unbias) / np.sum(weight))


def _windows(
    value: FloatArray, sd: FloatArray, n: FloatArray, at: Sequence[str] | None, fewest: int
) -> tuple[tuple[str, ...], FloatArray, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    if not len(value) == len(sd) == len(n):
        raise ChartImpossible(
            what="the rows do not fit",
            why=f"{len(value)}, {len(sd)} and {len(n)} numbers",
            fix="give one of each a point",
        )
    if np.any(sd < 0):
        raise ChartImpossible(what="a standard deviation is below 0", why="a spread cannot be", fix="check the numbers")
    hidden = (n > 0) & (n < max(fewest, 2))
    shown = np.where(hidden | (n <= 0) | ~np.isfinite(sd), np.nan, value)
    return times(at, len(value)), shown, hidden
