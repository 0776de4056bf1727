"""What updating a model may gain: refitted on recent rows, judged on rows that the refit did not see.

Two updates that anybody can fit without the model's makers. *Recalibration*: a line on the logit of the score, which
leaves the ranking as it is. *Extension*: a logistic model of the score's logit and the features that the events carry.
Neither is what the makers would train: they say what is to be gained at least. Source: Steyerberg 2004,
doi:10.1002/sim.1844; Davis 2019, doi:10.1093/jamia/ocz127.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from codman.evaluate.compare.run import run as compare
from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.groups import CodeArray
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import CHANGE
from codman.tables.source import open_source

FOLDS: Final = 10
FEWEST: Final = 30  # patients with the event, and without, under which nothing is refitted
EVENTS_A_COEFFICIENT: Final = 10  # rows of the smaller class, under which an extension is not fitted
_MOST_LEVELS: Final = 20
_RARE: Final = 0.01  # of the rows; a rarer level has no coefficient
_FAR: Final = 5.0  # standard deviations, where a number is cut off
_RIDGE: Final = 1.0  # on standardised features: one row's worth
_CLIP: Final = 1e-6
_PASSES: Final = 50
_SETTLED: Final = 1e-8
_NOTE: Final = "cross-validated by patient, each row by a fit that did not see it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """Rows whose outcome is known, since the model got worse. n rows."""

    event: BoolArray  # (n,)
    score: FloatArray  # (n,) risk, or any number
    subject: CodeArray  # (n,) patient
    numbers: Mapping[str, FloatArray]  # (n,) each, NaN where missing
    levels: Mapping[str, Sequence[str | None]]

    @property
    def of_a_class(self) -> tuple[int, int]:
        """Patients who have a row with the event, and patients who have one without."""
        return len(np.unique(self.subject[self.event])), len(np.unique(self.subject[~self.event]))


@dataclass(frozen=True, slots=True)
class Gains:
    """What updates change, and what could not be fitted."""

    measurements: tuple[Measurement, ...]  # each with `params.update`
    notes: tuple[str, ...]


def expected_gains(rows: Recent, thresholds: Sequence[float], *, level: float = 0.95, seed: int = 7) -> Gains:
    """What each update changes of the model's metrics on recent rows, the update minus the model in use.

    Args:
        rows: With known outcomes.
        thresholds: At which staff act; net benefit is told there.
        level: Of the intervals, which are about chance in the patients and not about the choice of an update.
        seed: Of the folds.
    """
    if min(rows.of_a_class) < FEWEST:
        few = f"fewer than {FEWEST} patients with the event, or without it, have a known outcome: nothing is refitted"
        return Gains((), (few,))
    found: list[Measurement] = []
    notes: list[str] = []
    x = _abscissa(rows.score)
    line = out_of_fold(rows, lambda train: _Design(x, {}, {}, train), seed)
    found += _changes(rows, line, "recalibration", ("brier", "log_loss"), thresholds, level)
    if rows.numbers or rows.levels:
        every = np.arange(len(rows.event))
        wide = _Design(x, rows.numbers, rows.levels, every).width
        smaller = min(int(rows.event.sum()), int((~rows.event).sum()))
        if smaller < EVENTS_A_COEFFICIENT * wide:
            notes.append(f"an extension has {wide} coefficients and would need {EVENTS_A_COEFFICIENT} events for each")
        else:
            more = out_of_fold(rows, lambda train: _Design(x, rows.numbers, rows.levels, train), seed)
            found += _changes(rows, more, "extension", ("auroc", "brier", "log_loss"), thresholds, level)
    else:
        notes.append("the events carry no features: only a recalibration could be fitted")
    return Gains(tuple(found), tuple(notes))


def out_of_fold(rows: Recent, design: Any, seed: int) -> FloatArray:
    """(n,) risks, each by a fit on the other folds; all rows of a patient are in one fold.

    Args:
        rows: With known outcomes.
        design: Takes the training rows, gives what is fitted: `matrix(rows)` in the training rows' scale.
        seed: Of the folds.
    """
    patients = int(rows.subject.max()) + 1
    of_patient = np.random.default_rng(seed).permutation(np.arange(patients) % FOLDS)
    fold = of_patient[rows.subject]
    risk = np.empty(len(rows.event))
    for k in range(FOLDS):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        shape = design(train)
        beta = fit_logistic(shape.matrix(train), rows.event[train], shape.penalty)
        risk[test] = 1 / (1 + np.exp(-np.clip(shape.matrix(test) @ beta, -30, 30)))
    return risk


def fit_logistic(x: FloatArray, event: BoolArray, penalty: FloatArray) -> FloatArray:
    """Penalised maximum likelihood by Newton's method; halved where a step goes too far.

    Args:
        x: (n, p) with a column of ones.
        event: (n,) True where the event happened.
        penalty: (p,) of each squared coefficient, halved; 0 is free.

    Returns:
        (p,) coefficients.
    """
    y = event.astype(np.float64)
    beta = np.zeros(x.shape[1])
    share = float(np.clip(y.mean(), _CLIP, 1 - _CLIP))
    beta[0] = np.log(share / (1 - share))
    loss = _loss(x, y, beta, penalty)
    for _ in range(_PASSES):
        p = 1 / (1 + np.exp(-(x @ beta)))
        slope = x.T @ (y - p) - penalty * beta
        curve = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.lstsq(curve, slope, rcond=None)[0]
        size = 1.0
        while (tried := _loss(x, y, beta + size * step, penalty)) > loss and size > _SETTLED:
            size /= 2
        beta, before, loss = beta + size * step, loss, min(tried, loss)
        if before - loss < _SETTLED * max(abs(loss), 1.0):
            break
    return beta


def _loss(x: FloatArray, y: FloatArray, beta: FloatArray, penalty: FloatArray) -> float:
    margin = x @ beta
    return float(np.logaddexp(0.0, margin).sum() - y @ margin + (penalty * beta**2).sum() / 2)


class _Design:
    """Ones, the score, and the features, scaled as the training rows are."""

    def __init__(
        self,
        x: FloatArray,
        numbers: Mapping[str, FloatArray],
        levels: Mapping[str, Sequence[str | None]],
        train: IntArray,
    ) -> None:
        columns = [np.ones(len(x)), x]
        for values in numbers.values():
            columns += _number(values, train)
        for said in levels.values():
            columns += _level(np.asarray(said, dtype=object), train)
        self._columns = np.column_stack(columns)
        self.width = self._columns.shape[1]
        # the score and the level are free: without features this is recalibration, nothing shrunk
        self.penalty = np.concatenate([[0.0, 0.0], np.full(self.width - 2, _RIDGE)])

    def matrix(self, rows: IntArray) -> FloatArray:
        """(k, p) some of the rows."""
        found: FloatArray = self._columns[rows]
        return found


def _number(values: FloatArray, train: IntArray) -> list[FloatArray]:
    known = values[train][np.isfinite(values[train])]
    if len(known) == 0 or float(known.std()) == 0.0:
        return []
    middle, spread = float(np.median(known)), float(known.std())
    gone = ~np.isfinite(values)
    scaled = np.clip((np.where(gone, middle, values) - middle) / spread, -_FAR, _FAR)
    return [scaled, gone.astype(np.float64)] if gone[train].any() else [scaled]


def _level(said: Any, train: IntArray) -> list[FloatArray]:
    names, counts = np.unique([str(one) for one in said[train]], return_counts=True)
    frequent = names[np.argsort(-counts, kind="stable")][: _MOST_LEVELS + 1]
    kept = [name for name in frequent[1:] if counts[names == name][0] >= _RARE * len(train)]  # the first is the rest
    texts = np.array([str(one) for one in said])
    return [(texts == name).astype(np.float64) for name in kept]


def _abscissa(score: FloatArray) -> FloatArray:
    """Logit of a risk; another score as it is, in standard deviations."""
    if score.min() >= 0 and score.max() <= 1:
        inside = np.clip(score, _CLIP, 1 - _CLIP)
        found: FloatArray = np.log(inside / (1 - inside))
        return found
    scaled: FloatArray = (score - score.mean()) / (score.std() or 1.0)
    return scaled


def _changes(
    rows: Recent, risk: FloatArray, update: str, metrics: Sequence[str], thresholds: Sequence[float], level: float
) -> list[Measurement]:
    shared = {"label": pa.array(rows.event), "subject": pa.array(rows.subject)}
    a, b = (
        open_source(pa.table({**shared, "score": pa.array(score)}), name=name)
        for name, score in (("a", rows.score), ("b", risk))
    )
    at = [t for t in thresholds if 0 < t < 1]
    spec = ComparisonSpec(
        label="label",
        score="score",
        subject="subject",
        metrics=[*metrics, *(["net_benefit"] if at else [])],
        thresholds=at,
        level=level,
    )
    return [
        one.model_copy(
            update={
                "method": f"cross-validation:{FOLDS}:{one.method}",
                "params": {**one.params, "update": update},
                "note": "; ".join(filter(None, (one.note, _NOTE))),
            }
        )
        for one in compare(a, b, spec).measurements
        if one.metric.endswith(CHANGE)
    ]
