"""Looks at drift distances beyond δ, from how many patients stand in each bin now and in the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.monitor.alarms.e_values import as_normal, either_side, of_deviate, share_deviate
from codman.monitor.alarms.evidence import FEWEST, Look, Repeats, once, trailing
from codman.monitor.alarms.stream import WatchImpossible

_CLIP: Final = 1e-4  # PSI's shares: an empty bin is not infinitely far


def _psi(q: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    q, r = np.maximum(q, _CLIP), np.maximum(r, _CLIP)
    log = np.log(q / r)
    return ((q - r) * log).sum(axis=-1), log + 1 - r / q, -log + 1 - q / r


def _js(q: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    middle = np.maximum((q + r) / 2, 1e-300)
    of_q, of_r = np.log2(np.maximum(q, 1e-12) / middle) / 2, np.log2(np.maximum(r, 1e-12) / middle) / 2
    return (q * of_q + r * of_r).sum(axis=-1), of_q, of_r


def _hellinger(q: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    q, r = np.maximum(q, 1e-6), np.maximum(r, 1e-6)
    return 1 - np.sqrt(q * r).sum(axis=-1), -np.sqrt(r / q) / 2, -np.sqrt(q / r) / 2


# the divergence and its slopes, whether the distance is its root, and what chance adds for each bin and patient
_OF: Final[Mapping[str, tuple[Callable[[FloatArray, FloatArray], tuple[FloatArray, ...]], bool, float]]] = {
    "psi": (_psi, False, 1.0),
    "js_distance": (_js, True, 1 / (8 * np.log(2))),
    "hellinger": (_hellinger, True, 1 / 8),
}
DISTANCES: Final = ("ks", *_OF)


def distance(metric: str, now: FloatArray, reference: FloatArray) -> FloatArray:
    """The distance between two rows of bin counts, last axis the bins, as the vocabulary means it.

    Raises:
        WatchImpossible: No such distance.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        q, r = now / now.sum(axis=-1, keepdims=True), reference / reference.sum(axis=-1, keepdims=True)
    if metric == "ks":
        return np.asarray(np.abs(np.cumsum(q, axis=-1) - np.cumsum(r, axis=-1)).max(axis=-1))
    if metric not in _OF:
        raise WatchImpossible(
            what=f"{metric} is no distance", why="it is not of two rows of counts", fix="say ks or psi"
        )
    of, rooted, _ = _OF[metric]
    found = of(q, r)[0]
    return np.asarray(np.sqrt(np.maximum(found, 0.0)) if rooted else found)


def distance_look(
    metric: str, now: FloatArray, reference: FloatArray, delta: float, *, repeats: Repeats = once,
    reference_repeats: float = 1.0,
) -> Look:  # fmt: skip
    """Look at a distance beyond δ.

    `ks`: where some cut divides patients differently by more than δ; the e-values of all cuts, either way, averaged.
    Others: the distance less what chance adds to it, with its standard error by the delta method.

    Args:
        metric: `ks`, `psi`, `js_distance` or `hellinger`.
        now: (T, S, B) patients in each bin.
        reference: (S, B) the same in the reference.
        delta: The largest distance that does not matter; above 0, for at 0 any sample is some distance off.
        repeats: Rows of m windows that a patient has.
        reference_repeats: Rows that a patient of the reference has.

    Raises:
        WatchImpossible: No such distance, or a delta of 0 or less.
    """
    if delta <= 0:
        raise WatchImpossible(
            what="delta is too small", why="two samples are never at distance 0", fix="say what matters"
        )
    if metric == "ks":
        return _ks_look(now, reference / reference_repeats, delta, repeats)
    if metric not in _OF:
        raise WatchImpossible(
            what=f"{metric} is no distance", why="it is not of two rows of counts", fix="say ks or psi"
        )
    of, rooted, chance = _OF[metric]
    held_n = reference.sum(axis=-1) / reference_repeats
    r = _smoothed(reference / reference_repeats)
    limit = delta**2 if rooted else delta

    def look(m: int) -> tuple[FloatArray, FloatArray]:
        counts = trailing(now, m) / repeats(m)
        n = counts.sum(axis=-1)
        q = _smoothed(counts)
        found, of_q, of_r = of(q, r)
        with np.errstate(invalid="ignore", divide="ignore"):
            added = chance * (now.shape[-1] - 1) * (1 / n + 1 / held_n)
            se = np.sqrt(_variance(q, of_q) / n + _variance(r, of_r) / held_n)
            x = np.where((n >= FEWEST) & (se > 0), (found - added - limit) / se, np.nan)
            shift = np.where(n >= FEWEST, np.maximum(found - added, 0.0), np.nan)
        return of_deviate(as_normal(x, n - 1)), np.sqrt(shift) if rooted else shift

    return look


def _smoothed(counts: FloatArray) -> FloatArray:
    """Shares with half a patient more in every bin: an empty bin is rare, not infinitely far and free of chance."""
    return np.asarray((counts + 0.5) / (counts.sum(axis=-1, keepdims=True) + counts.shape[-1] / 2))


def _variance(share: FloatArray, slope: FloatArray) -> FloatArray:
    """Variance that one patient's place among the bins gives the divergence."""
    mean = (share * slope).sum(axis=-1)
    return np.asarray((share * slope**2).sum(axis=-1) - mean**2)


def _ks_look(now: FloatArray, reference: FloatArray, delta: float, repeats: Repeats) -> Look:
    below, held = np.cumsum(now, axis=-1), np.cumsum(reference, axis=-1)

    def look(m: int) -> tuple[FloatArray, FloatArray]:
        part = trailing(below, m) / repeats(m)
        n, total = part[..., -1], held[..., -1]
        few = n < FEWEST
        evidence, widest = np.zeros(n.shape), np.zeros(n.shape)
        cuts = now.shape[-1] - 1
        for cut in range(cuts):
            x, then = part[..., cut], held[..., cut]
            with np.errstate(invalid="ignore", divide="ignore"):
                widest = np.maximum(widest, np.abs(x / n - then / total))
            up, down = share_deviate(x, n, then, total, delta), share_deviate(n - x, n, total - then, total, delta)
            evidence += either_side(of_deviate(up), of_deviate(down)) / cuts
        return np.where(few, 1.0, evidence), np.where(few, np.nan, widest)

    return look
