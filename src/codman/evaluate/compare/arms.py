"""Two models on different patients, each shown one of the two: independent groups, no pairs.

What two groups differ in by chance does not cancel, so it takes many more patients than a paired comparison, and it
says as much of the patients and of what staff did with a score as of the models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow.compute as pc

from codman.errors import BadInput
from codman.evaluate.binary import Scored, measure_scores
from codman.evaluate.columns import column_of, label, numbers
from codman.evaluate.compare.anytime import FEWEST, anytime
from codman.evaluate.compare.change import NO_SPREAD, NO_VARIANCE, UNBOUNDED, Change, quantile, two_sided, upper_tail
from codman.evaluate.compare.changes import Named
from codman.evaluate.compare.cohort import Group
from codman.evaluate.compare.influence import influence_on
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.compare.written import hidden, written
from codman.evaluate.metrics.discrimination import FEWEST_EVENTS
from codman.evaluate.rows import measurements
from codman.evaluate.sample import Exclusions, make_sample, patients, read_table
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.spine.statement import Rows
from codman.tables.source import Source

BALANCE: Final = "prevalence"
_PAIRED: Final = "mcnemar"


class NotApart(BadInput):
    """Two arms that cannot be compared as independent groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One model on its own patients."""

    pairs: Pairs  # its score as A
    scored: Scored
    rows: Rows
    patients: int
    with_event: int  # patients who have a row with the event
    without: int

    def value(self, metric: str, threshold: float | None) -> float | None:
        """Its own metric; None where too few patients hide it."""
        for one in self.scored.estimates:
            if one.metric == metric and one.params.get("threshold") == threshold:
                return None if self.scored.standing.hides(one, 0) else float(one.value[0])
        return math.nan

    def variance(self, metric: str, threshold: float | None) -> float:
        """Of that metric, by patient."""
        if self.patients < 2:
            return math.nan
        moved = influence_on(metric, threshold, self.pairs)
        return float(moved @ moved) * self.patients / (self.patients - 1)


def compare_arms(
    a: Source, b: Source, spec: ComparisonSpec, shape: EvaluationSpec, names: Sequence[Named]
) -> tuple[list[Measurement], Rows]:
    """Measure each model on its own patients, and the difference between the two.

    Args:
        a: Predictions of the patients who were shown A.
        b: Predictions of the patients who were shown B.
        spec: What to compare.
        shape: What is asked of each model alone.
        names: Metrics and thresholds to compare; how common the event is in each arm is told beside them.

    Raises:
        NotApart: A patient is in both arms, or something is asked that only pairs can answer.
    """
    _refuse(spec, names)
    asked = shape.model_copy(update={"metrics": [*(shape.metrics or []), BALANCE]})
    arms = [_arm(source, spec, asked) for source in (a, b)]
    if spec.subject is not None:
        _apart(a, b, spec.subject)
    wanted = [(BALANCE, None), *((metric, t) for metric, t in names if metric != _PAIRED)]
    changes = [(metric, t, _change(arms[0], arms[1], metric, t, spec)) for metric, t in wanted]
    found = [hidden(metric, t, {}) if one is None else written(one, {}, spec, {}) for metric, t, one in changes]
    own = [
        row.model_copy(update={"params": {**row.params, "model": name}})
        for name, arm in zip("ab", arms, strict=True)
        for row in measurements(arm.scored.estimates, arm.scored.standing)
    ]
    return [*found, *own], _rows(arms[0].rows, arms[1].rows)


def _refuse(spec: ComparisonSpec, names: Sequence[Named]) -> None:
    asked = {
        "groups": bool(spec.by),
        "weights": spec.weight is not None,
        "an id that joins rows": spec.id is not None,
        "a bootstrap": spec.interval not in ("analytic", "anytime"),
        "McNemar's test": spec.metrics is not None and any(metric == _PAIRED for metric, _ in names),
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise NotApart(
                what=f"two arms cannot be compared with {what}",
                why="each patient had one of the two models",
                fix="leave it out, or compare both models on the same patients",
            )


def _apart(a: Source, b: Source, subject: str) -> None:
    ours, theirs = (pc.unique(column_of(read_table(one, [subject]), subject)) for one in (a, b))
    both = pc.sum(pc.is_in(ours.cast("string"), value_set=theirs.cast("string"))).as_py() or 0
    if both:
        raise NotApart(
            what="the two arms are not apart",
            why=f"{both:,} patients are in both",
            fix="put each patient into the arm that was shown first",
        )


def _arm(source: Source, spec: ComparisonSpec, shape: EvaluationSpec) -> Arm:
    score_column = spec.score if source.name != "b" else spec.score_of_b
    table = read_table(source, [spec.label, score_column, *([spec.subject] if spec.subject else [])])
    event, missing = label(table, spec.label, source, positive=spec.positive)
    score = numbers(table, score_column, source)
    exclusions = Exclusions(table.num_rows)
    exclusions.drop(missing, "label missing")
    exclusions.without_score(np.isnan(score))
    sample = make_sample(table, shape, source, exclusions)
    happened, said = event[sample.row], score[sample.row]
    subject = sample.subject if sample.repeats else None
    return Arm(
        pairs=Pairs(event=happened, a=said, b=said, weight=None, subject=subject),
        scored=measure_scores(sample, happened, said, shape, curves=False),
        rows=exclusions.rows(sample.patients),
        patients=int(patients(sample)[0]),
        with_event=int(patients(sample, happened)[0]),
        without=int(patients(sample, ~happened)[0]),
    )


def _change(a: Arm, b: Arm, metric: str, threshold: float | None, spec: ComparisonSpec) -> Change | None:
    """B minus A; None where either arm's own number is hidden."""
    group = _group(a, b)
    then, now = a.value(metric, threshold), b.value(metric, threshold)
    if then is None or now is None:
        return None
    plain = Change(
        metric=metric, threshold=threshold, value=now - then, n=group.n, positives=group.positives, method="two-arms"
    )
    if math.isnan(plain.value):
        return replace(plain, note="it has no value in one of the arms")
    if metric == "auprc" and group.with_event < FEWEST_EVENTS:
        return replace(plain, note=f"fewer than {FEWEST_EVENTS} patients with the event in an arm: no interval")
    error = math.sqrt(a.variance(metric, threshold) + b.variance(metric, threshold))
    if not error > NO_VARIANCE:
        return replace(plain, note=NO_SPREAD)
    fewest = min(group.with_event, group.without)
    degrees = math.inf if fewest >= FEWEST else max(fewest - 1, 1)
    reach = quantile(0.5 + spec.level / 2, degrees) * error
    lower, upper = plain.value - reach, plain.value + reach
    if metric not in UNBOUNDED:
        lower, upper = max(lower, -1.0), min(upper, 1.0)
    found = replace(
        plain,
        lower=lower,
        upper=upper,
        p_value=two_sided(plain.value / error, degrees),
        params={"standard_error": error},
        p_above=lambda margin: upper_tail((plain.value - margin) / error, degrees),
    )
    return found if spec.planned is None else anytime(found, group, level=spec.level, planned=spec.planned)


def _group(a: Arm, b: Arm) -> Group:
    """Both arms; a class is as large as in the arm that has fewer of it."""
    return Group(
        n=a.pairs.n + b.pairs.n,
        positives=a.pairs.positives + b.pairs.positives,
        patients=a.patients + b.patients,
        with_event=min(a.with_event, b.with_event),
        without=min(a.without, b.without),
        weighted=False,
        same_scores=False,
        outside=(0, 0),
        pairs=lambda: a.pairs,
    )


def _rows(a: Rows, b: Rows) -> Rows:
    excluded: dict[str, int] = dict(a.excluded)
    for reason, count in b.excluded.items():
        excluded[reason] = excluded.get(reason, 0) + count
    people = None if a.patients is None or b.patients is None else a.patients + b.patients
    return Rows(
        eligible=a.eligible + b.eligible,
        scored=a.scored + b.scored,
        excluded=excluded,
        evaluated=a.evaluated + b.evaluated,
        patients=people,
    )
