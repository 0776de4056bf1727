"""Windows by the labels that are here: final where all are, partial with weights where some are awaited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from codman.evaluate.binary import measure_scores
from codman.evaluate.estimates import BoolArray, FloatArray, IntArray
from codman.evaluate.groups import Slices
from codman.evaluate.rows import measurements
from codman.evaluate.sample import Sample
from codman.monitor.estimate.delay import Early, Known, by_arrival, by_horizon, early_against_final
from codman.monitor.estimate.read import CurrentRows
from codman.monitor.estimate.verification import KNOWN_ANYWAY, VERIFICATION_BIAS, looked_at
from codman.spine.estimate_spec import EstimateSpec
from codman.spine.measurement import Measurement

_WINDOW: Final = "\0window"  # a grouping of our own: no column is called so
SETTLED: Final = 0.95  # of a window's labels here, from which on it says how quick labels are
UNWEIGHTED: Final = "possibly biased: labels are missing and nobody said how long they take (name the delay)"
TOO_YOUNG: Final = "nobody in this window has been followed for the whole horizon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the labels that are here say about each window."""

    rows: BoolArray  # (n,) whose labels count
    event: BoolArray  # (n,)
    weight: FloatArray | None  # (n,)
    age: str  # partial or final
    windows: BoolArray  # (W,)
    method: str
    note: str | None


def observed(current: CurrentRows, spec: EstimateSpec, metrics: Sequence[str]) -> Iterator[Measurement]:
    """Every window that has labels, by those: `params.age` is final or partial.

    Args:
        current: The rows.
        spec: What was asked.
        metrics: Which metrics.
    """
    windows = len(current.cut.windows)
    if not current.here.any():
        return
    for standing in _standings(current, spec, windows):
        yield from _measured(current, spec, metrics, standing)


def final_windows(current: CurrentRows, spec: EstimateSpec) -> BoolArray:
    """(W,) windows in which every row has its label, the horizon included."""
    there = current.here.copy()
    if spec.horizon_days is not None and current.age is not None:
        there &= current.age >= spec.horizon_days
    code, windows = current.cut.code, len(current.cut.windows)
    final: BoolArray = np.bincount(code[~there], minlength=windows) == 0
    return final


def _standings(current: CurrentRows, spec: EstimateSpec, windows: int) -> Iterator[Standing]:
    code = current.cut.code
    final = final_windows(current, spec)
    event = current.event
    if current.chance is not None:
        looked = looked_at(current.chance, current.here, str(spec.verified))
        everybody = bool(np.all(current.chance == 1))
        if not everybody:
            some = np.bincount(code[looked.weight > 0], minlength=windows) > 0
            yield Standing(
                rows=looked.weight > 0, event=event, weight=looked.weight, age="final", windows=some,
                method="begg-greenes", note=VERIFICATION_BIAS if looked.never.any() else None,
            )  # fmt: skip
            return
    known: Known | None = None
    note: str | None = None
    if current.delay is not None and current.age is not None:
        if spec.horizon_days is not None:
            known = by_horizon(current.delay, current.age, event, current.here, spec.horizon_days, code)
            event = known.event
        else:
            known = by_arrival(current.delay, current.age, event, current.here, current.stratum, code)
            note = _early(current, final).note
    if final.any():
        yield Standing(
            rows=current.here & final[code], event=event, weight=None, age="final", windows=final,
            method="", note=None,
        )  # fmt: skip
    counted = current.here if known is None else known.known
    some = (np.bincount(code[counted], minlength=windows) > 0) & ~final
    if some.any():
        yield Standing(
            rows=counted & some[code],
            event=event,
            weight=None if known is None else known.weight,
            age="partial",
            windows=some,
            method="" if known is None else "ipcw-horizon" if spec.horizon_days is not None else "ipcw",
            note=UNWEIGHTED if known is None else _joined(note, _held(known)),
        )


def _early(current: CurrentRows, final: BoolArray) -> Early:
    assert current.delay is not None  # noqa: S101 (the caller looked)
    assert current.age is not None  # noqa: S101
    code = current.cut.code
    waiting = ~final[code]
    at = float(np.median(current.age[waiting])) if waiting.any() else 0.0
    share = np.bincount(code[current.here], minlength=len(final)) / np.bincount(code, minlength=len(final))
    subject = current.sample.subject if current.sample.repeats else None
    return early_against_final(current.delay, current.event, (share >= SETTLED)[code], at, subject)


def _held(known: Known) -> str | None:
    return f"{known.held:,} rows' weights were held at 20" if known.held else None


def _joined(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


def _measured(
    current: CurrentRows, spec: EstimateSpec, metrics: Sequence[str], standing: Standing
) -> Iterator[Measurement]:
    rows = np.flatnonzero(standing.rows)
    if len(rows) == 0:
        return
    code = current.cut.code
    whole = current.sample
    slices = _by_window(whole.slices.subset(standing.rows), code[rows], len(current.cut.windows))
    weight = None if standing.weight is None else standing.weight[rows]
    subject = None
    if whole.subject is not None:
        subject = np.unique(whole.subject[rows], return_inverse=True)[1].astype(np.int32)
    sample = Sample(
        slices=slices, subject=subject, weight=weight, row=whole.row[rows],
        repeats=subject is not None and int(subject.max()) + 1 < len(subject),
    )  # fmt: skip
    shape = spec.shape(list(metrics), weight=None if weight is None else "weight")
    found = measure_scores(sample, standing.event[rows], current.score[rows], shape, curves=False)
    share = _labelled(current, standing.rows)
    too_young = _too_young(current, spec)
    for one in measurements(found.estimates, found.standing):
        window = one.slice.get(_WINDOW)
        if window is None:
            continue
        w = int(window)
        yield _dated(one, current, w, standing, float(share[w]), blank=bool(too_young[w]))


def _labelled(current: CurrentRows, counted: BoolArray) -> FloatArray:
    code, windows = current.cut.code, len(current.cut.windows)
    share: FloatArray = np.bincount(code[counted], minlength=windows) / np.bincount(code, minlength=windows)
    return share


def _too_young(current: CurrentRows, spec: EstimateSpec) -> BoolArray:
    windows = len(current.cut.windows)
    if spec.horizon_days is None or current.age is None:
        return np.zeros(windows, dtype=bool)
    old = np.bincount(current.cut.code[current.age >= spec.horizon_days], minlength=windows)
    young: BoolArray = old == 0
    return young


def _dated(
    one: Measurement, current: CurrentRows, w: int, standing: Standing, share: float, *, blank: bool
) -> Measurement:
    cut = current.cut
    params: dict[str, Any] = {**one.params, **cut.params(w), "age": standing.age}
    if standing.age == "partial" or standing.method == "begg-greenes":
        params["labelled"] = share
    note = one.note
    lost: dict[str, Any] = {}
    if blank and one.value is not None:
        lost, note = {"value": None, "lower": None, "upper": None, "level": None}, TOO_YOUNG
    elif standing.method == "begg-greenes" and standing.note and one.metric not in KNOWN_ANYWAY:
        lost, note = {"value": None, "lower": None, "upper": None, "level": None}, standing.note
    elif standing.method != "begg-greenes" and not one.suppressed:
        note = _joined(standing.note, note)
        if standing.note and standing.note.startswith("possibly biased"):
            params["possibly_biased"] = True
    method = one.method if not standing.method else f"{standing.method}+{one.method}"
    changed = {
        "slice": {k: v for k, v in one.slice.items() if k != _WINDOW},
        "window": cut.windows[w],
        "params": params,
        "method": method,
        "note": note,
        **lost,
    }
    return one.model_copy(update=changed)


def _by_window(slices: Slices, window: IntArray, windows: int) -> Slices:
    """Every slice in every window, beside everyone in all of them (slice 0, which evaluate expects)."""
    cells = slices.of_cell.shape[1]
    cell = (slices.cell.astype(np.int64) * windows + window).astype(np.int64)
    present, compact = np.unique(cell, return_inverse=True)
    of_cell = [np.zeros(len(present), dtype=np.int32)]
    names: list[dict[str, str]] = [{}]
    grouping = [0]
    groupings: list[tuple[str, ...]] = [()]
    assert cells > 0  # noqa: S101 (there are rows)
    for g, columns in enumerate(slices.groupings):
        both = slices.of_cell[g][present // windows].astype(np.int64) * windows + present % windows
        distinct, place = np.unique(both, return_inverse=True)
        of_cell.append((place + len(names)).astype(np.int32))
        for one in distinct:
            names.append({_WINDOW: str(one % windows), **slices.names[one // windows]})
            grouping.append(g + 1)
        groupings.append((_WINDOW, *columns))
    return replace(
        slices,
        names=tuple(names),
        grouping=np.array(grouping, dtype=np.int64),
        groupings=tuple(groupings),
        cell=compact.astype(np.int32),
        of_cell=np.stack(of_cell),
    )
