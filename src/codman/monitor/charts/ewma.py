"""EWMA chart: a weighted mean of all points so far, the newest weighing most; finds small lasting shifts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray
from codman.monitor.charts.chart import (
    Annotation,
    Chart,
    ChartImpossible,
    as_floats,
    beyond,
    by_phase,
    phases,
    times,
)
from codman.monitor.charts.run_lengths import ewma_possible, ewma_run_length, ewma_width
from codman.monitor.charts.shares import D2


def ewma_chart(
    value: Sequence[float] | FloatArray,
    *,
    sigma: Sequence[float] | FloatArray | None = None,
    weight: float = 0.2,
    width: float | None = None,
    in_control_run: float = 370.0,
    standard: float | None = None,
    at: Sequence[str] | None = None,
    annotations: Sequence[Annotation] = (),
    baseline: int | None = None,
) -> Chart:
    """The EWMA of one number a window, with limits exact at every point, the first ones included.

    Args:
        value: (n,) the numbers; NaN where a window has none: the average then stays and its limits with it.
        sigma: (n,) each number's standard error; without it, from the moving range of the baseline.
        weight: λ, the newest point's weight, in (0, 1]; 0.05 to 0.25 is usual, less for smaller shifts.
        width: L, half the limits' distance in sigmas; without it, what `in_control_run` asks for.
        in_control_run: Wanted points between two false signals, on average.
        standard: A centre from elsewhere; no phase then has its own.
        at: (n,) when each window starts; needed where annotations stand.
        annotations: What happened; those that break start the average anew.
        baseline: Points of each phase that its centre rests on; all without it.

    Raises:
        ChartImpossible: A weight or width that no chart has, or rows that differ in length.

    Source: Lucas & Saccucci 1990, doi:10.1080/00401706.1990.10484583; Montgomery 2013, 9.2.
    """
    value = as_floats(value)
    width = ewma_width(weight, in_control_run) if width is None else width
    ewma_possible(weight, width)
    given, usable = sigmas_given(value, sigma)
    named = times(at, len(value))
    phase = phases(named, annotations)
    centre, drawn, spread = (np.full(len(value), np.nan) for _ in range(3))
    for mine, base in by_phase(phase, usable, baseline):
        middle, own = centre_and_sigma(value[base], None if given is None else given[base])
        middle = middle if standard is None else standard
        centre[mine] = middle
        mean, variance = middle, 0.0
        for i in np.flatnonzero(mine):
            if usable[i]:
                mean = weight * value[i] + (1 - weight) * mean
                each = own if given is None else given[i]
                # the exact variance, so that limits start narrow and follow windows of unequal size
                variance = weight**2 * each**2 + (1 - weight) ** 2 * variance
                drawn[i] = mean
            spread[i] = np.sqrt(variance)
    lower, upper = centre - width * spread, centre + width * spread
    return Chart(
        kind="ewma", at=named, value=drawn, centre=centre, lower=lower, upper=upper,
        n=usable.astype(np.float64), phase=phase, signals=tuple(beyond(drawn, lower, upper)),
        annotations=tuple(annotations), method=f"ewma:weight={weight:g}:width={width:.4g}:exact-variance",
        in_control_run=ewma_run_length(weight, width),
    )  # fmt: skip


def sigmas_given(value: FloatArray, sigma: Sequence[float] | FloatArray | None) -> tuple[FloatArray | None, BoolArray]:
    """(n,) each number's own standard error, if any were given; and (n,) which numbers can be used.

    Raises:
        ChartImpossible: There are more or fewer than numbers.
    """
    if sigma is None:
        return None, np.isfinite(value)
    given = as_floats(sigma)
    if len(given) != len(value):
        raise ChartImpossible(
            what="the rows do not fit", why=f"{len(value)} values, {len(given)} sigmas", fix="match them"
        )
    return given, np.isfinite(value) & (given > 0)


def centre_and_sigma(value: FloatArray, sigma: FloatArray | None) -> tuple[float, float]:
    """A baseline's centre (weighted by how sure each point is) and one point's sigma by the moving range."""
    if len(value) == 0:
        return float("nan"), float("nan")
    centre = float(value.mean() if sigma is None else np.average(value, weights=1 / sigma**2))
    return centre, float(np.abs(np.diff(value)).mean() / D2) if len(value) > 1 else float("nan")
