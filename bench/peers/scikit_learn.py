"""scikit-learn on every slice: points without intervals, calibration, one bootstrap replicate."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from given import Given, say, seconds_of
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, confusion_matrix, roc_auc_score


def points(given: Given, slices: list[np.ndarray]) -> list[list[float]]:
    """AUROC, AUPRC, Brier, sensitivity, specificity, PPV, NPV, F1; the last five from one confusion matrix."""
    found = []
    for rows in slices:
        y, p = given.event[rows], given.risk[rows]
        (tn, fp), (fn, tp) = confusion_matrix(y, given.flag[rows], labels=[0, 1])
        shares = [tp / (tp + fn), tn / (tn + fp), tp / (tp + fp), tn / (tn + fn), 2 * tp / (2 * tp + fp + fn)]
        found.append([roc_auc_score(y, p), average_precision_score(y, p), brier_score_loss(y, p), *shares])
    return found


def calibration(given: Given, slices: list[np.ndarray]) -> list[list[float]]:
    """Slope, joint intercept, observed over expected, ECE from the ten bins of the curve."""
    found = []
    for rows in slices:
        y, p = given.event[rows], given.risk[rows]
        x = np.log(p / (1 - p))[:, None]
        fit = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(x, y)
        share, mean = calibration_curve(y, p, n_bins=10)
        held = np.histogram(p, np.linspace(0, 1, 11))[0]
        ece = float(np.sum(held[held > 0] * np.abs(share - mean)) / len(y))
        found.append([float(fit.coef_[0, 0]), float(fit.intercept_[0]), y.mean() / p.mean(), ece])
    return found


def replicate(given: Given, seed: int) -> None:
    """One bootstrap replicate of AUROC, AUPRC, Brier, sensitivity and specificity on every slice."""
    rng = np.random.default_rng(seed)
    for rows in given.slices:
        drawn = rows[rng.integers(0, len(rows), len(rows))]
        y, p = given.event[drawn], given.risk[drawn]
        confusion_matrix(y, given.flag[drawn], labels=[0, 1])
        roc_auc_score(y, p), average_precision_score(y, p), brier_score_loss(y, p)


def main(path: Path, task: str) -> None:
    given = Given(path)
    if task == "points":
        seconds, values = seconds_of(lambda: points(given, given.slices), warm=lambda: points(given, given.slices[-2:]))
        say(seconds=seconds, values=values)
    elif task == "calibration":
        seconds, values = seconds_of(
            lambda: calibration(given, given.slices), warm=lambda: calibration(given, given.slices[-2:])
        )
        say(seconds=seconds, values=values)
    else:
        seconds, _ = seconds_of(lambda: replicate(given, 1))
        say(seconds=seconds * 1000, estimated="from 1 of 1,000 replicates")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
