"""Risk-adjusted CUSUM: patient by patient, do more events happen than the model foretold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.charts.chart import Annotation, Chart, ChartImpossible, Signal, as_floats, phases, times
from codman.monitor.charts.run_lengths import chain_run_length, limit_for

MORE, FEWER = "more events than foretold", "fewer events than foretold"
_LEVELS = 200  # quantiles of the risks that the run length is worked out on


def risk_adjusted_cusum(
    outcome: Sequence[float] | FloatArray,
    risk: Sequence[float] | FloatArray,
    *,
    odds_ratio: float = 2.0,
    better: float | None = 0.5,
    limit: float | None = None,
    in_control_run: float = 10_000.0,
    at: Sequence[str] | None = None,
    annotations: Sequence[Annotation] = (),
) -> Chart:
    """Steiner's log-likelihood CUSUM of outcomes against foretold risks, one point a patient, in order of time.

    Args:
        outcome: (n,) 1 where the event happened, else 0.
        risk: (n,) risk foretold for the same patients, inside (0, 1).
        odds_ratio: How much higher the odds of the event are that the upper sum is tuned to; above 1.
        better: The same for the lower sum, below 1; None for no lower sum.
        limit: Where a sum signals; without it, what `in_control_run` asks for over these risks.
        in_control_run: Wanted patients between two false signals of one sum, on average.
        at: (n,) when each patient was; needed where annotations stand.
        annotations: What happened; those that break start the sums anew.

    Returns:
        A chart whose `value` is the upper sum and whose `second` is the lower one below 0; both start anew after a
        signal. `in_control_run` is the upper sum's.

    Raises:
        ChartImpossible: Outcomes other than 0 and 1, risks outside (0, 1), or odds ratios on the wrong side of 1.

    Source: Steiner and others 2000, doi:10.1093/biostatistics/1.4.441.
    """
    outcome, risk = as_floats(outcome), as_floats(risk)
    _possible(outcome, risk, odds_ratio, better)
    named = times(at, len(risk))
    phase = phases(named, annotations)
    worse = weights(outcome, risk, odds_ratio)
    better_of = None if better is None else weights(outcome, risk, better)
    h = limit_of(risk, odds_ratio, in_control_run) if limit is None else limit
    low = h if better is None or limit is not None else limit_of(risk, better, in_control_run)
    up, first = _sum(worse, phase, h, MORE, "above")
    down, second = (np.zeros(len(risk)), []) if better_of is None else _sum(better_of, phase, low, FEWER, "below")
    flat = np.zeros(len(risk))
    return Chart(
        kind="risk-adjusted cusum", at=named, value=up, second=None if better is None else -down, centre=flat,
        lower=flat - low, upper=flat + h, n=np.ones(len(risk)), phase=phase,
        signals=tuple(sorted(first + second, key=lambda signal: signal.point)), annotations=tuple(annotations),
        method=f"steiner:odds-ratio={odds_ratio:g}:limit={h:.4g}",
        in_control_run=risk_adjusted_run_length(risk, odds_ratio, h),
    )  # fmt: skip


def weights(outcome: FloatArray, risk: FloatArray, odds_ratio: float) -> FloatArray:
    """(n,) what each patient adds: log likelihood of the odds being `odds_ratio` times what was foretold."""
    spread = np.log1p(risk * (odds_ratio - 1))
    return np.where(outcome > 0, np.log(odds_ratio) - spread, -spread)


def risk_adjusted_run_length(risk: FloatArray, odds_ratio: float, limit: float, *, truth: float = 1.0) -> float:
    """Patients until the sum first signals, when the odds are really `truth` times what was foretold.

    By Markov chain over the risks' own distribution (at most 200 of its quantiles).
    """
    kept = np.quantile(risk, (np.arange(_LEVELS) + 0.5) / _LEVELS) if len(risk) > _LEVELS else risk
    happens = truth * kept / (1 - kept + truth * kept)
    ones = np.ones_like(kept)
    step = np.concatenate([weights(ones, kept, odds_ratio), weights(0 * ones, kept, odds_ratio)])
    return chain_run_length(step, np.concatenate([happens, 1 - happens]) / len(kept), limit)


def limit_of(risk: FloatArray, odds_ratio: float, in_control_run: float) -> float:
    """Limit that gives one sum this in-control run length over patients with these risks."""
    return limit_for(lambda limit: risk_adjusted_run_length(risk, odds_ratio, limit), in_control_run, 1.5)


def _sum(
    weight: FloatArray, phase: np.ndarray[tuple[int, ...], np.dtype[np.int64]], limit: float, rule: str, side: str
) -> tuple[FloatArray, list[Signal]]:
    drawn, signals, at = np.empty(len(weight)), [], 0.0
    for i, step in enumerate(weight.tolist()):
        if i and phase[i] != phase[i - 1]:
            at = 0.0
        at = max(0.0, at + step)
        drawn[i] = at
        if at >= limit:
            signals.append(Signal(point=i, rule=rule, side=side))
            at = 0.0
    return drawn, signals


def _possible(outcome: FloatArray, risk: FloatArray, odds_ratio: float, better: float | None) -> None:
    if len(outcome) != len(risk):
        raise ChartImpossible(
            what="the rows do not fit", why=f"{len(outcome)} and {len(risk)}", fix="give one pair a patient"
        )
    if not np.all((outcome == 0) | (outcome == 1)):
        raise ChartImpossible(what="an outcome is neither 0 nor 1", why="the event happened or not", fix="leave it out")
    if not np.all((risk > 0) & (risk < 1)):
        raise ChartImpossible(
            what="a risk is not inside (0, 1)", why="its odds have no logarithm", fix="clip or leave it out"
        )
    if odds_ratio <= 1 or (better is not None and not 0 < better < 1):
        raise ChartImpossible(
            what="an odds ratio is on the wrong side of 1", why=f"{odds_ratio:g} and {better}", fix="say 2 and 0.5"
        )
