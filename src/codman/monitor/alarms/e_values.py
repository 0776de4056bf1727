"""e-values for "the shift is larger than δ": evidence that is at most 1 on average where the shift is δ or less.

An e-value of 100 is as seldom as a p value of 0.01 (Markov's inequality), and unlike p values e-values may be averaged
and looked at again. Each test here takes patients, not rows: give one value a patient, or standard errors and counts
that allow for patients with several rows. Reading: Ramdas and others 2023, doi:10.1214/23-STS894.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.normal import log_cdf

# spread of the alternatives that the mixture bets on, in standard errors: what alarms must reach is about 5
SPREAD: Final = 5.0
_LARGEST: Final = 700.0  # of what exp can hold
_STEPS: Final = (0.1, 0.2, 0.4, 0.8, 1.6)  # alternatives of a share or a rate, on the log odds


def of_deviate(x: FloatArray) -> FloatArray:
    """e-value of a standard normal deviate whose mean is 0 or less where the shift is δ or less.

    The likelihood of a mean above 0 over that of 0, averaged over a half normal with standard deviation 5. Rises with
    x, so that smaller shifts only make it smaller. NaN (nothing measured) is 1: no evidence.
    """
    # ∫ exp(λx − λ²/2) · 2φ(λ/τ)/τ dλ over λ > 0
    wide = 1 + SPREAD**2
    log_e = (
        math.log(2) - math.log(wide) / 2 + np.maximum(x, -8.0) ** 2 * SPREAD**2 / (2 * wide)
        + log_cdf(x * SPREAD / math.sqrt(wide))
    )  # fmt: skip
    return np.where(np.isnan(x), 1.0, np.exp(np.minimum(log_e, _LARGEST)))


def either_side(up: FloatArray, down: FloatArray) -> FloatArray:
    """e-value of a shift either way: the mean of both, since a shift within ±δ is within both."""
    return (up + down) / 2


def as_normal(t: FloatArray, df: FloatArray) -> FloatArray:
    """A Student t as the normal deviate that is as seldom; heavy tails of small groups come in by it.

    The signed root of the likelihood ratio with Wallace's correction: from 3 degrees on at most 3 % short of the exact
    one, and beyond 2 never over it.
    Under one degree there is no deviate (NaN). Source: Wallace 1959, doi:10.1214/aoms/1177706197.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        size = (8 * df + 1) / (8 * df + 3) * np.sqrt(df * np.log1p(t**2 / df))
    return np.where(df >= 1, np.sign(t) * size, np.nan)


def mean_deviate(shift: FloatArray, se: FloatArray, df: FloatArray, delta: FloatArray | float) -> FloatArray:
    """Deviate of an estimated shift with its standard error against "the shift is δ or less".

    Args:
        shift: Estimated shift, in the direction that matters; current minus reference.
        se: Its standard error, of patients, the reference's own included.
        df: Degrees of freedom of that standard error: about patients less one.
        delta: The largest shift that does not matter.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return as_normal(np.where(se > 0, (shift - delta) / se, np.nan), df)


def share_deviate(
    events: FloatArray, n: FloatArray, reference_events: FloatArray, reference_n: FloatArray, delta: FloatArray | float
) -> FloatArray:
    """Deviate of a rise in a share of patients against "it rose by δ or less".

    The signed root of the likelihood ratio between the two shares as they are and the likeliest two that differ by δ;
    half a patient is taken off as counts are whole. Its far tail follows the binomial's where z of a rare event would
    cry wolf. Counts may be effective ones (Korn & Graubard 1998) where patients have several rows. For a fall, give the
    patients without the event.
    """
    events, n, held, total = np.broadcast_arrays(
        *(np.asarray(one, dtype=np.float64) for one in (events, n, reference_events, reference_n))
    )
    some = (n > 0) & (total > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        rose = events / n - held / total > delta
        # towards the null, never past it
        nearer = np.clip(events + np.where(rose, -0.5, 0.5), 0.0, n)
        still = np.where(rose, nearer / n - held / total > delta, nearer / n - held / total < delta)
        null = likeliest_share(nearer, n, held, total, delta)
        gain = (
            _log_likelihood(nearer, n, nearer / n) + _log_likelihood(held, total, held / total)
            - _log_likelihood(nearer, n, null + delta) - _log_likelihood(held, total, null)
        )  # fmt: skip
    size = np.sqrt(2 * np.maximum(gain, 0.0))
    return np.where(some, np.where(still, np.where(rose, size, -size), 0.0), np.nan)


def likeliest_share(
    events: FloatArray, n: FloatArray, reference_events: FloatArray, reference_n: FloatArray, delta: FloatArray | float
) -> FloatArray:
    """The reference's likeliest share if the current one is exactly δ higher: a root of a cubic, polished by Newton.

    Source: Farrington & Manning 1990, doi:10.1002/sim.4780091208.
    """
    theta = reference_n / n
    now, then = events / n, reference_events / reference_n
    a = 1 + theta
    b = -(1 + theta + now + theta * then + delta * (theta + 2))
    c = delta**2 + delta * (2 * now + theta + 1) + now + theta * then
    d = -now * delta * (1 + delta)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = np.where(v < 0, -1.0, 1.0) * np.sqrt(np.maximum(b**2 / (3 * a) ** 2 - c / (3 * a), 0.0))
    w = (np.pi + np.arccos(np.clip(np.where(u == 0, 0.0, v / np.where(u == 0, 1.0, u) ** 3), -1.0, 1.0))) / 3
    share = 2 * u * np.cos(w) - b / (3 * a) - delta
    low, high = 1e-12, 1 - np.asarray(delta) - 1e-12
    for _ in range(3):
        share = np.clip(share, low, high)
        there = share + delta
        slope = events / there - (n - events) / (1 - there) + reference_events / share
        slope -= (reference_n - reference_events) / (1 - share)
        bend = events / there**2 + (n - events) / (1 - there) ** 2 + reference_events / share**2
        bend += (reference_n - reference_events) / (1 - share) ** 2
        share = share + np.where(bend > 0, slope / bend, 0.0)
    return np.asarray(np.clip(share, low, high))


def against_share(events: FloatArray, n: FloatArray, share: FloatArray | float) -> FloatArray:
    """e-value that a share of patients exceeds a fixed one (a policy's bound plus δ): exact for any number of patients.

    The likelihood of odds 1.1 to 5 times as high over that of the fixed share, averaged. For "falls below", give the
    patients without the event and one minus the share.
    """
    held = np.clip(np.asarray(share, dtype=np.float64), 1e-12, 1 - 1e-12)
    total = np.zeros(np.broadcast_shapes(np.shape(events), np.shape(n), held.shape))
    for step in _STEPS:
        other = held * math.exp(step) / (1 + held * (math.exp(step) - 1))
        log_ratio = events * np.log(other / held) + (n - events) * np.log((1 - other) / (1 - held))
        total = total + np.exp(np.minimum(log_ratio, _LARGEST))
    return np.where(np.asarray(n) > 0, total / len(_STEPS), 1.0)


def of_rates(
    events: FloatArray, exposure: FloatArray, reference_events: FloatArray, reference_exposure: FloatArray,
    ratio: FloatArray | float,
) -> FloatArray:  # fmt: skip
    """e-value that a rate (alerts by patient-days) is over `ratio` times the reference's: exact for Poisson counts.

    Given how many events there were in all, the current ones are binomial, whatever the reference's true rate is.
    """
    there = ratio * np.asarray(exposure)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = there / (there + reference_exposure)
    usable = np.isfinite(part) & (part > 0) & (part < 1)
    together = np.asarray(events) + reference_events
    return np.where(usable, against_share(np.asarray(events), together, np.where(usable, part, 0.5)), 1.0)


def _log_likelihood(events: FloatArray, n: FloatArray, share: FloatArray) -> FloatArray:
    """Binomial log likelihood without its constant; 0·log 0 is 0."""
    happened = np.where(events > 0, events * np.log(np.where(events > 0, share, 1.0)), 0.0)
    others = n - events
    return happened + np.where(others > 0, others * np.log1p(-np.where(others > 0, share, 0.0)), 0.0)
