"""CUSUM chart: what points exceed the centre by, summed; the quickest way to find a shift of a known size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.charts.chart import (
    Annotation,
    Chart,
    Signal,
    as_floats,
    by_phase,
    phases,
    times,
)
from codman.monitor.charts.ewma import centre_and_sigma, sigmas_given
from codman.monitor.charts.run_lengths import cusum_limit, cusum_possible, cusum_run_length

UP, DOWN = "upper sum over its limit", "lower sum over its limit"


def cusum_chart(
    value: Sequence[float] | FloatArray,
    *,
    sigma: Sequence[float] | FloatArray | None = None,
    reference: float = 0.5,
    limit: float | None = None,
    in_control_run: float = 370.0,
    fast_start: bool = False,
    standard: float | None = None,
    at: Sequence[str] | None = None,
    annotations: Sequence[Annotation] = (),
    baseline: int | None = None,
) -> Chart:
    """Tabular CUSUM of one number a window, two-sided, in sigmas; both sums start anew after a signal.

    Args:
        value: (n,) the numbers; NaN where a window has none: the sums then stay.
        sigma: (n,) each number's standard error; without it, from the moving range of the baseline.
        reference: k, sigmas taken off every point: half the shift it is tuned to.
        limit: h, the decision interval in sigmas; without it, what `in_control_run` asks for.
        in_control_run: Wanted points between two false signals, on average.
        fast_start: Both sums start (and restart) at h/2, so that what is wrong from the start is found sooner.
        standard: A centre from elsewhere; no phase then has its own.
        at: (n,) when each window starts; needed where annotations stand.
        annotations: What happened; those that break start the sums anew.
        baseline: Points of each phase that its centre rests on; all without it.

    Returns:
        A chart whose `value` is the upper sum and whose `second` is the lower one below 0, limits ±h.

    Raises:
        ChartImpossible: Values that no chart has, or rows that differ in length.

    Source: Montgomery 2013, 9.1; fast initial response Lucas & Crosier 1982, doi:10.1080/00401706.1982.10487759.
    """
    value = as_floats(value)
    given, usable = sigmas_given(value, sigma)
    h = cusum_limit(reference, in_control_run, head_start=fast_start) if limit is None else limit
    start = h / 2 if fast_start else 0.0
    cusum_possible(reference, h, start)
    named = times(at, len(value))
    phase = phases(named, annotations)
    sigmas = np.full(len(value), np.nan)
    for mine, base in by_phase(phase, usable, baseline):
        middle, own = centre_and_sigma(value[base], None if given is None else given[base])
        middle = middle if standard is None else standard
        with np.errstate(invalid="ignore", divide="ignore"):
            sigmas[mine] = (value[mine] - middle) / (own if given is None else given[mine])
    up, down, signals = _sums(sigmas, phase, reference, h, start)
    flat = np.zeros(len(value))
    return Chart(
        kind="cusum", at=named, value=up, second=-down, centre=flat, lower=flat - h, upper=flat + h,
        n=usable.astype(np.float64), phase=phase, signals=tuple(signals), annotations=tuple(annotations),
        method=f"cusum:k={reference:g}:h={h:.4g}" + (":fast-start" if fast_start else ""),
        in_control_run=cusum_run_length(reference, h, head_start=start),
    )  # fmt: skip


def _sums(
    sigmas: FloatArray, phase: np.ndarray[tuple[int, ...], np.dtype[np.int64]], k: float, h: float, start: float
) -> tuple[FloatArray, FloatArray, list[Signal]]:
    up, down, signals = np.empty(len(sigmas)), np.empty(len(sigmas)), []
    high = low = start
    for i, z in enumerate(sigmas):
        if i and phase[i] != phase[i - 1]:
            high = low = start
        if np.isfinite(z):
            high, low = max(0.0, high + z - k), max(0.0, low - z - k)
        up[i], down[i] = high, low
        if high > h:
            signals.append(Signal(point=i, rule=UP, side="above"))
        if low > h:
            signals.append(Signal(point=i, rule=DOWN, side="below"))
        if high > h or low > h:
            high = low = start
    return up, down, signals
