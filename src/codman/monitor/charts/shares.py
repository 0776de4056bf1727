"""p and u charts: shares and rates over time, with Laney's p′ and u′ for big denominators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from codman.evaluate.distributions import norm_cdf
from codman.evaluate.estimates import BoolArray, FloatArray
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
from codman.monitor.charts.exact_limits import binomial_limits, poisson_limits
from codman.monitor.charts.run_rules import false_alarms, run_signals

D2: Final = 1.128  # mean range of two standard normals, as every table of chart constants prints it
Limits = Literal["sigma", "laney", "exact"]


def p_chart(
    events: Sequence[float] | FloatArray,
    n: Sequence[float] | FloatArray,
    *,
    at: Sequence[str] | None = None,
    annotations: Sequence[Annotation] = (),
    baseline: int | None = None,
    standard: float | None = None,
    width: float = 3.0,
    limits: Limits = "sigma",
    rules: Sequence[str] = (),
) -> Chart:
    """Share of patients with something, window by window: alert rate, prevalence, sensitivity.

    Args:
        events: (n,) patients with it in each window.
        n: (n,) patients in each window; under 11 the point is hidden.
        at: (n,) when each window starts; needed where annotations stand.
        annotations: What happened; those that break start a new centre.
        baseline: Points of each phase that its centre rests on, the first so many; all without it.
        standard: A centre from elsewhere, as the policy's or the validation's; no phase then has its own.
        width: Sigmas from the centre to a limit.
        limits: `sigma` p ± width·√(p(1−p)/n); `laney` widens them by how much more the points vary than a binomial
            does, for windows of many thousands (Laney 2002); `exact` binomial quantiles at the same tail areas.
        rules: Run rules to look for beside the limits.

    Raises:
        ChartImpossible: Counts below 0 or over n, or nothing to chart.

    Source: Montgomery 2013, Introduction to Statistical Quality Control, 7.2; Laney 2002, doi:10.1081/QEN-120006555.
    """
    events, n = as_floats(events), as_floats(n)
    _counts_fit(events, n)
    if np.any(events > n):
        raise ChartImpossible(what="more events than patients", why="a share is at most 1", fix="check the counts")
    with np.errstate(invalid="ignore", divide="ignore"):
        value = events / n
    hidden = (n > 0) & (n < FEWEST)
    return _counted(
        "p",
        events,
        n,
        np.where(hidden, np.nan, value),
        hidden,
        at,
        annotations,
        baseline,
        standard,
        width,
        limits,
        rules,
    )


def u_chart(
    events: Sequence[float] | FloatArray,
    exposure: Sequence[float] | FloatArray,
    *,
    at: Sequence[str] | None = None,
    annotations: Sequence[Annotation] = (),
    baseline: int | None = None,
    standard: float | None = None,
    width: float = 3.0,
    limits: Limits = "sigma",
    rules: Sequence[str] = (),
) -> Chart:
    """Events by exposure, window by window: alerts by patient-days, overrides by shifts.

    Args:
        events: (n,) events in each window.
        exposure: (n,) what they are counted against, above 0.
        at: As for `p_chart`, with the rest.
        annotations: The same.
        baseline: The same.
        standard: The same.
        width: The same.
        limits: The same, with √(u/exposure), Laney's u′, or Poisson quantiles.
        rules: The same.

    Raises:
        ChartImpossible: Counts below 0, or nothing to chart.

    Source: Montgomery 2013, 7.3; Laney 2002, doi:10.1081/QEN-120006555.
    """
    events, exposure = as_floats(events), as_floats(exposure)
    _counts_fit(events, exposure)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = events / exposure
    nowhere = np.zeros(len(value), dtype=np.bool_)
    return _counted(
        "u", events, exposure, value, nowhere, at, annotations, baseline, standard, width, limits, rules
    )  # fmt: skip


def _counts_fit(events: FloatArray, n: FloatArray) -> None:
    if len(events) != len(n):
        raise ChartImpossible(
            what="the counts do not fit", why=f"{len(events)} and {len(n)}", fix="give one pair a point"
        )
    if not (np.all(np.isfinite(events)) and np.all(np.isfinite(n)) and np.all(events >= 0) and np.all(n >= 0)):
        raise ChartImpossible(what="a count is no count", why="it is below 0 or not a number", fix="check the counts")


def _counted(
    kind: Literal["p", "u"], events: FloatArray, n: FloatArray, value: FloatArray, hidden: BoolArray,
    at: Sequence[str] | None, annotations: Sequence[Annotation], baseline: int | None, standard: float | None,
    width: float, limits: Limits, rules: Sequence[str],
) -> Chart:  # fmt: skip
    named = times(at, len(value))
    phase = phases(named, annotations)
    centre, stretch, notes = np.full(len(value), np.nan), np.ones(len(value)), []
    for mine, base in by_phase(phase, np.isfinite(value), baseline):
        middle = standard if standard is not None else _ratio(events[base].sum(), n[base].sum())
        centre[mine] = middle
        if limits == "laney":
            z = (value[base] - middle) / _sigma(kind, np.full(int(base.sum()), middle), n[base])
            stretch[mine] = np.abs(np.diff(z)).mean() / D2 if len(z) > 1 else 1.0
            notes.append(f"points vary {stretch[mine][0]:.2f} times as much as chance within a window explains")
    sigma = _sigma(kind, centre, n) * stretch
    if limits == "exact":
        tail = norm_cdf(-width)
        lower, upper = (binomial_limits if kind == "p" else poisson_limits)(centre, n, tail)
    else:
        lower, upper = np.maximum(centre - width * sigma, 0.0), centre + width * sigma
        upper = np.minimum(upper, 1.0) if kind == "p" else upper
    if np.any(hidden):
        notes.append(f"{int(hidden.sum())} windows have fewer than {FEWEST} patients and are not shown")
    return Chart(
        kind=kind + {"sigma": "", "laney": "′", "exact": " (exact)"}[limits],
        at=named,
        value=value,
        centre=centre,
        lower=lower,
        upper=upper,
        n=n,
        phase=phase,
        signals=tuple(beyond(value, lower, upper) + run_signals(in_sigmas(value, centre, sigma), rules)),
        annotations=tuple(annotations),
        hidden=hidden,
        method=f"{kind}:{limits}:{width:g}-sigma" + ("" if standard is None else ":standard given"),
        in_control_run=together(rules, width),
        notes=tuple(notes),
    )


def together(rules: Sequence[str], width: float) -> float:
    """Points between two false signals of the limits and the rules together, for independent normal points.

    The limits at 3 sigma are Western Electric's first rule; other widths are counted as if alone beside the rules.
    """
    if width == 3.0:
        return false_alarms(["Western Electric 1", *rules]).in_control_run
    alone = 1 / (2 * norm_cdf(-width))
    return alone if not rules else 1 / (1 / alone + 1 / false_alarms(list(rules)).in_control_run)


def _sigma(kind: str, centre: FloatArray, n: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt(centre * (1 - centre) / n if kind == "p" else centre / n)


def _ratio(events: float, n: float) -> float:
    return float(events / n) if n > 0 else float("nan")
