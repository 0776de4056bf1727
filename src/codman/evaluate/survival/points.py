"""Every metric on every slice: values, variances, and what resampling needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray, Slices
from codman.evaluate.kernels.library import side_by_side
from codman.evaluate.survival.auroc_t import auroc_t
from codman.evaluate.survival.brier import brier_t, integrated
from codman.evaluate.survival.calibration_t import calibration_slope_t, oe_ratio_t
from codman.evaluate.survival.concordance import concordance
from codman.evaluate.survival.followup import Followup, inner
from codman.evaluate.survival.point import Censored, Point
from codman.evaluate.survival.product_limit import ProductLimit, censoring


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which numbers are asked for."""

    metrics: frozenset[str]
    horizons: tuple[float, ...]  # ascending
    stated: tuple[float, ...]  # those with a column of S(t)

    @property
    def names(self) -> list[tuple[str, float | None]]:
        """Metric and horizon of each number, in the order `of_slice` gives them."""
        names: list[tuple[str, float | None]] = [
            (metric, None) for metric in ("cindex_harrell", "cindex_ipcw") if metric in self.metrics
        ]
        names += [("auroc_t", h) for h in self.horizons if "auroc_t" in self.metrics]
        names += [("brier_t", h) for h in self.stated if "brier_t" in self.metrics]
        names += [("integrated_brier", None)] if "integrated_brier" in self.metrics else []
        names += [("oe_ratio_t", h) for h in self.stated if "oe_ratio_t" in self.metrics]
        names += [("calibration_slope_t", h) for h in self.stated if "calibration_slope_t" in self.metrics]
        return names


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """All rows, the slices they belong to, and where the censoring weights come from."""

    rows: Followup
    slices: Slices
    subject: CodeArray | None  # (n,) in the order of `rows`; None where each row is a patient
    outside: Followup | None  # rows the censoring weights come from; None: the rows themselves
    outside_subject: CodeArray | None
    wanted: Wanted

    def of_slice(self, s: int) -> IntArray:
        """Ascending positions in `rows` of one slice."""
        own = self.slices.of_rows(int(self.slices.grouping[s]))[self.rows.place]
        return np.flatnonzero(own == s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """S slices by M numbers."""

    value: FloatArray  # (S, M)
    variance: FloatArray  # (S, M)
    patients: FloatArray  # (S,) units that vary independently
    scarcer: FloatArray  # (S, M) effective number of the scarcer class
    expected: FloatArray  # (S, M) mean stated risk, where the number is a ratio to it
    notes: list[dict[int, str]]  # M times slice -> why there is no value


def values(cohort: Cohort, rows: Followup, outside: Followup | None) -> FloatArray:
    """(S, M) values of the same cohort under other weights."""
    curve = censoring(rows if outside is None else outside)
    out = np.full((cohort.slices.count, len(cohort.wanted.names)), np.nan)
    for s in range(cohort.slices.count):
        points = of_slice(cohort, rows, cohort.of_slice(s), curve, influence=False)
        out[s] = [point.value for point in points]
    return out


def table(cohort: Cohort) -> Table:
    """Every number on every slice, with its variance by patient."""
    curve = censoring(cohort.rows if cohort.outside is None else cohort.outside)
    spread = _Spread(cohort, curve)

    def one(s: int) -> tuple[list[Point], list[float], float]:
        mine = cohort.of_slice(s)
        points = of_slice(cohort, cohort.rows, mine, curve, influence=True)
        units = len(mine) if cohort.subject is None else len(np.unique(cohort.subject[mine]))
        return points, [spread.variance(point, mine, units) for point in points], float(units)

    found = side_by_side(one, range(cohort.slices.count))
    count = len(cohort.wanted.names)
    notes: list[dict[int, str]] = [{} for _ in range(count)]
    for s, (points, _, _) in enumerate(found):
        for m, point in enumerate(points):
            if point.note is not None:
                notes[m][s] = point.note
    shape = (cohort.slices.count, count)
    return Table(
        value=np.array([[p.value for p in points] for points, _, _ in found]).reshape(shape),
        variance=np.array([variances for _, variances, _ in found]).reshape(shape),
        patients=np.array([units for _, _, units in found]),
        scarcer=np.array([[p.scarcer for p in points] for points, _, _ in found]).reshape(shape),
        expected=np.array([[p.expected for p in points] for points, _, _ in found]).reshape(shape),
        notes=notes,
    )


def influence(cohort: Cohort, grouping: int) -> list[FloatArray]:
    """M times (n,) pull of each row on the number of its own slice, in the sample's order."""
    curve = censoring(cohort.rows if cohort.outside is None else cohort.outside)
    out = [np.zeros(len(cohort.rows.time)) for _ in cohort.wanted.names]
    for s in cohort.slices.members(grouping):
        mine = cohort.of_slice(int(s))
        points = of_slice(cohort, cohort.rows, mine, curve, influence=True)
        for m, point in enumerate(points):
            if point.own is None:
                continue
            pull = point.own
            if point.pull is not None and cohort.outside is None:
                pull = pull + (cohort.rows.weight * curve.pull_of_rows(point.pull))[mine]
            out[m][cohort.rows.place[mine]] = pull
    return out


def of_slice(cohort: Cohort, rows: Followup, mine: IntArray, curve: ProductLimit, *, influence: bool) -> list[Point]:
    """Every number on one slice, in the order of `Wanted.names`; `rows` may be weighted anew."""
    wanted = cohort.wanted
    chosen = rows if len(mine) == len(rows.time) else rows.of(mine)
    if cohort.outside is None:
        place: IntArray = curve.step[mine].astype(np.int64)
        stays = curve.value[place]
    else:
        place, stays = curve.index(chosen.time), curve.at(chosen.time)
    subject = None if cohort.subject is None or not influence else cohort.subject[mine]
    of = Censored(rows=chosen, curve=curve, place=place, stays=stays, subject=subject)
    has, out = wanted.metrics, list[Point]()
    tau = wanted.horizons[-1] if wanted.horizons else None
    if "cindex_harrell" in has or "cindex_ipcw" in has:
        out += concordance(of, tau=tau, harrell="cindex_harrell" in has, ipcw="cindex_ipcw" in has, influence=influence)
    if "auroc_t" in has:
        out += [auroc_t(of, h, influence=influence) for h in wanted.horizons]
    if "brier_t" in has or "integrated_brier" in has:
        scores = [brier_t(of, h, influence=influence) for h in wanted.stated]
        out += scores if "brier_t" in has else []
        out += [integrated(scores, wanted.stated)] if "integrated_brier" in has else []
    if "oe_ratio_t" in has:
        out += [oe_ratio_t(of, h, influence=influence) for h in wanted.stated]
    if "calibration_slope_t" in has:
        out += [calibration_slope_t(of, h, influence=influence) for h in wanted.stated]
    return out


class _Spread:
    """Variance of a number from its rows' pulls, those through the censoring curve included.

    Rows outside a slice pull on it through the curve alone; without repeated patients their squares are summed by time.
    """

    def __init__(self, cohort: Cohort, curve: ProductLimit) -> None:
        self.cohort, self.curve = cohort, curve
        weigh = cohort.rows if cohort.outside is None else cohort.outside
        count, squares = len(curve.times), weigh.weight**2
        self.weigh = weigh
        self.leaving = np.bincount(curve.step, squares * curve.leaves, minlength=count)
        self.others = np.bincount(curve.step, squares * ~curve.leaves, minlength=count)

    def variance(self, point: Point, mine: IntArray, units: int) -> float:
        if point.own is None or units < 2:
            return np.nan
        if point.pull is None:
            total = _squares(point.own, None if self.cohort.subject is None else self.cohort.subject[mine])
        elif self.cohort.outside is not None:
            total = _squares(point.own, None if self.cohort.subject is None else self.cohort.subject[mine])
            total += self._of_curve(point.pull, self.cohort.outside_subject)
        elif self.cohort.subject is not None:
            pulls = self.weigh.weight * self.curve.pull_of_rows(point.pull)
            pulls[mine] += point.own
            total = _squares(pulls, self.cohort.subject)
        else:
            through = (self.weigh.weight * self.curve.pull_of_rows(point.pull))[mine]
            total = self._of_curve(point.pull, None) + float(np.sum(point.own * (point.own + 2 * through)))
        return total * units / (units - 1)

    def _of_curve(self, pull: FloatArray, subject: CodeArray | None) -> float:
        if subject is not None:
            return _squares(self.weigh.weight * self.curve.pull_of_rows(pull), subject)
        leaving, other = self.curve.pulls(pull)
        return inner(self.leaving, leaving**2) + inner(self.others, other**2)


def _squares(pulls: FloatArray, subject: NDArray[np.int32] | None) -> float:
    by_patient = pulls if subject is None else np.bincount(subject, pulls)
    return float(np.sum(by_patient**2))
