"""One class of several: accuracy, balanced accuracy, macro F1, Cohen's kappa, log loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from codman.evaluate.estimates import BoolArray, Bounds, Estimates, FloatArray, IntArray
from codman.evaluate.intervals import wilson_ends
from codman.evaluate.metrics.bounds import student_fisher, student_log, student_logit
from codman.evaluate.metrics.moments import Moments, moments, steady_df
from codman.evaluate.metrics.proportion import share_bounds, share_method, share_worth
from codman.evaluate.metrics.resampling import Family, patient_sums
from codman.evaluate.sample import Sample

CLIP: Final = 1e-12  # a probability of 0 for what happened would cost infinitely much
FEWEST_OF_A_CLASS: Final = 5  # below it the macro F1's normal approximation does not hold its level

Table = Callable[[FloatArray], FloatArray]  # (S, K, K) shares -> (S, K, K) influence of a row of each kind


class Confusion:
    """Who was what, and was called what, on every slice."""

    def __init__(self, sample: Sample, truth: IntArray, called: IntArray, classes: Sequence[str]) -> None:
        self.sample, self.classes = sample, tuple(classes)
        self.weight = np.ones(sample.n) if sample.weight is None else sample.weight
        self.kind = truth * len(classes) + called
        self.truth, self.called = truth, called
        self.shares, self.total = self._shares(self.weight)
        self.rows = self._sums(np.ones(sample.n))
        sums = moments(sample, [])
        self.patients = sums.effective  # (S,)

    def _sums(self, values: FloatArray) -> FloatArray:
        """(S, K, K) totals of a number a row."""
        slices, k = self.sample.slices, len(self.classes)
        cells = slices.of_cell.shape[1]
        per_cell = np.bincount(slices.cell.astype(np.int64) * k * k + self.kind, values, minlength=cells * k * k)
        return slices.totals(per_cell.reshape(cells, k, k).astype(np.float64))

    def _shares(self, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        sums = self._sums(weight)
        total = sums.sum(axis=(1, 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            return sums / total[:, None, None], total

    def counted(self, times: FloatArray) -> FloatArray:
        """(S, K, K) shares with each row counted so many times."""
        return self._shares(self.weight * times)[0]

    def influence(self, of_kind: FloatArray, grouping: int) -> FloatArray:
        """(n,) share of each row in a metric's error, from its influence by kind of row (S, K, K)."""
        of_row = self.sample.slices.of_rows(grouping)
        flat = of_kind.reshape(len(of_kind), -1)
        with np.errstate(divide="ignore", invalid="ignore"):
            out: FloatArray = self.weight * flat[of_row, self.kind] / self.total[of_row]
        return out

    def variance(self, of_kind: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(S,) variance of a metric, patients' influences summed first, and its degrees of freedom."""
        second, fourth = self._powers(of_kind)
        with np.errstate(divide="ignore", invalid="ignore"):
            correction = np.where(self.patients > 1, self.patients / (self.patients - 1), np.nan)
        return second * correction, steady_df(second, fourth, self.patients)

    def _powers(self, of_kind: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(S,) sums of patients' influences, squared and to the fourth."""
        if not self.sample.repeats:
            out = []
            for power in (2, 4):
                weights = self._sums(self.weight**power)
                with np.errstate(divide="ignore", invalid="ignore"):
                    inside = np.where(weights > 0, weights * of_kind**power, 0.0)
                    out.append(inside.sum(axis=(1, 2)) / self.total**power)
            return out[0], out[1]
        second, fourth = np.zeros(len(of_kind)), np.zeros(len(of_kind))
        for g in range(len(self.sample.slices.groupings)):
            of_row = self.sample.slices.of_rows(g).astype(np.int64)
            of_patient, of_slice = patient_sums(self.sample, of_row, self.influence(of_kind, g))
            second += np.bincount(of_slice, of_patient**2, minlength=len(second))
            fourth += np.bincount(of_slice, of_patient**4, minlength=len(fourth))
        return second, fourth

    def method(self, name: str) -> str:
        """The interval's name, and whether patients were clustered."""
        return f"{name}-clustered" if self.sample.repeats else name

    def absent(self, *, called_too: bool = False) -> dict[int, str]:
        """Slices where a class does not occur (nor is called), which leaves a mean over classes without a value."""
        missing = self.rows.sum(axis=2) == 0
        if called_too:
            missing &= self.rows.sum(axis=1) == 0
        return {
            int(s): f"class {self.classes[int(np.argmax(missing[s]))]!r} does not occur"
            for s in np.flatnonzero(missing.any(axis=1))
        }


def judged(confusion: Confusion) -> Family:
    """Accuracy, balanced accuracy, macro F1 and Cohen's kappa: of the class with the highest probability.

    Balanced accuracy is the mean over classes of the share recognised; macro F1 the mean of each class's F1. Both are
    null where a class does not occur, since a mean over other classes is another metric.

    Intervals: accuracy Wilson (effective n where clustered or weighted). Balanced accuracy: the classes' Wilson
    intervals joined by MOVER (Zou & Donner 2008, doi:10.1002/sim.3095), with their correlation where patients repeat,
    and at least as wide as Wilson's on the classes' joint effective n. Macro F1:
    multinomial delta method (Takahashi et al. 2022, doi:10.1007/s10489-021-02635-5) on the logit scale. Kappa: delta
    method (Fleiss, Cohen & Everitt 1969, doi:10.1037/h0028106) on Fisher's z scale. Both with Student's t
    at Satterthwaite's degrees of freedom, since few errors may carry the variance.
    """
    values = {"accuracy": _accuracy, "balanced_accuracy": _balanced, "macro_f1": _macro_f1, "cohen_kappa": _kappa}
    kinds: dict[str, Table] = {
        "accuracy": _accuracy_kinds,
        "balanced_accuracy": _balanced_kinds,
        "macro_f1": _macro_f1_kinds,
        "cohen_kappa": _kappa_kinds,
    }
    influences = {metric: kind(confusion.shares) for metric, kind in kinds.items()}
    found = {metric: value(confusion.shares) for metric, value in values.items()}
    correct = (confusion.truth == confusion.called).astype(np.float64)
    of_all = moments(confusion.sample, [correct])
    few = {
        int(s): f"class {confusion.classes[int(np.argmin(row))]!r} has under {FEWEST_OF_A_CLASS} rows: no interval"
        for s, row in enumerate(confusion.rows.sum(axis=2))
        if row.min() < FEWEST_OF_A_CLASS
    }
    f1_bounds = student_logit(found["macro_f1"], *confusion.variance(influences["macro_f1"]))
    estimates = [
        Estimates(
            metric="accuracy",
            value=found["accuracy"],
            bounds=share_bounds(of_all, 0, confusion.sample),
            method=share_method(confusion.sample),
        ),
        Estimates(
            metric="balanced_accuracy",
            value=found["balanced_accuracy"],
            bounds=_mover(confusion, found["balanced_accuracy"], correct),
            method=confusion.method("mover-wilson"),
            notes=confusion.absent(),
        ),
        Estimates(
            metric="macro_f1",
            value=found["macro_f1"],
            bounds=_without(f1_bounds, set(few)),
            method=confusion.method("delta-logit"),
            notes=_flawless(found["macro_f1"]) | few | confusion.absent(called_too=True),
        ),
        Estimates(
            metric="cohen_kappa",
            value=found["cohen_kappa"],
            bounds=student_fisher(found["cohen_kappa"], *confusion.variance(influences["cohen_kappa"])),
            method=confusion.method("delta-fisher-z"),
            notes=_flawless(found["cohen_kappa"])
            | dict.fromkeys(np.flatnonzero(np.isnan(found["cohen_kappa"])).tolist(), "chance alone already agrees"),
        ),
    ]
    return Family(
        estimates=estimates,
        points=lambda times: [value(confusion.counted(times)) for value in values.values()],
        influence=lambda grouping: [confusion.influence(of_kind, grouping) for of_kind in influences.values()],
    )


def log_loss(sample: Sample, of_truth: FloatArray, *, why_not: str | None) -> Family:
    """Mean surprise at what happened: −log of the probability the model gave it, clipped at 1e-12.

    Args:
        sample: The rows.
        of_truth: (n,) probability of the class that happened.
        why_not: Why the scores are no probabilities; the value is then null.

    Interval: log scale, t with the sandwich variance.
    """
    surprise = -np.log(np.clip(of_truth, CLIP, 1.0))
    sums = moments(sample, [surprise])
    gradient = np.ones((len(sums.weight), 1))
    df = _steady(sample, sums, surprise)
    value = sums.mean[:, 0] if why_not is None else np.full(len(sums.weight), np.nan)
    clipped = sample.slices.totals(
        np.bincount(sample.slices.cell, of_truth < CLIP, minlength=sample.slices.of_cell.shape[1]).astype(np.float64)
    )
    notes = {
        int(s): f"{int(clipped[s])} rows gave what happened no chance: clipped at 1e-12"
        for s in np.flatnonzero(clipped)
    }
    estimate = Estimates(
        metric="log_loss",
        value=value,
        bounds=student_log(value, sums.variance(gradient), df),
        method="sandwich-log-clustered" if sample.repeats else "sandwich-log",
        notes=notes if why_not is None else dict.fromkeys(range(len(value)), why_not),
    )

    def points(times: FloatArray) -> list[FloatArray]:
        return [moments(sample, [surprise], times=times).mean[:, 0]]

    def influence(grouping: int) -> list[FloatArray]:
        share = sums.influence(gradient)[sample.slices.of_rows(grouping)]
        return [(1.0 if sample.weight is None else sample.weight) * (share[:, 0] + share[:, 1] * surprise)]

    return Family(estimates=[estimate], points=points, influence=influence)


def _steady(sample: Sample, sums: Moments, surprise: FloatArray) -> FloatArray:
    """Degrees of freedom of the mean surprise, which a few rows may carry."""
    second, fourth = np.zeros(len(sums.weight)), np.zeros(len(sums.weight))
    weight = 1.0 if sample.weight is None else sample.weight
    for g in range(len(sample.slices.groupings)):
        of_row = sample.slices.of_rows(g).astype(np.int64)
        own = weight * (surprise - sums.mean[of_row, 0]) / sums.weight[of_row]
        of_patient, of_slice = patient_sums(sample, of_row, own)
        second += np.bincount(of_slice, of_patient**2, minlength=len(second))
        fourth += np.bincount(of_slice, of_patient**4, minlength=len(fourth))
    return steady_df(second, fourth, sums.effective)


def _accuracy(shares: FloatArray) -> FloatArray:
    out: FloatArray = np.trace(shares, axis1=1, axis2=2)
    return out


def _accuracy_kinds(shares: FloatArray) -> FloatArray:
    out: FloatArray = np.eye(shares.shape[1])[None] - _accuracy(shares)[:, None, None]
    return out


def _balanced(shares: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        out: FloatArray = np.mean(_hits(shares) / shares.sum(axis=2), axis=1)
    return out


def _balanced_kinds(shares: FloatArray) -> FloatArray:
    occurs = shares.sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        recognised = _hits(shares) / occurs
        out: FloatArray = (
            (np.eye(shares.shape[1])[None] - recognised[:, :, None]) / occurs[:, :, None] / shares.shape[2]
        )
    return out


def _f1(shares: FloatArray) -> tuple[FloatArray, FloatArray]:
    occurs_and_called = shares.sum(axis=2) + shares.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * _hits(shares) / occurs_and_called, occurs_and_called


def _macro_f1(shares: FloatArray) -> FloatArray:
    out: FloatArray = np.mean(_f1(shares)[0], axis=1)
    return out


def _macro_f1_kinds(shares: FloatArray) -> FloatArray:
    f1, both = _f1(shares)
    k = shares.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        per_class = f1 / both
        # a row of class a called b lowers the F1 of a and of b; a hit raises its own
        of_pair = np.eye(k)[None] * (2 / both)[:, :, None] - (per_class[:, :, None] + per_class[:, None, :])
        out: FloatArray = of_pair / k
    return out


def _kappa(shares: FloatArray) -> FloatArray:
    agreed, chance = _accuracy(shares), np.sum(shares.sum(axis=2) * shares.sum(axis=1), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chance < 1 - 1e-12, (agreed - chance) / (1 - chance), np.nan)


def _kappa_kinds(shares: FloatArray) -> FloatArray:
    occurs, called = shares.sum(axis=2), shares.sum(axis=1)
    agreed, chance = _accuracy(shares)[:, None, None], np.sum(occurs * called, axis=1)[:, None, None]
    of_chance = called[:, :, None] + occurs[:, None, :] - 2 * chance
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = (agreed - chance) / (1 - chance)
        out: FloatArray = (np.eye(shares.shape[1])[None] - agreed - (1 - kappa) * of_chance) / (1 - chance)
    return out


def _hits(shares: FloatArray) -> FloatArray:
    out: FloatArray = np.diagonal(shares, axis1=1, axis2=2)
    return out


def _mover(confusion: Confusion, value: FloatArray, correct: FloatArray) -> Bounds:
    """Interval of the mean of the classes' recognised shares.

    MOVER alone covers only 84 to 93 % where every share is near 1, because each class's own reach upward vanishes; so
    it is at least as wide as Wilson's interval on the effective n that the classes' smoothed variances give.
    """
    k = len(confusion.classes)
    of_class = [moments(confusion.sample, [correct], keep=confusion.truth == c) for c in range(k)]
    worths = [share_worth(sums, 0, confusion.sample) for sums in of_class]
    recognised = np.stack([sums.mean[:, 0] for sums in of_class], axis=1)
    independent = np.broadcast_to(np.eye(k), (len(value), k, k))
    correlation = _correlation(confusion, recognised) if confusion.sample.repeats else independent

    def joined(reach: FloatArray) -> FloatArray:
        out: FloatArray = np.sqrt(np.maximum(np.einsum("si,sij,sj->s", reach, correlation, reach), 0)) / k
        return out

    def at(level: float) -> tuple[FloatArray, FloatArray]:
        worth = np.stack([of(level) for of in worths], axis=1)
        ends = [wilson_ends(recognised[:, c], worth[:, c], level) for c in range(k)]
        down = recognised - np.stack([lower for lower, _ in ends], axis=1)
        up = np.stack([upper for _, upper in ends], axis=1) - recognised
        smooth = (recognised * worth + 1) / (worth + 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = joined(np.sqrt(smooth * (1 - smooth) / worth)) ** 2
            mean = smooth.mean(axis=1)
            low, high = wilson_ends(value, mean * (1 - mean) / variance, level)
        return np.fmin(value - joined(down), low), np.fmax(value + joined(up), high)

    return at


def _correlation(confusion: Confusion, recognised: FloatArray) -> FloatArray:
    """(S, K, K) correlation of the classes' recognised shares, from patients with rows of several classes."""
    k, count = len(confusion.classes), len(recognised)
    product = np.zeros((count, k, k))
    occurs = confusion.shares.sum(axis=2)
    for g in range(len(confusion.sample.slices.groupings)):
        of_row = confusion.sample.slices.of_rows(g).astype(np.int64)
        sums: list[FloatArray] = []
        of_slice = of_row
        for c in range(k):
            inside = (confusion.truth == c) * confusion.weight
            with np.errstate(divide="ignore", invalid="ignore"):
                own = np.where(
                    inside > 0, inside * ((confusion.called == c) - recognised[of_row, c]) / occurs[of_row, c], 0.0
                )
            of_patient, of_slice = patient_sums(confusion.sample, of_row, own)
            sums.append(of_patient)
        for i in range(k):
            for j in range(k):
                product[:, i, j] += np.bincount(of_slice, sums[i] * sums[j], minlength=count)
    size = np.sqrt(np.diagonal(product, axis1=1, axis2=2))
    with np.errstate(divide="ignore", invalid="ignore"):
        out = product / (size[:, :, None] * size[:, None, :])
    out = np.where(np.isfinite(out), out, 0.0)
    out[:, range(k), range(k)] = 1.0
    return out


def _flawless(value: FloatArray) -> dict[int, str]:
    edge: BoolArray = (value == 1) | (value == 0)
    return {int(s): "every row is the same kind of right or wrong: no interval" for s in np.flatnonzero(edge)}


def _without(bounds: Bounds, slices: set[int]) -> Bounds:
    left_out = np.array(sorted(slices), dtype=np.int64)

    def at(level: float) -> tuple[FloatArray, FloatArray]:
        lower, upper = bounds(level)
        lower, upper = lower.copy(), upper.copy()
        lower[left_out] = upper[left_out] = np.nan
        return lower, upper

    return at
