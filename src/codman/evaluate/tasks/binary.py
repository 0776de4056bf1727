"""A score against a yes-or-no outcome."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from codman.evaluate.binary import measure_scores
from codman.evaluate.columns import label, numbers
from codman.evaluate.result import TaskResult
from codman.evaluate.sample import Exclusions, make_sample, read_table, shared_columns
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import Source


def measure(source: Source, spec: EvaluationSpec, others: Mapping[str, Source]) -> TaskResult:
    """Measure a binary prediction."""
    outcome, score = str(spec.label), str(spec.score)
    columns = [outcome, score, *shared_columns(spec)]
    table = read_table(source, columns)
    exclusions = Exclusions(table.num_rows)
    risk = numbers(table, score, source)
    exclusions.without_score(np.isnan(risk))
    event, missing = label(table, outcome, source, positive=spec.positive)
    exclusions.drop(missing, "label missing")
    sample = make_sample(table, spec, source, exclusions)
    keep = exclusions.keep
    scored = measure_scores(sample, event[keep], risk[keep], spec)
    return TaskResult(
        estimates=scored.estimates, standing=scored.standing, rows=exclusions.rows(), spec=spec, curves=scored.curves
    )


