"""All columns together: the domain classifier, MMD, the reconstruction; and what the shift does to performance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from codman.evaluate.estimates import FloatArray
from codman.evaluate.groups import CodeArray
from codman.evaluate.rows import finite
from codman.monitor.drift import effect
from codman.monitor.drift.bins import decile_edges
from codman.monitor.drift.column import Pair
from codman.monitor.drift.domain import FEWEST_ROWS, Domain, tell_apart
from codman.monitor.drift.encoded import encode
from codman.monitor.drift.mmd import FREQUENCIES, mmd
from codman.monitor.drift.prepared import Prepared
from codman.monitor.drift.reconstruction import reconstruction_error
from codman.monitor.kernels.library import place
from codman.spine.drift_spec import DriftSpec
from codman.spine.measurement import Measurement

_MOST_ALONE: Final = 20  # columns whose own effect is estimated
_LEAST_OVERLAP: Final = 0.5  # of the current rows with the reference, under which labels of before say nothing of now
_TOO_FEW: Final = f"fewer than {FEWEST_ROWS} rows on one side, or no column to tell them by"


def judged_together(ready: Prepared, spec: DriftSpec) -> list[Pair]:
    """The columns that speak for the mix of patients: no label, which comes later, no date, which always differs."""
    return [pair for pair in ready.pairs if pair.name != spec.label and pair.unit != "days"]


def domain(ready: Prepared, spec: DriftSpec) -> Domain | None:
    """The classifier, on every column that may speak."""
    return tell_apart(judged_together(ready, spec), subjects=_subjects(ready), level=spec.level, seed=spec.seed)


def domain_measurement(found: Domain | None, ready: Prepared, spec: DriftSpec) -> Measurement:
    """How well it tells them apart."""
    shared: dict[str, Any] = {"reference_n": ready.frame.reference.n, "seed": spec.seed}
    if found is None:
        return Measurement(
            metric="domain_auroc", value=None, window=ready.frame.window, n=ready.frame.current.n, params=shared,
            method="additive-logistic", note=_TOO_FEW,
        )  # fmt: skip
    bounded = np.isfinite(found.lower) and np.isfinite(found.upper)
    return Measurement(
        metric="domain_auroc",
        window=ready.frame.window,
        value=found.auroc,
        lower=found.lower if bounded else None,
        upper=found.upper if bounded else None,
        level=spec.level if bounded else None,
        p_value=finite(found.p_value),
        n=ready.frame.current.n,
        method=f"additive-logistic:folds={found.folds}; delong-logit",
        params={**shared, "columns": len(found.columns), "leading": found.leaders},
    )


def distances(ready: Prepared, spec: DriftSpec) -> Iterator[Measurement]:
    """MMD and the reconstruction error of all columns together."""
    window, n = ready.frame.window, ready.frame.current.n
    shared: dict[str, Any] = {"reference_n": ready.frame.reference.n, "seed": spec.seed}
    encoded = encode(judged_together(ready, spec))
    subjects = _subjects(ready)
    apart = mmd(encoded, subjects=subjects, level=spec.level, seed=spec.seed)
    if apart is None:
        yield Measurement(metric="mmd", value=None, window=window, n=n, params=shared, method="fourier", note=_TOO_FEW)
    else:
        yield Measurement(
            metric="mmd", value=apart.value, lower=apart.lower, upper=apart.upper, level=spec.level,
            p_value=finite(min(apart.p_value, 1.0)), window=window, n=n, method=f"gaussian, fourier:{FREQUENCIES}",
            params={**shared, "bandwidth": apart.bandwidth},
        )  # fmt: skip
    rebuilt = reconstruction_error(encoded, subjects=subjects, level=spec.level, seed=spec.seed)
    if rebuilt is None:
        yield Measurement(
            metric="reconstruction_error", value=None, window=window, n=n, params=shared, method="pca",
            note="fewer than 50 rows on one side, or fewer than two columns that vary",
        )  # fmt: skip
        return
    yield Measurement(
        metric="reconstruction_error",
        value=rebuilt.value,
        lower=rebuilt.lower,
        upper=rebuilt.upper,
        level=spec.level,
        p_value=rebuilt.p_value,
        window=window,
        n=n,
        method="pca, 65 % of the variance, cross-fitted",
        params={
            **shared,
            "reference": rebuilt.reference,
            "lower_limit": rebuilt.limits[0],
            "upper_limit": rebuilt.limits[1],
            "components": rebuilt.components,
            "columns": rebuilt.columns,
        },
    )


def _subjects(ready: Prepared) -> tuple[CodeArray, CodeArray] | None:
    """Patients, where some have several rows."""
    sides = (ready.frame.reference, ready.frame.current)
    return ready.subjects if any(side.clustered for side in sides) else None


def effects(ready: Prepared, spec: DriftSpec, found: Domain | None, moved: Sequence[str]) -> Iterator[Measurement]:
    """What the shift of all columns together does to performance, and what each moved column would do alone.

    Args:
        ready: The two sides.
        spec: What was asked.
        found: The classifier, whose odds are the weights.
        moved: Columns that moved by more than matters.
    """
    of = effect.labelled(ready, tuple(spec.thresholds))
    if of is None or found is None or found.overlap < _LEAST_OVERLAP:
        if spec.score is not None:
            why = "the reference has no labels of both outcomes: name them with --label" if of is None else _TOO_FEW
            if of is not None and found is not None:
                why = f"too little of the reference resembles the current rows: they overlap by {found.overlap:.0%}"
            yield Measurement(metric="estimated_auroc", value=None, window=ready.frame.window, n=0, note=why)
        return
    weight, now = found.ratio[of.rows], _current_patients(ready)
    shared = {
        "overlap": round(found.overlap, 3),
        "clipped_weights": found.clipped,
        "largest_weight": round(float(weight.max()), 2),
    }
    for one in effect.effects(of, weight, now):
        yield from effect.measurements(one, of, weight, ready, feature=None, params=shared)
    for name in list(dict.fromkeys(moved))[:_MOST_ALONE]:
        pair = next((pair for pair in ready.pairs if pair.name == name), None)
        if pair is None or name in (spec.label, spec.score):
            continue
        alone = _ratio_alone(pair)[of.rows]
        first = next(effect.effects(of, alone, now, groupings=1))
        named = {"shift": "this column alone"}
        yield from effect.measurements(first, of, alone, ready, feature=name, params=named, everyone=True)


def _current_patients(ready: Prepared) -> FloatArray:
    """(S,) current rows; patients where they repeat, as if rows of one said the same."""
    side = ready.frame.current
    return np.maximum(side.patients if side.clustered else side.rows, 1).astype(np.float64)


def _ratio_alone(pair: Pair) -> FloatArray:
    """(nr,) how much more of each reference row's decile or category there is now, missing values their own."""
    if pair.numeric:
        before, now = (np.ascontiguousarray(x, np.float64) for x in (pair.reference, pair.current))
        there = np.sort(before[~np.isnan(before)])
        edges = decile_edges(there) if len(there) else np.empty(0)
        codes = [place(x, edges, missing=len(edges) + 1).astype(np.int64) for x in (before, now)]
        width = len(edges) + 2
    else:
        width = len(pair.levels) + 1
        codes = [np.where(x < 0, width - 1, x).astype(np.int64) for x in (pair.reference, pair.current)]
    counts = [np.bincount(code, minlength=width).astype(np.float64) for code in codes]
    return effect.ratio_of_bins(counts[0], counts[1])[codes[0]]
