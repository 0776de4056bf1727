"""Exact e-values by betting on patients one after another: right at any number of patients, and at any time.

A player starts with 1 and before each patient bets that the value will exceed what the null allows. Where the null
holds no player gains on average, so that what one has at any time, whenever one looks, is an e-value. Values lie in
[0, 1] and need no distribution. Source: Waudby-Smith & Ramdas 2024, doi:10.1093/jrsssb/qkad009.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import BoolArray, FloatArray
from codman.monitor.alarms.stream import WatchImpossible

_STAKES: Final = 0.5 ** np.arange(1, 11)  # of the most one may bet: half of it, a quarter, …


def wealth(values: FloatArray, standard: float) -> FloatArray:
    """(n,) the player's wealth after each patient, against "the mean is `standard` or less".

    The mean of ten players who each always bet the same part of the most that cannot ruin them.

    Args:
        values: (n,) one value a patient, in [0, 1], in order of time.
        standard: The largest mean that does not matter, in (0, 1): the reference's known mean plus δ.

    Raises:
        WatchImpossible: A value outside [0, 1], or a standard outside (0, 1).
    """
    if not 0 < standard < 1:
        raise WatchImpossible(what="nothing can be bet", why=f"the standard is {standard:g}", fix="give one in (0, 1)")
    if not np.all((values >= 0) & (values <= 1)):
        raise WatchImpossible(what="a value lies outside [0, 1]", why="bets need bounds", fix="scale the values first")
    gains = np.log1p(_STAKES[:, None] / standard * (values[None, :] - standard))
    return np.asarray(np.exp(np.minimum(np.cumsum(gains, axis=1), 700.0)).mean(axis=0))


def wealth_between(values: FloatArray, reference: FloatArray, delta: float) -> FloatArray:
    """(n,) the same against "the mean exceeds the reference's by δ or less", where the reference is a sample itself.

    Each patient is held against the mean of their own share of the reference's patients, none of whom is used twice, so
    that the reference's chance is in the game. Where the reference is smaller than the current sample, the patients
    left over are not used.

    Args:
        values: (n,) one value a patient, in [0, 1], in order of time.
        reference: (m,) one value a patient of the reference, in an order that has nothing to do with the values.
        delta: The largest difference of means that does not matter, from 0 to below 1.

    Raises:
        WatchImpossible: A value outside [0, 1], or no reference.
    """
    if len(reference) == 0 or not 0 <= delta < 1:
        raise WatchImpossible(
            what="nothing to compare with", why="no reference, or delta is not in [0, 1)", fix="check"
        )
    each = max(len(reference) // max(len(values), 1), 1)
    pairs = min(len(values), len(reference) // each)
    partners = reference[: pairs * each].reshape(pairs, each).mean(axis=1)
    return wealth((values[:pairs] - partners + 1) / 2, (1 + delta) / 2)


def ranking_values(score: FloatArray, outcome: BoolArray, random: np.random.Generator) -> FloatArray:
    """(events,) for each patient with the event, the share of their own patients without it who score lower.

    Ties count half. Patients without the event are dealt out at random, none to two events, so that the values are
    independent, lie in [0, 1], and their mean is the AUROC: bet on them for an exact test of an AUROC.
    """
    with_event, without = score[outcome], random.permutation(score[~outcome])
    if len(with_event) == 0 or len(without) == 0:
        return np.zeros(0)
    each = max(len(without) // len(with_event), 1)
    pairs = min(len(with_event), len(without) // each)
    beside = without[: pairs * each].reshape(pairs, each)
    mine = with_event[:pairs, None]
    return np.asarray(((mine > beside) + 0.5 * (mine == beside)).mean(axis=1))


def per_patient(values: FloatArray, subject: np.ndarray[Any, Any]) -> FloatArray:
    """(patients,) each patient's mean value, in order of their first row: chance deals out patients, not rows."""
    _, first, which = np.unique(subject, return_index=True, return_inverse=True)
    means = np.bincount(which.ravel(), weights=values) / np.bincount(which.ravel())
    return np.asarray(means[np.argsort(first, kind="stable")])
