"""Invented patients whose risk is known, for what can only be shown by simulation."""

from __future__ import annotations

import numpy as np


def logistic(x):
    return 1 / (1 + np.exp(-x))


def patients(rng, n, *, base=-2.0, slope=1.0, stretch=1.0, shift=0.0):
    """Scores and outcomes; the stated logit is the true one times `stretch` plus `shift`."""
    true = base + slope * rng.normal(size=n)
    return logistic(stretch * true + shift), rng.random(n) < logistic(true)


def ascending(score, *others):
    order = np.argsort(score, kind="stable")
    return score[order], *(other[order] for other in others)


def auroc(score, event):
    """By counting pairs, ties half."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    events = np.count_nonzero(event)
    return (rank[event].sum() - events * (events + 1) / 2) / (events * (len(event) - events))


def realised(metric, score, event, threshold):
    """What the labels show, each by its plain formula."""
    flag = score >= threshold
    formulas = {
        "auroc": lambda: auroc(score, event),
        "brier": lambda: np.mean((score - event) ** 2),
        "log_loss": lambda: -np.mean(np.where(event, np.log(score), np.log1p(-score))),
        "prevalence": lambda: event.mean(),
        "oe_ratio": lambda: event.sum() / score.sum(),
        "sensitivity": lambda: flag[event].mean(),
        "specificity": lambda: (~flag)[~event].mean(),
        "ppv": lambda: event[flag].mean(),
        "npv": lambda: (~event)[~flag].mean(),
        "f1": lambda: 2 * np.sum(flag & event) / (flag.sum() + event.sum()),
        "accuracy": lambda: np.mean(flag == event),
    }
    return formulas[metric]()
