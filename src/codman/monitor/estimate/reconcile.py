"""How good the estimates have been: each prediction interval against the number that came true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from codman.evaluate.intervals import wilson_ends
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import ESTIMATED, word

METHOD: Final = "reconciled"
FEW_WINDOWS: Final = 20


def reconcile(rows: Iterable[Measurement], *, level: float = 0.95) -> list[Measurement]:
    """Set every estimate beside the final number of its window and slice.

    Args:
        rows: Estimates (`estimated_…`) and final numbers (`params.age` is final), each with its window.
        level: Of the intervals of the result.

    Returns:
        By metric, threshold and slice: `coverage`, the share of prediction intervals that held what came true, whose
        note is a sentence for a page; and `bias`, the mean of estimated minus final. `n` counts windows.
    """
    rows = list(rows)
    came = {_key(row, row.metric): row for row in rows if row.params.get("age") == "final" and row.value is not None}
    pairs: dict[tuple[object, ...], list[tuple[Measurement, Measurement]]] = {}
    for row in rows:
        if row.metric.startswith(ESTIMATED) and row.lower is not None:
            metric = row.metric.removeprefix(ESTIMATED)
            final = came.get(_key(row, metric))
            if final is not None:
                about = (metric, row.params.get("threshold"), tuple(sorted(row.slice.items())))
                pairs.setdefault(about, []).append((row, final))
    return [one for found in pairs.values() for one in _reconciled(found, level)]


def _key(row: Measurement, metric: str) -> tuple[object, ...]:
    window = None if row.window is None else (row.window.start, row.window.end)
    return metric, row.params.get("threshold"), tuple(sorted(row.slice.items())), window, row.params.get("rows")


def _reconciled(pairs: list[tuple[Measurement, Measurement]], level: float) -> list[Measurement]:
    first = pairs[0][0]
    metric = first.metric
    error = np.array([(a.value or 0.0) - (b.value or 0.0) for a, b in pairs])
    held = np.array([_holds(a, b) for a, b in pairs])
    n, share = len(pairs), float(held.mean())
    low, high = wilson_ends(np.array([share]), np.array([float(n)]), level)
    threshold = {} if "threshold" not in first.params else {"threshold": first.params["threshold"]}
    params = {"of": metric, "unit": "window", **threshold, "stated": first.level}
    spread = float(error.std(ddof=1)) / np.sqrt(n) if n > 1 else None
    mean = float(error.mean())
    return [
        Measurement(
            metric="coverage", slice=first.slice, value=share, lower=float(low[0]), upper=float(high[0]), level=level,
            n=n, method=f"{METHOD}:wilson", params=params, note=_sentence(metric, n, int(held.sum()), mean, first),
        ),
        Measurement(
            metric="bias", slice=first.slice, value=mean,
            lower=None if spread is None or n < FEW_WINDOWS else mean - 1.96 * spread,
            upper=None if spread is None or n < FEW_WINDOWS else mean + 1.96 * spread,
            level=None if spread is None or n < FEW_WINDOWS else 0.95,
            n=n, method=f"{METHOD}:mean", params={**params, "largest": float(np.abs(error).max())},
            note="estimated minus final, mean over windows",
        ),
    ]  # fmt: skip


def _holds(estimate: Measurement, final: Measurement) -> bool:
    low, high, came = estimate.lower, estimate.upper, final.value
    return low is not None and high is not None and came is not None and low <= came <= high


def _sentence(metric: str, n: int, held: int, mean: float, first: Measurement) -> str:
    label = word(metric.removeprefix(ESTIMATED)).label
    at = "" if "threshold" not in first.params else f" at {first.params['threshold']:g}"
    who = "".join(f", {column} {level}" for column, level in first.slice.items())
    way = "too high" if mean > 0 else "too low"
    stated = "" if first.level is None else f" (stated: {first.level:.0%} of them)"
    windows = "1 window" if n == 1 else f"{n} windows"
    return (
        f"Of {windows} whose labels are all in, the {label}{at}{who} came true inside its prediction interval in"
        f" {held}{stated}; on average the estimate was {abs(mean):.3f} {way}."
    )
