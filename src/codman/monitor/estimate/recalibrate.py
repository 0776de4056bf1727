"""Whether a score is the risk it says, and which curve makes it one: settled on rows held out.

Three candidates: the score as it is, a logistic curve of its logit (Cox 1958, doi:10.1093/biomet/45.3-4.562), an
isotonic curve (as NannyML's). Isotonic curves follow any shape but make few rows look better ranked than they are;
logistic ones do not. The lowest held-out Brier score wins; a score that Cox's test finds miscalibrated is never taken
as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from codman.evaluate.distributions import chi2_sf
from codman.evaluate.estimates import BoolArray, FloatArray
from codman.evaluate.groups import CodeArray
from codman.evaluate.kernels.library import logits
from codman.evaluate.metrics.probability import CLIP

Kind = Literal["isotonic", "logistic", "none"]
FOLDS: Final = 5
BINS: Final = 2048  # at most, of equal mass
DOUBTED: Final = 0.05  # p value of Cox's test under which a score is not taken as it is
PASSES: Final = 50
SETTLED: Final = 1e-10
STEEPEST: Final = 20.0  # slope beyond which scores separate the classes, and no curve is fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Labelled rows in ascending order of score."""

    score: FloatArray  # (n,)
    event: BoolArray  # (n,)
    weight: FloatArray | None = None  # (n,) density ratio, where the rows stand for another mix of patients
    subject: CodeArray | None = None  # (n,) patient, where rows repeat them


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """Rows in bins of neighbouring scores, dealt out to folds."""

    middle: FloatArray  # (B,) a score in the middle of each bin
    mass: FloatArray  # (B, folds) weight of rows
    events: FloatArray  # (B, folds) weight of rows with the event


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """Risk as a logistic curve of the score's logit, or of the score where scores are no risks."""

    intercept: float
    slope: float
    of_logit: bool

    def at(self, score: FloatArray) -> FloatArray:
        """Risk at any score."""
        found: FloatArray = 1 / (1 + np.exp(-(self.intercept + self.slope * _abscissa(score, self.of_logit))))
        return found


def best_kind(rows: Labelled) -> Kind:
    """The curve that foretells held-out rows best (Brier score, 5 folds).

    Every fifth row in order of score is held out in turn, or every fifth patient where rows repeat patients.
    """
    score, event = rows.score, rows.event
    dealt = deal(rows, BINS, FOLDS)
    scores: dict[Kind, float] = {}
    if score[0] >= 0 and score[-1] <= 1 and not miscalibrated(rows):
        if rows.weight is None:
            scores["none"] = float(score @ score - 2 * np.sum(score[event]) + np.count_nonzero(event))
        else:
            scores["none"] = float(np.sum(rows.weight * (score - event) ** 2))
    of_logit = bool(score[0] >= 0 and score[-1] <= 1)
    for held in range(FOLDS):
        rest = Dealt(
            middle=dealt.middle,
            mass=dealt.mass.sum(1, keepdims=True) - dealt.mass[:, [held]],
            events=dealt.events.sum(1, keepdims=True) - dealt.events[:, [held]],
        )
        curve = fit_logistic(rest, of_logit=of_logit)
        kinds: list[tuple[Kind, FloatArray]] = [("isotonic", _isotonic_on_bins(rest))]
        kinds += [("logistic", curve.at(dealt.middle))] if curve is not None else []
        for kind, risk in kinds:
            missed = float(np.sum(dealt.events[:, held] * (1 - 2 * risk) + dealt.mass[:, held] * risk**2))
            scores[kind] = scores.get(kind, 0.0) + missed
        if curve is None:
            scores["logistic"] = np.inf
    return min(scores, key=lambda kind: scores[kind])


def miscalibrated(rows: Labelled) -> bool:
    """Whether Cox's test finds the score's own risks wrong: intercept 0 and slope 1 on the logit scale, p < 0.05."""
    x, _ = logits(rows.score, CLIP)
    error = rows.event - rows.score
    weight = 1.0 if rows.weight is None else rows.weight
    lean = weight * error
    if rows.subject is None:
        spread = weight**2 * rows.score * (1 - rows.score) if rows.weight is not None else rows.score * (1 - rows.score)
        sx = spread * x
        information = np.array([[spread.sum(), sx.sum()], [sx.sum(), sx @ x]])
    else:
        of_patient = np.stack([np.bincount(rows.subject, weights=part) for part in (lean, lean * x)])
        information = of_patient @ of_patient.T
    gradient = np.array([lean.sum(), lean @ x])
    try:
        fall = float(gradient @ np.linalg.solve(information, gradient))
    except np.linalg.LinAlgError:  # one score for all
        fall = float(gradient[0] ** 2 / max(information[0, 0], 1e-300))
    return not chi2_sf(fall, 2) > DOUBTED


def deal(rows: Labelled, bins: int, folds: int = 1) -> Dealt:
    """Rows in at most so many bins of equal mass, every next row or patient of a bin to another fold."""
    n = len(rows.score)
    wide = -(-n // (bins * folds)) * folds  # rows of a bin
    count = -(-n // wide)
    if rows.weight is None and rows.subject is None:
        mass = _dealt(np.ones(n, dtype=bool), count, wide, folds)
        events = _dealt(rows.event, count, wide, folds)
    else:
        every = np.ones(n) if rows.weight is None else rows.weight
        fold = np.arange(n) % folds if rows.subject is None else rows.subject % folds
        cell = np.arange(n) // wide * folds + fold
        mass = np.bincount(cell, weights=every, minlength=count * folds).reshape(count, folds).astype(np.float64)
        happened = np.bincount(cell, weights=every * rows.event, minlength=count * folds)
        events = happened.reshape(count, folds).astype(np.float64)
    first = np.arange(count) * wide
    middle = rows.score[(first + np.minimum(first + wide, n) - 1) // 2]
    return Dealt(middle=middle, mass=mass, events=events)


def _dealt(rows: BoolArray, bins: int, wide: int, folds: int) -> FloatArray:
    padded = np.zeros(bins * wide, dtype=np.uint8)
    padded[: len(rows)] = rows
    dealt: FloatArray = padded.reshape(bins, wide // folds, folds).sum(axis=1, dtype=np.float64)
    return dealt


def fit_logistic(dealt: Dealt, *, of_logit: bool | None = None) -> Logistic | None:
    """Maximum likelihood on bins, by Newton's method; None where scores separate the classes."""
    if of_logit is None:
        of_logit = bool(dealt.middle[0] >= 0 and dealt.middle[-1] <= 1)
    x = _abscissa(dealt.middle, of_logit)
    mass, events = dealt.mass.sum(1), dealt.events.sum(1)
    centre = float(np.average(x, weights=mass))
    scale = float(np.sqrt(np.average((x - centre) ** 2, weights=mass))) or 1.0
    u = (x - centre) / scale
    share = events.sum() / mass.sum()
    a, b = float(np.log(share / (1 - share))), 0.0
    for _ in range(PASSES):
        p = 1 / (1 + np.exp(-(a + b * u)))
        h = mass * p * (1 - p)
        error, hu = events - mass * p, h * u
        g0, g1 = float(error.sum()), float(np.sum(error * u))
        h0, h1, h2 = float(h.sum()), float(hu.sum()), float(np.sum(hu * u))
        det = h0 * h2 - h1 * h1
        if not det > 1e-12 * max(h0 * h2, 1e-300):
            return None
        step_a, step_b = (h2 * g0 - h1 * g1) / det, (h0 * g1 - h1 * g0) / det
        a, b = a + float(np.clip(step_a, -2, 2)), b + float(np.clip(step_b, -2, 2))
        if abs(b) > STEEPEST:
            return None
        if max(abs(step_a), abs(step_b)) < SETTLED:
            return Logistic(intercept=a - b * centre / scale, slope=b / scale, of_logit=of_logit)
    return None


def _abscissa(score: FloatArray, of_logit: bool) -> FloatArray:
    return logits(np.ascontiguousarray(score), CLIP)[0] if of_logit else score


def _isotonic_on_bins(dealt: Dealt) -> FloatArray:
    """(B,) isotonic risk of bins; one that nobody is left in takes its neighbours'."""
    mass = dealt.mass.sum(1)
    there = mass > 0
    x, events, rows = dealt.middle[there], dealt.events.sum(1)[there], mass[there]
    first = np.arange(len(x))
    while len(first) > 1:
        stays = np.append(True, events[:-1] * rows[1:] < events[1:] * rows[:-1])
        if stays.all():
            break
        kept = np.flatnonzero(stays)
        first, events, rows = first[kept], np.add.reduceat(events, kept), np.add.reduceat(rows, kept)
    risk = np.repeat(events / rows, np.diff(np.append(first, len(x))))
    found: FloatArray = np.interp(dealt.middle, x, risk)
    return found
