"""Replay of measurements: what was measured window by window, by Codman or by any other tool, through the alarms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from codman.evaluate.distributions import z_of_level
from codman.evaluate.estimates import FloatArray
from codman.monitor.alarms.evidence import Evidence, Side, over_memory, values
from codman.monitor.alarms.stream import Stream, WatchImpossible
from codman.monitor.alarms.watch import Rules
from codman.monitor.power.looks import delta_of
from codman.monitor.power.replay import Replay, replay
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import Better, word

BASELINE: Final = 8
# where drift measures stand when nothing has moved
_FROM: Final[Mapping[str, float]] = {
    "ks": 0.0, "psi": 0.0, "js_distance": 0.0, "wasserstein": 0.0, "hellinger": 0.0, "mmd": 0.0, "domain_auroc": 0.5,
    "missing_rate_difference": 0.0,
}  # fmt: skip
_BARE: Final = "none of the first windows, or none after them, has a number"
_NAMING: Final = ("threshold", "horizon", "class", "label", "kind", "unit")
_Key = tuple[str, str | None, tuple[tuple[str, str], ...], tuple[tuple[str, Any], ...]]


def replay_measured(
    measured: Sequence[Measurement],
    rules: Rules,
    *,
    deltas: Mapping[str, float] | None = None,
    standards: Mapping[str, float] | None = None,
    baseline: int = BASELINE,
    owner: str = "owner",
    budget: int = 4,
    lineage: Mapping[str, Sequence[str]] | None = None,
) -> Replay:
    """Replay measurements that say their windows.

    Args:
        measured: Rows with a window and an interval; those without are counted and left out.
        rules: How alarms go on and off.
        deltas: Metric to the largest shift that does not matter; the usual one where not named.
        standards: Metric to what it should be. Without it, a metric is held against its own first windows; a
            drift distance against 0.
        baseline: How many first windows these are; no alarm goes on in them.
        owner: Whom all are told to.
        budget: Incidents a month that the owner will look at.
        lineage: Feature to what it is made from, for the probable cause.

    Raises:
        WatchImpossible: No row can be watched, or fewer windows than the baseline.
    """
    starts, ends, table, skipped = _table(measured)
    streams, parts = [], []
    for key, rows in table.items():
        metric, feature, of, named = key
        distance = metric in _FROM
        standard = (standards or {}).get(metric, _FROM.get(metric))
        value, se, n = (np.full((len(starts), 1), np.nan) for _ in range(3))
        for t, row in rows.items():
            value[t, 0], se[t, 0], n[t, 0] = row
        n = np.nan_to_num(n)
        first = baseline if standard is None else 0
        held, held_se = _own(value[:first, 0], se[:first, 0]) if standard is None else (standard, 0.0)
        if not math.isfinite(held) or np.isfinite(value[first:]).sum() == 0:
            skipped[_BARE] = skipped.get(_BARE, 0) + len(rows)
            continue
        value[:first] = np.nan  # what the standard rests on is not held against it
        delta = delta_of(metric, deltas)
        look = values(value, se, n, held, held_se, delta, side=_side(metric, distance=distance), shared=distance)
        parts.append(over_memory(look, delta, memory=rules.memory, quiet=rules.quiet, off=rules.off))
        streams.append(
            Stream(
                metric=metric, feature=feature, slice=dict(of), params=dict(named), delta=delta, owner=owner,
                lineage=tuple((lineage or {}).get(feature or "", ())),
            )
        )  # fmt: skip
    if not streams:
        raise WatchImpossible(
            what="nothing here can be watched",
            why="; ".join(f"{count} rows: {why}" for why, count in skipped.items()) or "there are no rows",
            fix=f"give rows with window, value, lower, upper and n, over more than {baseline} windows, or --standard",
        )
    evidence = Evidence(
        e=_side_by_side([one.e for one in parts]),
        beyond=np.concatenate([one.beyond for one in parts], axis=1),
        back=np.concatenate([one.back for one in parts], axis=1),
        shift=_side_by_side([one.shift for one in parts]),
    )
    notes = [f"{count} rows left out: {why}" for why, count in skipped.items()]
    return replay(evidence, streams, rules, starts, ends, budgets={owner: budget}, notes=notes)


def _table(
    measured: Sequence[Measurement],
) -> tuple[list[str], list[str], dict[_Key, dict[int, tuple[float, float, float]]], dict[str, int]]:
    """Window starts and ends, and for each stream its (value, standard error, patients) by window."""
    skipped: dict[str, int] = {}
    usable = []
    for row in measured:
        why = _unusable(row)
        if why is None:
            usable.append(row)
        else:
            skipped[why] = skipped.get(why, 0) + 1
    spans = sorted({(row.window.start, row.window.end) for row in usable if row.window is not None})
    place = {span: t for t, span in enumerate(spans)}
    table: dict[_Key, dict[int, tuple[float, float, float]]] = {}
    for row in usable:
        if row.window is None or row.value is None or row.lower is None or row.upper is None:
            continue  # _unusable has left these out
        named = tuple((name, row.params[name]) for name in _NAMING if row.params.get(name) is not None)
        key = (row.metric, row.feature, tuple(sorted(row.slice.items())), named)
        se = (row.upper - row.lower) / (2 * z_of_level(row.level or 0.95))
        patients = row.params.get("subjects", row.n)
        table.setdefault(key, {})[place[row.window.start, row.window.end]] = (row.value, se, float(patients or 0))
    return [start for start, _ in spans], [end for _, end in spans], table, skipped


def _unusable(row: Measurement) -> str | None:
    if row.window is None:
        return "they say no window"
    if row.value is None:
        return "they have no value"
    if row.lower is None or row.upper is None or row.upper <= row.lower:
        return "they have no interval"
    return "they do not say on how many patients they rest" if row.n is None else None


def _own(value: FloatArray, se: FloatArray) -> tuple[float, float]:
    """The first windows together, and their standard error."""
    there = np.isfinite(value) & (se > 0)
    if not there.any():
        return math.nan, math.nan
    weight = 1 / se[there] ** 2
    return float((value[there] * weight).sum() / weight.sum()), float(1 / math.sqrt(weight.sum()))


def _side(metric: str, *, distance: bool) -> Side:
    if distance:
        return "both" if word(metric).low != 0.0 else "rise"
    return {Better.HIGHER: "fall", Better.LOWER: "rise"}.get(word(metric).better, "both")  # type: ignore[return-value]


def _side_by_side(parts: Sequence[FloatArray]) -> FloatArray:
    return np.concatenate(parts, axis=1)
