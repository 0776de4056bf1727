"""estimate: a labelled reference and current rows in; every window's performance, estimated, partial or final, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from codman.errors import BadInput, nearest
from codman.evaluate.estimates import FloatArray, IntArray
from codman.evaluate.groups import CodeArray
from codman.evaluate.kernels.order import order_by_score
from codman.evaluate.rows import finite
from codman.evaluate.suppression import suppressed
from codman.monitor.estimate.calibration import Calibration, calibrate
from codman.monitor.estimate.cbpe import AT_THRESHOLD, METRICS, OVERALL, foretell
from codman.monitor.estimate.foretold import Foretold, await_labels
from codman.monitor.estimate.observed import observed
from codman.monitor.estimate.pape import FEW_EFFECTIVE, Ratio, expand, logistic_ratio, reweighted
from codman.monitor.estimate.read import CurrentRows, ReferenceRows, read_current, read_reference
from codman.monitor.estimate.recalibrate import Labelled
from codman.monitor.estimate.reconcile import reconcile
from codman.spine.estimate_spec import EstimateSpec
from codman.spine.measurement import SUPPRESSED, Measurement, Measurements, Window
from codman.spine.statement import Rows
from codman.spine.vocabulary import ESTIMATED
from codman.tables.source import Source

MOST_NUMBERS: Final = 40_000  # estimates of a statement, which holds as many final numbers again
OWN_CALIBRATION: Final = 30  # events, and rows without, from which a slice says itself what its scores mean
UNCHECKED: Final = (
    "a prediction interval: it holds while a score means what it meant in the reference, which nobody can check"
    " without labels"
)
SHIFTED: Final = (
    "a prediction interval: it holds while patients alike in score and features have the risk they had in the"
    " reference, which nobody can check without labels"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimation:
    """What became of each window."""

    measurements: Measurements
    rows: Rows
    spec: EstimateSpec
    window: Window | None  # from the first to the last
    reference: Window | None
    sentence: str | None  # how good the estimates of the first metric have been, where labels came true


def estimate(reference: Source, current: Source, spec: EstimateSpec) -> Estimation:
    """Performance of every window, with and without labels.

    Args:
        reference: Rows with labels, from before.
        current: Rows to be judged; their labels may be missing, here in part, or all here.
        spec: What was asked.

    Returns:
        `estimated_<metric>` of every window and slice; where labels are here, the metric itself with `params.age`
        partial or final; and where they are all here, how good the estimates were.

    Raises:
        BadInput: A column, a value or an argument cannot be used.
    """
    wanted = _wanted(spec)
    _refuse_idle(spec)
    known, rows = read_reference(reference, spec), read_current(current, spec)
    _refuse_many(rows, len(wanted))
    estimated = list(_estimated(known, rows, spec, wanted, reference, current))
    by_labels = list(observed(rows, spec, [name for name in wanted if name != "alert_rate"]))
    judged = reconcile([*estimated, *by_labels], level=spec.level)
    dated = [one for one in rows.cut.windows if one is not None]
    return Estimation(
        measurements=Measurements([*estimated, *by_labels, *judged]),
        rows=rows.rows,
        spec=spec,
        window=Window(start=dated[0].start, end=max(one.end for one in dated)) if dated else None,
        reference=known.window,
        sentence=next((one.note for one in judged if one.metric == "coverage" and not one.slice), None),
    )


def _refuse_idle(spec: EstimateSpec) -> None:
    """Refuse what would move nothing, and what contradicts each other.

    Raises:
        BadInput: There is such an argument.
    """
    needs = (
        ("horizon", spec.horizon_days is not None, "delay", spec.delay is not None),
        ("delay by", bool(spec.delay_by), "delay", spec.delay is not None),
        ("as of", spec.as_of is not None, "timestamp", spec.timestamp is not None),
        ("features", bool(spec.features), "method pape", spec.method == "pape"),
    )
    for argument, given, needed, there in needs:
        if given and not there:
            raise BadInput(
                what=f"{argument} moves nothing without {needed}",
                why=f"no {needed} is given",
                fix=f"give --{needed}, or leave it out",
            )
    if spec.verified is not None and spec.delay is not None:
        raise BadInput(
            what="verified and delay are both given",
            why="a label that is not here was either not looked for or is awaited, and rows cannot be both at once",
            fix="judge windows whose labels are all in by --verified, younger ones by --delay",
        )


def _refuse_many(rows: CurrentRows, metrics: int) -> None:
    windows, slices = len(rows.cut.windows), rows.sample.slices.count
    if windows * slices * metrics > MOST_NUMBERS:
        raise BadInput(
            what=f"{windows:,} windows of {slices:,} groups are too many",
            why=f"a statement of {metrics} metrics holds at most {MOST_NUMBERS:,} estimates",
            fix="take longer windows, fewer groups or --metrics",
        )


def _wanted(spec: EstimateSpec) -> list[str]:
    """The metrics asked for, in the order they are written.

    Raises:
        BadInput: One cannot be estimated, or needs a threshold and there is none.
    """
    asked = None if spec.metrics is None else [name.removeprefix(ESTIMATED) for name in spec.metrics]
    for name in asked or ():
        if name not in METRICS:
            raise BadInput(
                what=f"{name!r} cannot be estimated without labels",
                why="no expectation of it follows from calibrated risks here",
                fix=nearest(name, METRICS),
            )
        if name in AT_THRESHOLD and not spec.thresholds:
            raise BadInput(
                what=f"{name} needs a threshold",
                why="no --threshold was given",
                fix="say from which score on a patient is flagged, for example --threshold 0.2",
            )
    possible = METRICS if spec.thresholds else OVERALL
    return [name for name in possible if asked is None or name in asked]


def _estimated(
    known: ReferenceRows, rows: CurrentRows, spec: EstimateSpec, wanted: Sequence[str], reference: Source,
    current: Source,
) -> Iterator[Measurement]:  # fmt: skip
    learned = _Learned(known, spec)
    ratios: list[Ratio] | None = None
    if spec.method == "pape":
        ratios = _ratios(known, rows, spec, reference, current)
    order, score = _by_score(rows.score)
    window = rows.cut.code[order]
    subject = rows.sample.subject[order] if rows.sample.subject is not None and rows.sample.repeats else None
    slices, windows = rows.sample.slices, len(rows.cut.windows)
    risk = None if ratios else learned.everyone.risk(score)
    patients = _patients(rows)
    hidden = [suppressed(slices, patients[:, w], strict=spec.suppression == "strict") for w in range(windows)]
    for g in range(len(slices.groupings)):
        members = slices.members(g)
        code = slices.of_rows(g)[order].astype(np.int64) - int(members[0])
        key = code * windows + window
        kept = key.astype(np.uint16) if len(members) * windows < 1 << 16 else key  # sorted by its bytes
        by_key = np.argsort(kept, kind="stable")
        ends = np.searchsorted(kept[by_key], np.arange(len(members) * windows + 1).astype(kept.dtype))
        ends[-1] = len(by_key)
        for s, member in enumerate(members):
            for w in range(windows):
                at = by_key[ends[s * windows + w] : ends[s * windows + w + 1]]
                if len(at) == 0:
                    continue
                name = slices.names[int(member)]
                ratio = None if ratios is None else ratios[w]
                calibration, own = learned.of(name, w, ratio)
                part = score[at]
                as_all = risk is not None and not own
                found = await_labels(
                    part,
                    risk[at] if as_all and risk is not None else calibration.risk(part),
                    None if subject is None else subject[at],
                    calibration,
                )
                of = int(member)
                about = _About(name, rows, w, calibration, own, ratio, int(patients[of, w]), bool(hidden[w][of]), spec)
                for one in foretell(found, spec.thresholds, wanted, level=spec.level):
                    yield about.measurement(one, len(at))


def _patients(rows: CurrentRows) -> IntArray:
    """(S, W) distinct patients of every slice in every window; rows where no column says who they are."""
    slices, windows = rows.sample.slices, len(rows.cut.windows)
    found = np.zeros((slices.count, windows), dtype=np.int64)
    for g in range(len(slices.groupings)):
        place = slices.of_rows(g).astype(np.int64) * windows + rows.cut.code
        if rows.sample.subject is not None and rows.sample.repeats:
            many = int(rows.sample.subject.max()) + 1
            place = np.unique(place * many + rows.sample.subject) // many
        found += np.bincount(place, minlength=slices.count * windows).reshape(slices.count, windows)
    return found


def _by_score(score: FloatArray) -> tuple[IntArray, FloatArray]:
    """Rows in ascending order of score, and the scores in it; stable on every machine."""
    found = order_by_score(score, np.zeros(len(score), dtype=np.int32), None)
    return found.order, np.ascontiguousarray(found.score[::-1])


class _Learned:
    """What scores mean: for everyone, and for each slice whose reference rows are enough to say so themselves."""

    def __init__(self, known: ReferenceRows, spec: EstimateSpec) -> None:
        self.known, self.spec = known, spec
        self.order, _ = _by_score(known.score)
        self.everyone = self._fit(self.order, None)
        self._slices = {tuple(sorted(name.items())): s for s, name in enumerate(known.sample.slices.names)}
        self._found: dict[tuple[tuple[str, str], ...], Calibration] = {}
        self._windows: dict[int, Calibration] = {}

    def of(self, name: dict[str, str], window: int, ratio: Ratio | None) -> tuple[Calibration, bool]:
        """The calibration a slice's rows are read by, and whether it is the slice's own."""
        about = tuple(sorted(name.items()))
        if not name or ratio is not None:
            if ratio is None:
                return self.everyone, False
            if window not in self._windows:
                self._windows[window] = self._fit(self.order, ratio.weight)
            return self._windows[window], False
        if about not in self._found:
            self._found[about] = self._own(about)
        return self._found[about], self._found[about] is not self.everyone

    def _own(self, about: tuple[tuple[str, str], ...]) -> Calibration:
        s = self._slices.get(about)
        if s is None:
            return self.everyone
        slices = self.known.sample.slices
        inside = slices.of_rows(int(slices.grouping[s])) == s
        events = int(np.count_nonzero(inside & self.known.event))
        if min(events, int(np.count_nonzero(inside)) - events) < OWN_CALIBRATION:
            return self.everyone
        return self._fit(self.order[inside[self.order]], None)

    def _fit(self, rows: IntArray, weight: FloatArray | None) -> Calibration:
        known = self.known
        subject: CodeArray | None = None
        if known.sample.subject is not None and known.sample.repeats:
            subject = known.sample.subject[rows]
        return calibrate(
            Labelled(
                score=known.score[rows],
                event=known.event[rows],
                weight=None if weight is None else weight[rows],
                subject=subject,
            ),
            self.spec.calibration,
        )


def _ratios(
    known: ReferenceRows, rows: CurrentRows, spec: EstimateSpec, reference: Source, current: Source
) -> list[Ratio]:
    if not spec.features:
        raise BadInput(
            what="pape needs to know by which columns the mix of patients is told",
            why="no feature is named",
            fix="name them with --feature, or use --method cbpe",
        )
    expansion = expand(known.table, spec.features, reference)
    there, here = expansion.of(known.table, reference), expansion.of(rows.table, current)
    return [reweighted(there, here[rows.cut.code == w], logistic_ratio) for w in range(len(rows.cut.windows))]


@dataclass(frozen=True, slots=True)
class _About:
    """What every number of one window and slice shares."""

    name: dict[str, str]
    rows: CurrentRows
    window: int
    calibration: Calibration
    own: bool
    ratio: Ratio | None
    patients: int
    hidden: bool
    spec: EstimateSpec

    def measurement(self, found: Foretold, n: int) -> Measurement:
        """The number as it is written."""
        known = found.metric == "alert_rate"  # needs no label
        metric = found.metric if known else ESTIMATED + found.metric
        cut = self.rows.cut
        params: dict[str, Any] = {} if found.threshold is None else {"threshold": found.threshold}
        params |= cut.params(self.window)
        if self.hidden:
            return Measurement(
                metric=metric, slice=self.name, window=cut.windows[self.window], value=None, params=params,
                note=SUPPRESSED,
            )  # fmt: skip
        if self.rows.sample.repeats:
            params["subjects"] = self.patients
        note = found.note
        if not known:
            params |= self._learned()
            note = "; ".join(part for part in (found.note, self._caveat()) if part)
        value, lower, upper = finite(found.value), finite(found.lower), finite(found.upper)
        bounded = lower is not None and upper is not None and value is not None
        return Measurement(
            metric=metric,
            slice=self.name,
            window=cut.windows[self.window],
            value=value,
            lower=lower if bounded else None,
            upper=upper if bounded else None,
            level=self.spec.level if bounded else None,
            n=n,
            method=self._counted() if known else f"{self.spec.method}:{self.calibration.kind}+poisson-binomial",
            params=params,
            note=note,
        )

    def _counted(self) -> str:
        return "wilson-korn-graubard" if self.rows.sample.repeats else "wilson"

    def _learned(self) -> dict[str, Any]:
        params: dict[str, Any] = {"age": "estimated"}
        if self.name:
            params["calibrated_on"] = "slice" if self.own else "everyone"
        if self.ratio is not None:
            params |= {"effective_reference": round(self.ratio.effective, 1), "clipped": self.ratio.clipped}
        return params

    def _caveat(self) -> str:
        if self.ratio is None:
            few = self.name and not self.own
            return UNCHECKED + ("; read by everyone's calibration: too few of its own rows" if few else "")
        weak = self.ratio.effective < FEW_EFFECTIVE
        return SHIFTED + (f"; the reference is worth only {self.ratio.effective:.0f} rows of this mix" if weak else "")
